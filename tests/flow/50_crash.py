#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of a whole gateway just before and just after each state of a transfer is durable.

The cases come from gateway/flow/flow.def, all of its states; by default a sample of them (TDZ_SEED
picks another), with --deep or TDZ_DEEP all. After each kill the gateway is started again, the
client repeats its request with the same key, operators and recipient do their part; in the end
invariants.py looks at all that is left. Ends that need time get it from shifted clocks. Needs the
build with fault points (TDZ_BUILD_FAULTS).
"""
import contextlib
import hashlib
import os
import random
import re
import sqlite3
import sys
import time

import corridor
import gateways
import invariants
import register
from corridor import check
from gateways import EXPORT, IMPORT, TO, WHO, Gateways

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "gateway", "flow",
                     "flow.def")
SAMPLE = 8
OFFER_VALID_S = 1200  # long for a slow machine, short against what the clocks are shifted by
LAPSE_S = OFFER_VALID_S + 300
RETENTION_S = 25 * 3600  # retain_days is 1 here
RECORD, RELEASE = 10, 13  # enum store_part
# Purpose of an agreement of this test -> what the rules of this test make of it.
PURPOSES = {"marketing": "the exporter refuses it before a byte",
            "service": "the exporter holds it", "contract": "the importer refuses the offer",
            "reinsurance": "the importer holds it", "hr": "the importer refuses what it opened"}
RULES = {
    EXPORT: ("my-export", [("forbid", "marketing", None), ("hold", "service", None)]),
    IMPORT: ("cn-import", [("forbid", "contract", None), ("hold", "reinsurance", None),
                           # not known before the body is read, so that the offer is let in
                           ("forbid", "hr", {"eq": ["coverage", "full"]})]),
}


def prepare(c):
    """Agreements, rules and times of this test."""
    for purpose in PURPOSES:
        register.add_agreement(c, gateways.AGREEMENT, f"{purpose}-2026", purpose=purpose)
    for zone, (policy, rules) in RULES.items():
        register.add_rules(c, zone, policy, [
            dict({"id": f"test.{purpose}", "effect": effect, "classes": ["personal"],
                  "when": {"all": [{"eq": ["purpose", purpose]}] + ([more] if more else [])}},
                 **({"release": "zone-authority"} if effect == "hold" else {}))
            for effect, purpose, more in rules])
        register.configure(c, zone, retain_days=1, timeouts={"offer_valid_s": OFFER_VALID_S,
                                                             "retry_max_ms": 2000})


def database(c, zone):
    path = os.path.join(c.map["zones"][zone]["state_dir"], "clerk.db")
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


class Case:
    """One state, one side of it, one transfer on its way there and to its end."""

    def __init__(self, c, name, side, way, number):
        self.c, self.name, self.side, self.way = c, name, side, way
        self.zone = EXPORT if name.startswith("x") else IMPORT
        self.point = f"clerk_{name}_{side}"
        self.label = f"{name} {side}, {way.__name__.replace('_', ' ')}"
        self.file = f"{name}-{side}-{way.__name__}.csv"
        self.data = gateways.dataset(number)
        self.transfer = ""
        self.delivered = self.released = False

    # -- what happens

    def arm(self, zone=None, fault=None):
        zone = zone or self.zone
        self.c.stop(zone)
        self.c.start(zone, fault or f"clerk/{self.point}:1:killall")
        self.c.deaths.clear()

    def push(self, purpose, *statuses, data=None, **headers):
        agreement = f"{purpose}-2026"
        answer = self.c.send_again(self.file, self.data if data is None else data,
                                   agreement, **headers)
        self.transfer = answer.transfer if answer is not None else ""
        return check(f"{self.label}: the push is answered {' or '.join(map(str, statuses))}",
                     answer is not None and answer.status in statuses, (answer, self.c.logs(8)))

    def comes_to(self, *states):
        found = self.c.settle(self.transfer, states=states) if self.transfer else {}
        return check(f"{self.label}: it comes to {' or '.join(states)}",
                     found.get("state") in states, (found.get("state"), self.c.logs(8)))

    def is_pulled(self):
        got = self.c.collect(self.transfer)
        check(f"{self.label}: the recipient pulls all of it, without an identity number",
              got is not None and got.count(b"\n") == self.data.count(b"\n") and
              not any(p in got for p in gateways.numbers(self.data)),
              (got and got[:200], self.c.logs(8)))
        self.comes_to("delivered")
        self.delivered = self.released = True

    def was_killed(self):
        self.c.until(lambda: self.c.deaths[self.zone], lambda n: n > 0)
        check(f"{self.label}: {self.zone} was killed there, once",
              self.c.deaths == {self.zone: 1}, (self.c.deaths, self.c.logs(8)))

    def later(self, seconds, armed=True, down=()):
        """Time passes, with every gateway down; then all but `down` are there again."""
        self.c.advance(seconds)
        for zone in self.c.map["zones"]:
            if zone not in down:
                self.c.start(zone, f"clerk/{self.point}:1:killall"
                             if armed and zone == self.zone else None)
        self.c.deaths.clear()

    def approves(self, zone, fault=None):
        """An operator's word, said until it is heard; what it is about is read from the stopped
        zone's database, so that nothing is asked of the gateway before."""
        self.c.stop(zone)
        with database(self.c, zone) as base:
            about = bytes.fromhex(self.transfer)
            seal, created = base.execute("SELECT seal_hash, created_ms FROM transfer WHERE id = ?",
                                         (about,)).fetchone()
            record = base.execute("SELECT bytes FROM part WHERE transfer = ? AND what = ? ORDER BY "
                                  "n DESC", (about, RECORD)).fetchone()[0]
        self.c.start(zone, fault)
        self.c.deaths.clear()
        answer = self.c.until(lambda: register.approve(
            self.c, zone, self.transfer, seal.hex(), f"sha256:{hashlib.sha256(record).hexdigest()}",
            created // 1000 + 30 * 86400), lambda a: a.status in (200, 409))
        check(f"{self.label}: an operator of {zone} approves it", answer is not None and
              answer.status in ((200, 409) if fault else (200,)), (answer, self.c.logs(8)))


# Ways of a transfer past a state; each ends where nothing is asked of it any more.

def delivered(case):
    case.arm()
    if case.push("oncology", 201, 202) and case.comes_to("settled", "delivered"):
        case.is_pulled()
    case.was_killed()


def contradicted(case):
    """Denied for what it holds: persons where the agreement declares none."""
    case.arm()
    case.push("telemetry", 403)
    case.was_killed()


def cut(case):
    """Its bytes are not those of its digest."""
    case.arm()
    case.push("telemetry", 400, data=b"device,metric,value,unit,taken_at\n",
              Repr_Digest=f"sha-256=:{'A' * 43}=:")
    case.was_killed()


def denied_before(case):
    case.arm()
    case.push("marketing", 403)
    case.was_killed()


def held(case):
    case.arm()
    if case.push("service", 202) and case.comes_to("held"):
        case.was_killed()
        case.approves(EXPORT)
        if case.comes_to("settled", "delivered"):
            case.is_pulled()


def approved(case, zone=EXPORT, purpose="service"):
    """Killed over an operator's word."""
    case.released = zone == IMPORT
    if case.push(purpose, 202) and case.comes_to("held"):
        case.approves(zone, f"clerk/{case.point}:1:killall")
        case.was_killed()
        if case.comes_to("settled", "delivered"):
            case.is_pulled()


def approved_there(case):
    approved(case, IMPORT, "reinsurance")


def hold_lapses(case):
    if case.push("service", 202) and case.comes_to("held"):
        case.later(LAPSE_S)
        case.comes_to("expired")
    case.was_killed()


def offer_lapses(case):
    """The other zone is not there until it is too late."""
    case.c.confirmed(EXPORT)
    case.c.stop(IMPORT)
    if case.push("oncology", 202) and case.comes_to("forwarding"):
        case.later(LAPSE_S, down=[IMPORT])
        case.comes_to("expired")
    case.was_killed()
    case.c.start(IMPORT)


def offer_refused(case):
    case.arm()
    if case.push("contract", 403, 202):
        case.comes_to("denied")
    case.was_killed()


def held_there(case):
    case.released = True
    case.arm()
    if case.push("reinsurance", 202) and case.comes_to("held"):
        case.was_killed()
        case.approves(IMPORT)
        if case.comes_to("settled", "delivered"):
            case.is_pulled()


def hold_there_lapses(case):
    case.released = True
    if case.push("reinsurance", 202) and case.comes_to("held"):
        case.later(LAPSE_S)
        case.comes_to("expired")
    case.was_killed()


def denied_there(case):
    case.released = True
    case.arm()
    if case.push("hr", 403, 202):
        case.comes_to("denied")
    case.was_killed()


def abandoned(case):
    """The exporter is gone after its offer until it is too late."""
    c = case.c
    case.arm(fault="clerk/clerk_m1_stored:1:killall")
    try:
        c.push(WHO, "oncology-2026", case.file, case.data, Prefer="wait=0",
               Idempotency_Key=f'"{case.file}"')
    except OSError:
        pass
    check(f"{case.label}: the importer is gone once it has the offer", c.died(IMPORT))
    del c.running[IMPORT]
    case.push("oncology", 202)
    case.later(LAPSE_S, down=[EXPORT])
    case.was_killed()
    c.start(EXPORT)
    case.comes_to("expired")


def release_too_late(case):
    """The importer is down from just before it keeps the RELEASE until its offer has lapsed."""
    case.released = True
    case.arm(IMPORT, "clerk/clerk_m4_before:1:killall")
    case.push("oncology", 202)
    check(f"{case.label}: the importer is gone when the RELEASE comes", case.c.died(IMPORT))
    del case.c.running[IMPORT]
    case.later(LAPSE_S)
    case.comes_to("expired")
    case.was_killed()


def damaged(case):
    """Its body rots in the importer's spool while the gateway is down, and so does the next one
    that it asks for."""
    c = case.c
    case.released = True
    case.arm(fault="clerk/clerk_m4_stored:1:killall")
    case.push("oncology", 202)
    rot(case)
    c.start(IMPORT, "clerk/clerk_m4_stored:1:killall")
    check(f"{case.label}: operators hear of it", c.saw(IMPORT, "clerk-damaged", c.mark))
    c.stop(EXPORT)
    c.start(EXPORT)  # which reminds the importer at once
    rot(case)
    case.arm()
    case.comes_to("expired")
    case.was_killed()


def rot(case):
    c, zone = case.c, case.c.map["zones"][IMPORT]
    check(f"{case.label}: the importer is gone once it may open it", c.died(IMPORT))
    del c.running[IMPORT]
    with database(c, IMPORT) as base:
        stem = base.execute("SELECT spool FROM transfer WHERE id = ?",
                            (bytes.fromhex(case.transfer),)).fetchone()[0]
    with open(os.path.join(zone["state_dir"], "spool", f"{stem}.body"), "r+b") as f:
        f.seek(-1, os.SEEK_END)
        last = f.read(1)[0]
        f.seek(-1, os.SEEK_END)
        f.write(bytes([last ^ 1]))


def retained(case):
    if case.push("oncology", 201, 202) and case.comes_to("settled", "delivered"):
        case.is_pulled()
        case.later(RETENTION_S)
        gone = case.c.until(lambda: case.c.inbox(TO),
                            lambda inbox: case.transfer not in [t["id"] for t in inbox])
        check(f"{case.label}: then it is in the inbox no more", gone is not None and
              case.transfer not in [t["id"] for t in gone], case.c.logs(8))
    case.was_killed()


# State -> how a transfer gets past it; the others are on the way of every delivery.
WAYS = {
    "xp": [denied_before], "xd": [contradicted], "xf": [cut], "x6h": [held],
    "x6a": [approved], "m6a": [approved_there],
    "xr": [hold_lapses, offer_lapses], "xe": [hold_lapses, offer_lapses], "mp": [offer_refused],
    "m6h": [held_there], "md": [offer_refused, denied_there],
    "mr": [hold_there_lapses, release_too_late],
    "me": [hold_there_lapses, abandoned, release_too_late],
    "mf": [damaged], "m9e": [retained], "m9x": [retained],
}


def released(done):
    """The persons of all that was released."""
    return set().union(*(gateways.numbers(case.data) for case in done if case.released))


def counted(c):
    """Persons that the exporter has counted; it is stopped for it."""
    c.stop(EXPORT)
    return {n for n, _ in invariants.persons(c.map["zones"][EXPORT]).values()}


def never_given_back(c, number, known):
    """A peer that dies after RELEASE: what was counted stays, while it is gone, when the offer has
    lapsed, and when it is back and can only say so. known: the persons released before."""
    case = Case(c, "m4", "before", never_given_back, number)
    case.released = True
    case.arm()
    case.push("oncology", 202)
    check("the peer is killed when it was sent the RELEASE", c.died(IMPORT))
    del c.running[IMPORT]
    after = {len(known | gateways.numbers(case.data))}
    seen = counted(c)
    check("while it is gone the exporter's counter stands", seen == after, (seen, after))
    c.advance(LAPSE_S)
    c.start(EXPORT)
    time.sleep(2)
    case.comes_to("forwarding")
    seen = counted(c)
    check("and when the offer has lapsed it stands too", seen == after, (seen, after))
    with database(c, EXPORT) as base:
        left = base.execute("SELECT state, (SELECT count(*) FROM part WHERE transfer = id AND "
                            "what = ?) FROM transfer WHERE id = ?",
                            (RELEASE, bytes.fromhex(case.transfer))).fetchone()
    check("and the RELEASE is kept for it", left == ("x8", 1), left)
    for zone in (EXPORT, IMPORT):
        c.start(zone)
    case.comes_to("expired")
    return case


def cases():
    """(state's name, side, way) for every state of the table."""
    with open(TABLE, encoding="utf-8") as f:
        names = re.findall(r"^FLOW_STATE\(\w+, (\w+),", f.read(), re.MULTILINE)
    unknown = [n for n in WAYS if n not in names]
    check("every state with a way of its own is one of the table", names and not unknown, unknown)
    return [(name, side, way) for name in names for way in WAYS.get(name, [delivered])
            for side in ("before", "stored")]


def main():
    whole = cases()
    deep = "--deep" in sys.argv or bool(os.environ.get("TDZ_DEEP"))
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    seed = os.environ.get("TDZ_SEED", "1")
    chosen = whole if deep else sorted(random.Random(seed).sample(whole, SAMPLE), key=whole.index)
    if wanted:  # by state, or by the name of a way
        chosen = [c for c in whole if {c[0], c[2].__name__} & set(wanted)]
    print(f"# {len(chosen)} of {len(whole)} cases, seed {seed}", flush=True)
    with Gateways(prepare=prepare) as c:
        done = []
        for number, (name, side, way) in enumerate(chosen):
            case = Case(c, name, side, way, number)
            way(case)
            done.append(case)
        known = released(done)
        done.append(never_given_back(c, len(chosen) + 1, known))
        last = Case(c, "last", "unharmed", delivered, len(chosen))
        if last.push("oncology", 201, 202) and last.comes_to("settled", "delivered"):
            last.is_pulled()
        persons = released(done + [last])
        gateways.examine(c, {case.transfer: True for case in done + [last] if case.delivered},
                         [case.transfer for case in done if not case.delivered], len(persons))
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
