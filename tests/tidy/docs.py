#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Links of the documents resolve, and every verb of ./dev and every command and option of tdz and
tdz-audit they name exists."""
import os
import re
import subprocess

import tidy


def anchors(text):
    found = set()
    for _, match in tidy.search(r"(?m)^#{1,6}\s+(.+?)\s*$", text):
        slug = re.sub(r"[^\w\- ]", "", match.group(1).lower()).replace(" ", "-")
        found.add(slug)
    return found


def verbs():
    out = subprocess.run([os.path.join(tidy.ROOT, "dev"), "help"], capture_output=True, text=True,
                         check=True).stdout
    return set(re.findall(r"(?m)^  (\w+)\b", out))


def commands():
    """{"tdz policy lint": {"--json", …}} from the tables that the programs are made from."""
    found = {}
    for program, path in [("tdz", "commands.def"), ("tdz-audit", "audit_commands.def")]:
        with open(os.path.join(tidy.ROOT, "tools", path), encoding="utf-8") as f:
            text = f.read()
        shared = {name: set(re.findall(r'OPTIONS?\("(-[\w-]+)', body)) for name, body in
                  re.findall(r"#define (\w+_OPTIONS)((?:[^\n]*\\\n)*[^\n]*)\n", text)}
        for words, body in re.findall(r'(?ms)^COMMAND\(\s*"([\w -]+)"(.*?)(?=^COMMAND|\Z)', text):
            options = set(re.findall(r'(?m)^OPTIONS?\("(-[\w-]+)', body)) | {"--help"}
            for name in re.findall(r"(?m)^(\w+_OPTIONS)$", body):
                options |= shared[name]
            found[f"{program} {words}"] = options
    return found


def check_tools(path, text, table):
    """Lines of fenced blocks that call a program of ours."""
    wrong = []
    for start, block in tidy.search(r"(?ms)^```[^\n]*\n(.*?)^```$", text):
        for at, line in enumerate(block.group(1).splitlines()):
            if re.match(r"tdz[\w -]*: ", line):
                continue  # what a program says
            for call in re.findall(r"(?:^|[;|&] *)(?:\$ )?((?:tdz|tdz-audit) [^|;&\n]*)", line):
                words = re.sub(r'"[^"]*"|\'[^\']*\'', "TEXT", call).split()
                name = next((n for n in (" ".join(words[:3]), " ".join(words[:2])) if n in table),
                            None)
                if name is None:
                    wrong.append(f"{path}:{start + at + 1}: no command '{' '.join(words[:3])}'")
                    continue
                for option in words[len(name.split()):]:
                    option = option.strip("[]…").split("=")[0]
                    if re.fullmatch(r"--?[a-z][\w-]*", option) and option not in table[name]:
                        wrong.append(f"{path}:{start + at + 1}: {name} has no option {option}")
    return wrong


def check_with(files, known, exists, table):
    wrong = []
    for path, text in files.items():
        wrong += check_tools(path, text, table)
    for path, text in files.items():
        here = os.path.dirname(path)
        prose = re.sub(r"(?s)```.*?```", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
        for line, match in tidy.search(r"\]\(([^)\s]+)\)", prose):
            target, _, anchor = match.group(1).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            full = os.path.normpath(os.path.join(here, target)) if target else path
            if not exists(full):
                wrong.append(f"{path}:{line}: no file {full}")
            elif anchor and full in files and anchor not in anchors(files[full]):
                wrong.append(f"{path}:{line}: {full} has no heading #{anchor}")
        for line, match in tidy.search(r"\./dev ([a-z]+)", text):
            if match.group(1) not in known:
                wrong.append(f"{path}:{line}: ./dev has no verb {match.group(1)}")
    return wrong


def main():
    tap = tidy.Tap()

    def planted(text):
        return check_with({"docs/a.md": text}, {"test"}, lambda p: p == "docs/a.md",
                          {"tdz hold list": {"--json"}, "tdz may": {"--name"}})
    for sentence, text in [("a link to nothing", "see [b](b.md)\n"),
                           ("a heading that is not there", "see [x](#x)\n"),
                           ("a verb that is not there", "run ./dev fly\n"),
                           ("a command that is not there", "```\n$ tdz hold lost\n```\n"),
                           ("an option that is not there", "```sh\ntdz may --json\n```\n"),
                           ("one behind a pipe", "```\n$ cat x | tdz hold list --name a\n```\n")]:
        tap.ok(planted(text), f"a planted violation is seen: {sentence}")
    tap.ok(not planted("# The X\n[a](a.md) [x](#the-x) [w](https://example.org) ./dev test\n"),
           "correct files are accepted")
    files = tidy.tree(".md")
    table = commands()
    tap.ok(len(table) > 30 and "--desk" not in table["tdz hold list"] and
           {"--json", "--profile"} <= table["tdz hold list"] and
           "--trust" in table["tdz-audit verify"], "the commands and their options are read")
    wrong = check_with(files, verbs(), lambda p: os.path.exists(os.path.join(tidy.ROOT, p)), table)
    tap.ok(files and not wrong, "links, verbs and commands in the documents exist", wrong)
    tap.end()


if __name__ == "__main__":
    main()
