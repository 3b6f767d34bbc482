#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz-audit against logs made by the engine: sound ones pass, every damage is named by file and
entry. Arguments: logmake, tdz-audit, the folder of vectors, logfollow."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

LOGMAKE, AUDIT, VECTORS, LOGFOLLOW = (os.path.abspath(arg) for arg in sys.argv[1:5])
failed = 0
count = 0


def check(name, good, detail=""):
    global failed, count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    if not good:
        failed += 1
        print("#", str(detail)[:2000])


def audit(*args):
    done = subprocess.run([AUDIT, *args], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def verify(*args):
    code, out, err = audit("verify", "--json", *args)
    return code, json.loads(out) if out else None, err


def entry_at(bundle, offset):
    """Which entry of a bundle holds the byte at offset."""
    at = 0
    number = 0
    while True:
        at += 2 + int.from_bytes(bundle[at:at + 2], "big")
        if offset < at:
            return number
        number += 1


def split(bundle):
    entries = []
    at = 0
    while at < len(bundle):
        size = int.from_bytes(bundle[at:at + 2], "big")
        entries.append(bundle[at:at + 2 + size])
        at += 2 + size
    return entries


def main(work):
    made = os.path.join(work, "made")
    subprocess.run([LOGMAKE, made, "400"], check=True)
    trust = os.path.join(made, "trust.json")
    my = os.path.join(made, "my-cyberjaya")
    cn = os.path.join(made, "cn-lingang")
    evidence = os.path.join(made, "evidence.json")

    code, out, err = verify("--trust", trust, my, cn, evidence)
    check("two sound logs and their evidence verify under the trust file",
          code == 0 and out["ok"] and out["pinned"] and out["entries"] == 1203
          and out["cosignatures"] >= 5, (code, out, err))
    code, out, err = verify(my)
    check("without a trust file the keys found count and the result says not pinned",
          code == 0 and out["ok"] and not out["pinned"] and "not pinned" in err, (code, out, err))
    code, text, _ = audit("verify", "--trust", trust, made)
    check("a folder of logs and evidence is a bundle, and words are for people",
          code == 0 and text.startswith("ok: 1203 entries"), text)
    code, out, err = verify(os.path.join(VECTORS, "tlog", "tessera-log"))
    check("a foreign log is accepted, not pinned",
          code == 0 and out["ok"] and out["entries"] == 15 and "not pinned" in err, (code, out))
    code, out, _ = verify("--trust", trust, os.path.join(VECTORS, "tlog", "tessera-log"))
    check("under a trust file that does not name it a foreign log is refused",
          code == 1 and not out["ok"], out)
    code, out, _ = verify(os.path.join(VECTORS, "tlog", "skylight", "witness", "mirror"))
    check("files that are no log are refused cleanly", code == 1 and out["failures"], (code, out))
    check("a path that is not there is exit 3", verify(os.path.join(work, "none"))[0] == 3)
    check("no path is exit 2", audit("verify")[0] == 2)
    check("a trust file that is none is exit 2", verify("--trust", evidence, my)[0] == 2)

    before = snapshot(my)
    verify("--trust", trust, my)
    check("verifying writes nothing", snapshot(my) == before)
    flips(work, my, trust)
    surgery(work, my, trust)
    evidences(work, evidence, trust)
    reconcile(work, my, cn)
    successions(work)


def snapshot(folder):
    return {os.path.join(d, f): (os.stat(os.path.join(d, f)).st_mtime_ns,
                                 os.stat(os.path.join(d, f)).st_size)
            for d, _, files in os.walk(folder) for f in files}


def copy(work, log):
    to = os.path.join(work, "copy")
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(log, to, ignore=shutil.ignore_patterns("segments", "private"))
    return to


def flips(work, my, trust):
    """One bit in every public file of the folder, at three seeded places each."""
    rng = random.Random(20261122)
    folder = copy(work, my)
    wrong = []
    tried = 0
    for d, _, files in sorted(os.walk(folder)):
        for name in sorted(files):
            path = os.path.join(d, name)
            sound = open(path, "rb").read()
            for _ in range(3):
                bit = rng.randrange(len(sound) * 8)
                bad = bytearray(sound)
                bad[bit // 8] ^= 1 << bit % 8
                open(path, "wb").write(bad)
                code, out, _ = verify("--trust", trust, folder)
                named = [f for f in out["failures"] if f["file"] == path]
                tried += 1
                good = code == 1 and named
                if good and "/tile/entries/" in path:
                    first = 256 * int(path.split("entries/")[1][:3])
                    want = first + entry_at(sound, bit // 8)
                    good = any(f["index"] == want for f in named)
                if not good:
                    wrong.append((path, bit, code, out["failures"][:3]))
            open(path, "wb").write(sound)
    check(f"each of {tried} flipped bits fails and names its file, and its entry in a bundle",
          tried > 30 and not wrong, wrong[:5])
    check("the restored copy verifies again", verify("--trust", trust, folder)[0] == 0)


def surgery(work, my, trust):
    def bundle_case(name, change, index):
        folder = copy(work, my)
        path = os.path.join(folder, "tile/entries/001")
        entries = split(open(path, "rb").read())
        open(path, "wb").write(b"".join(change(entries)))
        code, out, _ = verify("--trust", trust, folder)
        named = [f["index"] for f in out["failures"] if f["file"] == path]
        check(name, code == 1 and named and min(named) == index, (code, out["failures"][:3]))

    bundle_case("a dropped entry is found at its index", lambda e: e[:40] + e[41:], 296)
    bundle_case("two swapped entries are found", lambda e: e[:9] + [e[10], e[9]] + e[11:], 265)
    bundle_case("a cut bundle is found", lambda e: e[:100], 356)
    bundle_case("an entry too many is found", lambda e: e + [e[0]], 511)
    for name in ("checkpoint", "tile/0/001", "tile/entries/002", "tile/1/000.p/3"):
        folder = copy(work, my)
        path = os.path.join(folder, name)
        os.unlink(path)
        code, out, _ = verify("--trust", trust, folder)
        check(f"{name} missing is found and named",
              code == 1 and any(f["file"] == path for f in out["failures"]), out["failures"][:3])
    for name in ("checkpoint", "tile/entries/001"):
        folder = copy(work, my)
        path = os.path.join(folder, name)
        os.unlink(path)
        os.mkfifo(path)
        code, out, _ = verify("--trust", trust, folder)
        check(f"{name} as a pipe is found, not waited for",
              code == 1 and any(f["file"] == path for f in out["failures"]), out["failures"][:3])
    folder = copy(work, my)
    path = os.path.join(folder, "checkpoint")
    lines = open(path, encoding="utf-8").read().splitlines(keepends=True)
    open(path, "w", encoding="utf-8").write("".join(x for x in lines if "witness" not in x))
    code, out, _ = verify("--trust", trust, folder)
    check("a checkpoint without the peer's cosignature misses the quorum",
          code == 1 and [f["code"] for f in out["failures"]] == ["quorum"], out)
    folder = copy(work, my)
    for name in ("checkpoint",):
        path = os.path.join(folder, name)
        text = open(path, encoding="utf-8").read().split("\n")
        text[1] = "4000000000000000000"
        open(path, "w", encoding="utf-8").write("\n".join(text))
    code, out, _ = verify("--trust", trust, folder)
    check("a size without end ends", code == 1 and len(out["failures"]) < 5000, code)


def evidences(work, evidence, trust):
    sound = json.load(open(evidence, encoding="utf-8"))

    def case(name, code_wanted, change):
        bad = json.loads(json.dumps(sound))
        change(bad)
        path = os.path.join(work, "evidence.json")
        json.dump(bad, open(path, "w", encoding="utf-8"), separators=(",", ":"), sort_keys=True,
                  ensure_ascii=False)
        code, out, _ = verify("--trust", trust, path)
        codes = [f["code"] for f in out["failures"]]
        check(name, code == 1 and code_wanted in codes, (code, codes))

    def leaf(bad):
        bad["entries"][0]["leaf"] = bad["entries"][1]["leaf"]

    def record(bad):
        bad["records"][0]["body"] = "e30K"

    case("evidence with another leaf fails its proof", "proof", leaf)
    case("evidence of another transfer is refused", "entry",
         lambda bad: bad.update(transfer="0" * 32))
    case("evidence with a changed record is refused", "record", record)
    case("a salt that opens to another value is refused", "salt",
         lambda bad: bad["salts"][0].update(value="hospital-jb"))
    case("an index that the proof does not have is refused", "proof",
         lambda bad: bad["entries"][0].update(index=1))
    case("evidence without entries proves nothing", "evidence",
         lambda bad: bad.update(entries=[], salts=[]))
    case("an unknown member is refused", "evidence", lambda bad: bad.update(more=1))
    for state in ("denied", "expired", "forwarding", "no-such-state"):
        case(f"a settled transfer is not {state}", "state",
             lambda bad, state=state: bad.update(state=state))


def reconcile(work, my, cn):
    code, out, _ = audit("reconcile", "--json", my, cn)
    lists = json.loads(out)
    check("two sound logs reconcile, every transfer matched",
          code == 0 and len(lists["matched"]) == 400 and
          sorted(lists) == ["digest", "matched", "only_a", "only_b", "open", "verdict"]
          and not any(lists[k] for k in lists if k != "matched"), out[:300])
    other = os.path.join(work, "other")
    subprocess.run([LOGMAKE, other, "10"], check=True)
    code, out, _ = audit("reconcile", "--json", my, os.path.join(other, "cn-lingang"))
    lists = json.loads(out)
    check("transfers that one log lacks are listed",
          code == 1 and len(lists["only_a"]) == 390 and len(lists["matched"]) == 10, out[:300])
    code, out, _ = audit("reconcile", "--json", os.path.join(other, "cn-lingang"), my)
    check("whichever comes first", code == 1 and len(json.loads(out)["only_b"]) == 390, out[:300])
    check("one log is usage", audit("reconcile", my)[0] == 2)
    check("a log that is not there is exit 3",
          audit("reconcile", my, os.path.join(work, "none"))[0] == 3)


def followed(work, name, size, people=2, **roles):
    """A log of 9 entries and one that follows it at size; the folder and its trust file."""
    made = os.path.join(work, name)
    subprocess.run([LOGMAKE, made, "4"], check=True)
    out = subprocess.run([LOGFOLLOW, made, str(size), str(people)], check=True,
                         capture_output=True, text=True).stdout.split("\n")
    path = os.path.join(made, "trust.json")
    with open(path, encoding="utf-8") as f:
        trust = json.load(f)
    trust["zones"]["my-cyberjaya"]["logs"].append(out[0])
    for line in out[1:3]:
        who, pub = line.split()
        key = {"role": "operator", "alg": "ed25519", "keyid": "0" * 64, "pub": pub, "name": who,
               "not_before": 1, "not_after": 4000000000, "status": "active"}
        if who in roles:
            key["roles"] = roles[who]
        trust["zones"]["my-cyberjaya"]["keys"].append(key)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(trust, f)
    return made, path


def wrong(out):
    return [(f["code"], os.path.relpath(f["file"], os.path.dirname(os.path.dirname(f["file"]))))
            for f in out["failures"]]


def successions(work):
    made, trust = followed(work, "lost", 8)
    old, new, cn = (os.path.join(made, name) for name in ("my-cyberjaya", "next", "cn-lingang"))
    code, out, _ = verify("--trust", trust, new)
    check("a log that follows a lost one verifies, with the note of two operators",
          code == 0 and out["successions"] == [
              {"behind": None, "origin": "my-cyberjaya/gw1/2026h2b",
               "previous": "my-cyberjaya/gw1/2026h2", "size": 8}], out)
    code, out, _ = verify("--trust", trust, new, old, cn)
    check("with the old folder and the witness's, nothing of the old log lies behind it",
          code == 0 and out["successions"][0]["behind"] == 0, out)
    code, out, err = verify(new)
    check("without a trust file what the note says is compared all the same",
          code == 0 and out["successions"][0]["size"] == 8, (code, out, err))
    code, text, _ = audit("verify", "--trust", trust, new, old)
    check("words say what follows what",
          code == 0 and "follows my-cyberjaya/gw1/2026h2 at 8 entries; 0 of the old folder lie "
          "behind" in text, text)
    note = os.path.join(new, "succession")
    with open(note, "rb") as f:
        whole = f.read()
    for name, content in {"missing": None, "changed": whole.replace(b"lost", b"late"),
                          "empty": b"", "another": whole + whole[-60:]}.items():
        os.unlink(note)
        if content is not None:
            with open(note, "wb") as f:
                f.write(content)
        code, out, _ = verify("--trust", trust, new)
        check(f"a note that is {name} is named",
              code == 1 and wrong(out) == [("succession", "next/succession")], out)
        with open(note, "wb") as f:
            f.write(whole)
    made, trust = followed(work, "early", 5)
    old, new, cn = (os.path.join(made, name) for name in ("my-cyberjaya", "next", "cn-lingang"))
    code, out, _ = verify("--trust", trust, new, old)
    check("entries of the old folder behind the named checkpoint are counted",
          code == 0 and out["successions"][0]["behind"] == 3, out)
    code, out, _ = verify("--trust", trust, new, cn)
    check("a witness that cosigned more of the old log is named",
          code == 1 and [c for c, _ in wrong(out)] == ["predecessor"] and
          "8 entries" in out["failures"][0]["detail"], out)
    forked, pins = followed(work, "forked", 8, people=3)
    code, out, _ = verify("--trust", pins, *(os.path.join(forked, d) for d in (
        "next", "my-cyberjaya", "cn-lingang")))
    check("an old folder, and a witness, with another tree than the one that is followed are named",
          code == 1 and [c for c, _ in wrong(out)] == ["predecessor"] * 2 and
          "are not those" in out["failures"][0]["detail"], out)
    less = os.path.join(work, "less")
    subprocess.run([LOGMAKE, less, "2"], check=True)
    code, out, _ = verify("--trust", trust, new, os.path.join(less, "my-cyberjaya"))
    check("an older copy of the old folder is told what it lacks",
          code == 1 and wrong(out) == [("predecessor", "my-cyberjaya/checkpoint")] and
          "it holds 4 of the 5" in out["failures"][0]["detail"], out)
    made, trust = followed(work, "alone", 8, people=1)
    code, out, _ = verify("--trust", trust, os.path.join(made, "next"))
    check("a note of one operator is named", code == 1 and
          "two persons" in out["failures"][0]["detail"], out)
    made, trust = followed(work, "roles", 8, ann=["data-owner"], bob=["data-owner"])
    code, out, _ = verify("--trust", trust, os.path.join(made, "next"))
    check("and one of two who are no zone-authority", code == 1 and
          wrong(out) == [("succession", "next/succession")], out)


with tempfile.TemporaryDirectory() as work:
    main(work)
print(f"1..{count}")
sys.exit(1 if failed else 0)
