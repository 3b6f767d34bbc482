#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped JSON Schemas and the loader agree: on the files of the product, on small good files
with every construct, and on every edit of these files. A schema cannot know what only a vocabulary
or a second field tells; MEANING lists all that the loader alone refuses. And every trap of lenient
JSON readers is refused in every kind of file, with its place."""
import copy
import glob
import json
import os
import random
import re
import sys
import tempfile

import jsonschema

import polkit

# What the loader refuses with these words is beyond a schema of one file.
MEANING = re.compile("|".join([
    "this (zone|class|parent) is not declared", "not a value of this attribute",
    "the vocabulary declares no such", "lists has no such list", "only the gateway may say this",
    "an order needs an integer attribute", "under needs an attribute of type zone",
    "listed needs a string attribute", "labels are scoped by classes",
    "this attribute is not compared with text", "written for another vocabulary",
    "its parents form a cycle", "from and to are one zone", "it ends before it begins",
    "it expires before it is issued", "another (rule|field) has this", "labels are sorted",
    "not_after is within 30 days", "a manifest: the bytes are not the canonical form",
    "must be spiffe://<its zone>/partner/<name>", "true or false must be here",
    "an integer must be here: ", "a string must be here: "]))
# Where the last three stand for a clash with the attribute, the schema knows the JSON type only.
OPERATOR = re.compile("(true or false|an integer|a string) must be here")

POLICY = {
    "format": "tdz.policy/1", "id": "my-export", "revision": 1, "previous": "sha256:" + "0" * 64,
    "zone": "my-cyberjaya", "direction": "export", "closed": True, "vocabulary": "tdz-core/4",
    "effective": {"from": "2026-01-01T00:00:00+08:00", "until": "2030-01-01T00:00:00.5Z"},
    "lists": {"neg": {"id": "neg-list", "sha256": "sha256:" + "a" * 64},
              "open": {"id": "open-list", "sha256": "…"}},
    "counters": {"pi": {"counts": "distinct_subjects", "per": ["exporter"],
                        "classes": ["personal"], "except": ["sensitive_personal"],
                        "window": "calendar_year", "tz": "Asia/Kuala_Lumpur"}},
    "rules": [
        {"id": "a.permit", "effect": "permit", "to": ["CN"], "classes": ["personal", "business"],
         "except": ["genetic"], "from": "2026-02-01", "until": "2029-02-01T00:00:00Z",
         "when": {"all": [{"eq": ["basis", "consent"]}, {"in": ["purpose", ["hr", "research"]]},
                          {"any": [{"lt": ["count.pi.after", 100000]},
                                   {"not": {"listed": ["catalogue_code", "neg"]}}]},
                          {"eq": ["exporter.ciio", False]}, {"under": ["from", "MY"]},
                          {"ge": ["evidence.tia.days_left", 0]},
                          {"le": ["evidence.tia.age_days", 9]},
                          {"gt": ["evidence.tia.age_days", -1]}]},
         "cite": ["L art.1", "L art.2"], "certainty": "primary", "reviewed_on": "2026-11-01",
         "review_days": 365, "why": "t", "note": "n"},
        {"id": "a.hold", "effect": "hold", "to": ["CN"], "classes": ["important"],
         "release": "zone-authority", "cite": ["L art.3"], "why": "t"},
        {"id": "a.forbid", "effect": "forbid", "to": ["CN"], "classes": ["core"],
         "cite": ["L art.4"], "why": "t"},
        {"id": "a.oblige", "effect": "oblige", "to": ["CN"], "classes": ["personal"],
         "do": [{"count": {"counters": ["pi"]}}, {"drop": {"fields": ["column:x"]}},
                {"encrypt": {"to_zone": "cn-lingang", "suites": ["aes-256-gcm"]}},
                {"mask": {"fields": ["email"]}}, {"no_onward": {}},
                {"notify": {"to": "dpo", "within_hours": 4}},
                {"receipt": {"of": "delivery", "within_hours": 24}},
                {"redact": {"fields": ["email"]}}, {"retain": {"max_days": 90}},
                {"tokenise": {"fields": ["mykad"], "key_zone": "my-cyberjaya"}}],
         "cite": ["L art.5"], "why": "t"}],
    "texts": {"t": {"en": "Why.", "ms": "Sebab.", "zh": "原因。"}}}
OVERLAY = dict(POLICY, closed=False, rules=POLICY["rules"][1:])
VOCAB = {
    "format": "tdz.vocab/1", "id": "v", "revision": 3, "note": "n",
    "zones": {"A": None, "a-1": "A"}, "classes": {"personal": None, "health": "personal"},
    "attributes": {"to": {"type": "zone", "source": "route"},
                   "labels": {"type": "labels", "source": "manifest", "note": "n"},
                   "basis": {"type": "enum", "source": "manifest", "values": ["x", "y"]},
                   "n": {"type": "int", "source": "counter"},
                   "b": {"type": "bool", "source": "gateway"},
                   "s": {"type": "string", "source": "register"}},
    "obligations": {"encrypt": {"phase": "stream", "note": "n"}, "count": {"phase": "decision"},
                    "retain": {"phase": "recipient"}, "notify": {"phase": "after"}}}
LIST = {"format": "tdz.list/1", "id": "neg", "values": ["a", "b"], "note": "n"}
PARTNER = {"format": "tdz.partner/1", "name": "lab", "zone": "cn-lingang",
           "spiffe": ["spiffe://cn-lingang/partner/lab"],
           "facts": {"exporter.ciio": False, "exporter.sector": "health"}, "note": "n"}
AGREEMENT = {
    "format": "tdz.agreement/1", "id": "a-1", "from": "my-cyberjaya", "to": "cn-lingang",
    "sender": "hospital", "recipient": "lab", "purpose": "research", "basis": "consent",
    "release_mode": "hold", "valid_from": "2026-01-01", "valid_to": "2030-01-01T00:00:00Z",
    "facts": {"origin": "domestic", "exporter.persons_handled": 3},
    "evidence": [{"kind": "tia", "ref": "r", "sha256": "sha256:" + "b" * 64,
                  "issued": "2026-01-01", "expires": "2030-01-01", "scope": "all",
                  "envelope": {"purposes": ["research"], "recipients": ["lab"],
                               "fields": ["n", "m"], "persons": 9}}],
    "ceilings": {"bytes": 1, "rows": 2, "persons": 3},
    "schema": {"format": "csv", "additional": "allow", "fields": [
        {"name": "n", "type": "string", "x-class": "personal", "x-identifier": "mykad",
         "pseudonymised": True, "description": "d", "x-legal-basis": "l", "x-purpose": "p"},
        {"name": "m", "type": "string", "x-class": "business"}]}, "note": "n"}
MANIFEST = {
    "schema": "tdz.manifest/1", "transfer": "0" * 32, "src": "my-cyberjaya", "dst": "cn-lingang",
    "dataset": "d", "agreement": "a-1", "sender": "hospital", "schema_id": "1" * 64,
    "ruleset_hash": "2" * 64, "policy_hash": "3" * 64, "legal_basis": "consent",
    "label": ["business", "personal"], "recipients": ["4" * 64], "created": 1790000000,
    "not_after": 1790000100, "suite": 1, "plaintext_len": 9, "ciphertext_ahead": False,
    "facts": {"basis": "consent"}, "performed": {}}
SMALL = {"policy": [POLICY, OVERLAY], "vocab": [VOCAB], "list": [LIST], "partner": [PARTNER],
         "agreement": [AGREEMENT], "manifest": [MANIFEST]}

SAMPLE = 1500
VALUES = [None, True, 0, 1, -1, 3, 40000, 2 ** 53 - 1, 2 ** 53, "", "x", "a b", "é", "A/1\n",
          "x" * 65, "x" * 257, "x" * 4097, "2026-02-01", "2026-02-01T00:00:00Z", "2026-13-01",
          "2026-02-29", "2028-02-29T00:00:00Z", "2100-02-29", "2000-02-29T23:59:59+14:00",
          "2026-04-31T00:00:00Z", "2026-11-31",
          "sha256:" + "A" * 64, "…", [], ["x"], ["x", "x"], [1], [None], [[]], {}, {"x": 1},
          {"x": {}}, {"eq": ["basis"]}, ["exporter", "recipient"], ["x"] * 65]


def paths(node, at=()):
    yield at
    items = node.items() if isinstance(node, dict) else \
        enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from paths(value, at + (key,))


def edited(doc, path, change):
    out = copy.deepcopy(doc)
    if not path:
        return change(out, None)
    parent = out
    for key in path[:-1]:
        parent = parent[key]
    change(parent, path[-1])
    return out


def assign(value):
    def change(parent, key):
        if key is None:
            return value
        parent[key] = copy.deepcopy(value)
        return None
    return change


def remove(parent, key):
    if key is not None:
        del parent[key]
    return parent


def edits(doc):
    """Every value by every other, every member away, an unknown member and an element twice."""
    for path in paths(doc):
        node = doc
        for key in path:
            node = node[key]
        for value in VALUES:
            yield edited(doc, path, assign(value))
        if path:
            yield edited(doc, path, remove)
        if isinstance(node, dict):
            yield edited(doc, path + ("zz-unknown",), assign("x"))
        if isinstance(node, list) and node:
            yield edited(doc, path, assign(node + node[:1]))


def canonical(doc):
    return json.dumps(doc, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Loader:
    """tdz policy lint over many files: the words it refuses each with, or None."""

    def __init__(self, tdz, folder, vocab):
        self.tdz, self.folder, self.vocab = tdz, folder, vocab

    def refusals(self, texts):
        files = [polkit.write(self.folder, f"{i}.json", t) for i, t in enumerate(texts)]
        found = {}
        for at in range(0, len(files), 400):
            out = polkit.run(self.tdz, "lint", "--json", "--now", "2026-11-22T00:00:00Z",
                             "--vocab", self.vocab, *files[at:at + 400])
            assert out.returncode in (0, 1), out.stderr
            for f in polkit.lines(out):
                if f["code"] in ("refused", "format"):
                    found[f["file"]] = f
        return [found.get(f) for f in files]


def check_edits(tap, loader, validators, deep):
    for kind, docs in SMALL.items():
        validator = validators[kind]
        cases = [d for doc in docs for d in edits(doc)]
        # A schema sees one format: a file that says it is another is no case for it.
        marker = "schema" if kind == "manifest" else "format"
        cases = [d for d in cases if isinstance(d, dict)
                 and d.get(marker) == docs[0][marker]]
        if not deep and len(cases) > SAMPLE:
            cases = random.Random(1).sample(cases, SAMPLE)
        texts = [canonical(d) for d in cases]
        wrong, refused, meaning = [], 0, 0
        for doc, text, said in zip(cases, texts, loader.refusals(texts)):
            good = validator.is_valid(doc)
            refused += said is not None
            if not good and said is None:
                wrong.append(("only the schema refuses", text, next(
                    validator.iter_errors(doc)).message))
            if good and said is not None:
                meaning += 1
                if not MEANING.search(said["detail"]) and not OPERATOR.search(said["detail"]) \
                        and "2^53" not in said["detail"]:
                    wrong.append(("only the loader refuses", said["detail"], text))
        tap.ok(not wrong and refused > len(cases) // 3 and refused - meaning > len(cases) // 4,
               f"{kind}: schema and loader agree on {len(cases)} edits, {refused} of them bad",
               f"{len(wrong)} wrong of {len(cases)}, refused {refused}: {wrong[:4]}")


def check_good(tap, loader, validators, packs):
    files = [("policy", f) for f in glob.glob(packs + "/*port.json")] + \
        [("vocab", packs + "/tdz-core.json")] + \
        [("agreement", f) for f in glob.glob(packs + "/sandbox/agreements/*.json")] + \
        [("partner", f) for f in glob.glob(packs + "/sandbox/partners/*.json")]
    cases = [(k, polkit.load(f)) for k, f in files] + \
        [(k, d) for k, docs in SMALL.items() for d in docs]
    said = loader.refusals([canonical(d) for _, d in cases])
    wrong = [(k, s) for (k, d), s in zip(cases, said) if s or not validators[k].is_valid(d)]
    tap.ok(len(files) >= 17 and not wrong, f"{len(cases)} good files are good for both", wrong)


def mark(text):
    """Takes the ^ out: the bytes, and its line and column."""
    data = text if isinstance(text, bytes) else text.encode()
    at = data.index(b"^")
    before = data[:at]
    return data.replace(b"^", b"", 1), before.count(b"\n") + 1, at - (before.rfind(b"\n") + 1) + 1


def room(text):
    """Levels that are left where 7777 stands: 16 in all, 1 or 2 used."""
    return 14 if re.search(r'(?m)^  .*7777', text) else 15


# Name, how a string value of the file is edited into the trap; ^ is where it must be reported.
TRAPS = [
    ("a key twice", lambda t, v: t.replace("{\n", '{\n "id": "other",\n', 1)
     .replace('\n "id"', '\n ^"id"', 2).replace("^", "", 1)),
    ("a byte order mark", lambda t, v: "^\ufeff" + t),
    ("bytes after the end", lambda t, v: t + "\n^{}"),
    ("a leading zero", lambda t, v: t.replace("7777", "01^", 1)),
    ("a plus sign", lambda t, v: t.replace("7777", "^+1", 1)),
    ("a fraction", lambda t, v: t.replace("7777", "1^.5", 1)),
    ("a fraction of nothing", lambda t, v: t.replace("7777", "1^.0", 1)),
    ("an exponent", lambda t, v: t.replace("7777", "1^e400", 1)),
    ("an integer beyond the safe ones",
     lambda t, v: t.replace("7777", "900719925474099^3", 1)),
    ("NaN", lambda t, v: t.replace("7777", "^NaN", 1)),
    ("an escaped NUL", lambda t, v: t.replace(v, "x\\u0000^y", 1)),
    ("a lone surrogate", lambda t, v: t.replace(v, "x\\ud800^y", 1)),
    ("a raw control character", lambda t, v: t.replace(v, "x^\x01y", 1)),
    ("ill-formed UTF-8", lambda t, v: t.encode().replace(v.encode(), b"x^\xc3(", 1)),
    ("an overlong NUL", lambda t, v: t.encode().replace(v.encode(), b"x^\xc0\x80", 1)),
    ("a comment", lambda t, v: t.replace("{\n", "{\n^// c\n", 1)),
    ("a comma too many", lambda t, v: t[:-2] + ",^}"),
    ("single quotes", lambda t, v: t.replace('"' + v + '"', "^'x'", 1)),
    ("a key in another case", lambda t, v: t.replace('"id"', '^"ID"', 1)),
    ("too deep", lambda t, v: t.replace("7777", "[" * room(t) + "^" + "[" * 6, 1)),
]


def trap_files():
    """Each kind with a string VICTIM, an integer 7777 and an id near its beginning."""
    victim = "VICTIM"
    return victim, {
        "policy": dict(POLICY, id=victim.lower(), revision=7777),
        "agreement": dict(AGREEMENT, id=victim, ceilings={"bytes": 7777}),
        "manifest": dict(MANIFEST, dataset=victim, created=7777),
        "list": {"format": "tdz.list/1", "id": victim, "values": ["a", 7777]}}


def check_traps(tap, loader, folder):
    victim, kinds = trap_files()
    for kind, doc in kinds.items():
        base = json.dumps(doc, ensure_ascii=False, indent=1)
        if kind == "policy":
            victim_here = victim.lower()
        else:
            victim_here = victim
        if kind == "manifest":
            base = base.replace('"sender"', '"id"', 1)
        for name, trap in TRAPS:
            data, line, column = mark(trap(base, victim_here))
            path = polkit.write(folder, f"trap-{kind}.json", data)
            out = polkit.run(loader.tdz, "lint", "--json", "--vocab", loader.vocab, path)
            got = polkit.lines(out)
            place = [(f["line"], f["column"]) for f in got if f["code"] == "refused"]
            key = name == "a key in another case"
            good = len(place) == 1 and (place == [(line, column)] or
                                        (key and kind == "manifest"))
            tap.ok(out.returncode == 1 and good,
                   f"{kind}: {name} is refused at its place",
                   (line, column, got, out.stderr))
            text = polkit.run(loader.tdz, "lint", "--vocab", loader.vocab, path)
            if place:
                tap.ok(text.stdout.startswith(f"{path}:{place[0][0]}:{place[0][1]}: error: "),
                       f"{kind}: {name} is reported as file:line:column", text.stdout)


def main():
    tdz, schemas, packs = sys.argv[1:4]
    tap = polkit.Tap()
    validators = {}
    for kind in SMALL:
        schema = polkit.load(os.path.join(schemas, kind + ".schema.json"))
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[kind] = jsonschema.Draft202012Validator(schema)
    with tempfile.TemporaryDirectory() as folder:
        loader = Loader(tdz, folder, os.path.join(packs, "tdz-core.json"))
        check_good(tap, loader, validators, packs)
        check_edits(tap, loader, validators, polkit.is_deep())
        check_traps(tap, loader, folder)
    tap.end()


if __name__ == "__main__":
    main()
