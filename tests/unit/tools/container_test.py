#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz container as people run it. container_test.py TDZ VECTORS"""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TDZ, VECTORS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
count = 0
failed = 0


def ok(good, sentence):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {sentence}", flush=True)


def tdz(*args, **kw):
    return subprocess.run([TDZ, "container", *args], capture_output=True, timeout=60, **kw)


def shake(name):
    return hashlib.shake_256(f"tdzc-full/{name}".encode()).digest(32)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def raw(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def keys():
    for name in ("gateway", "release", "stranger"):
        write(f"{name}.key", shake(name))
        write(f"{name}.pub", raw(Ed25519PrivateKey.from_private_bytes(shake(name))))
    for name in ("recipient", "other"):
        write(f"{name}.key", shake(name).hex().encode())
        public = raw(X25519PrivateKey.from_private_bytes(shake(name)))
        write(f"{name}.pub", public.hex().encode() + b"\n")
    write("m.json", b'{ "transfer": "00112233445566778899aabbccddeeff", "dst": "cn-lingang" }\n')


def seal(suite, source, out, *more, **kw):
    return tdz("seal", "--suite", suite, "--manifest", "m.json", "--recipient", "recipient.pub",
               "--sign-key", "gateway.key", *more, source, out, **kw)


def opened(source, out, key="recipient", senders=("gateway",)):
    args = [a for s in senders for a in ("--sender", f"{s}.pub")]
    return tdz("open", "--recipient-key", f"{key}.key", *args, source, out)


def refused(source, sentence, **kw):
    r = opened(source, "no-out", **kw)
    left = [f for f in os.listdir(".") if f.startswith("no-out")]
    ok(r.returncode == 1 and not left and r.stderr.count(b"\n") == 1 and b"no-out" not in r.stderr,
       sentence)


def round_trips():
    for suite, name in (("1", "aes-256-gcm"), ("2", "chacha20-poly1305")):
        for size in (0, 1, 16383, 16384, 16385, 1048575, 1048576, 1048581, 3000000):
            data = hashlib.shake_256(str(size).encode()).digest(size)
            write("in", data)
            good = seal(suite if size % 2 else name, "in", "c").returncode == 0
            good = good and tdz("verify", "--sender", "gateway.pub", "c").returncode == 0
            good = good and opened("c", "out").returncode == 0 and read("out") == data
            ok(good, f"suite {suite}: {size} bytes come back")
    r = seal("1", "-", "c", input=b"from a pipe")
    ok(r.returncode == 0 and opened("c", "out").returncode == 0 and read("out") == b"from a pipe",
       "standard input can be sealed")


def refusals():
    write("in", bytes(40000))
    ok(seal("1", "in", "c").returncode == 0, "a container for the refusals")
    good = read("c")
    refused("c", "another recipient's key does not open it", key="other")
    refused("c", "a sender nobody named is refused", senders=("stranger",))
    for at in range(0, len(good), 613):
        write("bad", good[:at] + bytes([good[at] ^ 4]) + good[at + 1:])
        r = opened("bad", "no-out")
        if r.returncode != 1 or os.path.exists("no-out"):
            ok(False, f"byte {at} changed and {r.returncode} returned")
    ok(not os.path.exists("no-out"), "changed bytes are refused and leave no OUT")
    for cut in (0, 5, 100, 8000, 16400, 40000, len(good) - 1):
        write("bad", good[:cut])
        refused("bad", f"a file cut to {cut} bytes is refused")
    write("bad", good + b"\0")
    refused("bad", "trailing bytes are refused")
    ok(tdz("verify", "bad").returncode == 1, "verify says so too")
    write("keep", b"older")
    write("bad", good[:-1])
    ok(opened("bad", "keep").returncode == 1 and read("keep") == b"older",
       "an older OUT stays as it was when the check fails")


def usage():
    ok(seal("3", "in", "c2").returncode == 2, "suite 3 is not built: exit 2")
    ok(tdz("open", "c").returncode == 2, "missing operands: exit 2")
    write("short.key", b"abc")
    r = tdz("open", "--recipient-key", "short.key", "--sender", "gateway.pub", "c", "o")
    ok(r.returncode == 2 and b"short.key" in r.stderr, "a key that is none: exit 2, named")
    r = opened("not-there", "o")
    ok(r.returncode == 3 and b"not-there" in r.stderr, "no such file: exit 3, named")
    ok(seal("1", "in", "no-folder/c").returncode == 3, "no such folder: exit 3")
    write("m.json", b'{"a":1.5}')
    r = seal("1", "in", "c2")
    ok(r.returncode == 2 and b"m.json:1:" in r.stderr and not os.path.exists("c2"),
       "a bad manifest: exit 2 with its place, no OUT")


def foreign():
    for suite in (1, 2):
        source = f"{VECTORS}/tdzc/full-{suite}.tdzc"
        plain = hashlib.shake_256(f"tdzc-full/plain/{suite}".encode()).digest(3 * 16384 + 777)
        r = opened(source, "out", senders=("gateway", "release"))
        ok(r.returncode == 0 and read("out") == plain, f"the oracle's file of suite {suite} opens")
        refused(source, "without the key that signed RELEASE it does not", senders=("gateway",))
        r = tdz("inspect", "--json", source)
        seen = json.loads(r.stdout)
        ok(r.returncode == 0 and seen["offer"]["manifest"]["suite"] == suite
           and seen["seal"]["bytes"] == str(len(plain)) and seen["receipt"]["status"] == 3,
           "inspect --json tells what is in it")
        r = tdz("inspect", source)
        ok(r.returncode == 0 and b"RECEIPT" in r.stdout, "inspect prints it for people")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    keys()
    round_trips()
    refusals()
    foreign()
    usage()
    os.chdir("/")
print(f"1..{count}")
sys.exit(1 if failed else 0)
