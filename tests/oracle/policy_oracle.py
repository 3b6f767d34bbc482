#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An evaluator of tdz.sem/1 written from the specification, not from the C code, a generator of
random documents and requests, and the properties that both must keep.

usage: policy_oracle.py TDZ [--count N] [--seed S] [--docs D]
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

F, U, T = 0, 1, 2
SAFE = 2 ** 53 - 1
RANK = {"deny": 0, "hold": 1, "allow": 2}
SUPPORTED = {
    "encrypt": ({"stream"}, {"to_zone", "suites"}),
    "mask": ({"stream"}, {"fields", "key_zone"}),
    "tokenise": ({"stream"}, {"fields", "key_zone"}),
    "redact": ({"stream"}, {"fields", "key_zone"}),
    "drop": ({"stream"}, {"fields", "key_zone"}),
    "count": ({"stream", "decision"}, {"counters"}),
    "retain": ({"recipient"}, {"max_days"}),
    "no_onward": ({"recipient"}, set()),
    "notify": ({"after"}, {"to", "within_hours"}),
    "receipt": ({"after"}, {"of", "within_hours"}),
}
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


VOCAB = {
    "format": "tdz.vocab/1", "id": "tdz-core", "revision": 9,
    "zones": {"a-1": "a", "a": None, "b": None, "b-1": "b", "b-2": "b-1"},
    "classes": {"business": None, "sens": "personal", "personal": None, "health": "sens",
                "fin": "sens", "important": None, "core": "important", "government": None},
    "attributes": {
        "to": {"type": "zone", "source": "route"},
        "labels": {"type": "labels", "source": "manifest"},
        "via": {"type": "zone", "source": "route"},
        "e1": {"type": "enum", "values": ["x", "y", "z"], "source": "manifest"},
        "e2": {"type": "enum", "values": ["p", "q"], "source": "register"},
        "b1": {"type": "bool", "source": "manifest"}, "b2": {"type": "bool", "source": "register"},
        "g1": {"type": "bool", "source": "gateway"},
        "g2": {"type": "enum", "values": ["full", "partial", "opaque"], "source": "gateway"},
        "g3": {"type": "int", "source": "gateway"},
        "i1": {"type": "int", "source": "register"}, "i2": {"type": "int", "source": "counter"},
        "s1": {"type": "string", "source": "manifest"}},
    "obligations": {k: {"phase": sorted(SUPPORTED[k][0])[0]} for k in SUPPORTED}
    | {"watermark": {"phase": "stream"}},
}
STRINGS = ["A-1", "B-2", "Ünïcode", "q\"uote", ""]
LISTED = ["A-1", "Ünïcode"]
NOW = "2026-10-14T03:21:07Z"


def random_condition(r, depth, doc):
    if depth > 0 and r.random() < 0.5:
        op = r.choice(["all", "any", "not"])
        if op == "not":
            return {"not": random_condition(r, depth - 1, doc)}
        return {op: [random_condition(r, depth - 1, doc) for _ in range(r.randint(1, 3))]}
    kind = r.randrange(8)
    if kind == 0:
        return {"eq": [r.choice(["b1", "b2", "g1"]), r.random() < 0.5]}
    if kind == 1:
        numbers = ["i1", "i2", "g3"] + [f"count.{c}.after" for c in doc["counters"]]
        return {r.choice(["lt", "le", "gt", "ge", "eq"]):
                [r.choice(numbers), r.choice([0, 1, 5, -3, 100, SAFE])]}
    if kind == 2:
        return {"listed": ["s1", r.choice(["neg", "lost"])]}
    if kind == 3:
        zone = r.choice(list(VOCAB["zones"]))
        return {r.choice(["under", "eq"]): [r.choice(["to", "via"]), zone]}
    if kind == 4:
        return {"eq": ["s1", r.choice(STRINGS)]}
    attr = r.choice(["e1", "e2", "g2"])
    values = VOCAB["attributes"][attr]["values"]
    if kind == 5:
        return {"eq": [attr, r.choice(values)]}
    return {"in": [attr, r.sample(values, r.randint(1, len(values)))]}


