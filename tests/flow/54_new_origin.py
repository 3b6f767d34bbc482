#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A transfer log of which no newest copy is left is followed by a new origin (docs/adr/0009): two
operators begin it, nothing else does, and every transfer comes to the end it would have had.

Each case has its own corridor. Needs the build with fault points (TDZ_BUILD_FAULTS).
"""
import concurrent.futures
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback

import corridor
import gateways
import invariants
import tables
from corridor import check
from gateways import EXPORT, IMPORT, TO, WHO, Gateways

OPERATORS = {EXPORT: ("op-my-1", "op-my-2"), IMPORT: ("op-cn-1", "op-cn-2")}
OTHER = {EXPORT: IMPORT, IMPORT: EXPORT}
PLAIN = "telemetry-2026"
AT_ONCE = 3
WHERE = "a gateway that must not start"


class Lost(Gateways):
    """A zone whose log folder can be lost."""

    def __init__(self):
        super().__init__(timeouts=gateways.BRISK)

    def folder(self, zone, what="log"):
        return self.map["zones"][zone][f"{what}_dir"]

    def read_config(self, zone):
        with open(self.map["zones"][zone]["config"], encoding="utf-8") as f:
            return json.load(f)

    def file(self, zone, name, path):
        """Sets files.name of a configuration."""
        self.configure(zone, files={**self.read_config(zone)["files"], name: path})

    def origin(self, zone):
        return self.read_config(zone)["origin"]

    def rename(self, zone):
        """The configuration names the next origin, and a new trust file its key; old trust files
        stay as they are. The vkey."""
        self.configure(zone, origin=self.origin(zone) + "b")
        out = self.tool("log", "vkey", "--config", self.map["zones"][zone]["config"])
        vkey = out.stdout.decode().strip()
        with open(self.map["trust"], encoding="utf-8") as f:
            trust = json.load(f)
        if vkey not in trust["zones"][zone]["logs"]:
            trust["zones"][zone]["logs"].append(vkey)
        path = os.path.join(self.dir, "trust-new.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(trust, f)
        self.file(zone, "trust", path)
        self.map["trust"] = path
        return vkey

    def sign(self, zone, note, who, *more):
        key = os.path.join(self.person(who)["profile"], "sign.key")
        return self.tool("log", "succeed", note, "--json", "--config",
                         self.map["zones"][zone]["config"], "--as", who, "--key", key, *more)

    def health(self, zone):
        return self.request(OPERATORS[zone][0], "GET", "/healthz/ready", url="desk_url")

    def log_is(self, zone, state, seconds=20):
        last = self.until(lambda: self.health(zone), lambda a: a.json.get("log") == state, seconds)
        return last is not None and last.json.get("log") == state

    def refuses(self, zone, why):
        """It does not start, says why in the operator's log, and leaves the folder empty."""
        mark = os.path.getsize(self.log(zone))
        self.start(zone, wait=None)
        ended = self.died(zone, 30)
        if not ended:
            self.slay(self.running[zone])
        self.running.pop(zone)
        said = [e.get("what", "") for e in self.events(zone, mark)
                if e["event"] == "log-succession"]
        folder = self.folder(zone)
        left = os.listdir(folder) if os.path.isdir(folder) else []
        return ended and any(why in s for s in said) and not left, (ended, said, left)

    def cross(self, name):
        answer = self.send_again(name, tables.telemetry(40, seed=len(name)), PLAIN)
        state = self.settle(answer.transfer) if answer is not None else {}
        check(f"{name} crosses", state.get("state") in ("settled", "delivered"),
              (answer, state, self.logs(10)))
        return answer.transfer if answer is not None else ""

    def transfer_of(self, name):
        found = self.request(WHO, "GET", "/v1/transfers").json["transfers"]
        return next(t["id"] for t in found if t["name"] == name)

    def evidence(self, who, transfer):
        answer = self.until(lambda: self.request(who, "GET", f"/v1/transfers/{transfer}/receipt"),
                            lambda a: a.status not in (503,), 20)
        return answer

    def verifies(self, document):
        path = os.path.join(self.dir, "evidence.json")
        with open(path, "wb") as f:
            f.write(document)
        code, report = self.audit(path)
        return code == 0 and report.get("pinned"), report

    def stays(self, transfer, states, seconds=2.0):
        last = self.until(lambda: self.state(WHO, transfer), lambda t: t["state"] not in states,
                          seconds)
        return last is not None and last["state"] in states


def push(c, name, wait=0):
    try:
        return c.push(WHO, PLAIN, name, tables.telemetry(30, seed=len(name)),
                      Idempotency_Key=f'"{name}"', Prefer=f"wait={wait}")
    except OSError:
        return None


