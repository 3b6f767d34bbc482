#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway that starts without its peer, with a log folder or a database that is an older copy, or
with a damaged log (design.md 5): it says so, keeps everything back that must not go out, and goes
on when what was missing is there again.

Each case has its own corridor. Needs the build with fault points (TDZ_BUILD_FAULTS).
"""
import os
import sys

import gateways
import invariants
import restoring
import tables
from corridor import check
from gateways import EXPORT, IMPORT, TO, WHO
from restoring import OTHER, PLAIN, push

SEGMENT = os.path.join("segments", "000000.seg")


def refuses_all(c, zone, label):
    """A quarantined gateway as its partners and operators see it."""
    health = c.health(zone)
    check(f"{label}: the operator sees it: not ready, quarantined, with the reason",
          health.status == 503 and health.json["log"] == "quarantined" and
          not health.json["ready"] and any("quarantined" in r for r in health.json["reasons"]),
          health)
    check(f"{label}: the gateway's log tells why and what next",
          c.said(zone, "log-quarantined") and c.said(zone, "clerk-quarantined"), c.logs())
    size = c.metric(zone, "tdz_log_size")
    if zone == EXPORT:
        answer = push(c, f"refused-{label[:3].strip()}.csv")
        check(f"{label}: an upload is refused with 503 quarantined",
              answer.status == 503 and answer.json.get("code") == "quarantined" and
              not answer.transfer, answer)
    check(f"{label}: and nothing was appended", c.metric(zone, "tdz_log_size") == size, size)


# -- without the peer -------------------------------------------------------------------------

def without_peer(c):
    before = c.cross("first.csv")
    for zone in (EXPORT, IMPORT):
        c.stop(zone)
    c.start(EXPORT)
    health = c.health(EXPORT)
    check("alone: the operator sees it: ready for work, unconfirmed, the peer is down",
          health.status == 200 and health.json["log"] == "unconfirmed" and
          [p["up"] for p in health.json["peers"]] == [False], health)
    checkpoint = open(os.path.join(c.folder(EXPORT, "log"), "checkpoint"), "rb").read()
    size = c.metric(EXPORT, "tdz_log_size")
    answer = push(c, "alone.csv")
    check("alone: a push is taken with 202", answer.status == 202 and answer.transfer, answer)
    grown = c.until(lambda: c.metric(EXPORT, "tdz_log_size"), lambda n: n == size + 1, 10)
    check("alone: its decision is in the log", grown == size + 1, (size, grown))
    check("alone: and it goes no further", c.stays(answer.transfer, ("inspecting", "forwarding")),
          c.state(WHO, answer.transfer))
    denied = push(c, "people.csv", data=tables.hospital(20, seed=4))
    check("alone: a denial is told all the same", denied.status == 403, denied)
    check("alone: no checkpoint was published", checkpoint == open(
        os.path.join(c.folder(EXPORT, "log"), "checkpoint"), "rb").read())
    receipt = c.request(WHO, "GET", f"/v1/transfers/{answer.transfer}/receipt")
    check("alone: there is no receipt", receipt.status >= 400, receipt)
    again = push(c, "alone.csv")
    check("alone: the same push again is the same transfer",
          again.status in (202, 409) and again.transfer in ("", answer.transfer), again)
    c.die(EXPORT)
    c.start(EXPORT)
    check("alone: killed and started again it still has it",
          c.stays(answer.transfer, ("inspecting", "forwarding"), 1),
          c.state(WHO, answer.transfer))
    c.start(IMPORT)
    check("alone: with the peer back it is confirmed", c.log_is(EXPORT, "confirmed"), c.logs())
    state = c.settle(answer.transfer)
    check("alone: and the push settles", state.get("state") == "settled", (state, c.logs()))
    c.stop(EXPORT)
    health = c.health(IMPORT)
    check("alone: with a witness heard before, the other one stays confirmed",
          health.json["log"] == "confirmed", health)
    c.stop(IMPORT)
    c.start(IMPORT)
    got = c.pull(TO, before)
    check("alone: a restarted importer gives nothing out while it is unconfirmed",
          got.status == 503 and not got.body.startswith(b"device"), got)
    c.start(EXPORT)
    got = c.until(lambda: c.pull(TO, before), lambda a: a.status == 200)
    check("alone: and does with its peer back", got is not None and got.status == 200, got)
    c.verify(EXPORT, IMPORT)


# -- an older log folder ----------------------------------------------------------------------

def old_log(c, zone):
    """clerk's database remembers more than the folder."""
    who = "exporter" if zone == EXPORT else "importer"
    label = f"{who}'s old log"
    first = c.cross("first.csv")
    c.keep("old", (zone, "log"))
    c.begin(zone)
    second = c.cross("second.csv")
    c.keep("new", (zone, "log"))
    c.stop(OTHER[zone])
    c.restore("old", (zone, "log"))
    c.begin(zone)
    check(f"{label}: quarantined even without the peer", c.log_is(zone, "quarantined"), c.logs())
    refuses_all(c, zone, label)
    c.begin(OTHER[zone])
    stuck = ""
    if zone == IMPORT:
        answer = push(c, "waits.csv")
        check(f"{label}: the exporter takes a push with 202", answer.status == 202, answer)
        stuck = answer.transfer
        check(f"{label}: which is not carried over", c.stays(stuck, ("inspecting", "forwarding")),
              c.state(WHO, stuck))
        got = c.pull(TO, first)
        check(f"{label}: nothing is given out of the inbox", got.status == 503, got)
    check(f"{label}: with the peer it still is", c.log_is(zone, "quarantined"), c.health(zone))
    check(f"{label}: the other zone is ready", c.health(OTHER[zone]).status == 200)
    c.restore("new", (zone, "log"))
    c.begin(zone)
    check(f"{label}: with the right folder back it is confirmed", c.log_is(zone, "confirmed"),
          c.logs())
    if stuck:
        state = c.settle(stuck)
        check(f"{label}: and what waited settles", state.get("state") == "settled",
              (state, c.logs()))
    c.cross("third.csv")
    for transfer in (first, second):
        got = c.collect(transfer)
        check(f"{label}: what crossed before is pulled", got is not None, c.logs())
        c.settle(transfer, states=("delivered",))
    c.verify(EXPORT, IMPORT)


