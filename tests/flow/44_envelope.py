#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An approval's envelope: each crossing debits its persons, the one who is over it is refused by
rule and article, who was counted before is not counted again, and a restart forgets nothing; a
dataset beyond its purpose or fields never starts."""
import json
import os
import random
import sys
import tempfile

import corridor
import tables
from corridor import check

WHO, AGREEMENT = "insurer-sh", "claims-2026"
FIELDS = ["claim_no", "prc_id", "name", "phone", "diagnosis", "amount_cny", "claim_date"]
RULE, ARTICLE = "cn.scope", "CN-NDSR art.38"


def people(count, seed):
    rng = random.Random(seed)
    return [tables.prc_id(rng) for _ in range(count)]


def claims(ids):
    rows = [f"C-{i},{x},Wang Min,13800138000,J45,{100 + i},2026-11-{i % 20 + 1:02d}"
            for i, x in enumerate(ids)]
    return ("\n".join([",".join(FIELDS)] + rows) + "\n").encode()


def agreement(name, envelope):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "../../policy/packs/sandbox/agreements", AGREEMENT + ".json")
    with open(path, encoding="utf-8") as f:
        doc = json.load(f)
    doc["id"] = name
    (scc,) = [e for e in doc["evidence"] if e["kind"] == "scc_filing"]
    scc["envelope"] = envelope
    return doc


def refused(answer):
    text = json.dumps(answer)
    return RULE in text and ARTICLE in text


def push(c, name, ids, under):
    """The state that a push comes to, and what was said of it."""
    got = c.push(WHO, under, name, claims(ids))
    if got.status == 403:
        return "denied", got.json
    if got.status not in (200, 201, 202):
        return got.status, got.body
    found = c.wait(WHO, got.transfer)
    return found["state"], found


def main():
    whole = {"purposes": ["claims"], "recipients": ["insurer-kl"], "fields": FIELDS}
    first, second = people(40, 1), people(40, 2)
    with tempfile.TemporaryDirectory() as folder:
        for name, envelope in (("tight", whole | {"persons": 60}),
                               ("other-purpose", whole | {"purposes": ["marketing"]}),
                               ("other-fields", whole | {"fields": FIELDS[:-1]})):
            with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as f:
                json.dump(agreement(name, envelope), f)
        with corridor.Corridor(agreements=folder) as c:
            state, said = push(c, "a.csv", first, "tight")
            check("40 of 60 persons cross", state == "settled", said)
            state, said = push(c, "b.csv", second, "tight")
            check("40 others are more than is left, and are refused by rule and article",
                  state == "denied" and refused(said), said)
            state, said = push(c, "c.csv", first + second[:20], "tight")
            check("20 others are not, and who crossed before counts once", state == "settled", said)
            c.restart("cn-lingang")
            state, said = push(c, "d.csv", second[:21], "tight")
            check("one more is refused, also after a restart", state == "denied" and refused(said),
                  said)
            state, said = push(c, "e.csv", first[:9], "tight")
            check("those inside go on", state == "settled", said)
            state, said = push(c, "f.csv", second, AGREEMENT)
            check("an agreement without an envelope is not touched", state == "settled", said)
            for name in ("other-purpose", "other-fields"):
                state, said = push(c, "g.csv", first[:1], name)
                check(f"{name}: beyond what was approved nothing starts",
                      state == "denied" and refused(said), said)
    return corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
