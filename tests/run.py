#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the tree in every configuration, runs every suite and adds up the TAP results.

Called by `./dev test [--deep] [NAME...]`. The last line printed is `N passed, N failed`, with
`, N skipped` when a test said why it could not run. Exit code: 0 nothing failed, 1 something
failed, 2 usage.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = "/usr/bin/python3"
FLOW_TIMEOUT_S = 600
DEEP_TIMEOUT_S = 2 * 3600
FLOWS_AT_ONCE = 2

# Build folder -> (compiler, meson arguments, suites run in it).
BUILDS = {
    "build": ("gcc", [], ["unit", "tidy", "fuzz"]),
    "build-faults": ("gcc", ["-Dfaults=true"], ["faults"]),
    "build-asan": ("clang", ["-Db_sanitize=address,undefined", "-Dsandbox=off"],
                   ["unit", "fuzz"]),
    "build-clang": ("clang", [], ["unit"]),
    "build-tsan": ("gcc", ["-Db_sanitize=thread", "-Dsandbox=off"], ["unit"]),
}
DEEP_ONLY = {"build-clang", "build-tsan"}

SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}

TAP_LINE = re.compile(r"^(not )?ok\b(?:\s+\d+)?(?:\s*-?\s*)(.*)$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*skip\b\s*(.*))?", re.IGNORECASE)
TAP_SKIP = re.compile(r"#\s*skip\b\s*(.*)$", re.IGNORECASE)


