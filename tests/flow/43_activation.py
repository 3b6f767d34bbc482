#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Policies change only by what two people signed, only forwards, and whole: under load no decision
sees a mix and no release goes out under a verdict of before."""
import base64
import hashlib
import json
import os
import shutil
import signal
import sys
import threading
import time

import corridor
from corridor import check

ZONE, WHO, AGREEMENT = "my-cyberjaya", "hospital-kl", "open-data"
OPS = ("op-my-1", "op-my-2")
BODY = b"a,b\n1,2\n3,4\n"
ROUNDS = 6


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def rule(name, effect, classes, **more):
    return dict({"id": name, "effect": effect, "to": ["CN"], "classes": classes,
                 "cite": ["Test art. 1"], "certainty": "primary", "why": "t." + name}, **more)


class Zone:
    """The policies of one zone of a running corridor, and its operators."""

    def __init__(self, c):
        self.c = c
        self.home = os.path.join(c.dir, ZONE)
        self.policies = os.path.join(self.home, "policies")
        self.config = c.map["zones"][ZONE]["config"]
        self.log = os.path.join(self.home, "gateway.log")
        self.work = os.path.join(c.dir, "work")
        os.makedirs(self.work, exist_ok=True)
        with open(os.path.join(self.policies, "my-export.json"), "rb") as f:
            self.first = f.read()
        self.last = {"my-export": (1, self.first)}
        self.count = 0

    # -- documents

    def revise(self, policy, change=None, base=None, **head):
        """The path of the next revision of a policy: base changed, in a folder of its own."""
        revision, before = self.last.get(policy, (0, None))
        doc = json.loads(base or before)
        doc["id"] = policy
        doc["revision"] = revision + 1
        doc.pop("previous", None)
        if before is not None:
            doc["previous"] = sha(before)
        doc.update(head)
        if change:
            change(doc)
        self.count += 1
        path = os.path.join(self.work, f"{self.count}-{policy}-{doc['revision']}.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(doc, f, ensure_ascii=False, indent=1)
        return path

    def overlay(self, rules):
        return json.dumps({"format": "tdz.policy/1", "zone": ZONE, "direction": "export",
                           "closed": False, "vocabulary": json.loads(self.first)["vocabulary"],
                           "effective": {"from": "2026-01-01T00:00:00+08:00"}, "rules": rules,
                           "texts": {}}).encode()

    # -- commands

    def sign(self, path, who, *more):
        key = os.path.join(self.c.dir, "operators", who, "sign.key")
        return self.c.tool("policy", "sign", "--config", self.config, "--as", who, "--key", key,
                           "--json", *more, path)

    def activate(self, path, *more):
        out = self.c.tool("policy", "activate", "--config", self.config, "--json", *more, path)
        if out.returncode == 0:
            told = json.loads(out.stdout)
            with open(path, "rb") as f:
                self.last[told["id"]] = (told["revision"], f.read())
        return out

    def enact(self, path, *more, reload=True):
        """Signed by both and activated."""
        for i, who in enumerate(OPS):
            out = self.sign(path, who, *(more if i == 0 else ()))
            if out.returncode != 0:
                return out
        mark = self.mark()
        out = self.activate(path, *(["--reload"] if reload else []))
        if out.returncode == 0 and reload:
            self.saw("judge-activated", mark)
        return out

    # -- the gateway

    def mark(self):
        return os.path.getsize(self.log)

    def events(self, mark):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            f.seek(mark)
            return [json.loads(line) for line in f if line.startswith("{") and line.endswith("}\n")]

    def saw(self, event, mark, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [e for e in self.events(mark) if e["event"] == event]
            if found:
                return found[-1]
            time.sleep(0.02)
        return None

    def hup(self):
        with open(self.c.map["zones"][ZONE]["pid"], encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGHUP)

    def epoch(self):
        """The newest policy epoch in the log."""
        return max(int(e["data"]["epoch"]) for e in entries(self.c, "policy"))

    def metric(self, name, enough, seconds=12):
        end = time.monotonic() + seconds
        while True:
            text = self.c.request("op-my-1", "GET", "/metrics", url="desk_url").body.decode()
            value = [int(line.split()[-1]) for line in text.splitlines()
                     if line.startswith(name + "{")]
            if (value and enough(value[0])) or time.monotonic() > end:
                return value[0] if value else None
            time.sleep(0.2)

    def push(self, name):
        return self.c.push(WHO, AGREEMENT, name, BODY, Prefer="wait=10")

    def evidence(self, transfer):
        end = time.monotonic() + 15
        answer = self.c.request(WHO, "GET", f"/v1/transfers/{transfer}/receipt")
        while answer.status == 503 and time.monotonic() < end:
            time.sleep(0.1)
            answer = self.c.request(WHO, "GET", f"/v1/transfers/{transfer}/receipt")
        return answer.json


def decided_by(answer):
    """The one document that an answer says it was decided by."""
    try:
        found = answer.json["decision"]["policies"]
    except (ValueError, KeyError):
        return {}
    return found[0] if len(found) == 1 else {}


def entries(c, kind):
    """Leaves of the zone's own log, by its entry bundles; partial ones come and go."""
    out = []
    root = os.path.join(c.map["zones"][ZONE]["log_dir"], "tile", "entries")
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            try:
                with open(os.path.join(folder, name), "rb") as f:
                    data = f.read()
            except FileNotFoundError:
                continue
            at = 0
            while at + 2 <= len(data) and not name.endswith(".tmp"):
                size = int.from_bytes(data[at:at + 2], "big")
                leaf = json.loads(data[at + 2:at + 2 + size])
                at += 2 + size
                if leaf["kind"] == kind and leaf not in out:
                    out.append(leaf)
    return sorted(out, key=lambda leaf: leaf["time"])


