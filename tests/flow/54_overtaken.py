#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A database restored to a copy of a moment at which a transfer was under way (design.md 5): the
log knows more than it, or only the peer does. Recovery rolls clerk forward, never ledger back:
every transfer comes to its end in both zones, with one RELEASE and every last word said once.

Clerk is halted at its states to copy its folder. By default some states of each case (TDZ_SEED
picks others), with --deep or TDZ_DEEP all. Needs the build with fault points (TDZ_BUILD_FAULTS).
"""
import contextlib
import http.client
import json
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import register
import restoring
import tables
from corridor import check
from gateways import EXPORT, IMPORT, TO, WHO
from restoring import OPERATOR, PLAIN, push

DEEP = "--deep" in sys.argv or bool(os.environ.get("TDZ_DEEP"))
SEED = os.environ.get("TDZ_SEED", "1")
OUT = ("x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9")
IN = ("m1", "m2", "m3", "m4", "m5", "m6", "m6l", "m7")
HELD, HELD_FOR = "held-2026", "service"  # an agreement whose exports two operators release
RECORD = 10  # STORE_RECORD of gateway/clerk/store.h
SAMPLE = 3  # of the states of each case, unless all are wanted


def chosen(states, *always):
    """Those of this run, and a word for the reader when they are not all."""
    if DEEP:
        return list(states)
    some = random.Random(SEED).sample([s for s in states if s not in always],
                                      max(0, SAMPLE - len(always)))
    return [s for s in states if s in some or s in always]


def said(c, zone, transfer, kind, count=0):
    """What the log of zone has of that kind. What is settled is logged, but the checkpoint that
    shows it may be on its way: count entries are waited for."""
    def look():
        return [d for k, _, d in c.known(zone).get(transfer, []) if k == kind]
    return c.until(look, lambda found: len(found) >= count, 20)


class Journey:
    """A push whose clerk is halted wherever a state became durable, to copy its folder."""

    def __init__(self, c, name, zone, states, agreement=PLAIN, last=None, data=None):
        """last: a fault that ends the gateway of zone there."""
        self.c, self.name, self.zone, self.agreement = c, name, zone, agreement
        self.data = data or tables.telemetry(30, seed=len(name))
        c.stop(zone)
        faults = [f"clerk/clerk_{s}_stored:1:stop" for s in states] + ([last] if last else [])
        c.start(zone, ",".join(faults))
        self.clerk = c.pid_of(zone, "clerk")
        push = threading.Thread(target=self.push)
        push.start()
        self.copies = self.halts(len(states))
        push.join()
        rows = [row for row in self.rows(zone) if row["name"] == name]
        self.transfer = rows[-1]["id"].hex() if rows else ""

    def push(self):
        try:
            push(self.c, self.name, self.agreement, self.data, wait=20)
        except (OSError, http.client.HTTPException):
            pass  # it was killed, or the client did not wait so long

    def halted(self):
        try:
            with open(f"/proc/{self.clerk}/stat", encoding="utf-8") as f:
                return f.read().rpartition(")")[2].split()[0] == "T"
        except OSError:
            return False

    def halts(self, count):
        copies = []
        for _ in range(count):
            end = time.monotonic() + 20
            while not self.halted() and time.monotonic() < end:
                time.sleep(0.01)
            if not self.halted():
                break
            copy = f"{self.name}-{len(copies)}"
            to = os.path.join(self.c.dir, "copies", copy, self.zone)
            os.makedirs(to)
            subprocess.run(["cp", "-a", self.c.folder(self.zone, "state"),
                            os.path.join(to, "state")], check=True)
            state = [r["state"] for r in self.rows(self.zone, os.path.join(to, "state"))
                     if r["name"] == self.name]
            copies.append((state[-1] if state else "?", copy))
            os.kill(self.clerk, signal.SIGCONT)
        return dict(copies)

    def rows(self, zone, folder=None):
        path = os.path.join(folder or self.c.folder(zone, "state"), "clerk.db")
        with tempfile.TemporaryDirectory(dir=self.c.dir) as at:
            for part in (path, path + "-wal"):
                if os.path.exists(part):
                    shutil.copy(part, at)
            base = sqlite3.connect(os.path.join(at, "clerk.db"))
            base.row_factory = sqlite3.Row
            with contextlib.closing(base):
                return base.execute("SELECT * FROM transfer ORDER BY seq").fetchall()

    def row(self, zone):
        found = [r for r in self.rows(zone) if r["id"].hex() == self.transfer]
        return found[-1] if found else {"state": "none", "reason": ""}

    def restore(self, state):
        """The folder as it was then, under the log as it is now."""
        found = state in self.copies
        check(f"{self.name}: a copy was taken at {state}", found, sorted(self.copies))
        if found:
            self.c.restore(self.copies[state], (self.zone, "state"))

    def comes_to(self, zone, label, *states, seconds=30):
        last = self.c.until(lambda: self.row(zone)["state"], lambda s: s in states, seconds)
        return check(f"{label}: it ends as {' or '.join(states)}", last in states,
                     (last, self.row(zone)["reason"], self.c.logs(12)))

    def is_whole(self, label, *, received="allow", settled=1):
        """Both logs say once what happened to it, and no more."""
        c = self.c
        check(f"{label}: the exporter's log settles it once",
              len(said(c, EXPORT, self.transfer, "settled", settled)) == settled and
              not said(c, EXPORT, self.transfer, "refused"),
              c.known(EXPORT).get(self.transfer))
        check(f"{label}: the importer's log receives it once",
              [d["verdict"] for d in said(c, IMPORT, self.transfer, "received", 1)] == [received],
              c.known(IMPORT).get(self.transfer))


def overtaken_exporter(c):
    """The log, or only the peer, knows that what the copy has under way was settled."""
    j = Journey(c, "settled.csv", EXPORT, OUT)
    j.comes_to(EXPORT, "before", "x10")
    for state in chosen(OUT, "x7"):
        label = f"copy of {state}, settled since"
        j.restore(state)
        c.start(EXPORT)
        j.comes_to(EXPORT, label, "x10")
        check(f"{label}: its sender sees it settled",
              c.state(WHO, j.transfer)["state"] == "settled", c.logs())
        got = c.until(lambda: c.request(WHO, "GET", f"/v1/transfers/{j.transfer}/receipt"),
                      lambda a: a.status == 200 and a.json["container"]["receipt"])
        check(f"{label}: and has its receipt", got is not None and got.status == 200 and
              got.json["container"]["receipt"], got)
        j.is_whole(label)
    check("settled.csv is pulled", c.collect(j.transfer) is not None)
    j.comes_to(EXPORT, "pulled", "x12")
    for state in chosen(OUT, "x8"):
        label = f"copy of {state}, delivered since"
        j.restore(state)
        c.start(EXPORT)
        j.comes_to(EXPORT, label, "x12")
        j.is_whole(label)
    for number, (state, point) in enumerate(
            [(s, p) for s in chosen(OUT[2:8], "x7", "x4")
             for p in ("x9_before", "x9_stored")]):
        # Before: the peer's receipt was not taken; stored: it was, and is not sent again.
        j = Journey(c, f"released-{number}.csv", EXPORT, [state],
                    last=f"clerk/clerk_{point}:1:killall")
        label = f"copy of {state}, killed at {point}"
        check(f"{label}: killed", c.died(EXPORT), c.logs())
        del c.running[EXPORT]
        j.restore(state)
        c.start(EXPORT)
        j.comes_to(EXPORT, label, "x10")
        j.is_whole(label)
        row = j.row(EXPORT)
        peer = j.row(IMPORT)
        check(f"{label}: of the one RELEASE that there was", row["release_hash"] ==
              peer["release_hash"], (row["release_hash"].hex(), peer["release_hash"].hex()))
    for state in chosen(OUT[2:7], "x4"):
        # Logged, not released: what the copy does not have is decided and logged again.
        j = Journey(c, f"logged-{state}.csv", EXPORT, [state],
                    last="clerk/clerk_x8_before:1:killall")
        label = f"copy of {state}, logged since"
        check(f"{label}: killed", c.died(EXPORT), c.logs())
        del c.running[EXPORT]
        j.restore(state)
        c.start(EXPORT)
        j.comes_to(EXPORT, label, "x10")
        j.is_whole(label)
        again = [d["verdict"] for d in said(c, EXPORT, j.transfer, "decision")]
        check(f"{label}: allowed, under the next number where the copy lacks the decision",
              set(again) == {"allow"} and len(again) >= (2 if state in ("x3", "x4") else 1), again)
    for state in ("x1", "x2"):
        j = Journey(c, f"lost-{state}.csv", EXPORT, [state],
                    last="clerk/clerk_x8_before:1:killall")
        label = f"copy of {state}, logged since"
        check(f"{label}: killed", c.died(EXPORT), c.logs())
        del c.running[EXPORT]
        j.restore(state)
        c.start(EXPORT)
        j.comes_to(EXPORT, label, "xf")
        check(f"{label}: its body is gone, and the log says that it was given up",
              [d["reason"] for d in said(c, EXPORT, j.transfer, "refused", 1)] == ["body-lost"] and
              not said(c, EXPORT, j.transfer, "settled"), c.known(EXPORT).get(j.transfer))
        check(f"{label}: its sender's next try crosses",
              c.cross(f"lost-{state}.csv", data=j.data))
    c.cross("last.csv")
    c.verify(EXPORT, IMPORT)


def overtaken_importer(c):
    """The log says that it was received; the exporter has settled it, or still waits to."""
    j = Journey(c, "received.csv", IMPORT, IN)
    j.comes_to(EXPORT, "before", "x10")
    for state in chosen(IN[3:], "m5"):
        label = f"copy of {state}, settled since"
        j.restore(state)
        c.start(IMPORT)
        j.comes_to(IMPORT, label, "m7")
        j.is_whole(label)
        got = c.until(lambda: c.pull(TO, j.transfer), lambda a: a.status == 200)
        check(f"{label}: and is pulled", got is not None and got.body == j.data, got)
    check("received.csv is acknowledged", c.collect(j.transfer) is not None)
    j.comes_to(EXPORT, "acknowledged", "x12")
    for state in chosen(IN[3:], "m7"):
        label = f"copy of {state}, delivered since"
        j.restore(state)
        c.start(IMPORT)
        j.comes_to(IMPORT, label, "m9", *(["m7"] if state != "m7" else []))
        got = c.until(lambda: c.pull(TO, j.transfer), lambda a: a.status == 200)
        check(f"{label}: it is pulled again, and opened under the next number",
              got is not None and got.status == 200, (got, c.logs()))
        check(f"{label}: and acknowledged", c.collect(j.transfer) is not None, c.logs())
        j.comes_to(IMPORT, label, "m9")
        j.is_whole(label)
        check(f"{label}: delivered once", len(said(c, IMPORT, j.transfer, "delivered", 1)) == 1,
              c.known(IMPORT)[j.transfer])
    for state in chosen(IN, "m1", "m3"):
        label = f"copy of {state}, the exporter still waits"
        c.stop(EXPORT)
        c.start(EXPORT, "clerk/clerk_x9_before:1:killall")
        j = Journey(c, f"waits-{state}.csv", IMPORT, [state])
        check(f"{label}: the exporter is gone when it is receipted", c.died(EXPORT), c.logs())
        del c.running[EXPORT]
        j.comes_to(IMPORT, label, "m7")
        j.restore(state)
        for zone in (IMPORT, EXPORT):
            c.start(zone)
        j.comes_to(EXPORT, label, "x10")
        j.comes_to(IMPORT, label, "m7")
        j.is_whole(label)
        got = c.until(lambda: c.pull(TO, j.transfer), lambda a: a.status == 200)
        check(f"{label}: and is pulled", got is not None and got.body == j.data, got)
    c.cross("last.csv")
    c.verify(EXPORT, IMPORT)


class Held:
    """A push that the exporter's rules hold, and a copy of its clerk's folder while it is."""

    def __init__(self, c, name):
        self.c, self.name = c, name
        answer = c.send_again(name, tables.telemetry(30, seed=len(name)), HELD)
        self.transfer = answer.transfer
        check(f"{name}: it is held", c.settle(self.transfer, states=("held",)).get("state") ==
              "held", (answer, c.logs()))
        c.keep(name, (EXPORT, "state"))
        row = self.row()
        path = os.path.join(c.folder(EXPORT, "state"), "clerk.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
            record = base.execute("SELECT bytes FROM part WHERE transfer = ? AND what = ? ORDER BY "
                                  "n DESC", (row["id"], RECORD)).fetchone()[0]
        self.about = {"decision": f"sha256:{hashlib.sha256(record).hexdigest()}",
                      "seal": row["seal_hash"].hex(), "transfer": self.transfer,
                      "expires": int(time.time()) + 3600, "reason": "test"}

    def row(self):
        path = os.path.join(self.c.folder(EXPORT, "state"), "clerk.db")
        with tempfile.TemporaryDirectory(dir=self.c.dir) as at:
            for part in (path, path + "-wal"):
                if os.path.exists(part):
                    shutil.copy(part, at)
            base = sqlite3.connect(os.path.join(at, "clerk.db"))
            base.row_factory = sqlite3.Row
            with contextlib.closing(base):
                return base.execute("SELECT * FROM transfer WHERE hex(id) = ?",
                                    (self.transfer.upper(),)).fetchone()

    def says(self, who, verdict):
        """An operator's word, said until it is answered for good."""
        note = register.signed(self.c, [who], "tdz.approval/1", dict(self.about, verdict=verdict))
        return self.c.until(lambda: self.c.request(
            who, "POST", f"/v1/holds/{self.transfer}/approval", body=note.encode(),
            url="desk_url"), lambda a: a.status in (200, 403, 404, 409))

    def approved(self):
        for who in register.operators(self.c, EXPORT)[:2]:
            answer = self.says(who, "approve")
            check(f"{self.name}: {who} approves it", answer is not None and answer.status == 200,
                  (answer, self.c.logs()))

    def restore(self):
        self.c.restore(self.name, (EXPORT, "state"))
        check(f"{self.name}: the copy holds it", self.row()["state"] == "x6h", self.row()["state"])

    def is_refused_late(self, label):
        answer = self.says(OPERATOR[EXPORT], "refuse")
        check(f"{label}: an operator's refusal comes too late", answer is not None and
              answer.status == 409, (answer, self.c.logs()))

    def ends(self, label, *states):
        c = self.c
        found = c.settle(self.transfer, states=("settled", "delivered", "denied", "failed",
                                                "expired"))
        check(f"{label}: it ends as {' or '.join(states)}", found.get("state") in states,
              (found.get("state"), c.logs(12)))
        said_here = c.until(lambda: c.known(EXPORT).get(self.transfer, []),
                            lambda seen: any(k in ("settled", "refused") for k, _, _ in seen), 20)
        kinds = [k for k, _, _ in said_here]
        check(f"{label}: settled once, never refused", kinds.count("settled") == 1 and
              "refused" not in kinds, said_here)
        words = [d["verdict"] for d in said(c, EXPORT, self.transfer, "approval", 2)]
        check(f"{label}: the two words that released it are all that was said",
              words == ["approve"] * 2, words)
        check(f"{label}: and the importer received it once",
              [d["verdict"] for d in said(c, IMPORT, self.transfer, "received", 1)] == ["allow"],
              c.known(IMPORT).get(self.transfer))


