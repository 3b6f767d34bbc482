#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/POLICY.md word for word: its files are written, its commands run by a shell in their order,
and what they print is what the page shows. --update writes what they print into the page."""
import os
import re
import subprocess
import sys
import tempfile

import polkit

BLOCK = re.compile(r"(?ms)^```(\w+)(?: file=(\S+))?\n(.*?)^```$")


def sessions(text):
    """[(command, what is shown after it)] of a console block."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], ""])
        else:
            found[-1][1] += line + "\n"
    return found


def run(command, folder, tdz):
    env = {"PATH": os.path.dirname(os.path.abspath(tdz)) + ":/usr/bin:/bin", "HOME": folder,
           "LC_ALL": "C.UTF-8"}
    out = subprocess.run(["bash", "-c", command], cwd=folder, env=env, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, check=False)
    return out.stdout.decode()


def check_page(tap, tdz, page, update):
    with open(page, encoding="utf-8") as f:
        text = f.read()
    commands = files = 0
    with tempfile.TemporaryDirectory() as folder:
        def block(match):
            nonlocal commands, files
            kind, name, body = match.groups()
            if name:
                polkit.write(folder, name, body)
                files += 1
            if kind != "console":
                return match.group(0)
            out = ""
            for command, shown in sessions(body):
                got = run(command, folder, tdz)
                commands += 1
                out += f"$ {command}\n{got}"
                if not update:
                    tap.ok(got == shown, command, f"shown:\n{shown}\nprinted:\n{got}")
            return f"```console\n{out}```"
        new = BLOCK.sub(block, text)
    if update:
        with open(page, "w", encoding="utf-8") as f:
            f.write(new)
    tap.ok(commands >= 12 and files >= 4, f"{commands} commands and {files} files were found")


def check_tables(tap, page, sources):
    """The page names every finding of lint, and no command that is not there."""
    with open(page, encoding="utf-8") as f:
        text = f.read()
    with open(sources + "/tools/policy_lint.def", encoding="utf-8") as f:
        codes = re.findall(r'(?m)^LINT\(\w+, "([^"]+)"', f.read())
    missing = [c for c in codes if f"`{c}`" not in text]
    tap.ok(codes and not missing, "every finding of lint is on the page", missing)
    with open(sources + "/tools/commands.def", encoding="utf-8") as f:
        words = set(re.findall(r'COMMAND\("policy (\w[\w-]*)"', f.read()))
    named = set(re.findall(r"tdz policy (\w[\w-]*)", text))
    tap.ok(len(named) >= 8 and named <= words, "every command on the page exists", named - words)


def main():
    tdz, sources = sys.argv[1:3]
    page = os.path.join(sources, "docs/POLICY.md")
    tap = polkit.Tap()
    check_page(tap, tdz, page, "--update" in sys.argv)
    check_tables(tap, page, sources)
    tap.end()


if __name__ == "__main__":
    main()
