#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every fuzz target is built, says what it tests, and has a corpus that is replayed."""
import re

import tidy


def check(files):
    wrong = []
    build = files.get("fuzz/meson.build", "")
    listed = set(re.findall(r"'name':\s*'(\w+)'", build))
    targets = {re.match(r"fuzz/(\w+)_fuzz\.c$", p).group(1) for p in files
               if re.match(r"fuzz/\w+_fuzz\.c$", p)}
    corpora = {p.split("/")[2] for p in files if re.match(r"fuzz/corpus/\w+/.", p)}
    for name in sorted(targets):
        path = f"fuzz/{name}_fuzz.c"
        if name not in corpora:
            wrong.append(f"{path}: no corpus in fuzz/corpus/{name}")
        if name not in listed:
            wrong.append(f"{path}: not in the list of fuzz/meson.build, so not replayed")
        if not re.search(r"(?m)^/\* Targets: \w+", files[path]):
            wrong.append(f"{path}: no line '/* Targets: function ... */'")
    wrong += [f"fuzz/corpus/{name}: no target" for name in sorted(corpora - targets)]
    wrong += [f"fuzz/meson.build: no file for {name}" for name in sorted(listed - targets)]
    return wrong


GOOD = {"fuzz/a_fuzz.c": "/* Targets: a_read */\n", "fuzz/meson.build": "{'name': 'a'}",
        "fuzz/corpus/a/1": "x"}


def without(path, **change):
    return {p: t for p, t in {**GOOD, **change}.items() if p != path}


PLANTS = [
    ("a target without corpus", without("fuzz/corpus/a/1")),
    ("a target without replay", {**GOOD, "fuzz/meson.build": ""}),
    ("a target that does not say what it tests", {**GOOD, "fuzz/a_fuzz.c": "int x;\n"}),
    ("a corpus without target", {**GOOD, "fuzz/corpus/b/1": "x"}),
    ("a listed target without file", {**GOOD, "fuzz/meson.build": "{'name': 'a'} {'name': 'b'}"}),
]

if __name__ == "__main__":
    tidy.run("every fuzz target of the tree has corpus and replay", check, PLANTS, GOOD,
             {p: t for p, t in tidy.tree(data=True).items() if p.startswith("fuzz/")})
