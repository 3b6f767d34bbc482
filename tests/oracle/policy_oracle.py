#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An evaluator of tdz.sem/1 written from the specification, not from the C code; the properties
that every evaluator must keep; and the test that compares it with the documents as tdz reads them
and as the gateway compiles them, on random documents (policy_random.py). TDZ_DEEP in the
environment: on 100 000 requests instead of a sample.

usage: policy_oracle.py TDZ RULING_BATCH VECTORS [--count N] [--seed S]
"""
import argparse
import datetime
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile

import policy_random
from policy_random import SUPPORTED

F, U, T = 0, 1, 2
SAFE = 2 ** 53 - 1
RANK = {"deny": 0, "hold": 1, "allow": 2}
SUITES = {"aes-256-gcm", "chacha20-poly1305"}


def canon(value):
    """RFC 8785 for integers and ASCII keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def when(text):
    t = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return t if t.tzinfo else t.replace(tzinfo=datetime.timezone.utc)


def ancestors(name, tree):
    while name is not None:
        yield name
        name = tree[name]


class Oracle:
    def __init__(self, vocab, vocab_hash, docs, lists, now, preflight=False):
        self.vocab, self.vocab_hash = vocab, vocab_hash
        self.docs = sorted(docs, key=lambda d: d[0]["id"])  # (document, hash)
        self.lists, self.now, self.preflight = lists, when(now), preflight
        self.now_text = now

    def value(self, doc, attr, facts):
        """(known, value) of an attribute by 3.5.1 and 3.5.2."""
        spec = self.vocab["attributes"].get(attr)
        if spec is None:
            if not any(attr == f"count.{c}.after" for c in doc.get("counters", {})):
                return False, None
            spec = {"type": "int"}
        if attr not in facts:
            return False, None
        v, kind = facts[attr], spec["type"]
        good = {
            "bool": isinstance(v, bool),
            "int": isinstance(v, int) and not isinstance(v, bool) and abs(v) <= SAFE,
            "enum": isinstance(v, str) and v in spec.get("values", []),
            "string": isinstance(v, str) and len(v.encode()) <= 256,
            "zone": isinstance(v, str) and v in self.vocab["zones"],
        }.get(kind, False)
        return good, v

    def truth(self, doc, cond, facts, unknown):
        (op, arg), = cond.items()
        if op in ("all", "any"):
            values = [self.truth(doc, c, facts, unknown) for c in arg]
            return min(values) if op == "all" else max(values)
        if op == "not":
            return 2 - self.truth(doc, arg, facts, unknown)
        known, v = self.value(doc, arg[0], facts)
        if not known:
            unknown.add(arg[0])
            return U
        if op == "listed":
            return U if arg[1] not in self.lists else (T if v in self.lists[arg[1]] else F)
        if op == "under":
            return T if arg[1] in ancestors(v, self.vocab["zones"]) else F
        test = {"eq": lambda a, b: a == b and isinstance(a, bool) == isinstance(b, bool),
                "in": lambda a, b: a in b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
                "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b}[op]
        return T if test(v, arg[1]) else F

    def hits(self, rule, labels):
        classes = self.vocab["classes"]
        out = set()
        for label in labels:
            if label in classes:
                up = set(ancestors(label, classes))
                if up & set(rule["classes"]) and not up & set(rule.get("except", [])):
                    out.add(label)
        return out

    def in_time(self, thing):
        return (("from" not in thing or self.now >= when(thing["from"])) and
                ("until" not in thing or self.now < when(thing["until"])))

    def stale(self, rule):
        if "review_days" not in rule:
            return False
        return self.now >= when(rule["reviewed_on"]) + datetime.timedelta(rule["review_days"])

    def merge(self, duties):
        out, conflict, unsupported = {}, False, False
        for kind, params in duties:
            phases, names = SUPPORTED.get(kind, (set(), set()))
            if self.vocab["obligations"][kind]["phase"] not in phases or set(params) - names:
                unsupported = True
            if kind == "count" and set(params["counters"]) - {"pi", "spi"}:
                unsupported = True
            have = out.setdefault(kind, {})
            for name, v in params.items():
                v = sorted(v) if isinstance(v, list) else v
                if name not in have:
                    have[name] = v
                elif name == "suites":
                    have[name] = sorted(set(have[name]) & set(v))
                    conflict = conflict or not have[name]
                elif isinstance(v, list):
                    have[name] = sorted(set(have[name]) | set(v))
                elif name.startswith(("max_", "within_")):
                    have[name] = min(have[name], v)
                elif name.startswith("min_"):
                    have[name] = max(have[name], v)
                elif have[name] != v:
                    conflict = True
        suites = out.get("encrypt", {}).get("suites")
        if suites and not set(suites) & SUITES:
            unsupported = True
        return out, conflict, unsupported

    def decide(self, facts):
        labels = facts.get("labels")
        if not isinstance(labels, list) or not all(isinstance(x, str) for x in labels):
            labels = []
        to = facts.get("to")
        to_known = isinstance(to, str) and to in self.vocab["zones"]
        fired = {e: [] for e in ("forbid", "hold", "oblige", "permit")}
        unknown, uncovered, duties, closed = set(), set(), [], False
        for doc, _ in self.docs:
            covered = set()
            for rule in doc["rules"]:
                if not (to_known and self.in_time(doc["effective"]) and self.in_time(rule)):
                    continue
                if not set(ancestors(to, self.vocab["zones"])) & set(rule["to"]):
                    continue
                hits = self.hits(rule, labels)
                if not hits:
                    continue
                read = set()
                value = self.truth(doc, rule["when"], facts, read) if "when" in rule else T
                if rule["effect"] == "permit" and self.stale(rule) and value == T:
                    value = U
                if value == U:
                    unknown |= read
                if value == T or (value == U and rule["effect"] != "permit"):
                    name = f"{doc['id']}/{rule['id']}" if len(self.docs) > 1 else rule["id"]
                    fired[rule["effect"]].append((name, "?" if value == U else ""))
                    if rule["effect"] == "permit":
                        covered |= hits
                    if rule["effect"] == "oblige":
                        duties += [next(iter(d.items())) for d in rule["do"]]
            if doc["closed"]:
                closed = True
                uncovered |= set(labels) - covered
        merged, conflict, unsupported = self.merge(duties)
        if not labels:
            result = ("deny", "unlabelled")
        elif set(labels) - set(self.vocab["classes"]):
            result = ("deny", "unknown-label")
        elif fired["forbid"]:
            result = ("deny", "forbidden")
        elif uncovered or (not closed and not to_known):
            result = ("deny", "no-basis")
        elif conflict:
            result = ("deny", "obligation-conflict")
        elif unsupported:
            result = ("deny", "obligation-unsupported")
        elif fired["hold"]:
            result = ("hold", "review")
        else:
            result = ("allow", "permitted")
        record = {"format": "tdz.decision/1", "input": facts, "now": self.now_text,
                  "reason": result[1], "result": result[0], "semantics": "tdz.sem/1",
                  "rules": {e: [n + m for n, m in sorted(v)] for e, v in fired.items() if v},
                  "unknown": sorted(unknown), "vocabulary": self.vocab_hash}
        if result[0] != "deny":
            record["obligations"] = merged
        elif uncovered:
            record["uncovered"] = sorted(uncovered)
        named = [{"id": d["id"], "revision": d["revision"], "sha256": h} for d, h in self.docs]
        if len(named) == 1:
            record["policy"] = named[0]
        else:
            record["policies"] = named
        return record


class World:
    """A vocabulary, its documents and list in a scratch folder, and the programs that decide."""

    def __init__(self, tdz, batch, folder, r):
        self.tdz, self.batch, self.folder, self.r = tdz, batch, folder, r
        self.vocab = policy_random.vocabulary(r)
        self.now = r.choice(policy_random.TIMES)
        self.vocab_hash = self.write("vocab.json", policy_random.text(self.vocab))
        self.listed = policy_random.listed(r)
        self.write("neg.json", policy_random.text(
            {"format": "tdz.list/1", "id": "neg", "values": self.listed}))
        self.docs = policy_random.documents(r, self.vocab)

    def at(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.at(name), "w", encoding="utf-8") as f:
            f.write(text)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def put(self, docs, requests):
        hashed = [(doc, self.write(f"p{i}.json", policy_random.text(doc)))
                  for i, doc in enumerate(docs)]
        self.write("in.ndjson", "".join(policy_random.text(q) + "\n" for q in requests))
        return hashed

    @staticmethod
    def run(argv, count):
        out = subprocess.run(argv, capture_output=True, text=True, check=False)
        if out.returncode != 0:
            raise SystemExit(f"{argv[0]} failed: {out.stderr}")
        lines = out.stdout.splitlines()
        assert len(lines) == count
        return lines

    def decide(self, docs, requests):
        """(documents with hashes, records as tdz writes them)."""
        hashed = self.put(docs, requests)
        argv = [self.tdz, "policy", "decide", "--vocab", self.at("vocab.json"), "--now", self.now,
                "--list", "neg=" + self.at("neg.json"), "--input", self.at("in.ndjson"), "--batch"]
        for i in range(len(docs)):
            argv += ["--policy", self.at(f"p{i}.json")]
        return hashed, self.run(argv, len(requests))

    def rule(self, docs, requests, mode="full"):
        """The records of compiled documents; mode brief: only the results."""
        if not requests:
            return []
        self.put(docs, requests)
        return self.run([self.batch, self.now, mode, self.at("vocab.json"), self.at("in.ndjson"),
                         "neg=" + self.at("neg.json")] +
                        [self.at(f"p{i}.json") for i in range(len(docs))], len(requests))

    def oracle(self, hashed):
        return Oracle(self.vocab, self.vocab_hash, hashed, {"neg": self.listed}, self.now)


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, detail=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}")
        if not good:
            print("# " + str(detail)[:4000].replace("\n", "\n# "))

    def end(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed or not self.count else 0)


