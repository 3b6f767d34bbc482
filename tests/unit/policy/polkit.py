# SPDX-License-Identifier: Apache-2.0
"""What the tests of the policy commands share: TAP, and runs of tdz."""
import json
import os
import subprocess
import sys


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, detail=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}")
        if not good:
            print("# " + str(detail)[:3000].replace("\n", "\n# "))
        return good

    def end(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed or not self.count else 0)


def is_deep():
    """A long run was asked for: by hand with --deep, or by ./dev test --deep."""
    return "--deep" in sys.argv or "TDZ_DEEP" in os.environ


def run(tdz, *args, **more):
    """A finished `tdz policy ...`."""
    return subprocess.run([tdz, "policy", *args], capture_output=True, text=True, check=False,
                          encoding="utf-8", **more)


def lines(out):
    return [json.loads(line) for line in out.stdout.splitlines()]


def write(folder, name, data):
    """A file of bytes, text or JSON; its path."""
    path = os.path.join(folder, name)
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data, ensure_ascii=False, indent=1)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)
