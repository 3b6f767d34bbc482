#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz policy prove and diff against brute force: on small domains every input is decided by the
oracle (another evaluator, written from the specification) and compared with what the exhaustive
analysis says of it, at every instant where something changes."""
import hashlib
import itertools
import json
import os
import random
import sys
import tempfile

import polkit

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../oracle"))
import policy_oracle  # noqa: E402

SAFE = 2 ** 53 - 1
VOCAB = {
    "format": "tdz.vocab/1", "id": "small", "revision": 1,
    "zones": {"A": None, "B": None, "b-1": "B"},
    "classes": {"personal": None, "health": "personal", "business": None},
    "attributes": {"to": {"type": "zone", "source": "route"},
                   "labels": {"type": "labels", "source": "manifest"},
                   "b": {"type": "bool", "source": "gateway"},
                   "e": {"type": "enum", "source": "manifest", "values": ["x", "y", "z"]},
                   "n": {"type": "int", "source": "counter"},
                   "s": {"type": "string", "source": "manifest"}},
    "obligations": {k: {"phase": "stream"} for k in ("encrypt", "tokenise", "mask")}
    | {"retain": {"phase": "recipient"}, "notify": {"phase": "after"}}}
LISTED = ["k1", "k2"]
TIMES = ["2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2026-12-01T00:00:00Z"]
BEFORE = "2025-01-01T00:00:00Z"
NONE = object()
DOMAIN = {"b": [NONE, True, False], "e": [NONE, "x", "y", "z"],
          "n": [NONE, -SAFE, 0, 4, 5, 6, 99, 100, SAFE], "s": [NONE, "k1", "k2", "m", "?"]}


def condition(r, depth):
    if depth and r.random() < 0.6:
        op = r.choice(["all", "any", "all", "any", "not"])
        if op == "not":
            return {"not": condition(r, depth - 1)}
        return {op: [condition(r, depth - 1) for _ in range(r.randint(1, 3))]}
    return r.choice([
        lambda: {"eq": ["b", r.random() < 0.5]},
        lambda: {r.choice(["lt", "le", "gt", "ge", "eq"]): ["n", r.choice([5, 100, SAFE, -SAFE])]},
        lambda: {"in": ["e", r.sample(["x", "y", "z"], r.randint(1, 2))]},
        lambda: {"eq": ["e", r.choice("xyz")]},
        lambda: {"eq": ["s", r.choice(["m", "k1"])]},
        lambda: {"listed": ["s", r.choice(["neg", "neg", "lost"])]},
        lambda: {r.choice(["under", "eq"]): ["to", r.choice(["A", "B", "b-1"])]}])()


def duty(r):
    return r.choice([{"encrypt": {"suites": r.choice([["aes-256-gcm"], ["chacha20-poly1305"],
                                                      ["aes-256-gcm", "chacha20-poly1305"]])}},
                     {"tokenise": {"fields": ["mykad"]}}, {"mask": {"fields": ["email"]}},
                     {"retain": {"max_days": r.choice([9, 90])}},
                     {"notify": {"to": r.choice(["x", "y"])}}])


def rule(r, n, closed):
    effect = r.choice((["permit"] * 4 if closed else []) + ["forbid", "hold", "oblige", "oblige"])
    out = {"id": f"r{n}", "effect": effect, "to": r.choice([["B"], ["b-1"], ["A", "B"]]),
           "classes": r.sample(list(VOCAB["classes"]), r.randint(1, 2)), "cite": ["L"], "why": "t"}
    if r.random() < 0.9 or effect == "forbid":
        out["when"] = condition(r, 3)
    if effect == "oblige":
        out["do"] = [duty(r) for _ in range(r.randint(1, 2))]
    if effect == "hold":
        out["release"] = "someone"
    if r.random() < 0.15:
        out["from"] = r.choice(TIMES)
    if r.random() < 0.15:
        out["until"] = r.choice(TIMES)
    if r.random() < 0.15:
        out |= {"reviewed_on": "2025-12-02", "review_days": 181}
    return out


def document(r, name="d", closed=True):
    return {"format": "tdz.policy/1", "id": name, "revision": 1, "zone": "A",
            "direction": "export", "closed": closed, "vocabulary": "small/1",
            "effective": {"from": r.choice([BEFORE, BEFORE, TIMES[0]])},
            "lists": {"neg": {"id": "neg", "sha256": "…"}, "lost": {"id": "lost", "sha256": "…"}},
            "rules": [rule(r, n, closed) for n in range(r.randint(3, 8))], "texts": {}}


def edited(r, doc):
    """Another version: a rule more, a rule less, a condition changed."""
    out = json.loads(json.dumps(doc))
    for _ in range(r.randint(1, 2)):
        pick = r.randrange(3)
        if pick == 0:
            out["rules"].append(rule(r, 90 + len(out["rules"]), doc["closed"]))
        elif pick == 1 and len(out["rules"]) > 1:
            out["rules"].pop(r.randrange(len(out["rules"])))
        else:
            r.choice(out["rules"])["when"] = condition(r, 2)
    return out


class World:
    """Every input there is, to one zone with one label at a time."""

    def __init__(self, folder):
        self.folder = folder
        text = json.dumps(VOCAB)
        self.vocab = polkit.write(folder, "v.json", text)
        self.hash = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        self.list = polkit.write(folder, "l.json",
                                 {"format": "tdz.list/1", "id": "neg", "values": LISTED})
        self.options = ["--vocab", self.vocab, "--list", "neg=" + self.list]

    def oracle(self, docs, now):
        return policy_oracle.Oracle(VOCAB, self.hash, [(d, "sha256:0") for d in docs],
                                    {"neg": LISTED}, now)

    def inputs(self, docs):
        """Attributes that no condition of docs reads have no say: they are left out."""
        text = json.dumps([r.get("when") for d in docs for r in d["rules"]])
        names = [k for k in DOMAIN if f'["{k}", ' in text]
        for to, label in itertools.product(VOCAB["zones"], VOCAB["classes"]):
            for values in itertools.product(*(DOMAIN[k] for k in names)):
                facts = {"to": to, "labels": [label]}
                facts |= {k: v for k, v in zip(names, values) if v is not NONE}
                yield facts


def outcome(oracle, facts):
    got = oracle.decide(facts)
    return got["result"], got.get("obligations")


def mentioned(docs):
    """Texts that conditions of docs or their list name; all others are one to them."""
    text = json.dumps([r.get("when") for d in docs for r in d["rules"]])
    return {x for x in ("m", "k1") if f'["s", "{x}"]' in text} | \
        (set(LISTED) if '["s", "neg"]' in text else set())


def has(region, facts, now, texts):
    """True if the input is in the region."""
    t = policy_oracle.when(now)
    if "from" in region and t < policy_oracle.when(region["from"]):
        return False
    if "until" in region and t >= policy_oracle.when(region["until"]):
        return False
    if facts["to"] not in region["to"] or facts["labels"][0] not in region["labels"]:
        return False
    for one in region["when"]:
        v = facts.get(one["fact"])
        known = {x for x in one["is"] if isinstance(x, str)}
        good = (v is None and None in one["is"]) or \
            (isinstance(v, bool) and any(x is v for x in one["is"])) or \
            (isinstance(v, str) and v in known) or \
            (type(v) is int and any(isinstance(x, dict) and "min" in x and
                                    x["min"] <= v <= x["max"] for x in one["is"])) or \
            (isinstance(v, str) and one["fact"] == "s" and {"other": True} in one["is"] and
             v not in texts)
        if not good:
            return False
    return True


def check_diff(tap, tdz, world, rounds):
    wrong, differing, inputs, alike = [], 0, 0, 0
    for seed in range(rounds):
        r = random.Random(seed)
        old = document(r, closed=r.random() < 0.8)
        new = edited(r, old)
        beside = [document(r, "beside", closed=False)] if r.random() < 0.3 else []
        paths = [polkit.write(world.folder, f"{n}.json", d)
                 for n, d in (("old", old), ("new", new))]
        more = [x for i, d in enumerate(beside)
                for x in ("--policy", polkit.write(world.folder, f"b{i}.json", d))]
        out = polkit.run(tdz, "diff", *paths, *more, *world.options, "--json", "--limit", "100000")
        if out.returncode not in (0, 1):
            wrong.append((seed, out.stderr))
            continue
        found = polkit.lines(out)
        texts = mentioned([old, new] + beside)
        for moment in TIMES:
            if moment < old["effective"]["from"] or moment < new["effective"]["from"]:
                continue
            a, b = world.oracle([old] + beside, moment), world.oracle([new] + beside, moment)
            for facts in world.inputs([old, new] + beside):
                x, y = outcome(a, facts), outcome(b, facts)
                inside = [f for f in found if has(f["region"], facts, moment, texts)]
                inputs += 1
                differing += x != y
                told = [((f["old"]["verdict"], f["old"].get("obligations")),
                         (f["new"]["verdict"], f["new"].get("obligations"))) for f in inside]
                if told != ([(x, y)] if x != y else []):
                    wrong.append((seed, moment, facts, x, y, told))
        alike += not found
        if bool(found) != (out.returncode == 1):
            wrong.append((seed, "exit", out.returncode))
    tap.ok(not wrong and differing > inputs // 50 and alike > 0,
           f"diff agrees with brute force on {inputs} inputs, {differing} of them differing",
           (inputs, differing, alike, wrong[:2]))


def check_prove(tap, tdz, world, rounds):
    wrong, proved, refuted = [], 0, 0
    for seed in range(rounds):
        r = random.Random(1000 + seed)
        docs = [document(r)] + ([document(r, "over", False)] if r.random() < 0.4 else [])
        label, zone = r.choice(list(VOCAB["classes"])), r.choice(list(VOCAB["zones"]))
        duty_name = r.choice(["", "", "encrypt", "tokenise", "retain"])
        where = r.choice([None, None, ("b", True), ("e", "y"), ("n", 6), ("s", "?")])
        text = json.dumps([x.get("when") for d in docs for x in d["rules"]])
        read = not where or f'["{where[0]}", ' in text
        sentence = f"no path from {label} to {zone}"
        sentence += f" without {duty_name}" if duty_name else ""
        sentence += f" where {where[0]}={json.dumps(where[1])}" if where else ""
        args = [x for i, d in enumerate(docs)
                for x in ("--policy", polkit.write(world.folder, f"p{i}.json", d))]
        out = polkit.run(tdz, "prove", sentence, *args, *world.options, "--json")

        def hit(facts, now):
            got, duties = outcome(world.oracle(docs, now), facts)
            return got != "deny" and not (duty_name and duty_name in duties)
        under = [z for z in VOCAB["zones"]
                 if zone in policy_oracle.ancestors(z, VOCAB["zones"])]
        below = [c for c in VOCAB["classes"]
                 if label in policy_oracle.ancestors(c, VOCAB["classes"])]
        exists = any(hit(facts, t) for t in [BEFORE] + TIMES for facts in world.inputs(docs)
                     if facts["to"] in under and facts["labels"][0] in below and
                     (not where or not read or facts.get(where[0]) is where[1] or
                      (type(where[1]) in (str, int) and facts.get(where[0]) == where[1])))
        got = json.loads(out.stdout) if out.stdout else {}
        proved += not exists
        refuted += exists
        good = got.get("proved") is (not exists) and out.returncode == (1 if exists else 0)
        if good and exists:
            w = got["witness"]
            good = hit(w["input"], w["now"]) and w["input"]["to"] in under and \
                w["input"]["labels"][0] in below and \
                (not where or w["input"].get(where[0]) == where[1]) and \
                has(got["region"], w["input"], w["now"], mentioned(docs))
        wrong += [] if good else [(seed, sentence, exists, out)]
    tap.ok(not wrong and proved > 5 and refuted > 5,
           f"prove agrees with brute force: {proved} proved, {refuted} refuted with a witness",
           (proved, refuted, wrong[:1]))


def check_sets(tap, tdz, world, rounds):
    """What differs for a set of labels differs for one of them."""
    wrong, differing = [], 0
    for seed in range(rounds):
        r = random.Random(2000 + seed)
        old = document(r)
        new = edited(r, old)
        paths = [polkit.write(world.folder, f"{n}.json", d)
                 for n, d in (("old", old), ("new", new))]
        now = TIMES[2]
        out = polkit.run(tdz, "diff", *paths, *world.options, "--json", "--limit", "100000",
                         "--now", now)
        found = polkit.lines(out)
        a, b = world.oracle([old], now), world.oracle([new], now)
        texts = mentioned([old, new])
        every = list(world.inputs([old, new]))
        for facts in r.sample(every, min(200, len(every))):
            labels = r.sample(list(VOCAB["classes"]), 2)
            both = dict(facts, labels=labels)
            if outcome(a, both) != outcome(b, both):
                differing += 1
                wrong += [] if any(has(f["region"], dict(facts, labels=[x]), now, texts)
                                   for f in found for x in labels) else [(seed, both)]
    tap.ok(not wrong and differing > 20,
           "what differs for a set of labels is in a region of one of them",
           (differing, wrong[:2]))


def check_together(tap, tdz, world, doc):
    """What cannot stand together is a wrong command, not a question without an answer."""
    facts = polkit.write(world.folder, "q.json", {"to": "A", "labels": ["personal"]})
    os.mkdir(os.path.join(world.folder, "log"))
    log = polkit.write(world.folder, "log/r.ndjson", "")
    ask = {"prove": ["no path from personal to A", "--policy", doc],
           "decide": ["--policy", doc, "--now", TIMES[0], "--input", facts],
           "explain": ["--policy", doc, "--input", facts], "diff": [doc, doc],
           "simulate": ["--policy", doc, "--log", os.path.dirname(log)]}
    for command, args in ask.items():
        for more, said in ((["--policy", doc], "two of the policies have the id 'd'"),
                           (["--list", "neg=" + world.list], "'neg' is given twice")):
            out = polkit.run(tdz, command, *args, *world.options, *more)
            tap.ok(out.returncode == 2 and said in out.stderr and not out.stdout,
                   f"{command}: {said}", out)
        out = polkit.run(tdz, command, *args, *world.options, "--list", "nag=" + world.list)
        tap.ok(out.returncode in (0, 1) and "no policy has a list of the name 'nag'" in out.stderr,
               f"{command}: a list that nothing reads is told", out)


def check_usage(tap, tdz, world):
    doc = polkit.write(world.folder, "u.json", document(random.Random(1)))
    bad = [["no path from nowhere to A"], ["no path from personal to nowhere"], ["nonsense"],
           ["no path from personal to A without nothing"],
           ["no path from personal to A where q=1"], ["no path from personal to A where e=w"],
           ["no path from personal to A where b=1"], ["no path from personal to A where to=A"],
           ["no path from personal to A where n=true"], ["no path from personal to A where b"],
           ["no path from personal to A where e=x and e=x"],
           ["no path from personal to A where s=" + "y" * 257],
           ["no path from personal to A and so on"], [], ["no path from personal to A", "more"]]
    for args in bad:
        out = polkit.run(tdz, "prove", *args, "--policy", doc, *world.options)
        tap.ok(out.returncode == 2 and out.stderr, f"not understood: {args}", out)
    tap.ok(polkit.run(tdz, "prove", "no path from personal to A", *world.options).returncode == 2,
           "prove without a policy is a usage error")
    tap.ok(polkit.run(tdz, "diff", doc, *world.options).returncode == 2,
           "diff of one file is a usage error")
    out = polkit.run(tdz, "diff", doc, doc, *world.options)
    tap.ok(out.returncode == 0 and out.stdout == "no input is decided otherwise\n",
           "a file does not differ from itself", out)
    check_together(tap, tdz, world, doc)
    wide = {"all": [{"any": [{"eq": ["b", True]}, {"eq": ["n", i]}]} for i in range(13)]}
    big = document(random.Random(1))
    big["rules"] = [dict(big["rules"][0], to=["B"], classes=["personal"], when=wide)]
    path = polkit.write(world.folder, "w.json", big)
    out = polkit.run(tdz, "prove", "no path from personal to B", "--policy", path, *world.options)
    tap.ok(out.returncode == 3 and "no answer" in out.stderr,
           "a question that is too large gets no answer instead of a wrong one", out)


def main():
    tdz = sys.argv[1]
    deep = polkit.is_deep()
    tap = polkit.Tap()
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        check_diff(tap, tdz, world, 200 if deep else 12)
        check_prove(tap, tdz, world, 300 if deep else 30)
        check_sets(tap, tdz, world, 100 if deep else 15)
        check_usage(tap, tdz, world)
    tap.end()


if __name__ == "__main__":
    main()