def known_answers(tap, tdz, vectors):
    with open(os.path.join(vectors, "decisions.ndjson"), encoding="utf-8") as f:
        cases = [json.loads(line) for line in f]
    tap.ok(len(cases) == 6, "six known answers are there")
    for i, case in enumerate(cases, 1):
        with tempfile.TemporaryDirectory() as folder:
            args = [tdz, "policy", "decide", "--policy", os.path.join(vectors, case["policy"]),
                    "--vocab", os.path.join(vectors, "vocab.json"), "--now", case["now"],
                    "--input", os.path.join(folder, "q")]
            with open(os.path.join(folder, "q"), "w", encoding="utf-8") as f:
                json.dump(case["input"], f)
            for name, values in case["lists"].items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                    json.dump({"format": "tdz.list/1", "id": name, "values": values}, f)
                args += ["--list", f"{name}={os.path.join(folder, name)}"]
            out = subprocess.run(args, capture_output=True, text=True, check=False)
            digest = "sha256:" + hashlib.sha256(out.stdout.rstrip("\n").encode()).hexdigest()
            tap.ok(out.stdout == case["record"] + "\n" and digest == case["sha256"],
                   f"known answer {i} is the same bytes", out.stdout + out.stderr)


class Tally:
    """What went wrong, by property, and what was seen."""

    PROPERTIES = {
        "oracle": "requests are decided byte for byte as by the oracle",
        "compiled": "requests are decided byte for byte alike by compiled documents",
        "order": "requests: shuffled rules and documents give the same bytes",
        "decomposition": "requests: a label set is decided as its lowest single label",
        "completion": "requests: filling in a fact never lowers the result nor adds a duty",
        "tighten": "requests: adding forbid, hold or oblige never loosens",
        "loosen": "requests: adding a permit never tightens",
        "preflight": "requests: preflight refuses nothing that some open value would let pass",
    }

    def __init__(self):
        self.broken = {name: [] for name in self.PROPERTIES}
        self.tried = dict.fromkeys(self.PROPERTIES, 0)
        self.reasons = {}
        self.refused = 0

    def see(self, name, good, detail):
        self.tried[name] += 1
        if not good and len(self.broken[name]) < 3:
            self.broken[name].append(detail)

    def report(self, tap):
        for name, sentence in self.PROPERTIES.items():
            tap.ok(self.tried[name] > 0 and not self.broken[name],
                   f"{self.tried[name]} {sentence}", self.broken[name][:1])
        tap.ok(len(self.reasons) == 8, "every reason occurs among them", self.reasons)
        tap.ok(self.refused > 0, "preflight refuses something", self.refused)