def said(out):
    return f"{out.returncode} {out.stdout.decode()} {out.stderr.decode()}"


def refusals_of_the_tools(z):
    """Each refused with its place, and nothing written."""
    held = sorted(os.listdir(z.policies))

    def refused(sentence, out, word, place=True, code=1):
        text = out.stderr.decode()
        check(sentence, out.returncode == code and word in text and
              (not place or ":" in text.split(": ")[0]) and sorted(os.listdir(z.policies)) == held,
              said(out))

    path = z.revise("my-export")
    refused("a document nobody signed is refused", z.activate(path), "nobody activated it")
    z.sign(path, OPS[0])
    refused("a single signature is refused", z.activate(path), "second operator")
    refused("the same person cannot sign twice", z.sign(path, OPS[0]), "already", place=False)
    key = os.path.join(z.c.dir, "operators", OPS[0], "sign.key")
    out = z.c.tool("policy", "sign", "--config", z.config, "--as", OPS[1], "--key", key, path)
    refused("nor under another's name", out, "not a key of operator", place=False)
    refused("nor an operator of another zone", z.sign(path, "op-cn-1"), "another zone", place=False)
    z.sign(path, OPS[1])
    with open(path, "a", encoding="utf-8") as f:
        f.write(" ")
    refused("a byte changed after signing is refused", z.activate(path), "another document")

    def both(path, *more):
        for i, who in enumerate(OPS):
            out = z.sign(path, who, *(more if i == 0 else ()))
            if out.returncode != 0:
                raise RuntimeError(said(out))
        return z.activate(path)

    refused("a wrong previous is refused",
            both(z.revise("my-export", previous=sha(b"x"))), "previous")
    refused("a revision that is there is refused",
            both(z.revise("my-export", lambda d: (d.update(revision=1), d.pop("previous")))),
            "twice")
    lists = {"neg": {"id": "neg", "sha256": sha(b"no such list")}}
    refused("a list nobody has is refused", both(z.revise("my-export", lists=lists)),
            "a list it names is not here")
    lists = {"neg": {"id": "neg", "sha256": "…"}}
    refused("a list without a hash is not even signed",
            z.sign(z.revise("my-export", lists=lists), OPS[0]), "never activated", place=False)
    refused("a document for another vocabulary is not signed",
            z.sign(z.revise("my-export", vocabulary="tdz-core/99"), OPS[0]), "vocabulary", code=2)
    words = os.path.join(z.work, "vocab.json")
    with open(os.path.join(z.home, "vocabulary.json"), "rb") as f, open(words, "wb") as out:
        out.write(f.read() + b" ")
    path = z.revise("my-export")
    for who in OPS:
        key = os.path.join(z.c.dir, "operators", who, "sign.key")
        z.c.tool("policy", "sign", "--trust", z.c.map["trust"], "--vocab", words, "--as", who,
                 "--key", key, path)
    refused("one signed for other bytes of the vocabulary is refused", z.activate(path),
            "another vocabulary")
    path = z.revise("my-export", corridor="cn-lingang")
    refused("a corridor's document needs the other zone's signature too", both(path), "other zone")
    path = z.revise("my-export", lambda d: d["rules"].append(
        rule("more", "permit", ["business"])))
    refused("an emergency needs a reason", z.sign(path, OPS[0], "--emergency"), "--reason",
            place=False, code=2)
    z.sign(path, OPS[0], "--emergency", "--reason", "test")
    refused("an emergency that adds a permit is refused", z.activate(path), "permit")


