#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz policy lint: every finding of its table is made where it belongs and nowhere else."""
import copy
import json
import os
import re
import sys
import tempfile

import polkit

NOW = "2026-11-22T00:00:00Z"


def rule(name, effect, **more):
    out = {"id": name, "effect": effect, "to": ["CN"], "classes": ["personal"],
           "cite": ["L art.1"], "certainty": "primary", "reviewed_on": "2026-11-01",
           "review_days": 365, "why": "t"}
    return out | ({"release": "zone-authority"} if effect == "hold" else {}) | \
        ({"do": [{"retain": {"max_days": 9}}]} if effect == "oblige" else {}) | more


def policy(*rules, **more):
    return {"format": "tdz.policy/1", "id": "my-export", "revision": 1, "zone": "my-cyberjaya",
            "direction": "export", "closed": True, "vocabulary": "tdz-core/4",
            "effective": {"from": "2026-01-01T00:00:00Z"}, "rules": list(rules),
            "texts": {"t": {"en": "Why.", "ms": "Sebab.", "zh": "原因。"}}} | more


CLEAN = policy(rule("p", "permit"), rule("h", "hold", classes=["important"]),
               rule("f", "forbid", classes=["core"]), rule("o", "oblige"))
COUNTER = {"counts": "distinct_subjects", "per": ["exporter"], "classes": ["personal"],
           "window": "calendar_year", "tz": "Asia/Shanghai"}
LIST = {"id": "l", "sha256": "sha256:" + "0" * 64}


def texts(**more):
    return {"texts": {"t": {"en": "Why.", "ms": "S.", "zh": "原。"} | more}}


def without(doc, key):
    return {k: v for k, v in doc.items() if k != key}


