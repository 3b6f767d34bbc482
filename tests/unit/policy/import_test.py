#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz policy import-odrl: an overlay that was exported comes back with the same decisions, and
whatever is not of the profile is refused with its place, never dropped."""
import copy
import json
import os
import random
import subprocess
import sys
import tempfile

import polkit

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../oracle"))
import policy_oracle  # noqa: E402
import policy_random  # noqa: E402


def overlay(doc):
    rules = [r for r in doc["rules"] if r["effect"] != "permit"]
    return dict(doc, closed=False, rules=rules)


def nodes(node, path=()):
    yield path, node
    for key, value in (node.items() if isinstance(node, dict) else
                       enumerate(node) if isinstance(node, list) else ()):
        yield from nodes(value, path + (key,))


def edited(data, path, value):
    out = copy.deepcopy(data)
    at = out
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return out


class Odrl:
    def __init__(self, tdz, folder):
        self.tdz, self.folder = tdz, folder

    def run(self, data, *options):
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        path = polkit.write(self.folder, "in.odrl", text)
        return polkit.run(self.tdz, "import-odrl", path, "--id", "from-partner", *options), path

    def export(self, doc, *options):
        path = polkit.write(self.folder, "x.json", policy_random.text(doc))
        out = polkit.run(self.tdz, "export-odrl", path, *options)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)


def check_round_trip(tap, tdz):
    r = random.Random(4)
    wrong, count, seen = [], 0, set()
    with tempfile.TemporaryDirectory() as folder:
        odrl = Odrl(tdz, folder)
        for _ in range(30):
            world = policy_oracle.World(tdz, None, folder, r)
            doc = overlay(world.docs[0])
            vocab = ["--vocab", folder + "/vocab.json"]
            out, _ = odrl.run(odrl.export(doc, *vocab), *vocab)
            if out.returncode != 0:
                wrong.append(out)
                continue
            polkit.write(folder, "back.json", out.stdout)
            requests = [policy_random.request(r, world.vocab, [doc]) for _ in range(50)]
            _, before = world.decide([doc], requests)
            argv = [tdz, "policy", "decide", "--now", world.now, "--input", folder + "/in.ndjson",
                    "--batch", "--policy", folder + "/back.json", *vocab,
                    "--list", doc["lists"]["neg"]["id"] + "=" + folder + "/neg.json"]
            after = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
            for a, b in zip(before, after.splitlines()):
                a, b = json.loads(a), json.loads(b)
                count += 1
                seen.add(a["reason"])
                keys = ("result", "reason", "obligations", "unknown")
                wrong += [] if all(a.get(k) == b.get(k) for k in keys) else [(a, b)]
    tap.ok(not wrong and len(seen) >= 5 and count > 1000,
           f"what comes back decides alike on {count} inputs", (seen, wrong[:1]))


FIXED = {"format": "tdz.policy/1", "id": "o", "revision": 1, "zone": "my-cyberjaya",
         "direction": "export", "closed": False, "vocabulary": "tdz-core/4",
         "effective": {"from": "2026-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"},
         "lists": {"neg": {"id": "neg", "sha256": "sha256:" + "a" * 64}},
         "rules": [
             {"id": "f", "effect": "forbid", "to": ["CN", "MY"], "classes": ["personal"],
              "except": ["genetic"], "from": "2026-02-01", "until": "2029-01-01", "cite": ["L"],
              "why": "t", "when": {"any": [{"not": {"listed": ["catalogue_code", "neg"]}},
                                           {"all": [{"eq": ["exporter.ciio", True]},
                                                    {"gt": ["count.spi.after", 10000]},
                                                    {"lt": ["evidence.tia.age_days", 5]}]}]}},
             {"id": "h", "effect": "hold", "to": ["CN"], "classes": ["important"],
              "release": "zone-authority", "cite": ["L"], "why": "t"},
             {"id": "o", "effect": "oblige", "to": ["CN"], "classes": ["personal"],
              "cite": ["L"], "why": "t", "do": [{"retain": {"max_days": 9}}, {"no_onward": {}}]}],
         "texts": {"t": {"en": "Words."}}}


def bad_edits(data):
    """Everything that is beyond the profile."""
    for path, node in nodes(data):
        if isinstance(node, dict) and "tdz:with" not in path:
            yield "an unknown member", edited(data, path + ("odrl:other",), "x") if path \
                else dict(data, other=1)
        if path and path[-1] == "operator":
            for op in ("hasPart", "isA", "gte", "EQ"):
                yield "an operator beyond the profile", edited(data, path, op)
            if node in ("lt", "gteq") and "constraint" == path[0]:
                yield "a time that is neither begin nor end", edited(data, path, "eq")
        if path and path[-1] == "leftOperand":
            for name in ("odrl:count", "count", "tdz:no-such-fact", "http://x/y"):
                yield "an operand beyond the profile", edited(data, path, name)
        if path and path[-1] == "action":
            for name in ("odrl:use", "tdz:no-such-duty", "sell"):
                yield "an action beyond the profile", edited(data, path, name)
        if path and path[-1] == "@value" and node == "P9D":
            for days in ("P8D", "P9DT0S", "9", 9):
                yield "a time that is not the duty's", edited(data, path, days)
        if path and path[-1] == "tdz:counter":
            for name in ("no-such", "", 1):
                yield "a counter that is none", edited(data, path, name)
            yield "a counter of no counter", edited(data, path[:-1] + ("leftOperand",),
                                                    "tdz:evidence.tia.age_days")
        if path and path[-1] in ("@type", "profile", "conflict", "source", "@context"):
            yield "another " + path[-1], edited(data, path, "x")
    rule = data["obligation"][-1]
    for change in ({"permission": [rule]}, {"tdz:closed": True}, {"profile": "urn:tdz:odrl:2"},
                   {"conflict": "permit"}, {"@type": "Offer"},
                   {"@context": ["http://www.w3.org/ns/odrl.jsonld", {"tdz": "http://x#"}]},
                   {"@context": "http://www.w3.org/ns/odrl.jsonld"}):
        yield f"{change}", data | change
    for key in ("profile", "conflict", "@context", "@type", "tdz:closed", "constraint"):
        yield f"no {key}", {k: v for k, v in data.items() if k != key}


def check_strict(tap, tdz):
    with tempfile.TemporaryDirectory() as folder:
        odrl = Odrl(tdz, folder)
        data = odrl.export(FIXED)
        out, _ = odrl.run(data, "--revision", "7")
        got = json.loads(out.stdout or "{}")
        tap.ok(out.returncode == 0 and got["id"] == "from-partner" and got["revision"] == 7 and
               got["closed"] is False and [r["effect"] for r in got["rules"]] ==
               ["forbid", "hold", "oblige", "oblige"] and
               got["lists"]["neg"] == FIXED["lists"]["neg"], "a good one is taken", out)
        lint = polkit.run(tdz, "fmt", "--check", polkit.write(folder, "y.json", out.stdout))
        tap.ok(lint.returncode == 0, "the overlay is laid out", lint)
        count, wrong = 0, []
        for name, bad in bad_edits(data):
            out, path = odrl.run(bad)
            count += 1
            if out.returncode != 2 or out.stdout or path not in out.stderr:
                wrong.append((name, out))
        tap.ok(not wrong and count > 100, f"{count} edits beyond the profile are refused",
               (count, wrong[:2]))
        text = json.dumps(data).replace('"conflict"', '"conflict": "permit", "conflict"', 1)
        out, path = odrl.run(text)
        tap.ok(out.returncode == 2 and path + ":1:" in out.stderr, "a key twice is refused", out)
        tap.ok(polkit.run(tdz, "import-odrl", path).returncode == 2, "no --id is a usage error")
        tap.ok(polkit.run(tdz, "import-odrl", path + "x", "--id", "a").returncode == 3,
               "a file that is not there is exit 3")
        tap.ok(odrl.run(data, "--id", "Not A Slug")[0].returncode == 2,
               "an id that is none is refused")


def main():
    tap = polkit.Tap()
    check_round_trip(tap, sys.argv[1])
    check_strict(tap, sys.argv[1])
    tap.end()


if __name__ == "__main__":
    main()