def refusals_of_the_gateway(z):
    """What somebody puts into the folder by hand."""
    epoch = z.epoch()
    path = z.revise("my-export")
    for who in OPS:
        z.sign(path, who)
    placed = os.path.join(z.policies, "x.json")

    def refused(sentence, word, line):
        mark = z.mark()
        z.hup()
        kept = z.saw("config-kept", mark)
        why = [e for e in z.events(mark) if e["event"] == "config-bad"]
        check(sentence, kept and len(why) == 1 and word in why[0]["where"] and
              why[0]["line"] == line and why[0]["column"] >= 1 and z.epoch() == epoch,
              (kept, why, z.epoch(), epoch))

    shutil.copy(path, placed)
    refused("a document stripped of its activation stops the reload, with its place",
            "nobody activated it", 1)
    with open(path + ".activation", encoding="utf-8") as f:
        note = f.read().splitlines(keepends=True)
    with open(placed + ".activation", "w", encoding="utf-8") as f:
        f.writelines(note[:-1])
    refused("so does a single signature", "second operator", 4)
    with open(placed + ".activation", "w", encoding="utf-8") as f:
        f.writelines(note[:-1] + [note[-1].replace(note[-1][-20:-10], "A" * 10)])
    refused("and one that does not verify", "signature", 4)
    os.remove(placed + ".activation")
    os.remove(placed)
    aside = os.path.join(z.work, "aside.json")
    os.rename(os.path.join(z.policies, "my-export.json"), aside)
    refused("a document that is taken away is a downgrade", "downgrade", 1)
    # A judge that dies now starts with what was good, not with what is in the folder.
    judge = next(e["pid"] for e in z.events(0) if e["event"] == "role-ready" and
                 e["child"] == "judge")
    mark = z.mark()
    os.kill(judge, signal.SIGKILL)
    z.saw("role-ready", mark)
    answer = z.push("kept.csv")
    check("after a refused reload a judge that is started anew has the documents of before",
          answer.status in (200, 201) and
          decided_by(answer).get("sha256") == sha(z.first), answer)
    os.rename(aside, os.path.join(z.policies, "my-export.json"))
    shutil.copy(path, placed)
    mark = z.mark()
    z.hup()
    z.saw("config-kept", mark)
    check("refusals are counted where operators look",
          z.metric("tdz_judge_refused_total", lambda n: n == 1) == 1)
    os.remove(placed)
    mark = z.mark()
    z.hup()
    check("and what is put right is taken", z.saw("judge-activated", mark) is not None)


def changes(z):
    epoch = z.epoch()
    path = z.revise("my-export", lambda d: d["rules"].append(
        rule("later", "forbid", ["business"], when={"eq": ["purpose", "marketing"]})))
    out = z.enact(path)
    with open(path, "rb") as f:
        second = sha(f.read())
    answer = z.push("second.csv")
    check("two signatures put a revision into force under a new epoch",
          out.returncode == 0 and z.epoch() > epoch and
          decided_by(answer).get("sha256") == second, said(out))
    kept = {name for name in os.listdir(os.path.join(z.policies, "archive"))}
    check("documents, vocabulary and activation are archived under their hashes",
          {second[7:] + ".json", second[7:] + ".json.activation", sha(z.first)[7:] + ".json"} <=
          kept and len(kept) >= 4, kept)
    shutil.copy(os.path.join(z.work, os.path.basename(path)), os.path.join(z.work, "again.json"))
    shutil.copy(path + ".activation", os.path.join(z.work, "again.json.activation"))
    out = z.activate(os.path.join(z.work, "again.json"))
    check("an activation cannot be played again", out.returncode == 1, said(out))

    path = z.revise("my-export", lambda d: d["rules"].append(rule("stop", "forbid", ["business"])))
    z.sign(path, OPS[0], "--emergency", "--reason", "leak at the recipient")
    mark = z.mark()
    out = z.activate(path, "--reload")
    z.saw("judge-activated", mark)
    answer = z.push("stopped.csv")
    check("an emergency that only forbids works with one signature",
          out.returncode == 0 and answer.status == 403 and b"stop" in answer.body,
          (said(out), answer))
    begins = int(time.time()) + 6
    back = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begins))
    path = z.revise("my-export", base=z.first)
    out = z.enact(path, "--activate-at", back)
    early = z.push("early.csv")
    time.sleep(max(0.0, begins + 0.3 - time.time()))
    late = z.push("late.csv")
    check("a rollback is a new revision; activated for later it begins by itself",
          out.returncode == 0 and early.status == 403 and late.status in (200, 201) and
          decided_by(late).get("revision") == 4, (said(out), early, late))
    log = [e["data"] for e in entries(z.c, "policy") if e["data"]["id"] == "my-export"]
    with open(path, "rb") as f:
        fourth = hashlib.sha256(f.read()).hexdigest()
    actions = [d["action"] for d in log if d["sha256"] == fourth]
    check("the log has it scheduled, then in force, with the hash of its activation",
          actions[:1] == ["schedule"] and "activate" in actions and
          all("activation" in d for d in log), log)


