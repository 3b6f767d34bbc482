#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The seven invariants of docs/THREATS.md with a captured role in the running gateway: each act is
refused or ends its sender, keeper lives on, and neither a key nor a byte comes out.

Needs the build with fault points (TDZ_BUILD_FAULTS). A point rogue_* turns the role it names
hostile; see gateway/core/rogue.h. Every run plays every act and counts each of the seven. An
argument limits it to acts whose fault or sentence contains it.
"""
import collections
import json
import os
import re
import stat
import sys
import time

import corridor
import tables
import wire
from corridor import check
from gateways import EXPORT, IMPORT, TO, WHO, Gateways

AGREEMENT = "telemetry-2026"
CLEAN = tables.telemetry(200, seed=6)
PEOPLE = tables.hospital(60, seed=6)
INVARIANTS = (1, 2, 3, 4, 5, 6, 7)
SETTLED, FAILED, DENIED, NONE = ("settled",), ("failed",), ("denied",), ("none",)
EITHER = SETTLED + FAILED  # as the role had done its honest part before it was ended, or not
# The captured role repeats itself for as long as it lives: nothing crosses until it is replaced.
STUCK = ("receiving", "inspecting", "forwarding")
ACT_S, STUCK_S, END_S = 15, 1.0, 30


class Hostile(Gateways):
    """Gateways that are started again with other hostile roles."""

    def __init__(self):
        super().__init__()
        self.since = {}
        self.pushes = {}  # transfer -> name
        self.hit = collections.Counter()

    def __enter__(self):
        self.up("--no-start")
        for zone in self.map["zones"].values():
            with open(zone["config"], encoding="utf-8") as f:
                config = json.load(f)
            # Two sealers, so that one can be given a key behind the other's back.
            config.setdefault("sealer", {})["workers"] = 2
            with open(zone["config"], "w", encoding="utf-8") as f:
                json.dump(config, f)
        for zone in self.map["zones"]:
            self.arm(zone)
        return self

    def arm(self, zone, spec=None):
        """Starts the gateway of zone again with spec armed; said() tells what came after."""
        self.stop(zone)
        self.start(zone, spec)
        self.since[zone] = self.mark

    def said(self, zone, name):
        """Events of that name since the last start of that gateway."""
        return [e for e in self.events(zone, self.since[zone]) if e["event"] == name]

    def pids(self, zone):
        """(role, index) -> pid of the process that was ready last."""
        return {(e["child"], e["child_index"]): e["pid"] for e in self.said(zone, "role-ready")}

    def keepers(self):
        return {zone: self.pids(zone)[("keeper", 0)] for zone in (EXPORT, IMPORT)}

    def keepers_live(self, before):
        return self.keepers() == before and all(os.path.exists(f"/proc/{p}")
                                                for p in before.values())

    def pushed(self, name, data, wait=5):
        """A push, which may fail anyhow: the transfer's row ({}: there is none) and the answer."""
        try:
            answer = self.push(WHO, AGREEMENT, name, data, Prefer=f"wait={wait}")
        except OSError as e:
            answer = e
        row = self.row(name)
        if row:
            self.pushes[row["id"]] = name
        return row, answer

    def row(self, name):
        end = time.monotonic() + ACT_S
        while time.monotonic() < end:
            try:
                listed = self.request(WHO, "GET", "/v1/transfers").json["transfers"]
                return next((t for t in listed if t["name"] == name), {})
            except (OSError, ValueError, KeyError):
                time.sleep(0.1)  # the edge, or clerk behind it, is being replaced
        return {}

    def acted(self, zone):
        """What the captured role did; waits for the first act."""
        end = time.monotonic() + ACT_S
        while time.monotonic() < end and not self.said(zone, "rogue"):
            time.sleep(0.05)
        return self.said(zone, "rogue")

    def end_of(self, transfer, wanted):
        """The state it ends in; where it must not end: the one it keeps."""
        end = time.monotonic() + (STUCK_S if wanted is STUCK else END_S)
        found = {}
        while time.monotonic() < end and found.get("state") not in corridor.FINAL:
            try:
                found = self.state(WHO, transfer)
            except (OSError, ValueError, KeyError):
                pass
            time.sleep(0.05)
        return found.get("state")

    def arrived(self, transfer):
        return any(t["id"] == transfer for t in self.inbox(TO))


