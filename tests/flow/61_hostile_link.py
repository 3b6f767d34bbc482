#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An importing gateway that holds a whole sealed body, and a peer's link that wants it opened
without the right to it: a RELEASE without, with a foreign or with a truncated proof, or of another
transfer, is answered with a refusal, logged, and nothing is unwrapped. Then the true one is.

The exporting gateway is killed when its RELEASE is stored and not sent; the test speaks for its
link. Needs the build with fault points (TDZ_BUILD_FAULTS).
"""
import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import sys

import corridor
import gateways
import invariants
import peerlink
import tables
from corridor import check
from gateways import EXPORT, IMPORT, TO, WHO, Gateways

PLAIN = "telemetry-2026"
RELEASE = 13  # STORE_RELEASE of gateway/clerk/store.h


def release_of(c, transfer):
    """The RELEASE record that the stopped exporter stored."""
    path = os.path.join(c.map["zones"][EXPORT]["state_dir"], "clerk.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        return base.execute("SELECT bytes FROM part WHERE transfer = ? AND what = ?",
                            (bytes.fromhex(transfer), RELEASE)).fetchone()[0]


def stopped_before_sending(c, name):
    """A push whose exporter dies with the RELEASE stored; its transfer."""
    c.stop(EXPORT)
    c.start(EXPORT, "clerk/clerk_x8_stored:1:killall")
    try:
        c.push(WHO, PLAIN, name, tables.telemetry(50, seed=7), Idempotency_Key=f'"{name}"',
               Prefer="wait=0")
    except OSError:
        pass
    if not check(f"{name}: the exporter is killed with its RELEASE in hand", c.died(EXPORT),
                 c.logs()):
        return None
    c.running.pop(EXPORT)
    log = peerlink.Log(c, EXPORT)
    return next(e["transfer"] for _, e in reversed(log.entries) if e["kind"] == "decision")


def halted(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read().rpartition(")")[2].split()[0] == "T"


def stopped_ahead(c, name, other):
    """The same, with a log that the importer has not cosigned to its end: clerk is halted with the
    RELEASE in hand and then the link, so that neither it nor a checkpoint leaves any more, and the
    decision about another push is logged. Both transfers."""
    c.stop(EXPORT)
    c.start(EXPORT, "clerk/clerk_x8_stored:1:stop")
    clerk, link = c.pid_of(EXPORT, "clerk"), c.pid_of(EXPORT, "link")
    c.push(WHO, PLAIN, name, tables.telemetry(50, seed=7), Idempotency_Key=f'"{name}"',
           Prefer="wait=0")
    check(f"{name}: clerk is halted with its RELEASE in hand",
          c.until(lambda: halted(clerk), bool), c.logs())
    os.kill(link, signal.SIGSTOP)
    os.kill(clerk, signal.SIGCONT)
    transfer = next(e["transfer"] for _, e in reversed(peerlink.Log(c, EXPORT).entries)
                    if e["kind"] == "decision")
    more = c.push(WHO, PLAIN, other, tables.telemetry(50, seed=8), Idempotency_Key=f'"{other}"',
                  Prefer="wait=0").transfer
    check(f"{other}: its decision is in the published log",
          c.until(lambda: [e for _, e in peerlink.Log(c, EXPORT).entries
                           if e.get("transfer") == more], bool), c.logs())
    c.slay(c.running.pop(EXPORT))
    return transfer, more


def state(link, transfer):
    status, body = link.request("GET", f"/corridor/v1/transfers/{transfer}")
    return json.loads(body)["state"] if status == 200 else status


def roles(c):
    found = {}
    for e in c.events(IMPORT):
        if e["event"] == "role-ready":
            found[e["child"], e["child_index"]] = e["pid"]
    # An inspector is replaced when it has served a partner.
    return {role: pid for role, pid in found.items() if role[0] != "inspector"}


def witnessed(link, log):
    """The size of the exporter's log that the importer has cosigned, as it says itself."""
    name = hashlib.sha256(log.origin.encode()).hexdigest()
    status, note = link.request("GET", f"/tlog/witness/{name}/checkpoint")
    return int(note.split(b"\n")[1]) if status == 200 else 0


