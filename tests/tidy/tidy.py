# SPDX-License-Identifier: Apache-2.0
"""What the style checks share: the files of the tree, C text without comments, TAP, self-tests.

A check is a function from {path: text} to a list of violations "path:line: what". Each check is
tried on planted violations first, so that a check that sees nothing fails.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARIES = ("schemas", "crypto", "inspect", "policy")
# Bytes kept as found: nobody's style applies to them.
DATA = ("tests/vectors/", "fuzz/corpus/", "certs-example/", "LICENSE")


def paths():
    """Every file of the tree, as git sees it; without git, all but build folders."""
    try:
        out = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-co", "-z",
                              "--exclude-standard"],
                             cwd=ROOT, capture_output=True, check=True).stdout
        found = [p for p in out.decode().split("\0") if p]
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, dirs, names in os.walk(ROOT):
            dirs[:] = [d for d in dirs if not d.startswith(("build", ".git", "__pycache__"))]
            found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return sorted(p for p in found if os.path.isfile(os.path.join(ROOT, p)))


def tree(*endings, data=False):
    """{path: text} of the files whose name ends with one of endings (all when none)."""
    files = {}
    for path in paths():
        if endings and not path.endswith(endings):
            continue
        if not data and path.startswith(DATA):
            continue
        with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
            files[path] = file.read()
    return files


def folder_of(path):
    return path.split("/", 1)[0] if "/" in path else ""


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def code_only(text, strings=False):
    """C text with comments (and strings, unless kept) blanked; lines stay where they are."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'" and strings:
            return token
        return re.sub(r"[^\n]", " ", token)
    return _TOKEN.sub(blank, text)


def functions(text):
    """(name, first line, last line, body) of each function of C text in the house format: the
    name begins a line, the body's braces are alone at column 0."""
    lines = code_only(text).splitlines()
    found, at = [], 0
    while at < len(lines):
        match = re.match(r"([a-zA-Z_]\w*)\(", lines[at])
        end = at
        while match and end < len(lines) and not lines[end].startswith(("{", "}")) \
                and not lines[end].rstrip().endswith(";"):
            end += 1
        if match and end < len(lines) and lines[end].startswith("{"):
            last = end
            while last < len(lines) and not lines[last].startswith("}"):
                last += 1
            found.append((match.group(1), at + 1, last + 1, "\n".join(lines[end:last])))
            at = last
        at += 1
    return found


def search(pattern, text):
    """(line number, match) of every match of pattern in text."""
    for match in re.finditer(pattern, text):
        yield text.count("\n", 0, match.start()) + 1, match


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, good, sentence, notes=()):
        self.count += 1
        self.failed += 0 if good else 1
        for note in notes if not good else ():
            print(f"# {note}")
        print(f"{'ok' if good else 'not ok'} {self.count} - {sentence}", flush=True)

    def skip(self, sentence, reason):
        self.count += 1
        print(f"ok {self.count} - {sentence} # SKIP {reason}", flush=True)

    def end(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed or not self.count else 0)


def self_test(tap, check, plants, clean):
    """plants: (sentence, files) that check must object to; clean: files it must accept."""
    for sentence, files in plants:
        tap.ok(len(check(files)) > 0, f"a planted violation is seen: {sentence}")
    wrong = check(clean)
    tap.ok(not wrong, "correct files are accepted", wrong)


def run(sentence, check, plants, clean, files):
    tap = Tap()
    self_test(tap, check, plants, clean)
    wrong = check(files)
    tap.ok(not wrong and files, sentence, wrong if files else ["no file to check"])
    tap.end()
