#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Logs written by the engine, verified by the Go checksum database's own code. Arguments: logmake,
the folder of this program. Needs Debian's golang-go and golang-golang-x-mod-dev; without them the
test is skipped and says so."""
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

LOGMAKE, HERE = (os.path.abspath(arg) for arg in sys.argv[1:3])
GOPATH = "/usr/share/gocode"


def leaves(folder, size):
    for bundle in range((size + 255) // 256):
        width = min(256, size - bundle * 256)
        name = f"tile/entries/{bundle:03d}" + ("" if width == 256 else f".p/{width}")
        data = open(os.path.join(folder, name), "rb").read()
        while data:
            end = 2 + int.from_bytes(data[:2], "big")
            yield hashlib.sha256(b"\0" + data[2:end]).digest()
            data = data[end:]


def root(hashes):
    """RFC 6962 2.1, for an independent answer at older sizes."""
    while len(hashes) > 1:
        pairs = [hashlib.sha256(b"\1" + hashes[i] + hashes[i + 1]).digest()
                 for i in range(0, len(hashes) - 1, 2)]
        hashes = pairs + (hashes[-1:] if len(hashes) % 2 else [])
    return hashes[0]


def main(work):
    program = os.path.join(work, "sumdb")
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": GOPATH, "GOCACHE": work + "/cache",
           "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "main.go")], check=True,
                   env=env)
    logs = os.path.join(work, "logs")
    subprocess.run([LOGMAKE, logs, "700"], check=True)
    failed = 0
    print("1..3")
    for number, (zone, size) in enumerate((("my-cyberjaya", 1400), ("cn-lingang", 700)), 1):
        folder = os.path.join(logs, zone)
        hashes = list(leaves(folder, size))
        older = [f"{n}:{base64.b64encode(root(hashes[:n])).decode()}"
                 for n in (1, 2, 3, 255, 256, 257, 511, size - 1)]
        done = subprocess.run([program, folder, *older], capture_output=True, text=True)
        good = done.stdout == f"ok {size}\n"
        failed += not good
        verdict = "ok" if good else "not ok"
        print(f"{verdict} {number} - Go verifies all records and trees of {zone}")
        if not good:
            print("#", done.stdout, done.stderr)
    path = os.path.join(logs, "cn-lingang", "tile/entries/001")
    data = bytearray(open(path, "rb").read())
    data[1000] ^= 4
    open(path, "wb").write(data)
    done = subprocess.run([program, os.path.join(logs, "cn-lingang")], capture_output=True)
    print(f"{'ok' if done.returncode == 1 else 'not ok'} 3 - Go refuses a changed entry")
    return 1 if failed or done.returncode != 1 else 0


if not shutil.which("go") or not os.path.isdir(GOPATH + "/src/golang.org/x/mod/sumdb/tlog"):
    print("1..0 # SKIP needs the packages golang-go and golang-golang-x-mod-dev")
    sys.exit(0)
with tempfile.TemporaryDirectory() as work:
    sys.exit(main(work))
