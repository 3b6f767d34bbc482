#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Subjects of commits: `area: what it does`, at most 72 columns, no full stop."""
import re
import subprocess

import tidy

SUBJECT_MAX = 72
SUBJECT = re.compile(r"[a-z0-9][\w./+-]*(, ?[\w./+-]+)*: \S.*[^.\s]$")


def check(subjects):
    wrong = []
    for commit, subject in subjects.items():
        if len(subject) > SUBJECT_MAX:
            wrong.append(f"{commit}: {len(subject)} columns, limit {SUBJECT_MAX}: {subject}")
        if not SUBJECT.match(subject):
            wrong.append(f"{commit}: not 'area: what it does': {subject}")
    return wrong


PLANTS = [
    ("no area", {"1": "fix things"}),
    ("a full stop", {"1": "json: refuse a byte order mark."}),
    ("73 columns", {"1": "json: " + "x" * 67}),
    ("an area in capitals", {"1": "JSON: refuse"}),
]
CLEAN = {"1": "json: refuse a byte order mark", "2": "bug/high: seal: check the last chunk"}


def main():
    tap = tidy.Tap()
    tidy.self_test(tap, check, PLANTS, CLEAN)
    log = subprocess.run(["git", "-c", "safe.directory=*", "log", "--no-merges",
                          "--format=%h %s"], cwd=tidy.ROOT, capture_output=True, text=True,
                         check=False)
    subjects = dict(line.split(" ", 1) for line in log.stdout.splitlines() if " " in line)
    if log.returncode != 0 or not subjects:
        tap.skip("every commit has a subject in the form", "no git history here")
    else:
        wrong = check(subjects)
        tap.ok(not wrong, "every commit has a subject in the form", wrong)
    tap.end()


if __name__ == "__main__":
    main()
