#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz policy export-odrl: an evaluator of the exported ODRL, written from the mapping and not from
the document, fires the same rules as tdz policy decide on random documents and inputs."""
import json
import os
import random
import sys
import tempfile

import polkit

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../oracle"))
import policy_oracle  # noqa: E402
import policy_random  # noqa: E402

F, U, T = 0, 1, 2
ACTIONS = {"anonymize": "mask", "inform": "notify", "delete": "retain"}
NUMBERS = {"lt": lambda a, b: a < b, "lteq": lambda a, b: a <= b, "gt": lambda a, b: a > b,
           "gteq": lambda a, b: a >= b}


class Odrl:
    """Reads what is exported; knows the vocabulary's trees and types, and lists by their id."""

    def __init__(self, data, vocab, lists, now):
        self.data, self.vocab, self.lists = data, vocab, lists
        self.now = policy_oracle.when(now)

    def known(self, name, facts):
        spec = self.vocab["attributes"].get(name, {"type": "int"})
        v = facts.get(name)
        return {"bool": isinstance(v, bool), "int": type(v) is int and abs(v) < 2 ** 53,
                "enum": isinstance(v, str) and v in spec.get("values", []),
                "string": isinstance(v, str) and len(v.encode()) <= 256,
                "zone": isinstance(v, str) and v in self.vocab["zones"]}.get(spec["type"], False)

    def value(self, c, facts):
        """The truth of one constraint."""
        if "and" in c or "or" in c:
            (key, parts), = c.items()
            return (min if key == "and" else max)(self.value(x, facts) for x in parts)
        left, op, right = c["leftOperand"], c["operator"], c["rightOperand"]
        counter = {"tdz:counter"} if left == "tdz:distinctSubjectsInYear" else set()
        assert set(c) == {"leftOperand", "operator", "rightOperand"} | counter, c
        if left == "elapsedTime":
            return T
        if left == "spatial":
            assert op == "isPartOf"
            up = policy_oracle.ancestors(facts["to"], self.vocab["zones"]) \
                if facts.get("to") in self.vocab["zones"] else ()
            return T if right in up else F
        if left == "dateTime":
            at = policy_oracle.when(right["@value"])
            return T if (self.now >= at if op == "gteq" else self.now < at) else F
        if left == "tdz:dataClass":
            return T if self.hits(c, facts) else F
        name = f"count.{c['tdz:counter']}.after" if counter else left[len("tdz:"):]
        assert counter or not name.startswith("count."), c
        if not self.known(name, facts):
            return U
        v = facts[name]
        if op in NUMBERS:
            return T if NUMBERS[op](v, right) else F
        if op in ("tdz:isListed", "tdz:isNotListed"):
            values = self.lists.get(right["@id"][len("urn:tdz:list:"):])
            return U if values is None else T if (v in values) == (op == "tdz:isListed") else F
        if op in ("isPartOf", "tdz:isNotPartOf"):
            inside = right in policy_oracle.ancestors(v, self.vocab["zones"])
            return T if inside == (op == "isPartOf") else F
        same = type(v) is type(right) and v == right
        return T if {"eq": same, "neq": not same, "isAnyOf": isinstance(right, list) and v in right,
                     "isNoneOf": isinstance(right, list) and v not in right}[op] else F

    def hits(self, c, facts):
        """Labels under one of the classes, or under none of them."""
        out = set()
        for label in facts.get("labels", []):
            if label in self.vocab["classes"]:
                up = set(policy_oracle.ancestors(label, self.vocab["classes"]))
                if bool(up & set(c["rightOperand"])) == (c["operator"] == "isAnyOf"):
                    out.add(label)
        return out

    def scoped(self, constraints, facts):
        """(in scope, truth of the condition): classes and places narrow, the rest decides."""
        classes = [c for c in constraints if c.get("leftOperand") == "tdz:dataClass"]
        labels = set(facts.get("labels", [])) & set(self.vocab["classes"])
        for c in classes:
            labels &= self.hits(c, facts)
        rest = [c for c in constraints if c not in classes]
        where = [c for c in rest if "spatial" in json.dumps(c) or
                 c.get("leftOperand") == "dateTime"]
        truth = min([self.value(c, facts) for c in rest if c not in where], default=T)
        return bool(labels) and all(self.value(c, facts) == T for c in where), truth

    def fired(self, facts):
        """Rule ids by effect, as a record has them."""
        out = {"permit": set(), "forbid": set(), "hold": set(), "oblige": set()}
        if min([self.value(c, facts) for c in self.data["constraint"]], default=T) != T:
            return {}
        for effect, rules in (("permit", self.data["permission"]),
                              ("forbid", self.data["prohibition"])):
            for r in rules:
                inside, truth = self.scoped(r["constraint"] + r["target"]["refinement"], facts)
                if inside and truth >= (T if effect == "permit" else U):
                    out[effect].add(r["uid"].split(":")[-1] + "?" * (truth == U))
        duties = [d for r in self.data["permission"] for d in r["duty"]] + self.data["obligation"]
        for d in duties:
            inside, truth = self.scoped(
                d["constraint"] + d.get("target", {"refinement": []})["refinement"], facts)
            effect = "hold" if d["action"] == "tdz:obtainRelease" else "oblige"
            if inside and truth >= U:
                out[effect].add(d["uid"].split(":")[-1] + "?" * (truth == U))
        return {k: sorted(v) for k, v in out.items() if v}


