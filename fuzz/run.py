#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs libFuzzer targets for a bounded time on a copy of their corpus (`./dev fuzz`).

Nothing in the tree changes unless --merge is given; then the inputs that reach code the corpus
does not are added to it. What crashes a target is left in build-fuzz/findings/<target>/ and named
at the end. Exit code: 0 nothing found, 1 something found, 2 usage.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS = 30
INPUT_MAX = 64 * 1024


def targets():
    folder = os.path.join(ROOT, "fuzz")
    return sorted(name[:-len("_fuzz.c")] for name in os.listdir(folder)
                  if name.endswith("_fuzz.c"))


def fuzz(program, corpus, found, scratch, seconds):
    """True when the target ran its time without a finding."""
    os.makedirs(found, exist_ok=True)
    shutil.copytree(corpus, scratch)
    argv = [program, f"-max_total_time={seconds}", f"-max_len={INPUT_MAX}", "-timeout=10",
            "-rss_limit_mb=2048", "-print_final_stats=0", f"-artifact_prefix={found}/", scratch]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    last = [line for line in done.stdout.splitlines() if re.match(r"#\d+\s", line)][-1:]
    print("  " + (last[0] if last else "no run"), flush=True)
    if done.returncode != 0:
        print("\n".join(done.stdout.splitlines()[-40:]))
    return done.returncode == 0


def merge(program, corpus, scratch):
    before = set(os.listdir(corpus))
    subprocess.run([program, "-merge=1", f"-max_len={INPUT_MAX}", corpus, scratch],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    print(f"  {len(set(os.listdir(corpus)) - before)} inputs added to the corpus")


def main(argv):
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--merge", action="store_true", help="add new inputs to fuzz/corpus")
    parser.add_argument("words", nargs="*", metavar="[TARGET] [SECONDS]")
    args = parser.parse_args(argv)
    seconds, chosen = SECONDS, []
    for word in args.words:
        if word.isdigit() and int(word) > 0:
            seconds = int(word)
        elif word in targets():
            chosen.append(word)
        else:
            print(f"dev fuzz: no target '{word}'; there are: {' '.join(targets())}",
                  file=sys.stderr)
            return 2
    build = os.path.join(ROOT, args.build)
    chosen = chosen or targets()
    subprocess.run(["ninja", "-C", build, *(f"fuzz/{name}_fuzz" for name in chosen)],
                   stdout=subprocess.DEVNULL, check=True)
    bad = []
    for name in chosen:
        print(f"{name}: {seconds} s", flush=True)
        program = os.path.join(build, "fuzz", name + "_fuzz")
        corpus = os.path.join(ROOT, "fuzz", "corpus", name)
        with tempfile.TemporaryDirectory() as folder:
            scratch = os.path.join(folder, "corpus")
            if not fuzz(program, corpus, os.path.join(build, "findings", name), scratch, seconds):
                bad.append(name)
            elif args.merge:
                merge(program, corpus, scratch)
    for name in bad:
        print(f"found: {name}: {args.build}/findings/{name}/")
    print(f"{len(chosen) - len(bad)} targets without a finding, {len(bad)} with")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
