#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the parts of ./dev bench: every tests/bench/bench_<part>.py has measure(build, scratch) and
returns numbers. Prints one JSON line a part and appends it to tests/bench/results.ndjson.

Usage: run.py --build DIR [PART...]. Exit code: 0 done, 1 a part failed, 2 usage.
"""
import argparse
import datetime
import glob
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RESULTS = os.path.join(HERE, "results.ndjson")


def parts():
    return {os.path.basename(path)[len("bench_"):-len(".py")]: path
            for path in sorted(glob.glob(os.path.join(HERE, "bench_*.py")))}


def load(path):
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def said(argv):
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return os.uname().machine


def compiler(build):
    """The first line of --version of the compiler that the build folder names."""
    text = said(["ninja", "-C", build, "-t", "commands", "schemas/libschemas.a"])
    words = text.split("\n")[0].split(" ")
    names = [word for word in words if os.path.basename(word) in ("cc", "gcc", "clang")]
    return said([names[0], "--version"]).split("\n")[0] if names else ""


def head(build):
    """What every line says of where it was made."""
    dirty = "+" if said(["git", "status", "--porcelain", "--untracked-files=no"]) else ""
    return {"commit": said(["git", "rev-parse", "--short=12", "HEAD"]) + dirty,
            "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "cpu": cpu(), "compiler": compiler(build)}


def main():
    known = parts()
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("part", nargs="*")
    args = parser.parse_args()
    wrong = [name for name in args.part if name not in known]
    if wrong:
        print(f"bench: no part {', '.join(wrong)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    failed = False
    for name in args.part or known:
        with tempfile.TemporaryDirectory(prefix="tdz-bench-") as scratch:
            try:
                result = load(known[name]).measure(os.path.abspath(args.build), scratch)
            except (OSError, subprocess.CalledProcessError, ValueError) as error:
                print(f"bench: {name}: {error}", file=sys.stderr)
                failed = True
                continue
        entry = {"case": name, **head(os.path.abspath(args.build)), "result": result}
        line = json.dumps(entry, sort_keys=True)
        print(line, flush=True)
        with open(RESULTS, "a", encoding="utf-8") as file:
            file.write(line + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