def compare(data, doc, record, odrl, facts):
    """Duties of a closed document are told with its permissions, so only where one meets them."""
    want = {k: sorted(v) for k, v in record["rules"].items()}
    got = odrl.fired(facts)
    if doc["closed"]:
        told = {d["uid"].split(":")[-1] for r in data["permission"] for d in r["duty"]}
        for effect in ("hold", "oblige"):
            ids = [x for x in want.get(effect, []) if x.rstrip("?") in told]
            want.pop(effect, None)
            want |= {effect: ids} if ids else {}
    return got == want, (got, want)


def check_random(tap, tdz):
    r = random.Random(3)
    wrong, count, fired = [], 0, set()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(30):
            world = policy_oracle.World(tdz, None, folder, r)
            doc = world.docs[0]
            for rule in doc["rules"]:
                rule.pop("review_days", None)
            path = polkit.write(folder, "x.json", policy_random.text(doc))
            out = polkit.run(tdz, "export-odrl", path, "--vocab", folder + "/vocab.json")
            if out.returncode != 0:
                wrong.append(out)
                continue
            data = json.loads(out.stdout)
            lists = {doc["lists"]["neg"]["id"]: world.listed} if "lists" in doc else {}
            odrl = Odrl(data, world.vocab, lists, world.now)
            requests = [q for q in (policy_random.request(r, world.vocab, [doc])
                                    for _ in range(60))
                        if isinstance(q.get("labels", []), list) and
                        all(isinstance(x, str) for x in q.get("labels", []))]
            _, records = world.decide([doc], requests)
            for q, record in zip(requests, records):
                same, what = compare(data, doc, json.loads(record), odrl, q)
                count += 1
                fired |= set(json.loads(record)["rules"])
                wrong += [] if same else [(what, q, doc)]
    tap.ok(not wrong and len(fired) == 4, f"the exported rules fire alike on {count} inputs",
           wrong[:1])


def walk(constraints):
    """Every comparison in them."""
    for c in constraints:
        yield from walk(c["and"]) if "and" in c else walk(c["or"]) if "or" in c else [c]


def check_shape(tap, tdz, packs):
    out = polkit.run(tdz, "export-odrl", packs + "/cn-export.json")
    data = json.loads(out.stdout)
    doc = polkit.load(packs + "/cn-export.json")
    tap.ok(data["conflict"] == "prohibit" and data["@type"] == "Set" and
           data["profile"] == "urn:tdz:odrl:1" and data["uid"] == "urn:tdz:policy:cn-export:1",
           "the Set says its profile, and that prohibitions win", data)
    ids = {r["uid"].split(":")[-1] for key in ("permission", "prohibition") for r in data[key]}
    tap.ok(ids == {r["id"] for r in doc["rules"] if r["effect"] in ("permit", "forbid")},
           "every permit and forbid is there", ids)
    duties = {d["action"]: d for r in data["permission"] for d in r["duty"]}
    kinds = {ACTIONS.get(a, a.replace("tdz:", "")) for a in duties}
    tap.ok(kinds == {"count", "encrypt", "tokenise", "retain", "no_onward", "receipt", "notify",
                     "obtainRelease"} and
           duties["delete"]["tdz:with"] == {"max_days": 180} and "receipt" in kinds,
           "obligations are duties with their parameters", duties)
    actions = {r["action"] for key in ("permission", "prohibition") for r in data[key]}
    tap.ok(actions == {"transfer"},
           "permissions and prohibitions are of transfer, of the core profile")
    tap.ok([c["rightOperand"] for c in duties["delete"]["constraint"]
            if c["leftOperand"] == "elapsedTime"] ==
           [{"@type": "xsd:duration", "@value": "P180D"}],
           "a deletion has its time in the core vocabulary", duties["delete"])
    said = {}
    for r in data["permission"] + data["prohibition"]:
        for one in [r] + r.get("duty", []):
            said.setdefault(one["uid"], set()).add(json.dumps(one))
    tap.ok(all(len(x) == 1 for x in said.values()) and len(said) > len(doc["rules"]),
           "what has one uid is one thing", [k for k, v in said.items() if len(v) > 1])
    counted = sorted({(c["leftOperand"], c["tdz:counter"]) for r in data["permission"]
                      for c in walk(r["constraint"]) if "tdz:counter" in c})
    tap.ok(counted == [("tdz:distinctSubjectsInYear", "pi"),
                       ("tdz:distinctSubjectsInYear", "spi")] and '"tdz:count.' not in out.stdout,
           "a counter is the profile's operand, and says which", counted)
    business = [r for r in data["permission"] if r["uid"].endswith(":cn.business")]
    tap.ok(business and business[0]["duty"] == [], "a permission that meets no duty has none")
    listed = {r["uid"].split(":")[-1] for r in data["prohibition"]
              if "tdz:isListed" in json.dumps(r)}
    tap.ok(listed == {"cn.sh-list.hit"} and '"not"' not in out.stdout,
           "there is no negation in it", listed)
    for args, code in (([], 2), ([packs + "/none.json"], 3), ([packs + "/tdz-core.json"], 2)):
        out = polkit.run(tdz, "export-odrl", *args)
        tap.ok(out.returncode == code and out.stderr, f"exit {code}: {args}", out)


def main():
    tap = polkit.Tap()
    check_random(tap, sys.argv[1])
    check_shape(tap, sys.argv[1], sys.argv[2])
    tap.end()


if __name__ == "__main__":
    main()
