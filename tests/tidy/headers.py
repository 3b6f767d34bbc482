#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone, and begins with the guard of its path. Argument: build folder."""
import os
import re
import subprocess
import sys
import tempfile

import tidy


def compiles(path, build):
    done = subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-fsyntax-only", "-I", tidy.ROOT,
                           "-I", build, "-x", "c", path],
                          capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stderr.splitlines()[0]]


def guard_of(path):
    return "TDZ_" + re.sub(r"\W", "_", path).upper()


def check_guards(files):
    return [f"{path}:1: the guard is not {guard_of(path)}" for path, text in files.items()
            if not re.search(rf"(?m)^#ifndef {guard_of(path)}\n#define {guard_of(path)}$", text)]


def main(build):
    tap = tidy.Tap()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bad.h")
        with open(path, "w", encoding="utf-8") as file:
            file.write("size_t f(struct span s);\n")
        tap.ok(compiles(path, build), "a planted violation is seen: a type nobody declared")
    tap.ok(check_guards({"tools/a.h": "#ifndef A_H\n#define A_H\n"}),
           "a planted violation is seen: a guard that may collide")
    headers = tidy.tree(".h")
    wrong = []
    for path in headers:
        wrong += compiles(os.path.join(tidy.ROOT, path), build)
    tap.ok(headers and not wrong, "every header of the tree compiles alone", wrong)
    wrong = check_guards(headers)
    tap.ok(not wrong, "every header has the guard of its path", wrong)
    tap.end()


if __name__ == "__main__":
    main(sys.argv[1])
