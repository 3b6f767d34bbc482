#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a JSON file into C: embed.py IN.json OUT.c SYMBOL. White space goes, the order stays."""
import json
import sys

WIDTH = 16

with open(sys.argv[1], encoding="utf-8") as file:
    text = json.dumps(json.load(file), ensure_ascii=False, separators=(",", ":")).encode()
rows = [", ".join(f"0x{byte:02x}" for byte in text[at:at + WIDTH])
        for at in range(0, len(text), WIDTH)]
with open(sys.argv[2], "w", encoding="ascii") as file:
    file.write("/* SPDX-License-Identifier: Apache-2.0 */\n"
               f'#include "gateway/edge/openapi.h"\n\nstatic const uint8_t {sys.argv[3]}_bytes[] '
               "= {\n" + ",\n".join(rows) + "\n};\n\nstruct span\n"
               f"{sys.argv[3]}(void)\n{{\n    return span_of({sys.argv[3]}_bytes, "
               f"sizeof({sys.argv[3]}_bytes));\n}}\n")
