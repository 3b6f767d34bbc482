#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exported symbols start with their file's stem, stems are unique, library folders have no
writable data. Arguments: the archives that were built, library folders' first (their names end in
the folder), each as FOLDER=ARCHIVE."""
import os
import re
import subprocess
import sys
import tempfile

import tidy

# The table a program gives to tools/cli.c; the linker finds it beside main().
EXPORTED_ANYWAY = {"main", "cli_program", "LLVMFuzzerTestOneInput"}
# crypto looks algorithms up once, in x_init(), into one struct per file of this name: a look-up
# takes a lock and a search, and the data path must not.
LOOKED_UP = "_fetched"


def symbols(archive):
    """(stem, symbol, exported, section) of every object and function an archive defines."""
    out = subprocess.run(["nm", "-f", "sysv", "--defined-only", archive], capture_output=True,
                         text=True, check=True).stdout
    stem = ""
    for line in out.splitlines():
        if line.startswith("Symbols from "):
            member = line.split("[")[-1].rstrip("]:") if "[" in line else line.split()[-1]
            stem = re.sub(r"\.c\.o$", "", os.path.basename(member).rstrip(":")).lstrip("._")
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) == 7 and parts[3] in ("FUNC", "OBJECT", "TLS", "NOTYPE"):
            yield stem, parts[0], parts[2].isupper(), parts[6]


def file_stem(stem, known):
    """meson names the object of core/loop.c core_loop.c.o: the file is the longest tail of the
    object's stem that is a file of the tree. A generated file is meson-generated_.._x.c.o."""
    if stem.startswith("meson-generated_.._"):
        return stem[len("meson-generated_.._"):]
    parts = stem.split("_")
    for at in range(len(parts)):
        tail = "_".join(parts[at:])
        if tail in known:
            return tail
    return stem


def owns(stem, symbol, headers):
    """A name starts with its file's; a file x_y.c may also define names of x.h, an interface with
    several files or several implementations behind it."""
    parts = stem.split("_")
    heads = ["_".join(parts[:end]) for end in range(1, len(parts))]
    names = [stem] + [head for head in heads if head in headers]
    return any(symbol == name or symbol.startswith(name + "_") for name in names)


def check_archive(folder, archive, known=(), headers=()):
    wrong = []
    for member, symbol, exported, section in symbols(archive):
        stem = file_stem(member, known)
        if exported and symbol not in EXPORTED_ANYWAY and not owns(stem, symbol, headers):
            wrong.append(f"{folder}: {symbol} does not start with its file's name {stem}")
        writable = section.startswith((".data", ".bss", ".tdata", ".tbss", "*COM*")) and \
            not section.startswith(".data.rel.ro")
        kept = folder == "crypto" and symbol == stem + LOOKED_UP
        if writable and folder in tidy.LIBRARIES and not kept:
            wrong.append(f"{folder}/{stem}.c: {symbol} is writable data in a library folder")
    return wrong


def check_stems(files):
    homes = {}
    for path in files:
        homes.setdefault(os.path.basename(path), []).append(path)
    return [f"{' and '.join(paths)}: the same file name" for paths in homes.values()
            if len(paths) > 1]


def build_plant(folder, text):
    source = os.path.join(folder, "thing.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    made = os.path.join(folder, "thing.c.o")
    archive = os.path.join(folder, "libplant.a")
    subprocess.run(["gcc", "-fPIE", "-c", source, "-o", made], check=True)
    subprocess.run(["ar", "crs", archive, made], check=True)
    return archive


PLANTS = [
    ("a symbol of another name", "int\nother_do(void)\n{\n    return 1;\n}\n"),
    ("a writable global", "int thing_count = 1;\n"),
    ("a hidden counter", "int\nthing_n(void)\n{\n    static int n;\n    return n++;\n}\n"),
    ("a thread-local", "_Thread_local int thing_n;\n"),
]
CLEAN = "const char *const thing_names[] = {\"a\"};\nint\nthing_do(void)\n{\n    return 1;\n}\n"


def main(argv):
    tap = tidy.Tap()
    with tempfile.TemporaryDirectory() as folder:
        for sentence, text in PLANTS:
            tap.ok(check_archive("schemas", build_plant(folder, text)),
                   f"a planted violation is seen: {sentence}")
        tap.ok(not check_archive("schemas", build_plant(folder, CLEAN)),
               "correct files are accepted")
    tap.ok(check_stems({"a/x.c": "", "b/x.c": ""}),
           "a planted violation is seen: two files of one name")
    known = {os.path.basename(path)[:-2] for path in tidy.tree(".c")}
    headers = {os.path.basename(path)[:-2] for path in tidy.tree(".h")}
    for pair in argv:
        folder, archive = pair.split("=", 1)
        wrong = check_archive(folder, archive, known, headers)
        tap.ok(not wrong, f"{folder}: exported names and data keep to the rules", wrong)
    wrong = check_stems(tidy.tree(".c", ".h"))
    tap.ok(not wrong, "every file name of the tree is used once", wrong)
    tap.end()


if __name__ == "__main__":
    main(sys.argv[1:])
