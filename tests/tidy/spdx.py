#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every source file names its licence in its first line (after a #! line)."""
import tidy

LINE = "SPDX-License-Identifier: Apache-2.0"


def check(files):
    wrong = []
    for path, text in files.items():
        lines = text.splitlines() or [""]
        first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        if LINE not in first:
            wrong.append(f"{path}:1: the first line is not '{LINE}'")
    return wrong


PLANTS = [
    ("a C file without it", {"a.c": "int x;\n"}),
    ("another licence", {"a.c": "/* SPDX-License-Identifier: MIT */\n"}),
    ("a script with it too late", {"a.py": f"#!/usr/bin/python3\nimport os\n# {LINE}\n"}),
    ("an empty file", {"a.h": ""}),
]
CLEAN = {"a.c": f"/* {LINE} */\n", "a.py": f"#!/usr/bin/python3\n# {LINE}\n"}

if __name__ == "__main__":
    tidy.run("every source file of the tree names its licence", check, PLANTS, CLEAN,
             {p: t for p, t in tidy.tree().items()
              if p.endswith((".c", ".h", ".def", ".py", ".sh", ".sql")) or t.startswith("#!")})
