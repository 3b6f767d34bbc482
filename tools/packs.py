#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packs.py OUT.c FILE...: writes the table of tools/packs.h; a file says itself what it is."""
import json
import os
import sys

FOLDERS = {
    "tdz.vocab/1": (".", "tdz.vocab/1"),
    "tdz.policy/1": ("policies", "tdz.policy/1"),
    "tdz.agreement/1": ("agreements", "tdz.agreement/1"),
    "tdz.partner/1": ("partners", "tdz.partner/1"),
    "tdz.list/1": ("lists", "tdz.list/1"),
}


def main():
    rows, arrays = [], []
    for i, path in enumerate(sorted(sys.argv[2:])):
        with open(path, "rb") as f:
            data = f.read()
        doc = json.loads(data)
        if doc.get("format") not in FOLDERS:
            sys.exit(f"{path}: no known format")
        folder, note = FOLDERS[doc["format"]]
        name = "vocabulary.json" if doc["format"] == "tdz.vocab/1" else os.path.basename(path)
        zone = doc["zone"] if doc["format"] == "tdz.policy/1" else ""
        body = ",".join(str(b) for b in data)
        arrays.append(f"static const uint8_t pack_{i}[] = {{{body}}};")
        texts = ", ".join(f'"{text}"' for text in (name, note, folder, zone))
        rows.append(f"    {{{texts}, pack_{i}, sizeof(pack_{i})}},")
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write("/* Made by tools/packs.py. */\n#include \"tools/packs.h\"\n\n")
        out.write("\n".join(arrays))
        out.write("\n\nstatic const struct pack packs[] = {\n" + "\n".join(rows) + "\n};\n")
        out.write("""
const struct pack *
packs_all(size_t *ret_count)
{
    *ret_count = sizeof(packs) / sizeof(packs[0]);
    return packs;
}
""")


main()
