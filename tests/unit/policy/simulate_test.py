#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz policy simulate and diff --replay: decisions that were made, decided on again under other
policies, from record files and from evidence files."""
import base64
import hashlib
import json
import os
import sys
import tempfile

import polkit

NOW = "2026-11-22T00:00:00Z"
FACTS = {"to": "my-cyberjaya", "labels": ["personal"], "declared.contradicted": False,
         "exporter.ciio": False, "recipient.restricted": False, "purpose": "research",
         "basis": "safeguards", "count.spi.after": 10, "evidence.pipia.days_left": 10,
         "evidence.notice.days_left": 10, "exporter.sector": "trade",
         "exporter.registered_in": "cn-lingang", "dataset.persons": 5,
         "dataset.persons_sensitive": 0, "envelope.within": True,
         "envelope.persons_left": 2 ** 53 - 1}
PERSONS = [5, 50000, 99999, 100000, 150000, 199999, 200000]


def evidence(record):
    body = record.encode()
    return {"format": "tdz.evidence/1", "transfer": "0" * 32, "state": "settled", "entries": [],
            "container": {"offer": None, "seal": None, "release": None, "receipt": None},
            "records": [{"sha256": hashlib.sha256(body).hexdigest(),
                         "body": base64.b64encode(body).decode()}], "salts": [], "keys": []}


class World:
    def __init__(self, tdz, packs, folder):
        self.tdz, self.packs, self.folder = tdz, packs, folder
        self.old = packs + "/cn-export.json"
        self.log = os.path.join(folder, "log")
        os.mkdir(self.log)

    def edited(self, name, change):
        doc = polkit.load(self.old)
        change(doc)
        return polkit.write(self.folder, name, doc)

    def decide(self, policy, facts):
        path = polkit.write(self.folder, "in", "".join(json.dumps(f) + "\n" for f in facts))
        out = polkit.run(self.tdz, "decide", "--policy", policy, "--now", NOW, "--input", path,
                         "--batch")
        assert out.returncode == 0, out.stderr
        return out.stdout.splitlines()


def set_limit(doc):
    for rule in doc["rules"]:
        if rule["id"] == "cn.exempt":
            rule["when"]["all"][1]["lt"][1] = 50000


def set_both(doc):
    set_limit(doc)
    doc["effective"]["from"] = "2027-01-01T00:00:00Z"


def set_wider(doc):
    for rule in doc["rules"]:
        if rule["id"] == "cn.exempt":
            rule["when"]["all"][1]["lt"][1] = 200000
        if rule["id"] == "cn.duty":
            rule["do"] = [d for d in rule["do"] if "retain" not in d]
            rule["do"].append({"retain": {"max_days": 9}})


def brute(old, new):
    """By record: what an ordinary decision of the new policy says otherwise."""
    out = {}
    for a, b in zip(old, new):
        x, y = json.loads(a), json.loads(b)
        if (x["result"], x.get("obligations")) != (y["result"], y.get("obligations")):
            out[hashlib.sha256(a.encode()).hexdigest()] = (x["result"], y["result"])
    return out


def check(tap, world):
    facts = [dict(FACTS, **{"count.pi.after": n}) for n in PERSONS]
    records = world.decide(world.old, facts)
    polkit.write(world.log, "a.ndjson", "\n".join(records[:3]) + "\n\n" + records[3] + "\n")
    for i, record in enumerate(records[3:]):
        polkit.write(world.log, f"e{i}.json", evidence(record))
    polkit.write(world.log, "notes.txt", "not for the tool")
    foreign = world.decide(world.packs + "/my-export.json", [dict(FACTS, to="cn-lingang")])
    polkit.write(world.log, "b.ndjson", foreign[0] + "\n")
    for name, change, sums in (("limit", set_limit, "2 would be refused, 0 would no longer be, 0"),
                               ("wider", set_wider, "0 would be refused, 3 would no longer be, 3"),
                               ("later", set_both, "2 would be refused, 0 would no longer be, 0")):
        new = world.edited(name + ".json", change)
        plain = world.edited("plain.json", set_limit) if name == "later" else new
        expect = brute(records, world.decide(plain, facts))
        out = polkit.run(world.tdz, "simulate", "--log", world.log, "--policy", new, "--json")
        got = {x["record"]: (x["old"], x["would_be"]) for x in polkit.lines(out)}
        tap.ok(out.returncode == 0 and got == expect and got,
               f"{name}: simulate finds what deciding again finds", (out, expect))
        out = polkit.run(world.tdz, "simulate", "--log", world.log, "--policy", new)
        tap.ok(out.stdout.splitlines()[-1] == f"7 decisions: {sums} would go otherwise",
               f"{name}: the sums; a record in two files counts once, others' not at all", out)
        out = polkit.run(world.tdz, "diff", world.old, new, "--replay", world.log, "--json",
                         "--limit", "1")
        got = {x["record"]: (x["old"], x["new"]) for x in polkit.lines(out) if "record" in x}
        tap.ok(out.returncode == 1 and got == expect, f"{name}: diff --replay finds the same", out)
    out = polkit.run(world.tdz, "diff", world.old, world.old, "--replay", world.log)
    tap.ok(out.returncode == 0 and out.stdout.endswith("of 7 logged decisions 0 would differ\n"),
           "the same policy differs nowhere", out)


def check_bad(tap, world):
    bad = os.path.join(world.folder, "bad")
    os.mkdir(bad)
    args = ["simulate", "--policy", world.old, "--log"]
    path = polkit.write(bad, "x.ndjson", '\n{"format": "tdz.decision/1", "a": 1, "a": 2}\n')
    out = polkit.run(world.tdz, *args, bad)
    tap.ok(out.returncode == 2 and f"{path}:2:38:" in out.stderr,
           "a line that is no strict JSON is refused with its place", out)
    polkit.write(bad, "x.ndjson", '{"format": "tdz.entry/1"}\n')
    tap.ok(polkit.run(world.tdz, *args, bad).returncode == 2, "another format is refused")
    os.unlink(path)
    polkit.write(bad, "y.json", "{}")
    tap.ok(polkit.run(world.tdz, *args, bad).returncode == 2,
           "a file that is no evidence is refused")
    tap.ok(polkit.run(world.tdz, *args, bad + "/none").returncode == 3,
           "a folder that is not there is exit 3")
    tap.ok(polkit.run(world.tdz, "simulate", "--policy", world.old).returncode == 2,
           "no folder is a usage error")


def main():
    tap = polkit.Tap()
    with tempfile.TemporaryDirectory() as folder:
        world = World(sys.argv[1], sys.argv[2], folder)
        check(tap, world)
        check_bad(tap, world)
    tap.end()


if __name__ == "__main__":
    main()
