#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/LAW.md says of every rule what the packs say, and no rule is called primary without a text.

usage: law_test.py TOOLS PACKS LAW.md
"""
import copy
import sys

import polkit


def main():
    tools, packs, page = sys.argv[1:4]
    sys.path.insert(0, tools)
    import law
    tap = polkit.Tap()
    docs = law.documents(packs)
    with open(page, encoding="utf-8") as f:
        text = f.read()
    tap.ok(len(docs) >= 6 and not law.check(docs, text), "the page is that of the packs",
           law.check(docs, text))
    for key, value in (("certainty", "uncertain"), ("reviewed_on", "2026-11-02"), ("note", "x"),
                       ("cite", ["CN-DSL art.21"])):
        other = copy.deepcopy(docs)
        other[0]["rules"][0][key] = value
        tap.ok(law.check(other, text), f"a rule with another {key} is seen")
    other = copy.deepcopy(docs)
    del other[-1]["rules"][-1]
    tap.ok(law.check(other, text), "a rule that is gone is seen")
    for cite, bad in (("CN-PIPL art.39", False), ("CN-PIPL art.51", True), ("CN-PIPL", True),
                      ("CN-State Secrets Law art.28-31", False), ("Some Act s.1", True),
                      ("CN-State Secrets Law art.28-32", True), ("CAC Order 13", False),
                      ("CAC Order 16 art.5(1)(4)", False), ("CAC Order 16 art.10", True)):
        rule = {"id": "r", "certainty": "primary", "cite": [cite]}
        known = law.at_hand(text)
        tap.ok(bool(law.unsupported([{"rules": [rule]}], known)) == bad,
               f"{cite} is {'not ' if bad else ''}at hand")
        tap.ok(not law.unsupported([{"rules": [dict(rule, certainty="secondary")]}], known),
               f"{cite} may be secondary")
    tap.end()


if __name__ == "__main__":
    main()
