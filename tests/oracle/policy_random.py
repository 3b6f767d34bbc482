#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random vocabularies, documents and requests for the policy tests: small domains, so that rules
meet, and the odd value that no attribute can have."""
import itertools
import json

SAFE = 2 ** 53 - 1
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
# Some are borders of the validity below.
TIMES = ["2026-10-14T03:21:07Z", "2026-10-14T03:21:07Z", "2026-11-30T16:00:00Z",
         "2026-11-30T15:59:59.999Z", "2027-01-01T00:00:00Z", "2024-12-31T15:59:59Z"]
NOW = TIMES[0]
STRINGS = ["A-1", "B-2", "\u00dcn\u00efcode", "q\"uote", "", "zz"]
NUMBERS = [0, 1, 5, -3, 100, SAFE, -SAFE]
FIELDS = ["mykad", "email", "class:health", "column:name"]


def text(value):
    return json.dumps(value, ensure_ascii=False)


def forest(r, prefix, most):
    """Names with parents, in random order, so that a parent may come after its child."""
    names = [f"{prefix}{i}" for i in range(r.randint(2, most))]
    tree = {name: r.choice(names[:i] + [None]) for i, name in enumerate(names)}
    return {name: tree[name] for name in r.sample(names, len(names))}


def vocabulary(r):
    attributes = {"to": {"type": "zone", "source": "route"},
                  "labels": {"type": "labels", "source": "manifest"},
                  "g.b": {"type": "bool", "source": "gateway"},
                  "g.e": {"type": "enum", "values": ["full", "partial", "opaque"],
                          "source": "gateway"},
                  "g.i": {"type": "int", "source": "gateway"}}
    sources = ["manifest", "register", "route", "counter"]
    for i in range(r.randint(3, 14)):
        kind = r.choice(["bool", "int", "enum", "enum", "string", "zone"])
        spec = {"type": kind, "source": r.choice(sources)}
        if kind == "enum":
            spec["values"] = r.sample(list("pqrstuvwxyz"), r.randint(1, 8))
        attributes[f"{kind[0]}.{i}"] = spec
    obligations = {k: {"phase": r.choice(sorted(SUPPORTED[k][0]))} for k in SUPPORTED}
    obligations["watermark"] = {"phase": "stream"}
    if r.random() < 0.2:
        obligations["mask"]["phase"] = "after"
    order = r.sample(list(attributes), len(attributes))
    return {"format": "tdz.vocab/1", "id": "tdz-core", "revision": r.randint(1, 9),
            "zones": forest(r, "z", 7), "classes": forest(r, "c", 9),
            "attributes": {k: attributes[k] for k in order}, "obligations": obligations}


def listed(r):
    return r.sample([x for x in STRINGS if x] + ["p", "q", "full"], r.randint(0, 5))


def comparison(r, vocab, doc):
    attr = r.choice([a for a in vocab["attributes"] if a != "labels"] +
                    [f"count.{c}.after" for c in doc["counters"]])
    spec = vocab["attributes"].get(attr, {"type": "int"})
    kind = spec["type"]
    if kind == "bool":
        return {"eq": [attr, r.random() < 0.5]}
    if kind == "int":
        numbers = [0, 1, 3, 5] if attr == "g.i" else NUMBERS
        return {r.choice(["lt", "le", "gt", "ge", "eq"]): [attr, r.choice(numbers)]}
    if kind in ("enum", "string") and r.random() < 0.3:
        return {"listed": [attr, r.choice(["neg", "neg", "lost"])]}
    values = {"enum": lambda: spec["values"], "string": lambda: STRINGS,
              "zone": lambda: list(vocab["zones"])}[kind]()
    op = r.choice(["eq", "in", "under"] if kind == "zone" else ["eq", "in"])
    if op == "in":
        return {"in": [attr, r.sample(values, r.randint(1, len(values)))]}
    return {op: [attr, r.choice(values)]}


def condition(r, vocab, doc, depth):
    if depth > 0 and r.random() < 0.5:
        op = r.choice(["all", "any", "not"])
        if op == "not":
            return {"not": condition(r, vocab, doc, depth - 1)}
        return {op: [condition(r, vocab, doc, depth - 1) for _ in range(r.randint(1, 3))]}
    return comparison(r, vocab, doc)


def duty(r, vocab):
    kind = r.choice(["encrypt"] * 4 + list(vocab["obligations"]))
    zones = list(vocab["zones"])
    suites = r.choice([["aes-256-gcm"], ["chacha20-poly1305", "aes-256-gcm"],
                       ["chacha20-poly1305"], ["sm4-gcm"], ["aes-256-gcm", "sm4-gcm"]])
    params = {
        "encrypt": {"to_zone": r.choice([zones[0]] * 9 + zones), "suites": suites},
        "count": {"counters": r.choice([["pi"], ["pi", "spi"], ["spi"], ["spi", "visits"]])},
        "retain": {"max_days": r.choice([30, 90, 365])}, "no_onward": {},
        "notify": {"to": r.choice(["dpo", "dpo", "cac"]), "within_hours": r.choice([4, 72])},
        "receipt": {"of": "delivery", "within_hours": r.choice([1, 24])},
        "watermark": {"min_bits": r.choice([1, 2]), "on": True},
    }.get(kind, {"fields": r.sample(FIELDS, r.randint(1, 3))})
    if r.random() < 0.03 and len(params) < 4:
        params = dict(params, extra=1)
    return {kind: params}


def rules(r, vocab, doc):
    zones, classes, out = list(vocab["zones"]), list(vocab["classes"]), []
    # Now and then more than fit into one word of a compiled document.
    for n in range(r.randint(60, 200) if r.random() < 0.04 else r.randint(0, 14)):
        permits = ["permit"] * 4 if doc["closed"] else []
        effect = r.choice(["forbid", "hold", "oblige"] + permits)
        if effect == "forbid" and r.random() < 0.6:
            effect = "oblige"
        rule = {"id": f"r{n}{r.choice(['', '.x', '-y'])}", "effect": effect, "to": zones,
                "classes": r.sample(classes, r.randint(1, min(4, len(classes)))),
                "cite": ["L art.1"], "why": "t"}
        if r.random() < 0.6:
            rule["to"] = r.sample(zones, r.randint(1, min(3, len(zones))))
        if r.random() < 0.25:
            rule["except"] = r.sample(classes, 1)
        if r.random() < 0.7:
            rule["when"] = condition(r, vocab, doc, 4)
        if effect == "oblige":
            rule["do"] = [duty(r, vocab) for _ in range(r.randint(1, 2))]
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
        out.append(rule)
    return out


def document(r, vocab, index):
    begins = ["2025-01-01T00:00:00+08:00"] * 9 + ["2027-01-01T00:00:00Z"]
    counter = {"counts": "distinct_subjects", "per": ["exporter"],
               "classes": [next(iter(vocab["classes"]))], "window": "calendar_year",
               "tz": "Asia/Shanghai"}
    doc = {"format": "tdz.policy/1",
           "id": f"doc{r.choice(['', '.', '-'])}{index}" if index else "doc",
           "revision": r.randint(1, 9), "zone": next(iter(vocab["zones"])), "direction": "export",
           "closed": r.random() < 0.75, "vocabulary": f"tdz-core/{vocab['revision']}",
           "effective": {"from": r.choice(begins)},
           "lists": {"neg": {"id": "neg-list", "sha256": "\u2026"},
                     "lost": {"id": "lost-list", "sha256": "\u2026"}},
           "counters": {c: counter for c in r.sample(["pi", "spi"], r.randint(0, 2))},
           "rules": [], "texts": {}}
    if r.random() < 0.1:
        doc["effective"]["until"] = r.choice(["2026-10-14T00:00:00Z", "2028-01-01T00:00:00Z"])
    doc["rules"] = rules(r, vocab, doc)
    return doc


def documents(r, vocab):
    return [document(r, vocab, i) for i in range(r.choice([1, 1, 2, 3]))]


def value(r, vocab, attr):
    spec = vocab["attributes"].get(attr, {"type": "int"})
    return {"bool": lambda: r.random() < 0.5,
            "int": lambda: max(-SAFE, min(SAFE, r.choice(NUMBERS) + r.choice([-1, 0, 0, 1]))),
            "enum": lambda: r.choice(spec["values"]),
            "string": lambda: r.choice(STRINGS),
            "zone": lambda: r.choice(list(vocab["zones"]))}[spec["type"]]()


def request(r, vocab, docs):
    facts = {}
    names = [a for a in vocab["attributes"] if a != "labels"]
    for attr in names + sorted({f"count.{c}.after" for d in docs for c in d["counters"]}):
        roll = r.random()
        if roll < 0.72 or (attr == "to" and roll < 0.97):
            facts[attr] = value(r, vocab, attr)
        elif roll < 0.76:
            facts[attr] = r.choice(["no such", 7, True, None, [1], {"a": [2, {}]}, "x" * 257])
    roll = r.random()
    classes = list(vocab["classes"])
    if roll < 0.95:
        facts["labels"] = r.sample(classes, min(len(classes), r.choice([0, 1, 1, 2, 3])))
        if roll < 0.03:
            facts["labels"].append("unheard-of")
    elif roll < 0.97:
        facts["labels"] = r.choice([classes[0], 3, [1], [classes[0], None]])
    if r.random() < 0.05:
        facts["undeclared"] = 1
    return facts


OPEN = {"g.b": [True, False], "g.e": ["full", "partial", "opaque"],
        # One of each stretch between the numbers that comparison() takes for it.
        "g.i": [-1, 0, 1, 2, 3, 4, 5, 6]}


def open_attributes(vocab):
    return [a for a, spec in vocab["attributes"].items() if spec["source"] == "gateway"]


def completions(vocab, facts):
    """facts with every combination of values of the open attributes that they do not have."""
    missing = [a for a in open_attributes(vocab) if a not in facts]
    for values in itertools.product(*(OPEN[a] for a in missing)):
        yield dict(facts, **dict(zip(missing, values)))