def random_duty(r):
    kind = r.choice(["encrypt"] * 4 + list(VOCAB["obligations"]))
    zone = r.choice(["a-1", "b-1", "b-1", "b-1"])
    fields = r.sample(["mykad", "email", "class:health", "column:name"], r.randint(1, 3))
    suites = r.choice([["aes-256-gcm"], ["chacha20-poly1305", "aes-256-gcm"],
                       ["chacha20-poly1305"], ["sm4-gcm"], ["aes-256-gcm", "sm4-gcm"]])
    params = {
        "encrypt": {"to_zone": zone, "suites": suites},
        "count": {"counters": ["pi", "spi"][:r.randint(1, 2)]},
        "retain": {"max_days": r.choice([30, 90, 365])}, "no_onward": {},
        "notify": {"to": r.choice(["dpo", "dpo", "cac"]), "within_hours": r.choice([4, 72])},
        "receipt": {"of": "delivery", "within_hours": r.choice([1, 24])},
        "watermark": {"min_bits": r.choice([1, 2]), "on": True}}.get(kind, {"fields": fields})
    if r.random() < 0.03 and len(params) < 4:
        params = dict(params, extra=1)
    return {kind: params}


def random_document(r, index):
    begins = ["2025-01-01T00:00:00+08:00"] * 9 + ["2027-01-01T00:00:00Z"]
    counter = {"counts": "distinct_subjects", "per": ["exporter"], "classes": ["personal"],
               "window": "calendar_year", "tz": "Asia/Shanghai"}
    doc = {"format": "tdz.policy/1",
           "id": f"doc{r.choice(['', '.', '-'])}{index}" if index else "doc",
           "revision": r.randint(1, 9), "zone": "a-1", "direction": "export",
           "closed": r.random() < 0.75, "vocabulary": "tdz-core/9",
           "effective": {"from": r.choice(begins)},
           "lists": {"neg": {"id": "neg-list", "sha256": "…"},
                     "lost": {"id": "lost-list", "sha256": "…"}},
           "counters": {c: counter for c in r.sample(["pi", "spi"], r.randint(0, 2))},
           "rules": [], "texts": {}}
    for n in range(r.randint(0, 14)):
        permits = ["permit"] * 4 if doc["closed"] else []
        effect = r.choice(["forbid", "hold", "oblige"] + permits)
        if effect == "forbid" and r.random() < 0.6:
            effect = "oblige"
        rule = {"id": f"r{n}{r.choice(['', '.x', '-y'])}", "effect": effect,
                "to": ["b", "a"], "classes": r.sample(list(VOCAB["classes"]), r.randint(1, 4)),
                "cite": ["L art.1"], "why": "t"}
        if r.random() < 0.6:
            rule["to"] = r.sample(list(VOCAB["zones"]), r.randint(1, 3))
        if r.random() < 0.25:
            rule["except"] = r.sample(list(VOCAB["classes"]), 1)
        if r.random() < 0.7:
            rule["when"] = random_condition(r, 3, doc)
        if effect == "oblige":
            rule["do"] = [random_duty(r) for _ in range(r.randint(1, 2))]
        if effect == "hold":
            rule["release"] = "zone-authority"
        if r.random() < 0.1:
            rule["from"] = r.choice(["2026-01-01T00:00:00Z", "2026-12-01T00:00:00+08:00"])
        if r.random() < 0.1:
            rule["until"] = r.choice(["2026-06-01T00:00:00Z", NOW, "2027-01-01T00:00:00Z"])
        if r.random() < 0.2:
            rule["reviewed_on"] = r.choice(["2026-01-01", "2026-10-13"])
            if r.random() < 0.8:
                rule["review_days"] = r.choice([1, 30, 365])
        doc["rules"].append(rule)
    return doc


def random_value(r, attr):
    kind = VOCAB["attributes"].get(attr, {"type": "int"})["type"]
    return {"bool": lambda: r.random() < 0.5,
            "int": lambda: r.choice([-4, 0, 1, 4, 5, 6, 99, 100, SAFE]),
            "enum": lambda: r.choice(VOCAB["attributes"][attr]["values"]),
            "string": lambda: r.choice(STRINGS),
            "zone": lambda: r.choice(list(VOCAB["zones"]))}[kind]()