def load(z):
    """Pushes while two documents change together."""
    stop = threading.Event()
    found = []
    problems = []
    sets = []

    def pusher(number):
        count = 0
        while not stop.is_set():
            count += 1
            try:
                answer = z.push(f"load-{number}-{count}.csv")
                if answer.status in (200, 201, 202):
                    found.append(answer.transfer)
                elif answer.status != 403:
                    problems.append(answer)
            except OSError as e:
                problems.append(e)

    def both_change(n):
        path = [z.revise("my-export", base=z.first),
                z.revise("my-overlay", base=z.overlay(
                    [rule("ov", "forbid", ["credential" if n % 2 else "core"])]))]
        for p in path:
            out = z.enact(p, reload=False)
            if out.returncode != 0:
                problems.append(said(out))
        hashes = []
        for p in path:
            with open(p, "rb") as f:
                hashes.append(sha(f.read()))
        sets.append(hashes)
        mark = z.mark()
        z.hup()
        if z.saw("judge-activated", mark) is None:
            problems.append("no activation")

    both_change(0)
    threads = [threading.Thread(target=pusher, args=(i,)) for i in range(3)]
    for t in threads:
        t.start()
    for n in range(1, ROUNDS):
        time.sleep(0.4)
        both_change(n)
    stop.set()
    for t in threads:
        t.join()
    check("every push under load is answered", not problems and len(found) > ROUNDS,
          (len(found), problems[:3]))
    by_epoch = {}
    for e in entries(z.c, "policy"):
        if e["data"]["action"] == "activate":
            by_epoch.setdefault(int(e["data"]["epoch"]), set()).add("sha256:" + e["data"]["sha256"])
    mixed, stale, seen = [], [], set()
    for transfer in found:
        z.c.wait(WHO, transfer)
        evidence = z.evidence(transfer)
        for record in evidence["records"]:
            body = json.loads(base64.b64decode(record["body"]))
            names = [p["sha256"] for p in body.get("policies", [body.get("policy")])]
            if names not in sets:
                mixed.append(body)
            seen.add(tuple(names))
        release = base64.b64decode(evidence["container"]["release"])
        at = release.index(b'{"decided_at"')
        verdict, _ = json.JSONDecoder().raw_decode(release[at:].decode("utf-8", "replace"))
        body = next(json.loads(base64.b64decode(r["body"])) for r in evidence["records"]
                    if "sha256:" + r["sha256"].replace("sha256:", "") == verdict["record"])
        names = {p["sha256"] for p in body["policies"]}
        if not names <= by_epoch.get(verdict["policy_epoch"], set()):
            stale.append((verdict, names))
    check("every logged decision names the documents of exactly one activated set",
          not mixed and len(seen) > 2, (mixed[:1], len(seen)))
    check("every release carries the epoch of the documents it was decided by", not stale,
          stale[:2])
    replayed(z, found)
    code, report = z.c.audit_running()
    check("both logs verify", code == 0 and report["ok"], report)