def old_both(c, zone):
    """Log and database of one zone are of the same old day: only the peer knows better."""
    who = "exporter" if zone == EXPORT else "importer"
    label = f"{who}'s old log and database"
    c.cross("first.csv")
    c.keep("old", (zone, "log"), (zone, "state"))
    c.begin(zone)
    c.cross("second.csv")
    c.keep("new", (zone, "log"), (zone, "state"))
    c.stop(OTHER[zone])
    c.restore("old", (zone, "log"), (zone, "state"))
    c.begin(zone)
    check(f"{label}: alone nobody knows better: unconfirmed", c.log_is(zone, "unconfirmed"),
          c.logs())
    lost = ""
    if zone == EXPORT:
        answer = push(c, "forked.csv")
        check(f"{label}: a push is taken with 202", answer.status == 202, answer)
        lost = answer.transfer
    seen = invariants.entries(c.folder(OTHER[zone], "log"))
    c.begin(OTHER[zone])
    check(f"{label}: the peer shows what it witnessed: quarantined",
          c.log_is(zone, "quarantined"), c.logs())
    refuses_all(c, zone, label)
    if zone == IMPORT:
        answer = push(c, "waits.csv")
        lost = answer.transfer
    check(f"{label}: what was taken meanwhile is not released",
          c.stays(lost, ("inspecting", "forwarding")), c.state(WHO, lost))
    after = invariants.entries(c.folder(OTHER[zone], "log"))
    news = [e["kind"] for _, e in after[len(seen):] if e["kind"] in ("received", "settled")]
    check(f"{label}: and nothing of it arrived", not news, news)
    c.die(zone)
    c.start(zone)
    check(f"{label}: a restart does not help", c.log_is(zone, "quarantined"), c.logs())
    c.restore("new", (zone, "log"), (zone, "state"))
    c.begin(zone)
    check(f"{label}: with the right folders back it is confirmed", c.log_is(zone, "confirmed"),
          c.logs())
    if zone == EXPORT:
        gone = c.request(WHO, "GET", f"/v1/transfers/{lost}")
        check(f"{label}: what only the fork knew is unknown", gone.status == 404, gone)
        again = c.send_again("forked.csv", tables.telemetry(30, seed=10), PLAIN)
        check(f"{label}: its sender's next try crosses",
              c.settle(again.transfer).get("state") == "settled", (again, c.logs()))
    else:
        check(f"{label}: what waited settles", c.settle(lost).get("state") == "settled", c.logs())
    c.verify(EXPORT, IMPORT)


# -- an older database ------------------------------------------------------------------------