# (invariant or 0 = rings and table, zone, armed, sentence, data, how the push ends, whose process
# is ended for it). With :first the process that replaces an ended one is honest.
ACTS = [
    (1, EXPORT, "clerk/rogue_clerk_key_offer:err", "clerk wants a sealing key without a preflight",
     CLEAN, FAILED, None),
    (1, EXPORT, "clerk/rogue_clerk_key_wrapped:err", "clerk makes up a wrapped key",
     CLEAN, FAILED, None),
    (1, EXPORT, "inspector/rogue_outside:err:first", "inspector asks keeper for the sealing key",
     CLEAN, EITHER, "inspector"),
    (1, EXPORT, "judge/rogue_outside:err:first", "judge asks keeper for the sealing key",
     CLEAN, EITHER + NONE, "judge"),
    (1, EXPORT, "sealer/rogue_outside:err:first", "sealer asks keeper for the sealing key",
     CLEAN, EITHER, "sealer"),
    (2, EXPORT, "clerk/rogue_clerk_early:errs", "clerk wants a denied body signed and wrapped",
     PEOPLE, DENIED, None),
    (2, EXPORT, "clerk/rogue_clerk_early:errs", "clerk wants a body wrapped before it is logged",
     CLEAN, SETTLED, None),
    (2, EXPORT, "clerk/rogue_clerk_permit:errs", "clerk changes a permit", CLEAN, STUCK, None),
    (2, EXPORT, "clerk/rogue_clerk_seal:errs", "clerk wraps for a SEAL that keeper did not sign",
     CLEAN, STUCK, None),
    (2, EXPORT, "ledger/rogue_ledger_proof:err:first", "ledger shows a proof that does not hold",
     CLEAN, SETTLED, "ledger"),
    (2, EXPORT, "ledger/rogue_ledger_leaf:err:first", "ledger shows a leaf that is not in the log",
     CLEAN, SETTLED, "ledger"),
    (2, EXPORT, "ledger/rogue_outside:err:first", "ledger asks keeper for a key",
     CLEAN, SETTLED, "ledger"),
    (2, EXPORT, "clerk/rogue_clerk_go:errs", "clerk wants a container sent that was not allowed",
     CLEAN, STUCK, None),
    (2, EXPORT, "ledger/rogue_ledger_no_go:errs", "link has everything but ledger's go",
     CLEAN, STUCK, None),
    (2, EXPORT, "sealer/rogue_sealer_root:err:first", "sealer tells keeper of another body",
     CLEAN, EITHER, "sealer"),
    (2, EXPORT, "inspector/rogue_inspector_bytes:err:first", "inspector tells judge of other bytes",
     CLEAN, EITHER, "inspector"),
    (3, IMPORT, "clerk/rogue_clerk_unwrap:errs", "the importing clerk wants the key unproved",
     CLEAN, SETTLED, None),
    (3, IMPORT, "clerk/rogue_clerk_receipt:errs", "the importing clerk wants a receipt undecided",
     CLEAN, SETTLED, None),
    (3, IMPORT, "clerk/rogue_clerk_release:err", "the importing clerk changes the RELEASE",
     CLEAN, SETTLED, None),
    (3, IMPORT, "clerk/rogue_clerk_peer_proof:err", "the importing clerk changes the proof",
     CLEAN, SETTLED, None),
    (4, EXPORT, "clerk/rogue_clerk_second:err", "clerk wants the data key for a second sealer",
     CLEAN, SETTLED, None),
    (5, EXPORT, "edge/rogue_outside:err:first", "edge asks keeper for a key",
     CLEAN, EITHER, "edge"),
    (5, EXPORT, "link/rogue_outside:err:first", "link asks keeper for a key",
     CLEAN, SETTLED, "link"),
    (6, EXPORT, "inspector/rogue_inspector_words:err:first",
     "inspector names a column by what is in it", CLEAN, FAILED, "inspector"),
    (7, EXPORT, "edge/rogue_sign:err:first", "edge wants a checkpoint signed with the TLS key",
     CLEAN, EITHER, "edge"),
    (7, EXPORT, "ledger/rogue_ledger_fork:err:first", "ledger wants another tree signed",
     CLEAN, SETTLED, None),
    (0, EXPORT, "edge/rogue_edge_transfer:err:first", "edge claims another partner's transfer",
     CLEAN, FAILED, "edge"),
    (0, EXPORT, "edge/rogue_edge_ring:err:first", "edge brings the ring of another container",
     CLEAN, FAILED, "edge or nobody"),  # nobody: it came before clerk's word about the container
    (0, EXPORT, "edge/rogue_ring_index:errs", "edge runs ahead in its ring",
     CLEAN, FAILED, None),
    (0, EXPORT, "edge/rogue_ring_length:err:first", "edge writes a slot longer than a slot",
     CLEAN, FAILED, None),
    (0, EXPORT, "inspector/rogue_ring_index:errs", "inspector runs ahead in its ring",
     CLEAN, FAILED, None),
    (0, EXPORT, "inspector/rogue_ring_length:err:first",
     "inspector writes a slot longer than a slot", CLEAN, FAILED, None),
]


