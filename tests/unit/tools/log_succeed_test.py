#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz log succeed and tdz log vkey, with notes and signatures made and checked by another
implementation (python3-cryptography). Argument: the program tdz."""
import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ZONE, OTHER = "my-cyberjaya", "cn-lingang"
count = failed = 0


def ok(good, sentence, done=None):
    global count, failed
    count += 1
    if not good:
        failed += 1
        if done is not None:
            print(f"# {done.returncode}\n# " + (done.stdout + done.stderr).replace("\n", "\n# "))
    print(f"{'ok' if good else 'not ok'} {count} - {sentence}", flush=True)


def key_of(path):
    with open(path, "rb") as f:
        return Ed25519PrivateKey.from_private_bytes(f.read(32))


def public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw,
                                         serialization.PublicFormat.Raw)


def key_id(name, kind, pub):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + pub).digest()[:4]


def vkey(name, key, kind=1):
    pub = public(key)
    return (f"{name}+{key_id(name, kind, pub).hex()}+"
            f"{base64.b64encode(bytes([kind]) + pub).decode()}")


def line(name, key, text):
    raw = key_id(name, 1, public(key)) + key.sign(text.encode())
    return f"\u2014 {name} {base64.b64encode(raw).decode()}\n"


def cosigned(name, key, text, when):
    message = f"cosignature/v1\ntime {when}\n{text}"
    raw = key_id(name, 4, public(key)) + struct.pack(">Q", when) + key.sign(message.encode())
    return f"\u2014 {name} {base64.b64encode(raw).decode()}\n"


class Bench:
    """A sandbox that is never started: its keys sign what the two logs would have said."""

    def __init__(self, tdz, folder):
        self.tdz = tdz
        self.dir = folder
        subprocess.run([tdz, "sandbox", "up", folder, "--no-start"], check=True,
                       capture_output=True)
        with open(os.path.join(folder, "corridor.json"), encoding="utf-8") as f:
            self.map = json.load(f)
        self.config = self.map["zones"][ZONE]["config"]
        self.old = self.read(self.config)["origin"]
        self.new = self.old + "b"
        self.log = self.key(ZONE, "log")
        self.witness = self.key(OTHER, "witness")

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as f:
            return json.load(f)

    def key(self, zone, name):
        config = self.map["zones"][zone]["config"]
        folder = os.path.join(os.path.dirname(config), self.read(config)["folders"]["keys"])
        return key_of(os.path.join(folder, f"{name}.key"))

    def change(self, path, edit):
        what = self.read(path)
        edit(what)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(what, f)

    def checkpoint(self, size, root=b"\1", origin=None, log=None, by=OTHER, name=None):
        """A file with a checkpoint of the old log, cosigned by a zone's witness; its path."""
        origin = origin or self.old
        text = f"{origin}\n{size}\n{base64.b64encode(root * 32).decode()}\n"
        note = text + "\n" + line(origin, log or self.log, text)
        if by is not None:
            note += cosigned(f"{by}/gw1/witness", self.key(by, "witness"), text, 1795314000 + size)
        path = os.path.join(self.dir, name or f"checkpoint-{size}-{root[0]}-{by}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(note)
        return path

    def run(self, *args):
        return subprocess.run([self.tdz, "log", *args], capture_output=True, text=True,
                              check=False)

    def sign(self, note, who, *more, config=None):
        key = os.path.join(self.map["operators"][who]["profile"], "sign.key")
        return self.run("succeed", os.path.join(self.dir, note), "--config",
                        config or self.config, "--as", who, "--key", key, *more)

    def has(self, note):
        return os.path.exists(os.path.join(self.dir, note))


def vkeys(b):
    done = b.run("vkey", "--config", b.config)
    ok(done.returncode == 0 and done.stdout == vkey(b.old, b.log) + "\n",
       "log vkey prints what another implementation computes", done)
    b.change(b.config, lambda c: c.update(origin=b.new))
    done = b.run("vkey", "--config", b.config)
    ok(done.returncode == 0 and done.stdout == vkey(b.new, b.log) + "\n",
       "and that of another origin when the configuration names one", done)
    ok(b.run("vkey").returncode == 2, "without a configuration it is usage")
    ok(b.run("vkey", "--config", b.dir + "/none").returncode == 3, "one that is not there is 3")


def sources(b):
    small, large = b.checkpoint(5), b.checkpoint(9)
    reason = ("--reason", "r")
    done = b.sign("a.note", "op-my-1", "--from", large, *reason)
    ok(done.returncode == 1 and "no key of the origin" in done.stderr and not b.has("a.note"),
       "before the trust file has the new origin nothing is signed", done)
    b.change(b.map["trust"], lambda t: t["zones"][ZONE]["logs"].append(vkey(b.new, b.log)))
    done = b.sign("a.note", "op-my-1", *reason)
    ok(done.returncode == 2 and not b.has("a.note"), "the first signer names a source", done)
    done = b.sign("a.note", "op-my-1", "--from", large)
    ok(done.returncode == 2 and not b.has("a.note"), "and a reason", done)
    done = b.sign("a.note", "op-my-1", "--from", b.dir + "/none", *reason)
    ok(done.returncode == 3, "a source that is not there is 3", done)
    for name, path in {"not cosigned": b.checkpoint(20, by=None),
                       "cosigned by its own zone": b.checkpoint(20, by=ZONE),
                       "signed by another key": b.checkpoint(20, log=b.witness, name="forged")
                       }.items():
        done = b.sign("a.note", "op-my-1", "--from", path, *reason)
        ok(done.returncode == 1 and not b.has("a.note"), f"a checkpoint {name} is none", done)
    done = b.sign("a.note", "op-my-1", "--from", small, "--from", large, "--from",
                  b.checkpoint(20, by=None), *reason)
    ok(done.returncode == 0 and "at 9 entries" in done.stdout and "two persons" in done.stdout,
       "of several the largest that verifies is named", done)
    done = b.sign("b.note", "op-my-1", "--from", large, "--from", b.checkpoint(9, b"\2"), *reason)
    ok(done.returncode == 1 and "forked" in done.stderr and not b.has("b.note"),
       "two of one size with different roots are a fork, and nothing is signed", done)
    hexed = hashlib.sha256(b.old.encode()).hexdigest()
    b.checkpoint(7, name="theirs/witness/" + hexed + "/checkpoint")
    b.checkpoint(6, name="ours/checkpoint")
    b.checkpoint(8, name="ours/private/00.ours")
    for name, folder, size in (("the witness's", "theirs", 7), ("the old", "ours", 8)):
        done = b.sign(f"{folder}.note", "op-my-1", "--from", os.path.join(b.dir, folder), *reason)
        ok(done.returncode == 0 and f"at {size} entries" in done.stdout,
           f"{name} log folder is a source", done)
    older = b.old + "a"
    b.change(b.map["trust"], lambda t: t["zones"][ZONE]["logs"].append(vkey(older, b.log)))
    two = ("--from", large, "--from", b.checkpoint(30, origin=older, name="older"))
    done = b.sign("c.note", "op-my-1", *two, *reason)
    ok(done.returncode == 2 and "--previous" in done.stderr, "of two logs one must be named", done)
    done = b.sign("c.note", "op-my-1", *two, *reason, "--previous", b.old)
    ok(done.returncode == 0 and "at 9 entries" in done.stdout, "with --previous", done)


def signers(b):
    for who, path in (("op-cn-1", "op-cn-1"), ("op-my-2", "op-my-1")):
        key = os.path.join(b.map["operators"][path]["profile"], "sign.key")
        done = b.run("succeed", os.path.join(b.dir, "a.note"), "--config", b.config, "--as", who,
                     "--key", key)
        ok(done.returncode == 1, f"{who} with the key of {path} does not sign", done)
    ok(b.sign("a.note", "op-my-1").returncode == 1, "nobody signs twice")
    done = b.sign("a.note", "op-my-2", "--reason", "other")
    ok(done.returncode == 2, "the second signer does not say why anew", done)
    done = b.sign("a.note", "op-my-2", "--from", b.checkpoint(11))
    ok(done.returncode == 1 and "larger checkpoint" in done.stderr,
       "who sees a larger checkpoint does not sign a smaller one", done)
    with open(os.path.join(b.dir, "a.note"), encoding="utf-8") as f:
        whole = f.read()
    for name, bad in {"another word": whole.replace('"reason":"r"', '"reason":"s"'),
                      "no canonical form": whole.replace('"reason":"r"', '"reason": "r"'),
                      "no note": "tdz.origin/1\n"}.items():
        with open(os.path.join(b.dir, "bad.note"), "w", encoding="utf-8") as f:
            f.write(bad)
        done = b.sign("bad.note", "op-my-2")
        ok(done.returncode == 1, f"{name}: it is not signed", done)
    done = b.sign("a.note", "op-my-2", "--from", b.checkpoint(9), "--json")
    said = json.loads(done.stdout)
    ok(done.returncode == 0 and said == {
        "complete": True, "cosigned_at": said["cosigned_at"], "cosigner": f"{OTHER}/gw1/witness",
        "origin": b.new, "previous": b.old, "signed": ["op-my-1", "op-my-2"], "size": 9},
       "the second signature completes it", done)
    with open(os.path.join(b.dir, "a.note"), encoding="utf-8") as f:
        text, lines = f.read().split("\n\n", 1)
    body = json.loads(text.split("\n")[1])
    with open(b.checkpoint(9), encoding="utf-8") as f:
        ok(text.startswith("tdz.origin/1\n") and sorted(body) == [
            "checkpoint", "key", "origin", "previous", "reason", "time", "zone"] and
           body["checkpoint"] == f.read() and body["key"] == vkey(b.new, b.log),
           "it says what the format says, with the checkpoint as it was found")
    good = []
    for entry in lines.splitlines():
        _, who, raw = entry.split(" ")
        key = key_of(os.path.join(b.map["operators"][who]["profile"], "sign.key"))
        raw = base64.b64decode(raw)
        try:
            key.public_key().verify(raw[4:], (text + "\n").encode())
            good.append(raw[:4] == key_id(who, 1, public(key)))
        except InvalidSignature:
            good.append(False)
    ok(good == [True, True], "and both signatures verify elsewhere")


def main():
    with tempfile.TemporaryDirectory() as work:
        b = Bench(os.path.abspath(sys.argv[1]), os.path.join(work, "sb"))
        vkeys(b)
        sources(b)
        signers(b)
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