def forgets(c, zone, label):
    """The log knows more than the database: the operator reads so, also after another restart."""
    check(f"{label}: the gateway's log tells", c.says(zone, "clerk-behind"), c.logs())
    for _ in range(2):
        health = c.until(lambda: c.health(zone),
                         lambda a: a.status == 200 and not a.json["counters_known"])
        check(f"{label}: it works, and how many persons crossed is not known",
              health.status == 200 and health.json["counters_known"] is False and
              c.metric(zone, "tdz_counters_known") == 0, health)
        c.stop(zone)
        c.start(zone)


def old_database_exporter(c):
    label = "exporter's old database"
    people = "oncology-2026"
    c.cross("first.csv", people, gateways.dataset(1))
    c.keep("old", (EXPORT, "state"))
    c.begin(EXPORT)
    health = c.health(EXPORT)
    check(f"{label}: before, a restart knows its counters", health.json["counters_known"], health)
    second = c.cross("second.csv", people, gateways.dataset(2))
    c.restore("old", (EXPORT, "state"))
    c.begin(EXPORT)
    forgets(c, EXPORT, label)
    gone = c.request(WHO, "GET", f"/v1/transfers/{second}")
    check(f"{label}: what crossed since is not in it", gone.status == 404, gone)
    answer = push(c, "third.csv", people, gateways.dataset(3))
    check(f"{label}: what only a count permits is refused", answer.status == 403, answer)
    said = c.until(lambda: c.known(EXPORT).get(answer.transfer), lambda entries: entries) or []
    check(f"{label}: and logged as denied",
          [(k, d["verdict"]) for k, _, d in said] == [("decision", "deny")], said)
    c.cross("machines.csv")
    got = c.collect(second)
    check(f"{label}: the recipient pulls what the database forgot", got is not None, c.logs())
    check(f"{label}: and the log has it once",
          [k for k, _, _ in c.known(EXPORT)[second]].count("settled") == 1, c.known(EXPORT)[second])
    c.verify(EXPORT, IMPORT)


def old_database_importer(c):
    label = "importer's old database"
    first = c.cross("first.csv")
    c.keep("old", (IMPORT, "state"))
    c.begin(IMPORT)
    second = c.cross("second.csv")
    c.restore("old", (IMPORT, "state"))
    c.begin(IMPORT)
    forgets(c, IMPORT, label)
    check(f"{label}: the inbox shows what it knows", [t["id"] for t in c.inbox(TO)] == [first],
          c.inbox(TO))
    check(f"{label}: of which all is pulled", c.collect(first) is not None, c.logs())
    got = c.pull(TO, second)
    check(f"{label}: what it forgot is not half there", got.status == 404, got)
    third = c.cross("third.csv")
    check(f"{label}: and what comes now is pulled", c.collect(third) is not None, c.logs())
    c.keep("before", (IMPORT, "state"))
    c.begin(IMPORT)
    c.stop(EXPORT)
    c.start(EXPORT, "clerk/clerk_x8_stored:1:killall")
    try:
        push(c, "fourth.csv", wait=0)
    except OSError:
        pass
    check(f"{label}: an exporter dies with a RELEASE in hand", c.died(EXPORT), c.logs())
    c.restore("before", (IMPORT, "state"))
    c.begin(IMPORT)
    c.running.pop(EXPORT)
    c.begin(EXPORT)
    fourth = next(t["id"] for t in c.request(WHO, "GET", "/v1/transfers").json["transfers"]
                  if t["name"] == "fourth.csv")
    check(f"{label}: what was sent and forgotten is sent again, and settles",
          c.settle(fourth).get("state") == "settled", c.logs())
    received = [d["verdict"] for k, _, d in c.known(IMPORT)[second] if k == "received"]
    check(f"{label}: the log still says what was received", received == ["allow"], received)
    c.verify(EXPORT, IMPORT)


# -- a damaged log folder ---------------------------------------------------------------------

def batches_end(segment):
    """Where the last batch of a segment ends: a trailer's last bytes may be zero, as those behind
    it are (gateway/ledger/segment.h)."""
    at = end = 64
    while at + 48 <= len(segment):
        first = int.from_bytes(segment[at:at + 4], "big")
        if first == 0:
            break
        at += 48 if first == 0xffffffff else 40 + first
        end = at if first == 0xffffffff else end
    return end