def one(c, number, act):
    """A push with one hostile role: how it ends, who is ended for it, and that it gains nothing."""
    invariant, zone, spec, sentence, data, wanted, culprit = act
    say = f"{invariant}: {sentence}" if invariant else sentence
    c.arm(zone, spec)
    keepers = c.keepers()
    name = f"{number:02}-" + re.sub(r"[^a-z]+", "-", spec.split("/")[-1].split(":")[0]) + ".csv"
    row, answer = c.pushed(name, data, 0 if wanted is STUCK else 5)
    acted = c.acted(zone)
    check(f"{say}: the role acted", acted, (spec, row, answer, c.logs(8)))
    state = c.end_of(row["id"], wanted) if row else "none"
    check(f"{say}: the transfer is {' or '.join(wanted)}", state in wanted,
          (state, answer, c.logs(8)))
    if row and state != "settled":
        check(f"{say}: and nothing of it arrived", not c.arrived(row["id"]), row)
    granted = [e for e in c.said(zone, "rogue")
               if e["result"] == "granted" or e.get("bytes", 0) != 0]
    check(f"{say}: nothing was granted for it", not granted, granted)
    ended = " ".join(sorted({e["child"] for e in c.said(zone, "role-violation")})) or "nobody"
    culprit = culprit or "nobody"
    check(f"{say}: {culprit} was ended for it", ended in culprit.split(" or "),
          (ended, c.logs(10)))
    check(f"{say}: keeper of both zones lives", c.keepers_live(keepers), c.logs(8))
    c.hit[invariant] += 1


def rewriting(c):
    """4: what was inspected is what is sealed, though edge changes slots while they are read."""
    c.arm(EXPORT, "edge/rogue_ring_rewrite:errs")
    keepers = c.keepers()
    for i in range(4):
        data = tables.telemetry(300, seed=i) if i % 2 else PEOPLE
        row, answer = c.pushed(f"rewritten-{i}.csv", data)
        if not check(f"slots changed under the reader ({i}): known", row, (answer, c.logs(8))):
            continue
        state = c.end_of(row["id"], SETTLED)
        if state == "settled":
            got = c.pull(TO, row["id"]).body
            digits = re.findall(rb"\b\d{6}-\d{2}-\d{4}\b", got)
            check(f"slots changed under the reader ({i}): no identity number arrived, and the size "
                  "is that which was inspected", not digits and len(got) == len(data),
                  (digits[:3], len(got), len(data)))
        else:
            check(f"slots changed under the reader ({i}): refused", state in ("denied", "failed"),
                  (state, answer))
    check("edge did change slots", len(c.said(EXPORT, "rogue")) >= 4, c.logs(8))
    check("and keeper of both zones lives", c.keepers_live(keepers), c.logs())