def overtaken_hold(c):
    """A hold of the copy was released since, settled or only about to; nobody refuses it now."""
    first = Held(c, "held-settled.csv")
    c.begin(EXPORT)
    first.approved()
    first.ends("before", "settled")
    first.restore()
    c.begin(EXPORT)
    first.ends("a hold that was settled since", "settled")
    first.restore()
    c.begin(EXPORT)
    first.is_refused_late("refused at once")
    first.ends("a hold that was settled since, refused at once", "settled")
    check("it is pulled", c.collect(first.transfer) is not None, c.logs())
    check("and delivered", c.settle(first.transfer, states=("delivered",)).get("state") ==
          "delivered", c.logs())
    first.restore()
    c.begin(EXPORT)
    first.is_refused_late("delivered")
    first.ends("a hold that was delivered since", "delivered")

    second = Held(c, "held-released.csv")
    c.start(EXPORT, "clerk/clerk_x9_before:1:killall")
    second.approved()
    check("killed when the importer's receipt came", c.died(EXPORT), c.logs())
    del c.running[EXPORT]
    c.stop(IMPORT)
    second.restore()
    c.begin(EXPORT)
    note = register.signed(c, [OPERATOR[EXPORT]], "tdz.approval/1",
                           dict(second.about, verdict="refuse"))
    try:
        early = c.request(OPERATOR[EXPORT], "POST", f"/v1/holds/{second.transfer}/approval",
                          body=note.encode(), url="desk_url").status
    except (OSError, http.client.HTTPException):
        early = 0
    check("while the peer cannot say whether it has a RELEASE, no word is taken",
          early not in (200, 404), (early, c.logs()))
    check("and the transfer is held still", c.stays(second.transfer, ("held",)),
          c.state(WHO, second.transfer))
    c.begin(IMPORT)
    second.is_refused_late("released")
    second.ends("a hold that was released since", "settled")

    third = Held(c, "held-approved.csv")
    c.start(EXPORT, "clerk/clerk_x8_before:1:killall")
    third.approved()
    check("killed before the RELEASE was stored", c.died(EXPORT), c.logs())
    del c.running[EXPORT]
    third.restore()
    c.begin(EXPORT)
    check("approved and not released: the copy has not those words, and holds it still",
          c.stays(third.transfer, ("held",)) and "settled" not in
          [k for k, _, _ in c.known(EXPORT)[third.transfer]], c.state(WHO, third.transfer))
    answer = third.says(OPERATOR[EXPORT], "refuse")
    check("an operator may refuse that", answer is not None and answer.status == 200, answer)
    found = c.settle(third.transfer)
    last = c.until(lambda: said(c, EXPORT, third.transfer, "decision"),
                   lambda d: d[-1]["verdict"] == "deny")
    check("and then it is denied, in the log under the next number, and has not crossed",
          found.get("state") == "denied" and [d["verdict"] for d in last] ==
          ["hold", "allow", "deny"] and not said(c, EXPORT, third.transfer, "settled") and
          not said(c, IMPORT, third.transfer, "received"), (found, last))
    c.cross("last.csv")
    gateways_agree(c, (first.transfer, second.transfer))


