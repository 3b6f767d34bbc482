#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""README.md word for word: its files are written, its commands run by a shell in their order, and
what they print is what the page shows, but for what is new each time (ids, hashes, times, ports,
numbers of entries). --update writes what they print into the page."""
import os
import re
import subprocess
import sys
import tempfile
import time

import corridor
from corridor import check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BLOCK = re.compile(r"(?ms)^```(\w+)(?: file=(\S+))?\n(.*?)^```$")
# A transfer's id is written short after it was printed once.
SHORT = re.compile(r"\b[0-9a-f]{4}\b(?= -o)")
NEW = [(r"\b[0-9a-f]{64}\b", "HASH"), (r"\b[0-9a-f]{32}\b", "ID"),
       (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"), (r"entry \d+", "entry N"),
       (r"\d+ (entries|checkpoints|cosignatures)", r"N \1"),
       (r"/\d{4}h[12]\b", "/HALF"), (r"(?m)^open ID\n", ""), (r"open \d+$", "open N")]


def alike(text):
    for pattern, word in NEW:
        text = re.sub(pattern, word, text)
    return text


class Shell:
    def __init__(self, folder, tools):
        self.folder = folder
        self.env = {"PATH": tools + ":/usr/bin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"}
        self.transfer = None

    def run(self, command):
        """Again while the other zone has not cosigned yet."""
        if self.transfer:
            command = SHORT.sub(self.transfer, command)
        for _ in range(40):
            out = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                                 timeout=120)
            text = out.stdout.decode()
            if "proof-pending" not in text and "no witness of zone" not in text:
                break
            time.sleep(0.5)
        found = re.search(r"^transfer +([0-9a-f]{32})$", text, re.MULTILINE)
        if found:
            self.transfer = found.group(1)
        return out.returncode, text


def sessions(text):
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], ""])
        else:
            found[-1][1] += line + "\n"
    return found


def console(shell, body, update):
    out = ""
    for command, shown in sessions(body):
        code, got = shell.run(command)
        first = shell.transfer[:4] if shell.transfer else ""
        command = SHORT.sub(first, command) if update and first else command
        out += f"$ {command}\n{got}"
        if not update:
            check(f"$ {command}", alike(got) == alike(shown) and code == 0,
                  f"exit {code}\nshown:\n{shown}\nprinted:\n{got}")
    return f"```console\n{out}```"


def walk(shell, text, update):
    seen = {"console": 0, "file": 0, "sh": 0}

    def block(match):
        kind, name, body = match.groups()
        if name:
            seen["file"] += 1
            with open(os.path.join(shell.folder, name), "w", encoding="utf-8") as f:
                f.write(body)
        elif kind == "sh":
            seen["sh"] += 1
            code, got = shell.run(body)
            check("the lines for curl push the file", code == 0 and
                  re.search(r'"state":"(settled|forwarding)"', got), (code, got))
        elif kind == "console":
            seen["console"] += len(sessions(body))
            return console(shell, body, update)
        return match.group(0)
    new = BLOCK.sub(block, text)
    check(f"{seen} were found", seen["console"] >= 10 and seen["file"] == 2 and seen["sh"] == 1)
    return new


def main():
    page = os.path.join(ROOT, "README.md")
    build = os.path.abspath(os.environ.get("TDZ_BUILD", "build"))
    with open(page, encoding="utf-8") as f:
        text = f.read()
    with tempfile.TemporaryDirectory(prefix="tdz-flow-") as folder:
        shell = Shell(folder, os.path.join(build, "tools"))
        try:
            new = walk(shell, text, "--update" in sys.argv)
        finally:
            if os.path.exists(os.path.join(folder, "corridor", "corridor.json")):
                shell.run("tdz sandbox down corridor")
    if "--update" in sys.argv:
        with open(page, "w", encoding="utf-8") as f:
            f.write(new)
    corridor.finish()


if __name__ == "__main__":
    main()