def pull_without_log(c):
    """3: no pull before `opened` is in the log."""
    c.arm(EXPORT)
    c.arm(IMPORT, "clerk/rogue_clerk_pull:errs")
    keepers = c.keepers()
    row, answer = c.pushed("to-pull.csv", CLEAN)
    state = c.end_of(row["id"], SETTLED) if row else None
    if not check("3: a dataset to be pulled settles", state == "settled", (answer, c.logs())):
        return
    got = c.pull(TO, row["id"])
    acted = c.said(IMPORT, "rogue")
    check("3: the importing clerk wants an inbox key before `opened` is logged: refused",
          any(e["result"] == "asked" for e in acted) and
          any(e["result"].startswith("ERR_") for e in acted) and
          not [e for e in acted if e["result"] == "granted"], acted)
    check("and the honest pull behind it works", got.status == 200 and got.body == CLEAN, got)
    check("and keeper of both zones lives", c.keepers_live(keepers), c.logs())
    c.hit[3] += 1
    c.arm(IMPORT)


def descriptors(c):
    """4, 5: while a body is on its way no role but sealer, clerk and keeper has a spool or key file
    open or mapped, and what rests on disk is ciphertext."""
    person = c.person(WHO)
    tls = wire.context(os.path.join(person["profile"], "ca.pem"), person["cert"], person["key"])
    data = tables.telemetry(6000, seed=9)
    with wire.dial(c.zone_of(WHO)["partner_url"], tls) as sock:
        sock.sendall(f"PUT /v1/agreements/{AGREEMENT}/datasets/fds.csv HTTP/1.1\r\nHost: x\r\n"
                     f"Content-Length: {len(data)}\r\n\r\n".encode() + data[:-1])
        time.sleep(1)
        roles = c.pids(EXPORT)
        for role in ("edge", "link", "inspector", "judge", "desk", "ledger"):
            held = []
            for (name, _), pid in roles.items():
                held += spool_or_keys(pid) if name == role else []
            check(f"4, 5: {role} holds no spool and no key file while a body comes in", not held,
                  held)
        sock.sendall(data[-1:])
        reply = wire.Reply(sock, 60)
        check("and the body is taken", reply.status in (201, 202), reply)
    line = data.splitlines()[7]
    found = []
    for zone in c.map["zones"].values():
        for folder in {zone["state_dir"], zone["log_dir"]}:
            for root, _, files in os.walk(folder):
                for file in files:
                    with open(os.path.join(root, file), "rb") as f:
                        found += [file] if line in f.read() else []
    check("4: no row of it rests readable in either zone", not found, found)
    c.hit[4] += 1
    c.hit[5] += 1


def spool_or_keys(pid):
    held = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            mode = os.stat(f"/proc/{pid}/fd/{fd}").st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISREG(mode) and ("/spool" in target or "/keys" in target):
            held.append(target)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return held + [line for line in f if "/spool" in line or "/keys" in line]


def aftermath(c):
    """Every push of the run comes to its end with honest gateways, and the logs are whole."""
    for zone in (EXPORT, IMPORT):
        c.arm(zone)
    row, answer = c.pushed("after-all.csv", CLEAN)
    state = c.end_of(row["id"], SETTLED) if row else None
    check("after all that honest gateways carry a push", state == "settled", (answer, c.logs()))
    left = {c.pushes[t]: s for t in c.pushes
            if (s := c.end_of(t, SETTLED)) not in ("settled", "failed", "denied")}
    check(f"and bring each of the {len(c.pushes)} pushes to its end", not left, (left, c.logs()))


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    acts = [a for a in ACTS if only in a[2] + a[3]]
    with Hostile() as c:
        last = None
        for number, act in enumerate(acts, 1):
            if last not in (None, act[1]):
                c.arm(last)
            last = act[1]
            one(c, number, act)
        aftermath(c)
        if not only:
            rewriting(c)
            pull_without_log(c)
            descriptors(c)
            check(f"each of the seven invariants was tried: {dict(sorted(c.hit.items()))}",
                  all(c.hit[i] for i in INVARIANTS), c.hit)
        code, report = c.audit_running()
        check("and both logs verify", code == 0 and report.get("ok"), report)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