class Count:
    """Results so far; failures and skips keep what is needed to read them at the end."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def fail(self, name, detail=""):
        self.failures.append((name, detail))

    def line(self):
        text = f"{self.passed} passed, {len(self.failures)} failed"
        return text + (f", {len(self.skips)} skipped" if self.skips else "")

    def add_tap(self, name, text, code, problem=None):
        """Adds one program's TAP output. A program that dies, that prints no plan, or whose plan
        does not match what it printed is a failure even when every line it got to was ok."""
        seen, failed_before, notes, plan = 0, len(self.failures), [], None
        for line in text.splitlines():
            match = TAP_PLAN.match(line)
            if match:
                plan = int(match.group(1))
                if plan == 0 and match.group(2) is not None:
                    self.skips.append((name, match.group(2)))
                continue
            match = TAP_LINE.match(line)
            if not match:
                notes.append(line)
                continue
            seen += 1
            skip = TAP_SKIP.search(match.group(2))
            if match.group(1):
                self.fail(f"{name}: {match.group(2)}", "\n".join(notes[-40:]))
            elif skip:
                said = match.group(2)[:skip.start()].strip()
                self.skips.append((f"{name}: {said}", skip.group(1)))
            else:
                self.passed += 1
            notes = []
        if problem is None and plan is None:
            problem = "no TAP plan"
        if problem is None and plan != seen:
            problem = f"planned {plan} tests, ran {seen}"
        if problem is None and code != 0 and len(self.failures) == failed_before:
            problem = f"exit code {code}"
        if problem is not None:
            self.fail(f"{name}: {problem}", "\n".join(text.splitlines()[-60:]))


class Timer:
    """Prints one line a part with its time, so that a slow part is seen."""

    def __init__(self, count):
        self.count = count
        self.start = self.begin = time.monotonic()

    def line(self, name, seconds):
        print(f"{seconds:7.1f} s  {name:<34} {self.count.line()}", flush=True)

    def part(self, name):
        now = time.monotonic()
        self.line(name, now - self.begin)
        self.begin = now


def run(argv, **options):
    return subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **options)


def build(folder, count):
    """Configures and builds one folder with warnings as errors. True when it built."""
    compiler, options, _ = BUILDS[folder]
    path = os.path.join(ROOT, folder)
    env = dict(os.environ, CC=f"ccache {compiler}" if shutil.which("ccache") else compiler)
    if not os.path.exists(os.path.join(path, "build.ninja")):
        done = run(["meson", "setup", folder, "--werror", *options], env=env)
        if done.returncode != 0:
            count.fail(f"{folder}: meson setup", done.stdout[-4000:])
            return False
    done = run(["ninja", "-k", "0", "-C", folder], env=env)
    if done.returncode != 0:
        wrong = [line for line in done.stdout.splitlines() if not line.startswith("[")]
        count.fail(f"{folder}: builds without a warning", "\n".join(wrong[-60:]))
        return False
    count.passed += 1
    return True


def meson_tests(folder, suites, names):
    done = run(["meson", "introspect", "--tests", folder])
    tests = json.loads(done.stdout)
    found = []
    for test in tests:
        suite = {s.split(":")[-1] for s in test["suite"]}
        if suite & set(suites) and (not names or any(n in test["name"] for n in names)):
            found.append(test["name"])
    return found


def run_suites(folder, suites, names, count, deep):
    """Runs meson tests of suites in folder and adds what each printed."""
    if not meson_tests(folder, suites, names):
        return
    log = os.path.join(ROOT, folder, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    argv = ["meson", "test", "-C", folder, "--no-rebuild", "--num-processes",
            str(os.cpu_count() or 1)]
    if deep:
        argv += ["--timeout-multiplier", "40"]
    for suite in suites:
        argv += ["--suite", suite]
    if names:
        argv += meson_tests(folder, suites, names)
    env = dict(os.environ, **({"TDZ_DEEP": "1"} if deep else {}))
    if "asan" in folder or "tsan" in folder:
        env.update(SANITIZER_ENV)
    done = run(argv, env=env)
    if not os.path.exists(log):
        count.fail(f"{folder}: meson test wrote no log", done.stdout[-4000:])
        return
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            test = json.loads(line)
            add_meson_result(folder, test, count)


def add_meson_result(folder, test, count):
    # "project:suite / name" -> "name"; the folder tells in which build it failed.
    name = f"{folder}: {test['name'].split(' / ')[-1]}"
    text = test.get("stdout") or ""
    problem = {"TIMEOUT": "timed out", "INTERRUPT": "interrupted"}.get(test["result"])
    code = test.get("returncode", 0)
    detail = text + "\n" + (test.get("stderr") or "")
    if re.search(r"^(not )?ok\b|^1\.\.", text, re.MULTILINE):
        before = len(count.failures)
        count.add_tap(name, text, code, problem)
        if len(count.failures) > before and test.get("stderr"):
            last, shown = count.failures[-1]
            count.failures[-1] = (last, shown + "\n" + test["stderr"][-4000:])
    elif test["result"] == "OK":
        count.passed += 1
    elif test["result"] == "SKIP":
        count.skips.append((name, detail.strip()[-200:]))
    else:
        count.fail(f"{name}: {problem or 'exit code ' + str(code)}", detail[-4000:])


def flow_tests(names):
    folder = os.path.join(ROOT, "tests", "flow")
    files = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    files = [f for f in files if re.fullmatch(r"\d\d_\w+\.py", f)]
    return [f for f in files if not names or any(n in f for n in names)]


def run_flow(name, env, seconds):
    """The name, and what Count.add_tap wants to know of its run."""
    path = os.path.join("tests", "flow", name)
    begin = time.monotonic()
    try:
        done = subprocess.run([PYTHON, path], cwd=ROOT, env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                              errors="replace", timeout=seconds)
        return name, time.monotonic() - begin, done.stdout, done.returncode, None
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode("utf-8", "replace")
        return name, time.monotonic() - begin, text, 1, f"timed out after {seconds} s"


def run_flows(names, count, timer, deep):
    """Each flow test is a program of its own: TAP on stdout, the builds it needs in TDZ_BUILD and
    TDZ_BUILD_FAULTS, TDZ_DEEP set for the long form, everything it starts ended by itself. Most of
    their time is waiting, so two run at once."""
    env = dict(os.environ, TDZ_BUILD=os.path.join(ROOT, "build"),
               TDZ_BUILD_FAULTS=os.path.join(ROOT, "build-faults"), PYTHONDONTWRITEBYTECODE="1",
               **({"TDZ_DEEP": "1"} if deep else {}))
    seconds = DEEP_TIMEOUT_S if deep else FLOW_TIMEOUT_S
    with concurrent.futures.ThreadPoolExecutor(FLOWS_AT_ONCE) as pool:
        runs = [pool.submit(run_flow, name, env, seconds) for name in flow_tests(names)]
        for run_ in concurrent.futures.as_completed(runs):
            name, took, text, code, problem = run_.result()
            count.add_tap(name, text, code, problem)
            timer.line(f"flow {name}", took)


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__.split("\n")[0])
    parser.add_argument("--deep", action="store_true",
                        help="add the thread sanitizer build and the long tests")
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="only tests whose name contains NAME")
    return parser.parse_args(argv)


def main(argv):
    args = parse_arguments(argv)
    count = Count()
    timer = Timer(count)
    for folder, (_, _, suites) in BUILDS.items():
        if folder in DEEP_ONLY and not args.deep:
            continue
        if build(folder, count):
            timer.part(f"{folder}: build")
            if suites:
                run_suites(folder, suites, args.names, count, args.deep)
                timer.part(f"{folder}: {' '.join(suites)}")
        else:
            timer.part(f"{folder}: build FAILED")
    if args.names and not flow_tests(args.names) and not any(
            meson_tests(f, s, args.names) for f, (_, _, s) in BUILDS.items()
            if s and os.path.exists(os.path.join(ROOT, f, "build.ninja"))):
        count.fail(f"no test has a name with {' or '.join(args.names)}")
    run_flows(args.names, count, timer, args.deep)
    report(count, time.monotonic() - timer.start)
    return 1 if count.failures or count.passed == 0 else 0


def report(count, seconds):
    for name, reason in count.skips:
        print(f"skipped: {name}" + (f" ({reason})" if reason else ""))
    for name, detail in count.failures:
        print(f"\nFAILED: {name}")
        for line in detail.splitlines():
            print(f"    {line}")
    print(f"\n{seconds:.0f} s in all")
    print(count.line(), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
