#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""clang-format leaves every C file as it is."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import tidy


def check_paths(paths, cwd):
    done = subprocess.run(["clang-format", "--dry-run", "--Werror", "--style=file", *paths],
                          cwd=cwd, capture_output=True, text=True, check=False)
    places = re.findall(r"(?m)^(\S+?:\d+):\d+: error", done.stderr)
    seen = sorted({place.rsplit(":", 1)[0]: place for place in reversed(places)}.values())
    if done.returncode != 0 and not seen:
        return [done.stderr.strip()]
    return [f"{place}: clang-format would change it" for place in seen]


def main():
    tap = tidy.Tap()
    if shutil.which("clang-format") is None:
        tap.skip("clang-format leaves the tree as it is", "clang-format is not installed")
        tap.end()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(os.path.join(tidy.ROOT, ".clang-format"), folder)
        for name, text in {"bad.c": "int f(void) {return 1;}\n",
                           "good.c": "int\nf(void)\n{\n    return 1;\n}\n"}.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        tap.ok(check_paths(["bad.c"], folder), "a planted violation is seen: braces on one line")
        tap.ok(not check_paths(["good.c"], folder), "correct files are accepted")
    wrong = check_paths(sorted(tidy.tree(".c", ".h")), tidy.ROOT)
    tap.ok(not wrong, "clang-format leaves the tree as it is", wrong)
    tap.end()


if __name__ == "__main__":
    sys.exit(main())
