#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Links of the documents resolve, and every verb of ./dev they name exists."""
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


def check_with(files, known, exists):
    wrong = []
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
        return check_with({"docs/a.md": text}, {"test"}, lambda p: p == "docs/a.md")
    for sentence, text in [("a link to nothing", "see [b](b.md)\n"),
                           ("a heading that is not there", "see [x](#x)\n"),
                           ("a verb that is not there", "run ./dev fly\n")]:
        tap.ok(planted(text), f"a planted violation is seen: {sentence}")
    tap.ok(not planted("# The X\n[a](a.md) [x](#the-x) [w](https://example.org) ./dev test\n"),
           "correct files are accepted")
    files = tidy.tree(".md")
    wrong = check_with(files, verbs(), lambda p: os.path.exists(os.path.join(tidy.ROOT, p)))
    tap.ok(files and not wrong, "links and verbs in the documents exist", wrong)
    tap.end()


if __name__ == "__main__":
    main()
