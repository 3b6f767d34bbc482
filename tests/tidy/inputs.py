#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/THREATS.md of inputs, loads and answered attacks say what is in the tree.

Every fuzz target they name exists and every target is named; every constant, function and key of
the configuration exists in the code; every test exists, with the sentence that is quoted from it.
"""
import re

import tidy

PAGE = "docs/THREATS.md"
SECTIONS = ("Inputs", "Load", "Read, tried and answered")


def section(text, title):
    found = re.search(rf"(?ms)^## {title}$(.*?)(?=^## |\Z)", text)
    return found.group(1) if found else None


def rows(text):
    """(line, {heading: cell}) of every table row of text."""
    head = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("|"):
            head = None
            continue
        cells = [c.strip() for c in line.strip("|").split("|")]
        if head is None:
            head = cells
        elif not set(line) <= set("|- "):
            yield number, dict(zip(head, cells)), len(cells) == len(head)


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


def known(files):
    """Identifiers and keys of the configuration that code has."""
    code = {p: t for p, t in files.items() if p.endswith((".c", ".h", ".def"))}
    names = set()
    for path, text in code.items():
        if not path.startswith(("tests/", "fuzz/")):
            names |= set(re.findall(r"[A-Za-z_]\w+", tidy.code_only(text)))
    # Names that macros put together: payload_X_get of PAYLOAD(X).
    for name in re.findall(r"PAYLOAD\(\w+, (\w+)\)", files.get("gateway/core/payload.h", "")):
        names |= {f"payload_{name}_get", f"payload_{name}_put"}
    keys = set(re.findall(r'"(\w+\.\w+)"', files.get("gateway/core/config.def", "")))
    return names, keys


def tests_of(cell, files):
    """What is wrong with a cell of tests: `path` and "sentence" after it."""
    wrong = []
    named = re.findall(r'`(tests/[^`]+)`(?:\s+((?:"[^"]+"(?:,\s*)?)+))?', cell)
    if not named:
        return ["no test is named"]
    for path, said in named:
        if path not in files:
            wrong.append(f"no test {path}")
            continue
        for sentence in re.findall(r'"([^"]+)"', said):
            if sentence not in re.sub(r'"\s*\n\s*(?:f?)"', "", files[path]):
                wrong.append(f"{path} has no test called: {sentence}")
    return wrong


def check(files):
    wrong = []
    page = files.get(PAGE, "")
    names, keys = known(files)
    targets = {re.match(r"fuzz/(\w+)_fuzz\.c$", p).group(1) for p in files
               if re.match(r"fuzz/\w+_fuzz\.c$", p)}
    seen = set()
    for title in SECTIONS:
        text = section(page, title)
        if text is None:
            wrong.append(f"{PAGE}: no section {title}")
            continue
        for line, row, whole in rows(text):
            place = f"{PAGE}: {title}, line {line} ({next(iter(row.values()))})"
            if not whole:
                wrong.append(f"{place}: more or fewer cells than columns")
            for word in words(row.get("limit", "")) + words(row.get("check", "")):
                if word not in (keys if "." in word else names):
                    wrong.append(f"{place}: the code has no {word}")
            if "limit" in row and not row["limit"]:
                wrong.append(f"{place}: no limit")
            wrong += [f"{place}: {w}" for w in tests_of(row.get("test", ""), files)]
            if "fuzz" in row:
                seen |= set(words(row["fuzz"]))
                wrong += [f"{place}: no fuzz target {w}" for w in words(row["fuzz"])
                          if w not in targets]
                if not row["fuzz"]:
                    wrong.append(f"{place}: a fuzz target, or –")
    wrong += [f"{PAGE}: the fuzz target {t} is in no row" for t in sorted(targets - seen)]
    return wrong


def page_of(limit="`LIMIT_MAX`, `limits.x`", checked="`x_read`", test='`tests/x_test.c` "it is"',
            fuzz="`x`"):
    return ("# T\n\n## Inputs\n| input | limit | check | test | fuzz |\n|---|---|---|---|---|\n"
            f"| x | {limit} | {checked} | {test} | {fuzz} |\n\n## Load\n"
            "| what | limit | test |\n|---|---|---|\n| y | `limits.x` | `tests/x_test.c` |\n\n"
            "## Read, tried and answered\n| attack | answer | test |\n|---|---|---|\n"
            f"| z | none | {test} |\n")


GOOD = {PAGE: page_of(), "x.h": "enum { LIMIT_MAX = 1 };\nx_read();\n",
        "gateway/core/config.def": 'CONFIG_INT(X, "limits.x")', "fuzz/x_fuzz.c": "",
        "tests/x_test.c": 'TEST("it is")'}
PLANTS = [
    ("a constant that is not there", {**GOOD, PAGE: page_of(limit="`OTHER_MAX`")}),
    ("a key that is not there", {**GOOD, PAGE: page_of(limit="`limits.y`")}),
    ("a row without a limit", {**GOOD, PAGE: page_of(limit="")}),
    ("a function that is not there", {**GOOD, PAGE: page_of(checked="`y_read`")}),
    ("a test that is not there", {**GOOD, PAGE: page_of(test="`tests/y_test.c`")}),
    ("a sentence that no test says", {**GOOD, PAGE: page_of(test='`tests/x_test.c` "it was"')}),
    ("a row without a test", {**GOOD, PAGE: page_of(test="")}),
    ("a fuzz target that is not there", {**GOOD, PAGE: page_of(fuzz="`x`, `y`")}),
    ("a fuzz target that no row names", {**GOOD, "fuzz/y_fuzz.c": ""}),
    ("a cell too many", {**GOOD, PAGE: page_of(fuzz="`x` | more")}),
    ("a page without the tables", {**GOOD, PAGE: "# T\n"}),
]

if __name__ == "__main__":
    tidy.run("the inputs of the threat model are those of the tree", check, PLANTS, GOOD,
             tidy.tree())