def begin(c, zone, label, *sources):
    """Everything that must not begin a log, then what does; leaves the gateway running."""
    one, two = OPERATORS[zone]
    note = os.path.join(c.dir, f"succession-{zone}.note")
    before = c.origin(zone)
    c.rename(zone)
    config = c.map["zones"][zone]["config"]
    ok, seen = c.refuses(zone, "files.succession must name the note")
    check(f"{label}: {WHERE}: with a new origin in an empty folder, and no note", ok, seen)
    nobody = os.path.join(c.dir, "nothing")
    os.makedirs(nobody, exist_ok=True)
    out = c.sign(zone, note, one, "--from", nobody, "--reason", "r")
    check(f"{label}: where no cosigned checkpoint is, no note is made",
          out.returncode == 1 and not os.path.exists(note), out)
    out = c.sign(zone, note, one, "--reason", "the disks of gw1 are gone",
                 *(a for s in sources for a in ("--from", s)))
    said = json.loads(out.stdout) if out.stdout else {}
    check(f"{label}: the first operator makes it from the last cosigned checkpoint",
          out.returncode == 0 and not said["complete"] and said["previous"] == before and
          said["signed"] == [one] and said["cosigner"].startswith(OTHER[zone]), (out, said))
    c.file(zone, "succession", note)
    ok, seen = c.refuses(zone, "two persons must sign it")
    check(f"{label}: {WHERE}: with one signature", ok, seen)
    out = c.tool("check", config)
    check(f"{label}: and tdz check says so before", out.returncode != 0 and
          b"succession" in out.stderr and b"two persons" in out.stderr, out)
    check(f"{label}: the same operator signs once", c.sign(zone, note, one).returncode == 1)
    out = c.sign(zone, note, OPERATORS[OTHER[zone]][0])
    check(f"{label}: an operator of the other zone does not sign it", out.returncode == 1, out)
    out = c.sign(zone, note, two)
    said = json.loads(out.stdout) if out.stdout else {}
    check(f"{label}: the second operator completes it", out.returncode == 0 and said["complete"],
          (out, said))
    with open(note, "rb") as f:
        whole = f.read()
    with open(note, "wb") as f:
        f.write(whole.replace(b"are gone", b"are lost"))
    ok, seen = c.refuses(zone, "does not verify")
    check(f"{label}: {WHERE}: with one word changed", ok, seen)
    with open(note, "wb") as f:
        f.write(whole)
    c.configure(zone, origin=before + "c")
    ok, seen = c.refuses(zone, "")
    check(f"{label}: {WHERE}: as another origin than the note's", ok or not seen[2], seen)
    c.configure(zone, origin=before + "b")
    check(f"{label}: tdz check finds nothing wrong", c.tool("check", config).returncode == 0)
    c.start(zone, "ledger/ledger_genesis:1:killall", wait=None)
    check(f"{label}: killed before its first entry is there", c.died(zone), c.logs())
    c.running.pop(zone)
    c.start(zone)
    check(f"{label}: started again it begins", c.saw(zone, "log-begun", c.mark, 1), c.logs())
    return said


def genesis(c, zone):
    return invariants.entries(c.folder(zone))[0][1]["data"]


def whole(c, label):
    """Both logs verify and say nothing twice; the new one names the old."""
    for zone in (EXPORT, IMPORT):
        c.until(lambda z=zone: c.audit(c.folder(z)), lambda r: r[0] == 0, 15)
    for zone in (EXPORT, IMPORT):
        c.stop(zone)
        code, report = c.audit(c.folder(zone))
        check(f"{label}: the log of {zone} verifies", code == 0 and report.get("ok"), report)
        faults = [f for f in invariants.log_is_unambiguous(c.folder(zone))
                  if "'origin-new'" not in f]  # which is what a peer must enter
        check(f"{label}: the log of {zone} says nothing twice", not faults, faults)


def knows(c, zone, path):
    """The other zone's operators add the new origin, while its gateway runs."""
    c.file(zone, "trust", path)
    os.kill(c.running[zone].pid, signal.SIGHUP)


def incidents(c, zone):
    return [e["data"]["detail"] for _, e in invariants.entries(c.folder(zone))
            if e["kind"] == "incident" and e["data"]["code"] == "origin-new"]