def random_request(r):
    facts = {}
    names = [a for a in VOCAB["attributes"] if a != "labels"]
    for attr in names + ["count.pi.after", "count.spi.after"]:
        roll = r.random()
        if roll < 0.72 or (attr == "to" and roll < 0.97):
            facts[attr] = random_value(r, attr)
        elif roll < 0.76:
            facts[attr] = r.choice(["no such", 7, True, None, [1], {"a": [2, {}]}, "x" * 257])
    roll = r.random()
    if roll < 0.95:
        facts["labels"] = r.sample(list(VOCAB["classes"]), r.choice([0, 1, 1, 2, 3]))
        if roll < 0.03:
            facts["labels"].append("unheard-of")
    elif roll < 0.97:
        facts["labels"] = r.choice(["business", 3, [1], ["business", None]])
    if r.random() < 0.05:
        facts["undeclared"] = 1
    return facts


class Bench:
    """Runs tdz over documents in a scratch folder."""

    def __init__(self, tdz, folder):
        self.tdz, self.folder = tdz, folder
        self.vocab_hash = self.write("vocab.json", json.dumps(VOCAB))
        self.write("neg.json", json.dumps({"format": "tdz.list/1", "id": "neg", "values": LISTED}))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def run(self, docs, requests, preflight=False):
        """(documents with hashes, records as text)."""
        args, hashed = [], []
        for i, doc in enumerate(docs):
            text = json.dumps(doc, ensure_ascii=False)
            hashed.append((doc, self.write(f"p{i}.json", text)))
            args += ["--policy", os.path.join(self.folder, f"p{i}.json")]
        self.write("in.ndjson",
                   "".join(json.dumps(q, ensure_ascii=False) + "\n" for q in requests))
        at = lambda name: os.path.join(self.folder, name)
        args += ["--vocab", at("vocab.json"), "--now", NOW, "--list", "neg=" + at("neg.json"),
                 "--input", at("in.ndjson"), "--batch"]
        args += ["--preflight"] if preflight else []
        out = subprocess.run([self.tdz, "policy", "decide"] + args, capture_output=True, text=True,
                             check=False)
        if out.returncode != 0:
            raise SystemExit(f"tdz failed: {out.stderr}")
        return hashed, out.stdout.splitlines()

    def oracle(self, hashed):
        return Oracle(VOCAB, self.vocab_hash, hashed, {"neg": LISTED}, NOW)


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


