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

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../oracle"))
import container  # noqa: E402

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


def compact(data):
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def logged(record, phase):
    """Evidence in which an entry commits to the record and says its phase."""
    out, salt = evidence(record), b"s" * 32
    value = "sha256:" + hashlib.sha256(record.encode()).hexdigest()
    commit = container.th(b"tdz/v1/commit", b"record", salt, value.encode()).hex()
    said = json.loads(record)
    leaf = {"data": {"bytes": "5", "commit": {x: "1" * 64 for x in (
                         "agreement", "name", "recipient", "sender")} | {"record": commit},
                     "from": "cn-lingang", "labels": said["input"]["labels"], "offer": "2" * 64,
                     "phase": phase, "policies": [said["policy"]["sha256"]],
                     "reason": said["reason"], "record": commit, "root": "3" * 64,
                     "seal": "4" * 64, "suite": 1, "to": "my-cyberjaya",
                     "verdict": said["result"]},
            "format": "tdz.entry/1", "kind": "decision", "n": 0,
            "time": "2026-11-22T02:19:00.123Z", "transfer": "0" * 32}
    out["entries"] = [{"zone": "cn-lingang", "origin": "cn-lingang/gw1/2026h2", "kind": "decision",
                       "index": 7, "leaf": base64.b64encode(compact(leaf).encode()).decode(),
                       "proof": ""}]
    out["salts"] = [{"index": 7, "zone": "cn-lingang", "field": "record", "salt": salt.hex(),
                     "value": value}]
    return out


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


RULED = [{"id": "p", "effect": "permit", "to": ["MY"], "classes": ["personal"],
          "when": {"eq": ["basis", "consent"]}, "cite": ["L"], "why": "t"},
         {"id": "f", "effect": "forbid", "to": ["MY"], "classes": ["personal"],
          "when": {"eq": ["declared.contradicted", True]}, "cite": ["L"], "why": "t"},
         {"id": "h", "effect": "hold", "to": ["MY"], "classes": ["personal"], "release": "operator",
          "when": {"eq": ["purpose", "research"]}, "cite": ["L"], "why": "t"},
         {"id": "o", "effect": "oblige", "to": ["MY"], "classes": ["personal"],
          "do": [{"mask": {"fields": ["email"]}}], "cite": ["L"], "why": "t"}]


def check_ruled(tap, world):
    """What gateways made of the documents' word, they would make of it again: the same documents
    differ nowhere, and a preflight is decided as one."""
    doc = {"format": "tdz.policy/1", "id": "ruled", "revision": 1, "zone": "cn-lingang",
           "direction": "export", "closed": True, "vocabulary": "tdz-core/4", "texts": {},
           "effective": {"from": "2026-01-01T00:00:00Z"}, "rules": RULED}
    old = polkit.write(world.folder, "ruled.json", doc)
    wide = polkit.write(world.folder, "wide.json", doc | {"rules": [
        {k: v for k, v in RULED[0].items() if k != "when"}, *RULED[1:]]})
    strict = polkit.write(world.folder, "strict.json", doc | {"rules": RULED[1:]})
    base = {"to": "my-cyberjaya", "labels": ["personal"], "declared.contradicted": False}
    good = base | {"basis": "consent", "purpose": "hr"}
    duty = {"mask": {"fields": ["email"]}}

    def said(facts, **more):
        record = json.loads(world.decide(old, [facts])[0]) | more
        return compact({k: v for k, v in record.items() if v is not None})

    allow = {"result": "allow", "reason": "permitted", "obligations": duty}
    held = said(good | {"purpose": "research"})
    opened = {"to": "my-cyberjaya", "labels": ["personal"], "purpose": "hr", "basis": "adequate"}
    # record, phase, what the old documents and one with a permit more and one less change
    cases = [
        ("a hold is one", held, "final", 0, 0, 1),
        ("an approved hold", said(json.loads(held)["input"], **allow), "approved", 0, 0, 1),
        ("a hold that a person refused",
         said(json.loads(held)["input"], result="deny", reason="review", obligations=None),
         "approved", 0, 0, 0),
        ("an allow is one", said(good), "final", 0, 0, 1),
        ("an obligation that was not performed",
         said(good, result="deny", reason="obligation-not-performed", obligations=None),
         "final", 0, 0, 0),
        ("held for the reservations of others",
         said(good | {"basis": "adequate"}, result="hold", reason="review", obligations=duty),
         "final", 0, 1, 0),
        ("a refusal at preflight", said(opened), "preflight", 0, 1, 0),
        ("the same as a final decision", said(opened), "final", 0, 0, 0)]
    for name, record, phase, *expect in cases:
        log = tempfile.mkdtemp(dir=world.folder)
        polkit.write(log, "e.json", logged(record, phase))
        got = [len(polkit.lines(polkit.run(world.tdz, "simulate", "--log", log, "--policy", p,
                                           "--json"))) for p in (old, wide, strict)]
        tap.ok(got == expect, f"simulate: {name}", (got, record))
        out = polkit.run(world.tdz, "diff", old, wide, "--replay", log, "--json", "--limit", "1")
        hits = [x for x in polkit.lines(out) if "record" in x]
        tap.ok(len(hits) == expect[1], f"diff --replay: {name}", out)
    log = tempfile.mkdtemp(dir=world.folder)
    false = logged(held, "final")
    false["salts"][0]["salt"] = "00" * 32
    polkit.write(log, "e.json", false)
    out = polkit.run(world.tdz, "simulate", "--log", log, "--policy", old)
    tap.ok(out.returncode == 2 and "e.json" in out.stderr,
           "evidence whose entry commits to another record is refused", out)


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
        check_ruled(tap, world)
        check_bad(tap, world)
    tap.end()


if __name__ == "__main__":
    main()