def older_folder(z, before):
    """A whole folder of before, well signed, in place when the gateway is started anew."""
    newest = os.path.join(z.work, "newest")
    said_before = [e for e in entries(z.c, "policy")]
    os.rename(z.policies, newest)
    shutil.copytree(before, z.policies)
    mark = z.mark()
    out = z.c.restart(ZONE)
    why = z.saw("judge-document-bad", mark)
    check("a gateway that is started with an older folder names the document that is behind",
          out.returncode == 0 and why and why["where"].startswith(("my-export:", "my-overlay:")) and
          "downgrade" in why["where"], (said(out), why))
    answer = z.push("behind.csv")
    check("and takes no dataset by it: 503 quarantined", answer.status == 503 and
          answer.json.get("code") == "quarantined", answer)
    answer = z.c.request(WHO, "POST", "/v1/decisions", body=json.dumps(
        {"agreement": AGREEMENT, "name": "behind.csv", "length": 5}).encode(),
        headers={"Content-Type": "application/json"})
    check("nor answers a question by it", answer.status == 503, answer)
    check("nor says in the log that it is in force",
          [e for e in entries(z.c, "policy")] == said_before, entries(z.c, "policy")[-3:])
    mark = z.mark()
    z.hup()
    check("a reload of the same folder does not help", z.saw("config-kept", mark) is not None,
          z.events(mark))
    shutil.rmtree(z.policies)
    os.rename(newest, z.policies)
    mark = z.mark()
    z.hup()
    check("the newest folder put back is taken", z.saw("judge-activated", mark) is not None,
          z.events(mark))
    answer = z.push("after.csv")
    names = {p["sha256"] for p in answer.json["decision"]["policies"]}
    check("and decides again", answer.status in (200, 201, 202) and
          names == {sha(z.last[name][1]) for name in ("my-export", "my-overlay")}, answer)
    mark = z.mark()
    out = z.c.restart(ZONE)
    answer = z.push("same.csv")
    check("and a gateway that is started anew with it just goes on",
          out.returncode == 0 and answer.status in (200, 201, 202) and
          not [e for e in z.events(mark) if e["event"] == "judge-document-bad"], answer)


def replayed(z, found):
    """Every decision again from the archive, and what was in force when."""
    folder = os.path.join(z.work, "evidence")
    os.makedirs(folder, exist_ok=True)
    for transfer in found:
        with open(os.path.join(folder, transfer + ".json"), "w", encoding="utf-8") as f:
            json.dump(z.evidence(transfer), f, ensure_ascii=False)
    archive = os.path.join(z.policies, "archive")
    out = z.c.tool("replay", "--json", "--documents", archive, folder, program="tdz-audit")
    told = json.loads(out.stdout.splitlines()[-1]) if out.stdout else {}
    check("every decision is made again from the archived documents, byte for byte",
          out.returncode == 0 and told["decisions"] == told["equal"] >= len(found) and
          not any(told["ruled"].values()), said(out))
    short = os.path.join(z.work, "short")
    shutil.copytree(archive, short)
    with open(os.path.join(folder, found[0] + ".json"), encoding="utf-8") as f:
        record = json.loads(base64.b64decode(json.load(f)["records"][0]["body"]))
    named = record["policies"][0]["sha256"][7:] + ".json"
    os.remove(os.path.join(short, named))
    out = z.c.tool("replay", "--json", "--documents", short, folder, program="tdz-audit")
    check("a document that is missing from the archive is told", out.returncode == 1 and
          b"document-missing" in out.stdout, (named, said(out)))
    log = z.c.map["zones"][ZONE]["log_dir"]
    # --at is a whole second: the next one is after all that this one has seen.
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    out = z.c.tool("policy", "--at", now, "--json", "--documents", z.home, log, program="tdz-audit")
    rows = [json.loads(line) for line in out.stdout.splitlines()]
    want = {name: hashlib.sha256(z.last[name][1]).hexdigest() for name in ("my-export",
                                                                          "my-overlay")}
    check("the auditor sees which documents are in force, and their files",
          out.returncode == 0 and all(r["found"] for r in rows) and
          {r["id"]: r["sha256"] for r in rows if r["id"] in want} == want, said(out))
    out = z.c.tool("policy", "--at", "2026-01-02T00:00:00Z", "--json", log, program="tdz-audit")
    check("and that none was before the gateway began", out.returncode == 1, said(out))


def main():
    with corridor.Corridor() as c:
        z = Zone(c)
        before = os.path.join(z.work, "before")
        shutil.copytree(z.policies, before)
        refusals_of_the_tools(z)
        refusals_of_the_gateway(z)
        changes(z)
        load(z)
        older_folder(z, before)
    corridor.finish()


sys.exit(main())