def parcels(log, record, transfer, first, first_record, held):
    """Two times name -> body of a RELEASE request."""
    index, entry = log.decision(transfer)
    other, other_entry = log.decision(first)
    good = log.prove(index)
    hashes = peerlink.consistency(held, log.leaves)
    lines = good.split(b"\n")
    denies = entry.replace(b'"verdict":"allow"', b'"verdict":"deny"')
    stranger = bytes(range(32))
    bent = list(log.leaves)
    bent[1] = peerlink.leaf_hash(b"something else")
    forked = bent + [peerlink.leaf_hash(b"and more")]
    fork = peerlink.checkpoint(log.origin, forked, log.seed)
    same_size = peerlink.checkpoint(log.origin, bent, log.seed)

    def make(text=good, what=record, leaf=entry, old=held, way=tuple(hashes), kind=1):
        return peerlink.parcel(what, leaf, text, old, way, kind)

    def by(seed, **more):
        return log.prove(index, peerlink.checkpoint(log.origin, log.leaves, seed, **more))

    wrong_path = peerlink.inclusion(index, log.leaves)
    wrong_path[0] = bytes(32)
    return {  # the checkpoint is not one that can be cosigned
        "a checkpoint without the way from the last cosigned one": make(way=()),
        "a checkpoint with half that way": make(way=tuple(hashes[:-1])),
        "a checkpoint with the way from another one": make(
            old=held - 1, way=tuple(peerlink.consistency(held - 1, log.leaves))),
        "a fork under the true log key": make(
            log.prove(index, fork, forked), way=tuple(peerlink.consistency(held, forked))),
        "a fork of the same size under the true log key": make(log.prove(index, same_size, bent)),
    }, {
        "one byte": b"\0",
        "noise": os.urandom(4000),
        "the bare RELEASE": record,
        "a parcel cut in the middle": make()[:len(make()) // 2],
        "a parcel with one byte behind it": make() + b"\0",
        "no proof": make(b""),
        "no entry": make(leaf=b""),
        "a proof cut after its index": make(b"\n".join(lines[:2]) + b"\n"),
        "a proof that lacks one hash": make(b"\n".join(lines[:2] + lines[3:])),
        "a proof that lacks its signature line": make(good[:good.index("\n\u2014".encode()) + 1]),
        "a proof that lacks its last byte": make(good[:-2]),
        "a proof with another hash": make(peerlink.proof(index, wrong_path, log.note)),
        "a proof of the index beside it": make(log.prove(index - 1)),
        "an exact proof of another leaf": make(log.prove(other), leaf=other_entry),
        "the entry with the proof of another": make(log.prove(other)),
        "the RELEASE of another transfer": make(what=first_record),
        "a whole parcel of another transfer":
            make(log.prove(other), what=first_record, leaf=other_entry),
        "an entry with another verdict": make(leaf=denies),
        "a checkpoint without a signature of the log": make(by(stranger, name="who/is/that")),
        "a checkpoint signed by a stranger's key": make(by(stranger)),
        "a checkpoint signed by a stranger in the log's name": make(by(stranger, key_of=log.seed)),
        "a checkpoint whose signature is spoilt": make(by(log.seed, spoil=True)),
        "a receipt in a RELEASE's place": make(kind=2),
    }


def refused(c, link, name, body, transfer, before):
    mark = os.path.getsize(c.log(IMPORT))
    status, answer = link.request("PUT", f"/corridor/v1/transfers/{transfer}/release", body)
    check(f"{name}: refused with 400", status == 400, (status, answer, c.logs(5)))
    check(f"{name}: the operator's log tells", c.saw(IMPORT, "clerk-unproved", mark, 10),
          c.logs(5))
    check(f"{name}: the body stays closed, the importer lives",
          state(link, transfer) == "complete" and roles(c) == before and
          not any(t["id"] == transfer for t in c.inbox(TO)), (state(link, transfer), c.logs(5)))


def main():
    with Gateways(timeouts=gateways.BRISK) as c:
        answer = c.send_again("first.csv", tables.telemetry(40, seed=3), PLAIN)
        first = answer.transfer
        check("an honest transfer crosses first", c.settle(first).get("state") == "settled", answer)
        transfer, more = stopped_ahead(c, "second.csv", "more.csv")
        record, first_record = release_of(c, transfer), release_of(c, first)
        log = peerlink.Log(c, EXPORT)
        link = peerlink.PeerLink(c, EXPORT, IMPORT)
        check("the importer holds the whole sealed body", state(link, transfer) == "complete",
              state(link, transfer))
        before = roles(c)
        held = witnessed(link, log)
        check("the exporter's log is longer than what the importer has cosigned",
              0 < held < len(log.leaves), (held, len(log.leaves)))
        unfit, others = parcels(log, record, transfer, first, first_record, held)
        for name, body in unfit.items():
            refused(c, link, name, body, transfer, before)
        check("forks are told as forks", c.saw(IMPORT, "witness-fork"), c.logs())
        check("and nothing of it was cosigned", witnessed(link, log) == held, held)
        for name, body in others.items():
            refused(c, link, name, body, transfer, before)
        index, entry = log.decision(transfer)
        good = peerlink.parcel(record, entry, log.prove(index), held,
                               peerlink.consistency(held, log.leaves))
        path = f"/corridor/v1/transfers/{transfer}/release"
        status, body = link.request("PUT", path, good)
        check("the true RELEASE with its proof is taken", status == 202, (status, body, c.logs()))
        check("its checkpoint is cosigned", witnessed(link, log) == len(log.leaves))
        check("and it is opened", c.until(lambda: state(link, transfer), lambda s: s == "done") ==
              "done", c.logs())
        status, _ = link.request("PUT", path, good)
        check("once more is the same", status == 202, status)
        status, _ = link.request("PUT", path, peerlink.parcel(first_record, entry,
                                                              log.prove(index)))
        check("another RELEASE after it is a conflict", status == 409, status)
        c.start(EXPORT)
        check("its exporter, started again, gets the receipt",
              c.settle(transfer).get("state") == "settled", c.logs())
        check("and what it had logged crosses", c.settle(more).get("state") == "settled", c.logs())
        spoilt(c, link)
        incidents = [e["data"]["code"] for _, e in
                     invariants.entries(c.map["zones"][IMPORT]["log_dir"])
                     if e["kind"] == "incident"]
        check("one incident in the importer's log tells of the forks", incidents == ["fork"],
              incidents)
    corridor.finish()


def spoilt(c, link):
    """Everything is logged and proved, and the RELEASE itself is not the release key's."""
    transfer = stopped_before_sending(c, "third.csv")
    record = bytearray(release_of(c, transfer))
    record[-3] ^= 1  # in the signature
    log = peerlink.Log(c, EXPORT)
    held = witnessed(link, log)
    index, entry = log.decision(transfer)

    def with_proof(what):
        return peerlink.parcel(bytes(what), entry, log.prove(index), held,
                               peerlink.consistency(held, log.leaves))
    before = roles(c)
    refused(c, link, "a RELEASE that its key did not sign, proof and all", with_proof(record),
            transfer, before)
    record[-3] ^= 1
    status, _ = link.request("PUT", f"/corridor/v1/transfers/{transfer}/release",
                             with_proof(record))
    check("the transfer is none the worse for it: the true one is taken", status == 202,
          (status, c.logs()))
    check("and opened", c.until(lambda: state(link, transfer), lambda s: s == "done") == "done" and
          any(t["id"] == transfer for t in c.inbox(TO)), c.logs())
    check("nor did a role die of it", roles(c) == before, c.logs())


if __name__ == "__main__":
    sys.exit(main())
