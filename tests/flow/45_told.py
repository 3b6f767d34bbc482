#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a sender is told of the columns of a dataset: bounded, and enough to mend it."""
import json
import random
import sys

import corridor
import tables
from corridor import check

WHO = "hospital-kl"


def wide(c):
    """As many columns as are read, one fewer and one more: decided, and told what decides."""
    for columns in (1000, 1024, 1025, 1500):
        head = ",".join(f"m{i}" for i in range(columns))
        rows = [",".join(str(i * n % 97) for i in range(columns)) for n in range(1, 20)]
        data = "\n".join([head, *rows, ""]).encode()
        answer = c.push(WHO, "open-data", f"wide-{columns}.csv", data)
        state = c.wait(WHO, answer.transfer)
        check(f"a table of {columns} columns is decided", state["state"] in ("settled", "denied"),
              (answer, state["state"]))
        seen = state["observed"]
        check(f"and its answer says how many of the {columns} it leaves out",
              len(seen["columns"]) + seen.get("columns_omitted", 0) == min(columns, 1025) and
              ("too-many-columns" in seen["reasons"]) == (columns > 1024),
              (len(seen["columns"]), seen.get("columns_omitted"), seen["reasons"]))
    rng = random.Random(3)
    rows = [",".join(["7"] * 999 + [tables.mykad(rng)[0]]) for _ in range(40)]
    data = "\n".join([",".join(f"m{i}" for i in range(1000)), *rows, ""]).encode()
    answer = c.push(WHO, "open-data", "wide-secret.csv", data)
    if check("a number of a person in the last of 1000 columns is refused", answer.status == 403,
             answer):
        detail = json.loads(answer.body).get("detail", "")
        check("and that column is named", "column #1000: " in detail, detail)


def undeclared(c):
    """A refusal for columns that the agreement does not have says so, and which."""
    answer = c.push(WHO, "oncology-2026", "read.me",
                    b"# A page\n\nIt says, among other things, this.\n")
    if check("a text pushed as a table is refused", answer.status == 403, answer):
        detail = json.loads(answer.body).get("detail", "")
        check("and told that the agreement does not declare what it has",
              "not declared in the agreement" in detail, detail)


def main():
    with corridor.Corridor() as c:
        wide(c)
        undeclared(c)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
