#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What people read when they give tdz or tdz-audit something wrong: where it is wrong, why, and
what to do. Arguments: the programs tdz, tdz-audit and tdzd."""
import filecmp
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

NOW = "2026-11-22T02:19:00Z"
ID = "e" * 32
count = failed = 0


def ok(good, sentence, done=None):
    global count, failed
    count += 1
    if not good:
        failed += 1
        if done:
            print(f"# {done.returncode}\n# " + (done.stdout + done.stderr).replace("\n", "\n# "))
    print(f"{'ok' if good else 'not ok'} {count} - {sentence}", flush=True)


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def materials(tdz):
    """A sandbox that is written and never started, and files of wrong kinds."""
    subprocess.run([tdz, "sandbox", "up", "sb", "--no-start"], check=True)
    os.mkdir("folder")
    write("empty", b"")
    write("text.csv", b"name,value\nx,1\n")
    write("noise", bytes(range(7, 256)) * 8)
    write("huge", b"[" + b" " * (2 << 20))
    shutil.copy("sb/my-cyberjaya/policies/my-export.json", "policy.json")
    write("hex.key", open("sb/operators/op-my-1/sign.key", "rb").read().hex().encode() + b"\n")
    write("broken.json", b"{\n \"format\": \"tdz.policy/1\",\n oops\n}\n")
    os.makedirs("half")
    write("half/corridor.json", b"{}")


# (arguments, exit code, what must be read). {zone}: a sandbox zone's folder.
CONFIG = "sb/my-cyberjaya/config.json"
SIGN = ["policy", "sign", "--as", "op-my-1"]
KEY = "sb/operators/op-my-1/sign.key"
CASES = {
    "tdz": [
        ([], 2, ["a command is missing", "tdz COMMAND --help"]),
        (["frob"], 2, ["no command 'frob'", "see: tdz --help"]),
        (["--frob"], 2, ["no option '--frob'", "see: tdz --help"]),
        (["policy", "frob"], 2, ["no command 'policy frob'", "policy lint"]),
        (["classify", "--frob", "x"], 2, ["no option '--frob'", "see: tdz classify --help"]),
        (["classify", "--json", "--json", "x"], 2, ["'--json' is given twice: give it once"]),
        (["may", "--agreement", "a", "--agreement", "b", "--name", "n"], 2,
         ["'--agreement A' is given twice"]),
        (["may", "--agreement"], 2, ["'--agreement A': the value is missing"]),
        (["status", "zz"], 2, ["'zz' is not a transfer: 32 lower-case hex digits"]),
        (["status"], 2, ["give one transfer ID (32 hex digits, as push printed it)"]),
        (["receipt", ID, ID], 2, ["give one transfer ID"]),
        (["hold", "show"], 2, ["give one transfer ID"]),
        (["status", ID], 2, ["give --profile DIR, or --url, --cert, --key and --ca"]),
        (["status", ID, "--url", "https://127.0.0.1:1", "--cert", "c"], 2, ["--key is missing"]),
        (["hold", "list", "--profile", "sb/partners/hospital-kl"], 2,
         ["has no desk_url", "sandbox has them in DIR/operators"]),
        (["counter", "adjust", "--exporter", "x", "--year", "2026", "--pi", "1", "--spi", "0",
          "--reason", "r", "--profile", "sb/auditors/auditor-my"], 2,
         ["sb/auditors/auditor-my has no sign.key", "operator's profile"]),
        (["hold", "approve", ID, "--reason", "r", "--valid", "721", "--profile",
          "sb/operators/op-my-1"], 2, ["--valid 721: not a number from 1 to 720"]),
        (["counter", "show", "--year", "soon"], 2, ["--year soon: not a number from 1970"]),
        (["classify", "folder"], 3, ["folder: Is a directory"]),
        (["classify", "--schema", "text.csv", "text.csv"], 2, ["text.csv:1:1:"]),
        (["container", "inspect", "text.csv"], 1, ["text.csv: not a container", "container seal"]),
        (["container", "inspect", "empty"], 1, ["empty: not a container"]),
        (["container", "inspect", "folder"], 3, ["folder: not a regular file"]),
        (["container", "open", "text.csv", "out", "--recipient-key", "noise", "--sender", "noise"],
         2, ["noise: a key is 32 bytes or 64 hex digits"]),
        (["container", "seal", "text.csv", "out", "--suite", "9", "--manifest", "m", "--recipient",
          "r", "--sign-key", "k"], 2, ["--suite 9: not a suite; 1 is aes-256-gcm"]),
        (["policy", "lint", "nothing.json"], 3, ["nothing.json: No such file"]),
        (["policy", "lint", "huge"], 3, ["huge: larger than 1048576 bytes"]),
        (["policy", "test", "policy.json"], 2, ["policy.json:", "format must be tdz.policytest/1"]),
        (["policy", "decide", "--policy", "sb/my-cyberjaya/vocabulary.json", "--input", "empty",
          "--now", NOW], 2, ["vocabulary.json:2:", "format must be tdz.policy/1"]),
        (["policy", "decide", "--policy", "broken.json", "--input", "empty", "--now", NOW], 2,
         ["broken.json:3:2:"]),
        (["policy", "decide", "--policy", "policy.json", "--input", "empty", "--now", "yesterday"],
         2, ["--now takes a time as 2026-11-22T02:19:00Z, not 'yesterday'"]),
        (["policy", "explain", "--policy", "policy.json", "--input", "empty", "--lang", "fr"], 2,
         ["--lang takes en, ms or zh, not 'fr'"]),
        (["policy", "prove", "no path from health to nowhere", "--policy", "policy.json"], 2,
         ["no zone 'nowhere'"]),
        (["policy", "simulate", "--log", "folder", "--policy", "policy.json"], 2,
         ["folder: no decisions in it", "tdz receipt"]),
        (SIGN + ["policy.json", "--key", "nothing", "--config", CONFIG], 3, ["nothing: No such"]),
        (SIGN + ["policy.json", "--key", "noise", "--config", CONFIG], 2,
         ["noise: a key is 32 bytes or 64 hex digits"]),
        (SIGN + ["policy.json", "--key", "sb/operators/op-cn-1/sign.key", "--config", CONFIG], 1,
         ["op-cn-1/sign.key: not a key of operator op-my-1 that the trust file knows"]),
        (["policy", "sign", "--as", "op-cn-1", "policy.json", "--key",
          "sb/operators/op-cn-1/sign.key", "--config", CONFIG], 1, ["of another zone"]),
        (SIGN + ["policy.json", "--key", KEY, "--config", "text.csv"], 2, ["text.csv:1:1:"]),
        (SIGN + ["policy.json", "--key", KEY, "--config", CONFIG, "--activate-at", "soon"], 2,
         ["--activate-at takes a time as", "not 'soon'"]),
        (SIGN + ["policy.json", "--key", KEY, "--config", CONFIG, "--emergency"], 2,
         ["--emergency needs --reason"]),
        (["policy", "activate", "text.csv", "--config", CONFIG], 2, ["a policy is a *.json"]),
        (["check", "nothing.json"], 3, ["nothing.json: No such file"]),
        (["check", "folder"], 3, ["folder: Is a directory"]),
        (["check", "empty"], 1, ["empty:1:1:"]),
        (["sandbox"], 2, ["say up, down, status or restart, and a folder"]),
        (["sandbox", "frob", "sb"], 2, ["'frob' is not up, down, status or restart"]),
        (["sandbox", "down", "nowhere"], 3, ["nowhere: No such file", "tdz sandbox up nowhere"]),
        (["sandbox", "status", "folder"], 3, ["folder/corridor.json: no such file",
                                              "makes a sandbox there"]),
        (["sandbox", "status", "half"], 3, ["half/corridor.json: a required field is missing"]),
        (["sandbox", "up", "text.csv"], 3, ["text.csv: Not a directory"]),
        (["sandbox", "up", "new", "--only", "atlantis"], 2, ["no zone atlantis", "my-cyberjaya"]),
        (["sandbox", "up", "new", "--policies", "nowhere"], 3,
         ["--policies nowhere: no such folder"]),
        (["sandbox", "up", "new", "--only", "cn-lingang", "--peer", "x"], 2,
         ["--peer takes HOST:PORT, not 'x'"]),
        (["sandbox", "up", "new", "--port", "80"], 2, ["--port 80: not a number from 1024"]),
        (["sandbox", "restart", "sb", "atlantis"], 2, ["no zone atlantis; it has", "cn-lingang"]),
        (["sandbox", "down", "sb", "--only", "atlantis"], 2, ["no zone atlantis; it has"]),
        (["sandbox", "down", "sb", "cn-lingang"], 2, ["'cn-lingang' is one operand too many"]),
    ],
    "tdzd": [
        ([], 2, ["tdzd: the configuration file is missing", "usage: tdzd CONFIG"]),
        (["-t"], 2, ["the configuration file is missing", "tdzd -t CONFIG"]),
        (["--frob"], 2, ["tdzd: no option '--frob'", "usage:"]),
        (["-t", CONFIG, "more"], 2, ["'more' is one argument too many", "usage:"]),
        (["nothing.json"], 3, ["nothing.json: No such file"]),
        (["folder"], 3, ["folder: Is a directory"]),
        (["empty"], 2, ["empty:1:1:"]),
        (["huge"], 2, ["huge:", "larger than its limit"]),
    ],
    "tdz-audit": [
        (["frob"], 2, ["no command 'frob'", "see: tdz-audit --help"]),
        (["verify"], 2, ["no PATH given", "see: tdz-audit verify --help"]),
        (["verify", "nothing"], 3, ["nothing: No such file"]),
        (["verify", "folder"], 1, ["folder: missing: neither a log nor a bundle"]),
        (["verify", "noise"], 1, ["noise: evidence: 1:1:"]),
        (["verify", "--trust", "text.csv", "folder"], 2, ["text.csv:1:1:"]),
        (["reconcile", "folder"], 2, ["give two log folders, A and B"]),
        (["reconcile", "folder", "folder"], 3, ["folder: not a log: a log is a folder with"]),
        (["reconcile", "nothing", "folder"], 3, ["nothing: No such file or directory: a log is"]),
        (["policy", "--at", NOW, "folder"], 3, ["folder: not a log: a log is a folder with"]),
        (["policy", "--at", "soon", "folder"], 2, ["--at takes a time as", "not 'soon'"]),
        (["replay", "empty"], 2, ["--documents DIR and the evidence to replay are needed"]),
    ],
}


def change(path, edit):
    """Leaves the old bytes in the answer; edit(document) or bytes, or None for no file."""
    with open(path, "rb") as file:
        before = file.read()
    if edit is None:
        os.unlink(path)
    elif isinstance(edit, bytes):
        write(path, edit)
    else:
        doc = json.loads(before)
        edit(doc)
        write(path, json.dumps(doc, indent=1).encode())
    return before


def checked(tdz):
    """tdz check, which is tdzd -t, on a gateway with one thing wrong at a time."""
    zone = "sb/my-cyberjaya/"
    done = subprocess.run([tdz, "check", CONFIG], capture_output=True, text=True, check=False)
    ok(done.returncode == 0 and done.stdout == f"{CONFIG}: ok\n",
       "tdz check says that a gateway's files are in order", done)
    for path, edit, want in [
            (CONFIG, lambda c: c.update(frob=1), [f"{CONFIG}:", "this key is not known"]),
            (CONFIG, lambda c: c["folders"].pop("log"), ["folders.log: a required field"]),
            (CONFIG, lambda c: c.update(timeouts={"offer_valid_s": "10s"}),
             ["timeouts.offer_valid_s: a value has another type"]),
            (CONFIG, lambda c: c.update(timeouts={"offer_valid_s": 0}),
             ["timeouts.offer_valid_s: a number or a length is outside its range"]),
            (CONFIG, lambda c: c["listen"].update(desk="localhost"), ["host:port or [v6]:port"]),
            (CONFIG, lambda c: c["files"].update(trust="gone.json"), ["gone.json: open: No such"]),
            (CONFIG, lambda c: c["folders"].update(policies="gone"),
             ["gone: open folder: No such"]),
            (CONFIG, lambda c: c.update(format="tdz.policy/1"), ["format must be tdz.config/1"]),
            (CONFIG, lambda c: c.update(zone="atlantis", peers=[]),
             ["zone atlantis is not in the trust bundle"]),
            ("sb/trust.json", b"{}", ["trust bundle:1:1: format: a required field"]),
            (zone + "vocabulary.json", b"{}", ["vocabulary: format: a required field"]),
            (zone + "policies/my-export.json", b"{}", ["my-export.json: format: a required"]),
            (zone + "policies/my-export.json.activation", None,
             ["my-export.json.activation: nobody activated it"]),
            (zone + "agreements/open-data.json.note", None,
             ["open-data.json: no note beside it: an operator signs one"]),
            (zone + "agreements/open-data.json.note", b"x\n",
             ["open-data.json: its note cannot be read: sign it anew"]),
            (zone + "agreements/open-data.json", b"{}",
             ["open-data.json: its note is about other bytes, name or format: sign it anew"])]:
        before = change(path, edit)
        done = subprocess.run([tdz, "check", CONFIG], capture_output=True, text=True, check=False)
        write(path, before)
        status = 3 if "No such" in want[-1] else 1
        ok(done.returncode == status and all(text in done.stderr for text in want) and
           done.stderr.count("\n") == 1,
           f"tdz check with a wrong {os.path.basename(path)}: {want[-1]}", done)


def keys_checked(tdz):
    """What a role could only die of: keys and the certificate."""
    zone = "sb/my-cyberjaya/"
    with open("sb/cn-lingang/tls/cert.pem", "rb") as file:
        other = file.read()
    seeds = ["gateway", "release", "log", "witness", "kem", "storage", "counting", "token"]
    cases = [(f"keys/{name}.key", edit, want) for name in seeds for edit, want in [
        (None, f"keys/{name}.key: no such key"), (b"x" * 33, f"keys/{name}.key: not a key")]]
    cases += [("keys/tls.key", None, "keys/tls.key: no such key"),
              ("keys/tls.key", b"x", "keys/tls.key: not a P-256 private key in PEM"),
              ("tls/cert.pem", other, "tls/cert.pem: the certificate is of another key than"),
              ("tls/cert.pem", b"x", "tls/cert.pem: no PEM certificate can be read")]
    for path, edit, want in cases:
        mode = os.stat(zone + path).st_mode & 0o777
        before = change(zone + path, edit)
        if edit is not None:
            os.chmod(zone + path, mode)
        done = subprocess.run([tdz, "check", CONFIG], capture_output=True, text=True, check=False)
        write(zone + path, before)
        os.chmod(zone + path, mode)
        ok(done.returncode == 1 and f"{CONFIG}: {want}" in done.stderr, f"tdz check: {want}", done)
    for path in ("keys/log.key", "keys/tls.key", "keys/spool.keys"):
        for mode in (0o640, 0o604, 0o620):
            os.chmod(zone + path, mode)
            done = subprocess.run([tdz, "check", CONFIG], capture_output=True, text=True,
                                  check=False)
            ok(done.returncode == 1 and f"{path}: mode {mode:o}: other accounts" in done.stderr and
               "chmod 600" in done.stderr, f"tdz check: {path} with mode {mode:o}", done)
        os.chmod(zone + path, 0o600)


def archived():
    """The first documents of a sandbox are where tdz policy activate keeps the later ones."""
    for zone in ("my-cyberjaya", "cn-lingang"):
        folder = f"sb/{zone}/policies"
        kept = set(os.listdir(folder + "/archive"))
        want, same = set(), True
        for path in [f"sb/{zone}/vocabulary.json"] + [
                f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(".json")]:
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            want.add(digest + ".json")
            if path.startswith(folder):
                want.add(digest + ".json.activation")
                same = same and filecmp.cmp(path + ".activation",
                                            f"{folder}/archive/{digest}.json.activation", False)
        ok(want <= kept and same and len(want) >= 5 and len(kept - want) == 2,
           f"the first documents of {zone} are in its archive, with activations and lists")


def main():
    programs = dict(zip(("tdz", "tdz-audit", "tdzd"), map(os.path.abspath, sys.argv[1:])))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        materials(programs["tdz"])
        for program, cases in CASES.items():
            for words, code, want in cases:
                done = subprocess.run([programs[program], *words], capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL, timeout=60, check=False)
                said = done.stderr + (done.stdout if program == "tdz-audit" else "")
                ok(done.returncode == code and all(text in said for text in want),
                   f"{program} {' '.join(words)} is exit {code}: {want[0]}", done)
        ok(not os.path.exists("nowhere") and not os.path.exists("out") and
           not os.path.exists("new/corridor.json"), "none of it left anything behind")
        archived()
        checked(programs["tdz"])
        keys_checked(programs["tdz"])
        done = subprocess.run([programs["tdz"], *SIGN, "policy.json", "--key", "hex.key",
                               "--config", CONFIG], capture_output=True, text=True, check=False)
        ok(done.returncode == 0 and os.path.exists("policy.json.activation"),
           "a signing key may be 64 hex digits, as everywhere", done)
        os.chdir("/")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