def lower(a, b):
    return RANK[a["result"]] < RANK[b["result"]]


def without_documents(record):
    return {k: v for k, v in record.items() if k not in ("policy", "policies")}


def check_records(world, tally, requests):
    """All three evaluators on requests; the records."""
    hashed, records = world.decide(world.docs, requests)
    ruled = world.rule(world.docs, requests)
    oracle = world.oracle(hashed)
    for q, record, other in zip(requests, records, ruled):
        expect = oracle.decide(q)
        tally.reasons[expect["reason"]] = tally.reasons.get(expect["reason"], 0) + 1
        tally.see("oracle", record == canon(expect), (record, canon(expect), canon(world.docs)))
        tally.see("compiled", record == other, (record, other, canon(world.docs)))
    return [json.loads(x) for x in records]


def check_order(world, tally, requests, results):
    r = world.r
    docs = [dict(d, rules=r.sample(d["rules"], len(d["rules"])))
            for d in r.sample(world.docs, len(world.docs))]
    for q, a, b in zip(requests, results, world.rule(docs, requests)):
        same = canon(without_documents(a)) == canon(without_documents(json.loads(b)))
        tally.see("order", same, (q, a, b))


def check_decomposition(world, tally, requests, results):
    singles = [(i, dict(q, labels=[x])) for i, q in enumerate(requests)
               if isinstance(q.get("labels"), list) and
               all(isinstance(x, str) for x in q["labels"]) for x in q["labels"]]
    lowest = {}
    for (i, _), got in zip(singles, world.rule(world.docs, [q for _, q in singles], "brief")):
        lowest[i] = min(lowest.get(i, 2), RANK[got])
    for i, rank in lowest.items():
        # Duties of several labels may conflict where those of each alone do not: the merged result
        # is then lower, and its reason says so.
        merged = results[i]["reason"].startswith("obligation-") and rank > 0
        tally.see("decomposition", merged or RANK[results[i]["result"]] == rank,
                  (requests[i], results[i]))


