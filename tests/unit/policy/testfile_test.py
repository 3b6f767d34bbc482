#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz policy test: every expectation can fail, coverage is counted as it is, and the packs' own
test files pass with every rule and every cell covered."""
import copy
import glob
import os
import sys
import tempfile

import jsonschema

import polkit

RULE = {"to": ["CN"], "classes": ["personal"], "cite": ["L"], "why": "t"}
POLICY = {"format": "tdz.policy/1", "id": "p", "revision": 1, "zone": "my-cyberjaya",
          "direction": "export", "closed": True, "vocabulary": "tdz-core/4",
          "effective": {"from": "2026-01-01T00:00:00Z"},
          "lists": {"neg": {"id": "neg", "sha256": "…"}},
          "rules": [dict(RULE, id="a", effect="permit", when={"eq": ["basis", "consent"]}),
                    dict(RULE, id="f", effect="forbid", when={"eq": ["exporter.ciio", True]}),
                    dict(RULE, id="l", effect="forbid", when={"listed": ["catalogue_code", "neg"]}),
                    dict(RULE, id="o", effect="oblige", do=[{"retain": {"max_days": 9}}])],
          "texts": {"t": {"en": "T"}}}
OVER = dict(POLICY, id="q", closed=False, lists={},
            rules=[dict(RULE, id="f", effect="hold", release="x", when={"eq": ["basis", "hr"]})])
GIVEN = {"to": "cn-lingang", "labels": ["personal"], "basis": "consent", "exporter.ciio": False,
         "catalogue_code": "z"}
CASE = {"name": "c", "expect": {"result": "allow", "reason": "permitted", "fires": ["a", "o"],
                                "silent": ["f", "l"], "unknown": [], "uncovered": [],
                                "obligations": {"retain": {"max_days": 9}, "mask": None}}}
FILE = {"format": "tdz.policytest/1", "policies": ["p.json"], "lists": {"neg": "neg.json"},
        "now": "2026-11-22T00:00:00Z", "given": GIVEN, "cases": [CASE]}

# Each turns the case that passes into one that fails, and what is said of it.
FAILING = [
    ({"result": "deny"}, "result is allow"), ({"reason": "review"}, "reason is permitted"),
    ({"fires": ["f"]}, "rule f did not fire"), ({"silent": ["a"]}, "rule a fired"),
    ({"fires": ["a?"]}, "fired, but on known facts"), ({"unknown": ["basis"]}, "unknown is"),
    ({"uncovered": ["personal"]}, "uncovered is"),
    ({"obligations": {"retain": {"max_days": 8}}}, 'obligation retain is {"max_days":9}'),
    ({"obligations": {"retain": None}}, "obligation retain is"),
    ({"obligations": {"mask": {}}}, "obligation mask is null"),
]
BAD = [  # the place of each is where the ^ stands in the reader, checked by code 2 and a place
    dict(FILE, format="tdz.policytest/2"), dict(FILE, more=1), dict(FILE, now="noon"),
    dict(FILE, policies=[]), dict(FILE, policies=[1]), dict(FILE, given=[]), dict(FILE, cases={}),
    dict(FILE, lists=[]), dict(FILE, cases=[1]), dict(FILE, cases=[{"name": "c"}]),
    dict(FILE, cases=[{"name": "c", "expect": {}}]),
    dict(FILE, cases=[{"name": "c", "expect": {"results": "allow"}}]),
    dict(FILE, cases=[dict(CASE, given=[])]), dict(FILE, cases=[dict(CASE, absent={})]),
    dict(FILE, cases=[dict(CASE, now="noon")]),
    dict(FILE, cases=[{"name": "c", "expect": {"fires": "a"}}]),
    dict(FILE, cases=[{"name": "c", "expect": {"obligations": []}}]),
    dict(FILE, cases=[{"name": "c", "expect": {"unknown": {}}}]),
    dict(FILE, cases=[{"name": "c", "expect": {"result": 1}}]),
]


def run(tdz, folder, doc, *options):
    path = polkit.write(folder, "t.json", doc)
    return polkit.run(tdz, "test", *options, path), path


def check_cases(tap, tdz, folder, schema):
    out, path = run(tdz, folder, FILE)
    tap.ok(out.returncode == 0 and out.stdout.startswith(f"{path}: 1 of 1 cases pass; of 4 rules "
                                                         "2 fire and 2 stay silent; "),
           "a case that is as expected passes", out)
    for expect, said in FAILING:
        doc = dict(FILE, cases=[dict(CASE, expect=expect)])
        out, path = run(tdz, folder, doc)
        first = out.stdout.splitlines()[0] if out.stdout else ""
        tap.ok(out.returncode == 1 and said in first and first.startswith(path + ":") and
               "0 of 1 cases pass; of 4 rules 0 fire and 0 stay silent; 0 of " in out.stdout,
               f"an expectation that is not met fails: {expect}", out)
    out, _ = run(tdz, folder, dict(FILE, cases=[dict(CASE, given={"basis": "hr"}, expect={
        "result": "deny", "reason": "no-basis", "uncovered": ["personal"]})]))
    tap.ok(out.returncode == 0, "a case replaces facts of the file", out)
    out, _ = run(tdz, folder, dict(FILE, cases=[dict(CASE, absent=["exporter.ciio"], expect={
        "result": "deny", "fires": ["f?"], "unknown": ["exporter.ciio"]})]))
    tap.ok(out.returncode == 0, "a case goes without facts of the file", out)
    out, _ = run(tdz, folder, dict(FILE, cases=[dict(CASE, now="2025-01-01T00:00:00Z", expect={
        "result": "deny", "silent": ["a"]})]))
    tap.ok(out.returncode == 0, "a case has its own time", out)
    out, _ = run(tdz, folder, dict(FILE, cases=[dict(CASE, given={"catalogue_code": "k"}, expect={
        "result": "deny", "fires": ["l"]})]))
    tap.ok(out.returncode == 0, "a list is read", out)
    out, _ = run(tdz, folder, dict(FILE, policies=["p.json", "q.json"], cases=[dict(CASE, expect={
        "fires": ["p/a"], "silent": ["q/f", "p/f"]})]))
    tap.ok(out.returncode == 0, "with several policies a rule has the policy before it", out)
    validator = jsonschema.Draft202012Validator(schema)
    tap.ok(validator.is_valid(FILE), "the schema takes what the reader takes")
    for doc in BAD:
        out, path = run(tdz, folder, doc)
        tap.ok(out.returncode == 2 and out.stderr.startswith(path + ":") and
               not validator.is_valid(doc), "reader and schema refuse with a place", (doc, out))
    doc = dict(FILE, cases=[{"name": "c", "expect": {"fires": ["nobody"]}}])
    out, path = run(tdz, folder, doc)
    tap.ok(out.returncode == 2 and out.stderr.startswith(path + ":"),
           "a rule that is not there is no passing case", out)
    out, _ = run(tdz, folder, dict(FILE, policies=["none.json"]))
    tap.ok(out.returncode == 3, "a policy that is not there is exit 3", out)


def check_coverage(tap, tdz, folder):
    def case(given, expect, **more):
        return dict({"name": "c", "given": given, "expect": expect}, **more)
    cases = [CASE, case({"exporter.ciio": True}, {"fires": ["f"], "result": "deny"}),
             case({"basis": "hr"}, {"silent": ["a"]}),
             case({"catalogue_code": "k"}, {"fires": ["l"]})]
    out, _ = run(tdz, folder, dict(FILE, cases=cases), "--rules", "--missing")
    tap.ok(out.returncode == 1 and "o: no case says that it stays silent" in out.stdout and
           "f: not tried with exporter.ciio not known" in out.stdout,
           "what is missing is told, and refused when asked for", out)
    cases += [case({"labels": ["business"]}, {"silent": ["o"]}),
              case({}, {"fires": ["f?"]}, absent=["exporter.ciio"]),
              case({}, {"silent": ["a"]}, absent=["basis"])]
    out, _ = run(tdz, folder, dict(FILE, cases=cases), "--rules", "--json", "--cells", "90")
    got = polkit.lines(out)[0]
    tap.ok(out.returncode == 1 and (got["rules_fired"], got["rules_silent"]) == (4, 4) and
           (got["cells_tried"], got["cells"]) == (8, 9), "cells are counted by rule and fact", out)
    cases += [case({}, {"fires": ["l?"]}, absent=["catalogue_code"])]
    out, _ = run(tdz, folder, dict(FILE, cases=cases), "--rules", "--cells", "100")
    tap.ok(out.returncode == 0, "full coverage is accepted", out)
    wrong = copy.deepcopy(cases)
    wrong[-1]["expect"] = {"fires": ["l?"], "result": "allow"}
    out, _ = run(tdz, folder, dict(FILE, cases=wrong), "--rules", "--cells", "100")
    tap.ok(out.returncode == 1 and "8 of 9 cells" in out.stdout,
           "a case that fails covers nothing", out)


def main():
    tdz, packs, schemas = sys.argv[1:4]
    tap = polkit.Tap()
    schema = polkit.load(os.path.join(schemas, "policytest.schema.json"))
    jsonschema.Draft202012Validator.check_schema(schema)
    with tempfile.TemporaryDirectory() as folder:
        polkit.write(folder, "p.json", POLICY)
        polkit.write(folder, "q.json", OVER)
        polkit.write(folder, "neg.json", {"format": "tdz.list/1", "id": "neg", "values": ["k"]})
        check_cases(tap, tdz, folder, schema)
        check_coverage(tap, tdz, folder)
    files = sorted(glob.glob(packs + "/tests/*.json"))
    tap.ok(len(files) == 6 and all(jsonschema.Draft202012Validator(schema).is_valid(
        polkit.load(f)) for f in files), "the packs' test files are valid")
    for path in files:
        out = polkit.run(tdz, "test", "--rules", "--cells", "100", "--missing", path)
        tap.ok(out.returncode == 0, f"{os.path.basename(path)}: every rule and every cell", out)
    out = polkit.run(tdz, "fmt", "--check", *files)
    tap.ok(out.returncode == 0, "the packs' test files are laid out", out)
    tap.ok(polkit.run(tdz, "test").returncode == 2, "no file is a usage error")
    tap.end()


if __name__ == "__main__":
    main()