# Document, the findings of it as (code, key at whose line it stands).
CASES = [
    (CLEAN, []),
    (policy(rule("p", "permit", **{"except": ["personal"]})), [("empty-scope", "except")]),
    (policy(rule("p", "permit", until="2025-12-31")), [("never-valid", "until")]),
    (policy(rule("p", "permit", **{"from": "2026-06-01", "until": "2026-06-01"})),
     [("never-valid", "until")]),
    (policy(rule("p", "permit", until="2026-11-22")), [("expired", "until")]),
    (policy(rule("p", "permit", until="2026-11-23")), []),
    (policy(rule("p", "permit"), effective={"from": "2026-01-01T00:00:00Z",
                                            "until": "2026-11-22T00:00:00Z"}),
     [("expired", "effective")]),
    (policy(rule("p", "permit", reviewed_on="2025-11-22")), [("stale-review", "reviewed_on")]),
    (policy(rule("p", "permit", reviewed_on="2025-12-22")), [("review-soon", "reviewed_on")]),
    (policy(rule("p", "permit", reviewed_on="2025-12-23")), []),
    (policy(without(rule("p", "permit"), "review_days")), [("no-review", "rules")]),
    (policy(without(rule("p", "permit"), "certainty")), [("no-certainty", "rules")]),
    (policy(rule("p", "permit", certainty="uncertain")), [("uncertain-permit", "certainty")]),
    (policy(rule("h", "hold", certainty="uncertain")), []),
    (policy(rule("p", "permit", why="t.none"), texts={}), [("no-text", "why")]),
    (policy(rule("p", "permit"), **texts(en="")), [("no-text", "why")]),
    (policy(rule("p", "permit"), **texts(ms="")), [("no-translation", "why")]),
    (policy(rule("p", "permit"), **texts(zh="")), [("no-translation", "why")]),
    (policy(rule("p", "permit", cite=["L art.1", ""])), [("no-citation", "cite")]),
    (policy(rule("p", "permit"), texts=CLEAN["texts"] | {"u": {"en": "Unused."}}),
     [("unused-text", "u")]),
    (policy(rule("p", "permit"), lists={"l": LIST}), [("unused-list", "l")]),
    (policy(rule("p", "permit", when={"listed": ["catalogue_code", "l"]}),
            lists={"l": LIST | {"sha256": "…"}}), [("no-hash", "l")]),
    (policy(rule("p", "permit", when={"listed": ["catalogue_code", "l"]}), lists={"l": LIST}), []),
    (policy(rule("p", "permit"), counters={"pi": COUNTER}), [("unused-counter", "pi")]),
    (policy(rule("p", "permit", when={"lt": ["count.pi.after", 5]}), counters={"pi": COUNTER}),
     []),
    (policy(rule("p", "permit"), rule("o", "oblige", do=[{"count": {"counters": ["pi"]}}]),
            counters={"pi": COUNTER}), []),
    (policy(rule("p", "permit"), rule("o", "oblige", do=[{"count": {"counters": ["visits"]}}])),
     [("unsupported", "do")]),
    (policy(rule("p", "permit"), rule("o", "oblige", do=[{"mask": {"fields": [
        "mykad", "class:health", "column:anything", "mykadd", "class:helth"]}}])),
     [("unsupported", "do"), ("unsupported", "do")]),
    (policy(rule("p", "permit"), rule("o", "oblige", do=[{"retain": {"max_days": 1, "of": 2}}])),
     [("unsupported", "do")]),
    (policy(rule("p", "permit", when={"all": [{"eq": ["basis", "hr"]},
                                              {"eq": ["basis", "consent"]}]})),
     [("unreachable", "when")]),
    (policy(rule("p", "permit", when={"all": [{"lt": ["evidence.tia.age_days", 5]},
                                              {"ge": ["evidence.tia.age_days", 5]}]})),
     [("unreachable", "when")]),
    (policy(rule("p", "permit", when={"all": [{"lt": ["evidence.tia.age_days", 6]},
                                              {"ge": ["evidence.tia.age_days", 5]}]})), []),
    (policy(rule("p", "permit", to=["MY"], when={"under": ["to", "CN"]})),
     [("unreachable", "when")]),
    (policy(rule("p", "permit", when={"eq": ["basis", "hr"]}),
            rule("f", "forbid", when={"in": ["basis", ["hr", "consent"]]})),
     [("contradictory", "when")]),
    (policy(rule("p", "permit", when={"in": ["basis", ["hr", "contract"]]}),
            rule("f", "forbid", when={"in": ["basis", ["hr", "consent"]]})), []),
    (policy(rule("p", "permit", classes=["health"]), rule("q", "permit")),
     [("shadowed", "rules")]),
    (policy(rule("p", "permit", when={"eq": ["basis", "hr"]}),
            rule("q", "permit", when={"not": {"in": ["basis", ["consent", "contract"]]}})),
     [("shadowed", "when")]),
    # Neither of two covers it, both together do.
    (policy(rule("p", "permit", when={"eq": ["exporter.ciio", False]}, classes=["business"]),
            rule("q", "permit", until="2026-06-01", reviewed_on="2026-05-01",
                 classes=["business", "quasi"]),
            rule("r", "permit", **{"from": "2026-06-01"}, classes=["business", "opaque"])),
     [("shadowed", "when"), ("expired", "until")]),
    (policy(rule("q", "permit"), rule("p", "permit", classes=["personal", "business"])),
     [("shadowed", "rules")]),
    (policy(rule("o", "oblige"), rule("u", "oblige", do=[{"retain": {"max_days": 8}}])), []),
    (policy(rule("p", "permit"), rule("o", "oblige", do=[{"encrypt": {"to_zone": "cn-lingang"}}]),
            rule("u", "oblige", do=[{"encrypt": {"to_zone": "CN-SH"}}],
                 when={"eq": ["basis", "hr"]})), [("obligation-conflict", "list")]),
    (policy(rule("p", "permit"), rule("h", "permit", classes=["important"]),
            rule("o", "oblige", do=[{"encrypt": {"to_zone": "cn-lingang"}}],
                 when={"eq": ["exporter.ciio", True]}),
            rule("u", "oblige", do=[{"encrypt": {"to_zone": "CN-SH"}}], classes=["important"])),
     []),
    (policy(rule("p", "permit", when={"all": [{"any": [
        {"eq": ["exporter.ciio", True]}, {"eq": ["evidence.tia.age_days", i]}]}
        for i in range(13)]})), [("row-explosion", "rules")]),
    (policy(*(rule(f"p{i}", "permit", when={"eq": ["evidence.tia.age_days", i]})
              for i in range(257))), [("too-large", None)]),
    (policy(rule("p", "permit"), zone="nowhere"), [("refused", "zone")]),
    ({"format": "tdz.other/1"}, [("format", None)]),
]
LEVELS = {"error": ["refused", "format", "empty-scope", "never-valid", "no-text", "no-citation",
                    "uncertain-permit", "unreachable", "contradictory", "obligation-conflict",
                    "row-explosion"]}