def exporter(c):
    label = "exporter"
    old = c.origin(EXPORT)
    first = c.cross("first.csv")
    mine, theirs = (c.evidence(who, first) for who in (WHO, TO))
    check(f"{label}: before, both sides have evidence", mine.status == theirs.status == 200)
    c.stop(EXPORT)
    c.start(EXPORT, "clerk/clerk_x8_stored:1:killall")
    push(c, "released.csv")
    check(f"{label}: it dies with a RELEASE in hand", c.died(EXPORT), c.logs())
    c.running.pop(EXPORT)
    c.stop(IMPORT)
    c.start(EXPORT)
    answer = push(c, "waits.csv", 1)
    check(f"{label}: alone it takes another push, which no witness sees",
          answer is not None and answer.status == 202, answer)
    released, waits = c.transfer_of("released.csv"), answer.transfer
    c.until(lambda: c.state(WHO, waits), lambda t: t["log"] is not None, 10)
    c.stop(EXPORT)
    shutil.rmtree(c.folder(EXPORT))
    said = begin(c, EXPORT, label, c.folder(IMPORT))
    health = c.health(EXPORT)
    check(f"{label}: alone it is unconfirmed, and knows its counters",
          health.json["log"] == "unconfirmed" and health.json["counters_known"], health)
    answer = push(c, "alone.csv", 1)
    check(f"{label}: a push is taken with 202, and waits", answer is not None and
          answer.status == 202 and c.stays(answer.transfer, ("inspecting",), 1), answer)
    alone = answer.transfer
    shown = c.state(WHO, first)
    check(f"{label}: what settled before is shown with its place in the old log",
          shown["state"] == "settled" and shown["log"]["origin"] == old, shown)
    c.start(IMPORT)
    check(f"{label}: a peer that does not know the new origin takes no release of it",
          c.stays(released, ("forwarding",)) and c.stays(waits, ("inspecting", "forwarding")),
          (c.state(WHO, released), c.state(WHO, waits)))
    check(f"{label}: and cosigned nothing", not incidents(c, IMPORT), incidents(c, IMPORT))
    knows(c, IMPORT, c.map["trust"])
    for name, transfer in (("released.csv", released), ("waits.csv", waits),
                           ("alone.csv", alone)):
        state = c.settle(transfer)
        check(f"{label}: {name} settles", state.get("state") == "settled", (state, c.logs()))
    third = c.cross("third.csv")
    for transfer in (first, released, waits, third):
        check(f"{label}: {transfer} is pulled", c.collect(transfer) is not None, c.logs())
        c.settle(transfer, states=("delivered",))
    data = genesis(c, EXPORT)
    check(f"{label}: its genesis names the old log's last cosigned checkpoint",
          data["prev"]["origin"] == old and data["prev"]["index"] == said["size"], data)
    known = c.until(lambda: invariants.by_transfer(c.folder(EXPORT)),
                    lambda seen: "delivered" in [k for k, _, _ in seen.get(first, [])])
    check(f"{label}: what was decided before and not settled is said again in it, once",
          [k for k, _, _ in known[released]].count("decision") == 1 and
          "settled" in [k for k, _, _ in known[waits]] and first in known and
          [k for k, _, _ in known[first]] == ["delivered"], known)
    check(f"{label}: the peer's log says where the old one ended",
          incidents(c, IMPORT) == [f"{old}b follows {old} at {said['size']}"], incidents(c, IMPORT))
    for who, answer in (("its own", mine), ("the peer's", theirs)):
        ok, report = c.verifies(answer.body)
        check(f"{label}: {who} evidence from before verifies", ok, report)
    after = c.evidence(TO, first)
    ok, report = c.verifies(after.body)
    check(f"{label}: and what the peer gives now, with our old log's proof",
          after.status == 200 and ok and old in after.body.decode(), (report, after))
    for transfer in (released, third):
        after = c.evidence(WHO, transfer)
        ok, report = c.verifies(after.body)
        check(f"{label}: evidence of {transfer} verifies", after.status == 200 and ok, report)
    after = c.evidence(WHO, first)
    ok, report = c.verifies(after.body)
    check(f"{label}: evidence of what only the old log could prove is what the peer proves",
          after.status == 200 and ok and f'"origin":"{old}"' not in after.body.decode(),
          (report, after))
    c.stop(EXPORT)
    c.file(EXPORT, "succession", "")
    c.start(EXPORT)
    check(f"{label}: it goes on without the note in its configuration",
          c.log_is(EXPORT, "confirmed"), c.logs())
    whole(c, label)


