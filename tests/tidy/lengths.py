#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Files, headers, functions and lines stay short enough to be read."""
import tidy

FILE_MAX = 600
FILE_HARD_MAX = 1000
HEADER_MAX = 250
FUNCTION_MAX = 70
LINE_MAX = 100

# Files between 600 and 1000 lines: why they are one file. None is.
LONG = {}
# A function of a unit test is a list of named tests; it is each of them that is short.
LISTS = "tests/unit/"


def longest(lines, is_list):
    """Lines of a function; of a list of tests, lines of its longest test."""
    starts = [at for at, line in enumerate(lines) if line.lstrip().startswith("TEST(")]
    if not is_list or not starts:
        return len(lines)
    edges = [0] + starts + [len(lines)]
    return max(after - before for before, after in zip(edges, edges[1:]))


def check(files):
    wrong = []
    for path, text in files.items():
        lines = text.splitlines()
        limit = HEADER_MAX if path.endswith(".h") else FILE_MAX
        if path in LONG:
            limit = FILE_HARD_MAX
        if len(lines) > limit:
            wrong.append(f"{path}:{len(lines)}: {len(lines)} lines, limit {limit}")
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_MAX:
                wrong.append(f"{path}:{number}: {len(line)} columns, limit {LINE_MAX}")
            if line != line.rstrip() or "\t" in line:
                wrong.append(f"{path}:{number}: tab or trailing space")
        if text and not text.endswith("\n"):
            wrong.append(f"{path}:{len(lines)}: the last line does not end")
        if path.endswith((".c", ".h")):
            for name, first, last, _ in tidy.functions(text):
                long = longest(lines[first - 1:last], path.startswith(LISTS))
                if long > FUNCTION_MAX:
                    wrong.append(f"{path}:{first}: {name} has {long} lines, "
                                 f"limit {FUNCTION_MAX}")
    return wrong


def function(lines):
    return "int\nf(void)\n{\n" + "    x();\n" * (lines - 3) + "}\n"


PLANTS = [
    ("a file of 601 lines", {"tools/a.c": "int x;\n" * 601}),
    ("a header of 251 lines", {"tools/a.h": "int x;\n" * 251}),
    ("a function of 71 lines", {"tools/a.c": function(71)}),
    ("a line of 101 columns", {"tools/a.c": "/*" + "x" * 97 + "*/\n"}),
    ("a trailing space", {"tools/a.py": "x = 1 \n"}),
    ("a tab", {"tools/a.c": "\tint x;\n"}),
    ("a last line that does not end", {"tools/a.c": "int x;"}),
]
CLEAN = {
    "tools/a.c": function(70) + "int x;\n" * 529,
    "tools/a.h": "int x;\n" * 250,
    "tests/unit/a_test.c": function(50)[:-2] + "    TEST(\"x\")\n" + function(50)[14:],
}

if __name__ == "__main__":
    tidy.run("files, functions and lines of the tree keep to their limits", check, PLANTS, CLEAN,
             tidy.tree(".c", ".h", ".def", ".py", ".build", ".sh", "/dev", ".ci/run"))