def line_of(text, key):
    if key is None:
        return 1
    for number, line in enumerate(text.splitlines(), 1):
        if f'"{key}":'.replace("list", "rules") in line:
            return number + {"rules": 1, "effective": 2}.get(key, 0)
    raise KeyError(key)


def check_cases(tap, tdz, folder):
    seen = set()
    for i, (doc, expect) in enumerate(CASES):
        text = json.dumps(doc, ensure_ascii=False, indent=1)
        path = polkit.write(folder, f"{i}.json", text)
        out = polkit.run(tdz, "lint", "--now", NOW, "--json", path)
        got = [(f["code"], f["line"]) for f in polkit.lines(out)]
        want = [(code, line_of(text, key)) for code, key in expect]
        errors = any(code in LEVELS["error"] for code, _ in expect)
        levels = all((f["level"] == "error") == (f["code"] in LEVELS["error"])
                     for f in polkit.lines(out))
        seen |= {code for code, _ in expect}
        tap.ok(sorted(got) == sorted(want) and levels and out.returncode == (1 if errors else 0),
               f"case {i}: {', '.join(c for c, _ in expect) or 'nothing'}",
               (got, want, out.returncode, out.stderr))
    return seen


def check_others(tap, tdz, folder, packs):
    agreement = polkit.load(packs + "/sandbox/agreements/oncology-2026.json")
    path = polkit.write(folder, "a.json", agreement)
    out = polkit.run(tdz, "lint", "--now", NOW, path)
    tap.ok(out.returncode == 0 and out.stdout == "", "a valid agreement has nothing", out)
    late = copy.deepcopy(agreement)
    late["evidence"][0]["expires"] = "2026-11-21"
    path = polkit.write(folder, "b.json", late)
    out = polkit.run(tdz, "lint", "--now", NOW, path)
    tap.ok(out.returncode == 0 and out.stdout.count("[expired]") == 1 and
           "evidence contract_clauses" in out.stdout, "evidence that ended is told", out)
    out = polkit.run(tdz, "lint", "--now", "2031-01-01T00:00:00Z", path)
    tap.ok(out.stdout.count("[expired]") == 1 + len(late["evidence"]),
           "so is an agreement that ended", out)
    tap.ok(polkit.run(tdz, "lint").returncode == 2, "no file is a usage error")
    tap.ok(polkit.run(tdz, "lint", folder + "/none").returncode == 3,
           "a file that is not there is exit 3")
    out = polkit.run(tdz, "lint", "--now", "yesterday", path)
    tap.ok(out.returncode == 2, "a time that is none is a usage error", out)
    shipped = [packs + f"/{x}.json" for x in ("my-export", "my-import", "cn-export", "cn-import",
                                              "tdz-core")]
    out = polkit.run(tdz, "lint", "--now", NOW, "--json", *shipped)
    codes = [(f["code"], os.path.basename(f["file"])) for f in polkit.lines(out)]
    tap.ok(out.returncode == 0 and codes == [("expired", "cn-export.json")] * 2,
           "of the packs only the trial and the article that ended are told", out)


def main():
    tdz, packs, table = sys.argv[1:4]
    tap = polkit.Tap()
    with tempfile.TemporaryDirectory() as folder:
        seen = check_cases(tap, tdz, folder)
        check_others(tap, tdz, folder, packs)
    with open(table, encoding="utf-8") as f:
        codes = set(re.findall(r'(?m)^LINT\(\w+, "([^"]+)"', f.read()))
    tap.ok(codes == seen, "every finding of the table has a case", codes ^ seen)
    tap.end()


if __name__ == "__main__":
    main()
