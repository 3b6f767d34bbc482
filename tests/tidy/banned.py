#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Functions nobody calls, constructs nobody writes, words that say work is not done."""
import re

import tidy

EVERYWHERE = """strcpy strcat strncpy strncat strtok strtok_r stpcpy sprintf vsprintf gets scanf
    sscanf fscanf vscanf vsscanf vfscanf atoi atol atoll atof strtol strtoll strtoul strtoull
    strtod strtof strtold strtoimax strtoumax alloca system popen rand srand random srandom
    localtime localtime_r strerror strerror_r perror mktemp tmpnam tempnam setjmp longjmp""".split()
# Library folders never log, exit, or read clock, environment or files.
IN_LIBRARIES = """printf fprintf vprintf vfprintf dprintf puts fputs putchar fputc perror syslog
    exit _exit abort open openat fopen read write pread pwrite close socket connect
    clock_gettime gettimeofday secure_getenv""".split()

# (file pattern, function): why it may.
EXCEPTIONS = {
    (r"gateway/core/clock\.c$", "time"): "the one clock",
    (r"tests/.*", "getenv"): "tests take the folder of a build from the environment",
}

CONSTRUCTS = [
    (r"\bgoto\s+(?!out\s*;)\w+", "goto to another label than out"),
    (r"\btypedef\s+(struct|union|enum)\b[^(]*?(;|\{)", "typedef of a struct, union or enum"),
    (r"(?m)^\s*#\s*pragma\s+(?!GCC diagnostic)", "pragma"),
]

WORDS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b|\bfor " r"now\b|\bst" r"ub(s|bed)?\b"
                   r"|\bplace" r"holders?\b", re.IGNORECASE)
# Paths of one machine have no meaning in another.
MACHINE = re.compile(r"(?<![\w.])/(work|home|root)/\w+")


def may(path, function):
    return any(function == name and re.match(pattern, path)
               for pattern, name in EXCEPTIONS)


def check_calls(path, code):
    names = list(EVERYWHERE) + ["getenv", "time"]
    if tidy.folder_of(path) in tidy.LIBRARIES:
        names += IN_LIBRARIES
    pattern = r"(?<![\w.>])(" + "|".join(map(re.escape, names)) + r")\s*\("
    for line, match in tidy.search(pattern, code):
        if not may(path, match.group(1)):
            yield f"{path}:{line}: {match.group(1)}() is banned"


def check_memcmp(path, text, code):
    """Key bytes are compared in constant time: in crypto/ and keeper a memcmp says that its bytes
    are public."""
    if not path.startswith(("crypto/", "gateway/keeper")):
        return
    lines = text.splitlines()
    for line, _ in tidy.search(r"(?<!\w)memcmp\s*\(", code):
        near = " ".join(lines[max(0, line - 3):line])
        if "public" not in near:
            yield f"{path}:{line}: memcmp on bytes that no comment calls public"


def check(files):
    wrong = []
    for path, text in files.items():
        if path.endswith((".c", ".h", ".def")):
            code = tidy.code_only(text)
            wrong += check_calls(path, code)
            wrong += check_memcmp(path, text, code)
            for pattern, what in CONSTRUCTS:
                wrong += [f"{path}:{line}: {what}" for line, _ in tidy.search(pattern, code)]
            for name, first, _, body in tidy.functions(text):
                if re.search(rf"(?<![\w.>]){name}\s*\(", body):
                    wrong.append(f"{path}:{first}: {name} calls itself")
        if path.startswith("tests/tidy/") or "\0" in text:
            continue
        for line, match in tidy.search(WORDS, text):
            wrong.append(f"{path}:{line}: '{match.group(0)}': do it, or leave it out and say so")
        for line, match in tidy.search(MACHINE, text):
            wrong.append(f"{path}:{line}: '{match.group(0)}' is a path of one machine")
    return wrong


def planted(name):
    return f"planted {name}()", {"gateway/a.c": f"int\nf(void)\n{{\n    return {name}(x);\n}}\n"}


PLANTS = [planted(name) for name in EVERYWHERE + ["getenv", "time"]] + [
    ("a library prints", {"schemas/a.c": 'void\nf(void)\n{\n    printf("x");\n}\n'}),
    ("a library reads the clock", {"policy/a.c": "void f(void) { clock_gettime(0, &t); }\n"}),
    ("a library opens a file", {"inspect/a.c": "int f(void) { return open(p, 0); }\n"}),
    ("a goto to a label of its own", {"tools/a.c": "goto retry;\n"}),
    ("a struct typedef", {"schemas/a.h": "typedef struct x x_t;\n"}),
    ("a struct typedef with a body", {"schemas/a.h": "typedef struct {\n    int x;\n} x;\n"}),
    ("memcmp on key bytes", {"crypto/a.c": "return memcmp(a, b, 32);\n"}),
    ("recursion", {"policy/a.c": "static int\nwalk(int n)\n{\n    return walk(n - 1);\n}\n"}),
    ("a word of unfinished work", {"docs/a.md": "TO" "DO: more\n"}),
    ("another such word", {"tools/a.c": "/* a st" "ub */\n"}),
    ("a path of this machine", {"docs/a.md": "see /ho" "me/me/x\n"}),
]
CLEAN = {
    "gateway/core/clock.c": "return time(NULL);\n",
    "tools/a.c": '/* printf( strcpy( */ char *s = "strcpy("; x->read(1); goto out;\n',
    "crypto/a.c": "/* public bytes */\nreturn memcmp(a, b, 32);\n",
    "schemas/b.h": "typedef enum err (*read_fn)(int x);\n",
    "schemas/a.c": "int\nf(void)\n{\n    return g(r.read(1), own_time(2));\n}\n",
}

if __name__ == "__main__":
    tidy.run("the tree is free of banned calls, constructs and words", check, PLANTS, CLEAN,
             tidy.tree(".c", ".h", ".def", ".py", ".md", ".build", ".sh", "dev", ".txt", ".json"))