def damaged(c):
    """What a crash leaves is cut off; what it cannot leave is quarantined, and kept as found."""
    c.cross("first.csv")
    for zone in (EXPORT, IMPORT):
        c.until(lambda z=zone: c.audit(c.folder(z, "log")), lambda r: r[0] == 0, 10)
        c.stop(zone)
    path = os.path.join(c.folder(EXPORT, "log"), SEGMENT)
    with open(path, "rb") as f:
        whole = f.read()
    end = batches_end(whole)

    def begins_with(content):
        with open(path, "wb") as f:
            f.write(content)
        c.start(EXPORT)

    def ends():
        c.stop(EXPORT)
        with open(path, "rb") as f:
            return f.read()

    for name, content in {
            "its last batch lost its last byte": whole[:end - 1],
            "its last batch is half there":
                whole[:end - 60] + bytes(len(whole) - end + 60),
            "it lacks one byte in the middle": whole[:end // 2] + whole[end // 2 + 1:],
            "one bit in the middle is changed":
                whole[:end // 2] + bytes([whole[end // 2] ^ 1]) + whole[end // 2 + 1:],
            "there is nothing in it": b""}.items():
        begins_with(content)
        check(f"damage: {name}: quarantined, alone", c.log_is(EXPORT, "quarantined"), c.logs())
        answer = push(c, "refused.csv")
        check(f"damage: {name}: an upload is refused with 503 quarantined",
              answer.status == 503 and answer.json.get("code") == "quarantined", answer)
        check(f"damage: {name}: the segment is left as it was found", ends() == content)
    torn = bytes(range(1, 256)) * 40
    begins_with(whole[:end] + torn + whole[end + len(torn):])
    check("damage: what a torn write left behind the last batch is no harm",
          c.log_is(EXPORT, "unconfirmed"), c.logs())
    after = ends()
    check("damage: and is cut off", after.startswith(whole[:end]) and torn[-300:] not in after)
    begins_with(after[:batches_end(after)])
    check("damage: a copy without the segment's empty tail is the log",
          c.log_is(EXPORT, "unconfirmed"), c.logs())
    c.start(IMPORT)
    check("damage: with the peer it is confirmed", c.log_is(EXPORT, "confirmed"), c.logs())
    c.cross("second.csv")
    damaged_earlier(c, path)
    c.verify(EXPORT, IMPORT)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def damaged_earlier(c, path):
    """The same in a segment behind which another one was begun."""
    c.confirmed(EXPORT)
    c.stop(EXPORT)
    with open(path, "rb") as f:
        whole = f.read()
    trailer = whole[batches_end(whole) - 40:][:40]  # size and root behind it
    head = b"TDZSEG1\n" + (1).to_bytes(8, "big") + trailer + bytes(4)
    later = os.path.join(os.path.dirname(path), "000001.seg")
    with open(later, "r+b") as f:
        f.write(head + crc32c(head).to_bytes(4, "big"))
    c.start(EXPORT)
    check("damage: a log that goes on in the next segment is the log",
          c.log_is(EXPORT, "confirmed"), c.logs())
    c.cross("third.csv")
    c.stop(EXPORT)
    with open(later, "rb") as f:
        follows = f.read()
    for name, at in {"in an earlier segment": 3000, "at the head of an earlier segment": 9}.items():
        with open(path, "r+b") as f:
            f.write(whole[:at] + bytes([whole[at] ^ 1]))
        c.start(EXPORT)
        check(f"damage: {name}: quarantined", c.log_is(EXPORT, "quarantined"), c.logs())
        refuses_all(c, EXPORT, f"damage {name}")
        c.stop(EXPORT)
        with open(later, "rb") as f:
            check(f"damage: {name}: what follows is left as it was found", f.read() == follows)
    with open(path, "r+b") as f:
        f.write(whole)
    c.start(EXPORT)
    check("damage: put right again it is confirmed", c.log_is(EXPORT, "confirmed"), c.logs())
    c.cross("fourth.csv")


CASES = {
    "damaged": damaged,
    "without-peer": without_peer,
    "old-database-exporter": old_database_exporter,
    "old-database-importer": old_database_importer,
    "old-log-exporter": lambda c: old_log(c, EXPORT),
    "old-log-importer": lambda c: old_log(c, IMPORT),
    "old-both-exporter": lambda c: old_both(c, EXPORT),
    "old-both-importer": lambda c: old_both(c, IMPORT),
}


def main():
    restoring.run_all(CASES)


if __name__ == "__main__":
    sys.exit(main())