def open_completions(facts):
    """Full assignments of the attributes of source gateway that facts do not have."""
    g1 = [facts["g1"]] if "g1" in facts else [True, False]
    g2 = [facts["g2"]] if "g2" in facts else ["full", "partial", "opaque"]
    g3 = [facts["g3"]] if "g3" in facts else [-4, -3, 0, 1, 2, 5, 6, 100, 101, SAFE]
    for a in g1:
        for b in g2:
            for c in g3:
                yield dict(facts, g1=a, g2=b, g3=c)


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tdz")
    parser.add_argument("vectors")
    parser.add_argument("--count", type=int, default=2000, help="random requests in all")
    parser.add_argument("--docs", type=int, default=40, help="random document sets")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    tap = Tap()
    known_answers(tap, args.tdz, args.vectors)
    r = random.Random(args.seed)
    wrong, seen = [], {}
    broken = {k: [] for k in ("order", "decomposition", "completion", "tighten", "loosen",
                              "preflight")}
    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args.tdz, folder)
        for _ in range(args.docs):
            docs = [random_document(r, i) for i in range(r.choice([1, 1, 2, 3]))]
            requests = [random_request(r) for _ in range(args.count // args.docs)]
            hashed, records = bench.run(docs, requests)
            oracle = bench.oracle(hashed)
            assert len(records) == len(requests)
            for q, record in zip(requests, records):
                expect = oracle.decide(q)
                seen[expect["reason"]] = seen.get(expect["reason"], 0) + 1
                if record != canon(expect):
                    wrong.append(f"{record}\n{canon(expect)}\n{canon(docs)}")
            results = [json.loads(x) for x in records]
            check_properties(r, bench, docs, requests, results, broken)
            refused += check_preflight(r, bench, docs, requests, broken)
    tap.ok(not wrong, f"{args.count} random requests are decided byte for byte as by the oracle",
           wrong[:1] and wrong[0])
    tap.ok(len(seen) == 8, "every reason occurs among them", seen)
    tap.ok(not broken["order"], "shuffled rules give the same bytes", broken["order"][:1])
    tap.ok(not broken["decomposition"], "a label set is decided as its lowest single label",
           broken["decomposition"][:1])
    tap.ok(not broken["completion"], "filling in a fact never lowers the result nor adds a duty",
           broken["completion"][:1])
    tap.ok(not broken["tighten"], "adding forbid, hold or oblige never loosens",
           broken["tighten"][:1])
    tap.ok(not broken["loosen"], "adding a permit never tightens", broken["loosen"][:1])
    tap.ok(not broken["preflight"], "preflight refuses nothing that some open value would let pass",
           broken["preflight"][:1])
    tap.ok(refused > 0, "preflight refuses something", refused)
    tap.end()


def lower(a, b):
    return RANK[a["result"]] < RANK[b["result"]]


def check_properties(r, bench, docs, requests, results, broken):
    shuffled = [dict(d, rules=r.sample(d["rules"], len(d["rules"]))) for d in docs]
    hashes = lambda x: {k: v for k, v in x.items() if k not in ("policy", "policies")}
    _, other = bench.run(shuffled, requests)
    for q, a, b in zip(requests, results, other):
        if canon(hashes(a)) != canon(hashes(json.loads(b))):
            broken["order"].append((q, a, b))

    singles = [(i, dict(q, labels=[x])) for i, q in enumerate(requests)
               if isinstance(q.get("labels"), list) and q["labels"] and
               all(isinstance(x, str) for x in q["labels"]) for x in q["labels"]]
    lowest = {}
    if singles:
        _, other = bench.run(docs, [q for _, q in singles])
        for (i, _), record in zip(singles, other):
            got = json.loads(record)
            # Duties of several labels may conflict where those of each alone do not: the merged
            # result is then lower, and both say why.
            lowest[i] = min(lowest.get(i, 2), RANK[got["result"]])
        for i, rank in lowest.items():
            merged = results[i]["reason"].startswith("obligation-")
            if RANK[results[i]["result"]] != rank and not (merged and rank > 0):
                broken["decomposition"].append((requests[i], results[i]))

    filled = []
    for i, q in enumerate(requests):
        for attr in results[i]["unknown"]:
            if attr not in q:
                filled.append((i, dict(q, **{attr: random_value(r, attr)})))
    if filled:
        _, other = bench.run(docs, [q for _, q in filled])
        for (i, q), record in zip(filled, other):
            got = json.loads(record)
            more = set(got.get("obligations", {})) - set(results[i].get("obligations", {}))
            if lower(got, results[i]) or (results[i]["result"] == "allow" and more):
                broken["completion"].append((q, results[i], got))

    which = r.randrange(len(docs))
    extra = random_document(r, 77)
    extra["closed"] = docs[which]["closed"]
    for name, effects in (("tighten", ("forbid", "hold", "oblige")), ("loosen", ("permit",))):
        rules = [dict(x, id="new." + x["id"]) for x in extra["rules"] if x["effect"] in effects]
        rules = [x for x in rules if usable(x, docs[which])]
        if not rules or (name == "loosen" and not docs[which]["closed"]):
            continue
        edited = list(docs)
        edited[which] = dict(docs[which], rules=docs[which]["rules"] + rules)
        _, other = bench.run(edited, requests)
        for q, a, b in zip(requests, results, other):
            got = json.loads(b)
            if lower(a, got) if name == "tighten" else lower(got, a):
                broken[name].append((q, a, got))


def usable(rule, doc):
    """A rule moved to another document may not read a counter that is not declared there."""
    text = json.dumps(rule)
    return all(f"count.{c}.after" not in text or c in doc["counters"] for c in ("pi", "spi"))


def check_preflight(r, bench, docs, requests, broken):
    """Brute force over the open attributes: what preflight refuses, no value of them lets pass."""
    sample = []
    for q in requests[:12]:
        q = {k: v for k, v in q.items() if k not in ("g1", "g2", "g3") or r.random() < 0.3}
        sample.append(q)
    _, early = bench.run(docs, sample, preflight=True)
    full, owner = [], []
    for i, q in enumerate(sample):
        for complete in open_completions(q):
            full.append(complete)
            owner.append(i)
    _, late = bench.run(docs, full)
    best = [0] * len(sample)
    for i, record in zip(owner, late):
        best[i] = max(best[i], RANK[json.loads(record)["result"]])
    refused = 0
    for q, record, top in zip(sample, early, best):
        got = json.loads(record)
        refused += got["result"] == "deny"
        if RANK[got["result"]] < top:
            broken["preflight"].append((q, got, top))
    return refused


if __name__ == "__main__":
    main()