def importer(c):
    label = "importer"
    old = c.origin(IMPORT)
    first = c.cross("first.csv")
    c.stop(IMPORT)
    c.start(IMPORT, "clerk/clerk_m7_stored:1:killall")
    push(c, "receipted.csv")
    check(f"{label}: it dies with a receipt in hand", c.died(IMPORT), c.logs())
    c.running.pop(IMPORT)
    c.start(IMPORT, "clerk/clerk_m4_stored:1:killall")
    push(c, "released.csv")
    check(f"{label}: and again with a RELEASE", c.died(IMPORT), c.logs())
    c.running.pop(IMPORT)
    c.stop(EXPORT)
    shutil.rmtree(c.folder(IMPORT))
    begin(c, IMPORT, label, c.folder(EXPORT))
    c.file(EXPORT, "trust", c.map["trust"])
    c.start(EXPORT)
    for name in ("receipted.csv", "released.csv"):
        transfer = c.transfer_of(name)
        state = c.settle(transfer, 120)
        check(f"{label}: {name} settles", state.get("state") == "settled", (state, c.logs(30)))
        check(f"{label}: and is pulled", c.collect(transfer) is not None, c.logs())
    check(f"{label}: what arrived before is pulled", c.collect(first) is not None, c.logs())
    c.cross("second.csv")
    data = genesis(c, IMPORT)
    check(f"{label}: its genesis names the old log", data["prev"]["origin"] == old, data)
    check(f"{label}: nothing is in the inbox twice",
          sorted(t["name"] for t in c.inbox(TO)) ==
          ["first.csv", "receipted.csv", "released.csv", "second.csv"], c.inbox(TO))
    whole(c, label)


def everything(c):
    """Log and database of the exporter are older copies: quarantined, and no newer copy exists."""
    label = "old copies"
    old = c.origin(EXPORT)
    c.cross("first.csv")
    c.until(lambda: c.audit(c.folder(EXPORT)), lambda r: r[0] == 0, 10)  # cosigned
    c.stop(EXPORT)
    copies = os.path.join(c.dir, "copies")
    for what in ("log", "state"):
        subprocess.run(["cp", "-a", "--sparse=always", c.folder(EXPORT, what),
                        os.path.join(copies, what) if os.path.isdir(copies) else
                        (os.makedirs(copies) or os.path.join(copies, what))], check=True)
    c.start(EXPORT)
    c.cross("second.csv")
    c.stop(EXPORT)
    for what in ("log", "state"):
        shutil.rmtree(c.folder(EXPORT, what))
        subprocess.run(["cp", "-a", "--sparse=always", os.path.join(copies, what),
                        c.folder(EXPORT, what)], check=True)
    c.start(EXPORT)
    check(f"{label}: the older folder is quarantined", c.log_is(EXPORT, "quarantined"), c.logs())
    c.stop(EXPORT)
    c.stop(IMPORT)
    aside = os.path.join(c.dir, "aside")
    shutil.move(c.folder(EXPORT), aside)
    note = os.path.join(c.dir, "early.note")
    kept = c.read_config(EXPORT)
    c.rename(EXPORT)
    for who in OPERATORS[EXPORT]:
        more = ("--reason", "r", "--from", aside) if who.endswith("1") else ()
        out = c.sign(EXPORT, note, who, *more)
        check(f"{label}: {who} signs for the older copy", out.returncode == 0, out)
    c.file(EXPORT, "succession", note)
    c.file(IMPORT, "trust", c.map["trust"])
    c.start(IMPORT)
    c.start(EXPORT)
    check(f"{label}: a note that names less than the peer cosigned is of no use: quarantined",
          c.log_is(EXPORT, "quarantined"), c.logs())
    c.stop(EXPORT)
    shutil.rmtree(c.folder(EXPORT))
    c.configure(EXPORT, origin=old, files=kept["files"])
    c.stop(IMPORT)
    said = begin(c, EXPORT, label, aside, c.folder(IMPORT))
    with open(os.path.join(c.folder(IMPORT), "witness", hashlib.sha256(old.encode()).hexdigest(),
                           "checkpoint"), encoding="utf-8") as f:
        held = int(f.read().split("\n")[1])
    check(f"{label}: of both folders the larger checkpoint is named", said["size"] == held, said)
    c.start(IMPORT)
    check(f"{label}: it is confirmed", c.log_is(EXPORT, "confirmed"), c.logs())
    health = c.until(lambda: c.health(EXPORT), lambda a: a.json["counters_known"] is False, 10)
    check(f"{label}: and how many persons crossed is not known", health.status == 200 and
          health.json["counters_known"] is False, health)
    c.cross("third.csv")
    first = c.transfer_of("first.csv")
    check(f"{label}: what the older database knows as settled is so still, and is pulled",
          c.state(WHO, first)["state"] == "settled" and c.collect(first) is not None, c.logs())
    code, report = c.audit(c.folder(EXPORT), aside)
    short = [f for f in report.get("failures", []) if f["code"] == "predecessor"]
    check(f"{label}: an auditor is told that the older copy lacks entries of the old log",
          code == 1 and len(short) == 1, report)
    whole(c, label)


CASES = {"exporter": exporter, "importer": importer, "old-copies": everything}


def run(name):
    try:
        with Lost() as c:
            CASES[name](c)
    except Exception as e:  # one case must not hide the others
        check(f"{name} ran to its end", False, "".join(traceback.format_exception(e)))


def main():
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(run, sys.argv[1:] or CASES))
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