def check_completion(world, tally, requests, results):
    filled = []
    for i, q in enumerate(requests):
        missing = [a for a in world.vocab["attributes"] if a not in q and a != "labels"]
        read = [a for a in results[i]["unknown"] if a not in q]
        for attr in read + world.r.sample(missing, min(1, len(missing))):
            value = policy_random.value(world.r, world.vocab, attr)
            filled.append((i, dict(q, **{attr: value})))
    for (i, q), record in zip(filled, world.rule(world.docs, [q for _, q in filled])):
        got = json.loads(record)
        more = set(got.get("obligations", {})) - set(results[i].get("obligations", {}))
        good = not lower(got, results[i]) and not (results[i]["result"] == "allow" and more)
        tally.see("completion", good, (q, results[i], got))


def check_edits(world, tally, requests, results):
    docs, r = world.docs, world.r
    which = r.randrange(len(docs))
    extra = policy_random.rules(r, world.vocab, docs[which])
    for name, effects in (("tighten", ("forbid", "hold", "oblige")), ("loosen", ("permit",))):
        rules = [dict(x, id="new." + x["id"]) for x in extra if x["effect"] in effects]
        if not rules:
            continue
        edited = list(docs)
        edited[which] = dict(docs[which], rules=docs[which]["rules"] + rules)
        for q, a, got in zip(requests, results, world.rule(edited, requests, "brief")):
            loosened = RANK[got] > RANK[a["result"]]
            tightened = RANK[got] < RANK[a["result"]]
            tally.see(name, not (loosened if name == "tighten" else tightened), (q, a, got))


def check_preflight(world, tally, requests):
    """Brute force over the open attributes: what preflight refuses, no value of them lets pass."""
    opened = policy_random.open_attributes(world.vocab)
    sample = [{k: v for k, v in q.items() if k not in opened or world.r.random() < 0.3}
              for q in requests]
    early = [json.loads(x) for x in world.rule(world.docs, sample, "preflight")]
    full = [(i, complete) for i, q in enumerate(sample) if early[i]["result"] != "allow"
            for complete in policy_random.completions(world.vocab, q)]
    best = {}
    for (i, _), got in zip(full, world.rule(world.docs, [q for _, q in full], "brief")):
        best[i] = max(best.get(i, 0), RANK[got])
    for i, q in enumerate(sample):
        tally.refused += early[i]["result"] == "deny"
        # What it allows it cannot refuse.
        tally.see("preflight", RANK[early[i]["result"]] >= best.get(i, 0),
                  (q, early[i], best.get(i)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tdz")
    parser.add_argument("batch")
    parser.add_argument("vectors")
    parser.add_argument("--count", type=int, help="random requests in all")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    count = args.count or (100000 if os.environ.get("TDZ_DEEP") else 1000)
    tap, tally = Tap(), Tally()
    known_answers(tap, args.tdz, args.vectors)
    r = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        while min(tally.tried.values()) < count:
            world = World(args.tdz, args.batch, folder, r)
            requests = [policy_random.request(r, world.vocab, world.docs) for _ in range(50)]
            results = check_records(world, tally, requests)
            check_order(world, tally, requests, results)
            check_decomposition(world, tally, requests, results)
            check_completion(world, tally, requests, results)
            check_edits(world, tally, requests, results)
            check_preflight(world, tally, requests)
    tally.report(tap)
    tap.end()


if __name__ == "__main__":
    main()