def gateways_agree(c, crossed):
    c.verify(EXPORT, IMPORT)
    out = c.tool("reconcile", "--json", c.folder(EXPORT, "log"), c.folder(IMPORT, "log"),
                 program="tdz-audit")
    report = json.loads(out.stdout) if out.stdout else {}
    wrong = {k: report.get(k) for k in ("only_a", "only_b", "digest", "verdict", "open")
             if report.get(k, [None])}
    check("the two logs reconcile", not wrong and set(crossed) <= {
        m if isinstance(m, str) else m["transfer"] for m in report.get("matched", [])},
        (report, out.stderr))


def prepare(c):
    register.add_agreement(c, PLAIN, HELD, purpose=HELD_FOR)
    register.add_rules(c, EXPORT, "my-export", [
        {"id": "test.held", "effect": "hold", "classes": ["business"],
         "when": {"eq": ["purpose", HELD_FOR]}, "release": "operator+operator"}])


CASES = {
    "exporter": overtaken_exporter,
    "hold": overtaken_hold,
    "importer": overtaken_importer,
}


def main():
    print(f"# copies of {'all' if DEEP else f'some (TDZ_DEEP: all)'} states, seed {SEED}",
          flush=True)
    restoring.run_all(CASES, prepare)


if __name__ == "__main__":
    sys.exit(main())
