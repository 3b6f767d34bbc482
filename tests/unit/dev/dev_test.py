#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""./dev on machines that lack packages, played by programs put first in PATH."""
import os
import subprocess
import sys
import tempfile

DEV = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "dev")


def run(uid, sudo, *args):
    """./dev args where no package is installed, as uid, with or without password-less sudo;
    apt-get writes what it was asked and then fails."""
    programs = {
        "dpkg-query": "exit 1",
        "id": f"echo {uid}",
        "sudo": 'shift; [ "$1" = true ] && exit 0; echo "sudo $*" >&2; exit 1' if sudo
                else "exit 1",
        "apt-get": 'echo "apt-get $*" >&2; exit 1',
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in programs.items():
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\n{text}\n")
            os.chmod(path, 0o755)
        env = {**os.environ, "PATH": folder + ":" + os.environ["PATH"]}
        return subprocess.run([DEV, *args], capture_output=True, text=True, env=env, timeout=60,
                              check=False)


def main():
    count = failed = 0

    def ok(good, sentence, done):
        nonlocal count, failed
        count += 1
        if not good:
            failed += 1
            print("# " + (str(done.returncode) + done.stdout + done.stderr).replace("\n", "\n# "))
        print(f"{'ok' if good else 'not ok'} {count} - {sentence}", flush=True)

    done = run(1000, False, "build")
    line = done.stderr.strip().splitlines()[-1]
    ok(done.returncode == 3 and line.startswith("apt-get update && apt-get install")
       and "meson" in line and "libssl-dev" in line and "clang" not in line,
       "without root a verb prints the one apt line for itself and exits 3", done)
    done = run(1000, False, "test")
    ok(done.returncode == 3 and "clang-format" in done.stderr and "python3-h2" in done.stderr,
       "each verb asks for its own packages", done)
    done = run(1000, True, "build")
    ok(done.returncode == 3 and
       "sudo env DEBIAN_FRONTEND=noninteractive apt-get update" in done.stderr,
       "with password-less sudo it installs by sudo", done)
    done = run(0, False, "build")
    ok(done.returncode == 3 and "apt-get update" in done.stderr and "sudo" not in done.stderr,
       "as root it installs itself, and says when apt cannot", done)
    done = run(0, False, "fly")
    ok(done.returncode == 2 and "no verb 'fly'" in done.stderr and "apt" not in done.stdout,
       "an unknown verb is a usage error and installs nothing", done)
    done = run(0, False, "help")
    ok(done.returncode == 0 and "  test" in done.stdout and not done.stderr,
       "help needs no package", done)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
