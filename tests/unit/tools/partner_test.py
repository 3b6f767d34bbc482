#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""push, may, status, receipt, inbox and pull against a double of the partner listener. Arguments:
the program tdz, certs-example/make.sh."""
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import gateway_double as double  # noqa: E402
import h2_double  # noqa: E402


class Fixture:
    def __init__(self, tdz, folder, certs, server):
        self.tdz, self.folder, self.certs, self.server = tdz, folder, certs, server
        self.work = os.path.join(folder, "work")
        os.mkdir(self.work)
        self.profile = self.make_profile("profile", certs + "/partners/hospital-kl")
        self.file = os.path.join(folder, "prices list.csv")
        with open(self.file, "wb") as file:
            file.write(double.DATA)
        self.count = self.failed = 0

    def make_profile(self, name, stem, ca=None, url=None):
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        ca = ca or self.certs + "/my-cyberjaya/ca.pem"
        for source, target in [(stem + ".pem", "cert.pem"), (stem + ".key", "key.pem"),
                               (ca, "ca.pem")]:
            os.symlink(source, os.path.join(folder, target))
        with open(os.path.join(folder, "url"), "w", encoding="utf-8") as file:
            file.write((url or self.server.url) + "\n")
        return folder

    def run(self, *args, profile=None, env=None):
        self.server.seen.clear()
        return subprocess.run([self.tdz, *args, "--profile", profile or self.profile],
                              cwd=self.work, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False,
                              env={**os.environ, **(env or {})})

    def ok(self, good, sentence, done=None):
        self.count += 1
        if not good:
            self.failed += 1
            for text in ([done.returncode, done.stdout[-800:], done.stderr[-800:]]
                         if done else []):
                print("# " + str(text).replace("\n", "\n# "))
        print(f"{'ok' if good else 'not ok'} {self.count} - {sentence}", flush=True)

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


def test_push(t):
    done = t.run("push", t.file, "--agreement", "open-data", "--fact", "rows=12", "--fact",
                 "adult=true", "--fact", "purpose=care")
    asked = t.server.seen[0]
    facts = asked["headers"]["Tdz-Facts"]
    facts = json.loads(base64.urlsafe_b64decode(facts + "=" * (-len(facts) % 4)))
    t.ok(done.returncode == 0 and "state      settled" in done.stdout and asked["method"] == "PUT"
         and asked["path"] == "/v1/agreements/open-data/datasets/prices%20list.csv"
         and asked["body"] == double.DATA, "push sends the file and prints the transfer", done)
    t.ok(facts == {"adult": True, "purpose": "care", "rows": 12}
         and re.fullmatch("[0-9a-f]{32}", asked["headers"]["Idempotency-Key"]) is not None,
         "push sends typed facts and a key of its own", done)
    t.ok(asked["version"] == "TLSv1.3"
         and asked["subject"] == "spiffe://my-cyberjaya/partner/hospital-kl",
         "push speaks TLS 1.3 as the partner of its profile", done)
    done = t.run("push", t.file, "--agreement", "open-data", "--name", "a?b#c%ü", "--json")
    t.ok(t.server.seen[0]["path"].endswith("/datasets/a%3Fb%23c%25%C3%BC")
         and json.loads(done.stdout)["state"] == "settled",
         "a name is escaped, and --json prints the transfer as it came", done)
    done = t.run("push", t.file, "--agreement", "slow")
    t.ok(done.returncode == 0 and "forwarding" in done.stdout, "push does not wait unasked", done)
    done = t.run("push", t.file, "--agreement", "slow", "--wait")
    t.ok(done.returncode == 0 and "state      settled" in done.stdout,
         "push --wait asks until the transfer is final", done)


def test_push_file(t):
    """Files that are none, and one that somebody writes to while it is sent."""
    pipe = os.path.join(t.folder, "pipe")
    os.mkfifo(pipe)
    done = t.run("push", pipe, "--agreement", "open-data")
    t.ok(done.returncode == 3 and "not a regular file" in done.stderr and not t.server.seen,
         "a pipe is refused, not waited for", done)
    done = t.run("push", t.file, "--agreement", "open-data", "--name", "..")
    t.ok(t.server.seen and t.server.seen[0]["path"] == "/v1/agreements/open-data/datasets/..",
         "a name of dots is the gateway's to refuse", done)
    done = t.run("push", t.file, "--agreement", "open-data", "--name", "")
    t.ok(done.returncode == 2 and "the name is empty" in done.stderr and not t.server.seen,
         "an empty name is refused", done)
    large = os.path.join(t.folder, "large.csv")
    size = 64 << 20  # more than the connection's buffers hold
    for change, new, why in (("grows", size + 1, "its length changed"),
                             ("shrinks", size // 2, "it became shorter")):
        with open(large, "wb") as file:
            file.truncate(size)
        t.server.before_body = lambda new=new: os.truncate(large, new)
        done = t.run("push", large, "--agreement", "open-data")
        t.server.before_body = None
        t.ok(done.returncode == 3 and not done.stdout and
             f"the file could not be sent whole: {why}" in done.stderr,
             f"a file that {change} while it is sent does not arrive", done)
    os.remove(large)


def test_remedies(t, done):
    """What can be done about a fact follows from its source in the vocabulary."""
    lines = [line.strip() for line in done.stderr.splitlines()]
    state = [line for line in lines if line.startswith("would help, state it with: ")]
    facts = state[0].split(": ", 1)[1] if len(state) == 1 else ""
    t.ok(re.fullmatch(r"--fact catalogue_code=VALUE; --fact purpose=VALUE \(VALUE: ai_development, "
                      r".*research.*\)", facts) is not None,
         "what a partner may state is named as the option that states it, with its values", done)
    for text, why in [
            ("would help, but neither the agreement nor a partner's record holds it; ask the "
             "zone's operator: evidence.notice.days_left; exporter.ciio; labels",
             "what only the register can hold is for the zone's operator"),
            ("known only from the data or to the gateway: count.pi.after; coverage; "
             "dataset.rows; from", "what is measured, counted or routed is nobody's to state"),
            ("would help, but this program's vocabulary does not have it; ask the zone's "
             "operator: newer.fact", "a fact of a newer vocabulary is not guessed about"),
            ("stated, but does not count from a partner; leave it out: my.gov; nonsense?[31m",
             "what was stated in vain is named")]:
        t.ok(lines.count(text) == 1, why, done)
    t.ok("basis" not in done.stderr and "exporter.ncii" not in done.stderr,
         "what would change nothing is not asked for", done)


def test_refusals(t):
    done = t.run("push", t.file, "--agreement", "telemetry-2026")
    want = ["403 denied", "English for denied.", "rule: my-export/r7", "why: Health records of",
            "cites: PDPA 2010 s.129", "detail: the detail", "column #3: declared business, "
            "observed sensitive_personal, type mykad", "transfer: "]
    t.ok(done.returncode == 1 and all(text in done.stderr for text in want) and not done.stdout,
         "a refusal is exit 1 and names rules, articles and columns", done)
    t.ok("r9" not in done.stderr and "No personal data." not in done.stderr,
         "a refusal by a rule that forbids names no rule that permits", done)
    test_remedies(t, done)
    done = t.run("push", t.file, "--agreement", "hostile")
    t.ok(done.returncode == 1 and "\x1b" not in done.stderr and "\x07" not in done.stderr,
         "what a gateway writes cannot control the terminal", done)
    for agreement, code in [("too-large", 1), ("log-unavailable", 3), ("bad-name", 2)]:
        done = t.run("push", t.file, "--agreement", agreement)
        t.ok(done.returncode == code and done.stderr.count(f"English for {agreement}.") == 1
             and "try again after (s): 5" in done.stderr,
             f"the problem {agreement} is exit {code} and is told in words, once", done)
        t.ok(("detail:" in done.stderr) == (agreement != "too-large"),
             "a detail is printed when it says more than the text", done)
    done = t.run("push", t.file, "--agreement", "breaks")
    t.ok(done.returncode == 0 and "6" * 32 in done.stdout,
         "after a broken connection the transfer is found by its key", done)


def test_questions(t):
    for agreement, verdict, code in [("open-data", "allow", 0), ("oncology-2026", "hold", 0),
                                     ("x", "deny", 1)]:
        done = t.run("may", "--agreement", agreement, "--name", "a.csv", "--length", "5")
        t.ok(done.returncode == code and done.stdout == verdict + "\n",
             f"may prints {verdict} and is exit {code}", done)
    t.ok(json.loads(t.server.seen[0]["body"]) == {"agreement": "x", "facts": {}, "length": 5,
                                                  "name": "a.csv"}, "may sends what was asked")
    t.server.seen.clear()
    done = t.run("may", "--agreement", "open-data")
    t.ok(done.returncode == 0 and json.loads(t.server.seen[0]["body"])["name"] == "dataset",
         "may needs no name: a dry run may come before the dataset", done)
    done = t.run("status", "4" * 32)
    t.ok(done.returncode == 1 and "my-export/r7" in done.stderr and "importing" in done.stderr,
         "status of a transfer refused over there is exit 1 with the reasons", done)
    done = t.run("status", "e" * 32)
    t.ok(done.returncode == 0 and "state      held" in done.stdout, "status prints a state", done)
    done = t.run("status", "0" * 32)
    t.ok(done.returncode == 2 and "not-found" in done.stderr, "an unknown id is exit 2", done)
    done = t.run("receipt", "a" * 32)
    t.ok(done.returncode == 0 and json.loads(done.stdout)["transfer"] == "a" * 32,
         "receipt prints the evidence", done)
    path = os.path.join(t.work, "evidence.json")
    first = t.run("receipt", "a" * 32, "-o", path)
    again = t.run("receipt", "a" * 32, "-o", path)
    t.ok(first.returncode == 0 and again.returncode != 0 and os.path.getsize(path) > 10
         and os.stat(path).st_mode & 0o77 == 0,
         "receipt -o writes a private file and never overwrites", again)
    done = t.run("receipt", "3" * 32)
    t.ok(done.returncode == 3 and "proof-pending" in done.stderr and ": 2" in done.stderr,
         "a proof that is pending is exit 3 and says when to ask again", done)


def test_pull(t):
    done = t.run("inbox")
    t.ok(done.returncode == 0 and [line[:32] for line in done.stdout.splitlines()] ==
         ["1" * 32, "2" * 32], "inbox lists all pages", done)
    done = t.run("inbox", "--json")
    t.ok([json.loads(line)["id"][0] for line in done.stdout.splitlines()] == ["1", "2"],
         "inbox --json prints one transfer a line", done)
    done = t.run("pull")
    path = os.path.join(t.work, "prices.csv")
    with open(path, "rb") as file:
        same = file.read() == double.DATA
    t.ok(done.returncode == 0 and same and done.stdout == "prices.csv\n" and
         [s["path"] for s in t.server.seen if s["method"] == "POST"] ==
         [f"/v1/inbox/{'1' * 32}/ack"], "pull fetches and acknowledges what is not delivered", done)
    done = t.run("pull", "1" * 32)
    t.ok(done.returncode == 2 and "not overwritten" in done.stderr and
         not any(s["path"].endswith(("/data", "/ack")) for s in t.server.seen),
         "pull never overwrites, and does not acknowledge then", done)
    done = t.run("pull", "1" * 32, "-o", "b.csv", "--no-ack")
    t.ok(done.returncode == 0 and not any(s["method"] == "POST" for s in t.server.seen),
         "pull --no-ack does not acknowledge", done)
    for ident, why in [("8" * 32, "does not have the digest"), ("7" * 32, "named no SHA-256")]:
        done = t.run("pull", ident, "-o", "c.csv")
        t.ok(done.returncode == 1 and why in done.stderr and
             not any(name.startswith("c.csv") for name in os.listdir(t.work)) and
             not any(s["method"] == "POST" for s in t.server.seen),
             f"data whose digest {'is wrong' if ident[0] == '8' else 'is not given'} leaves no file"
             " and is not acknowledged", done)
    done = t.run("pull", "9" * 32)
    t.ok(done.returncode == 0 and os.path.exists(os.path.join(t.work, "9" * 32)) and
         not os.path.exists(os.path.join(t.folder, "evil")),
         "a name that leaves the folder is not used", done)
    done = subprocess.run([t.tdz, "pull", "1" * 32, "-o", "-", "--profile", t.profile],
                          cwd=t.work, capture_output=True, check=False, timeout=60)
    t.ok(done.returncode == 0 and done.stdout == double.DATA, "pull -o - writes the data alone")


def test_connection(t):
    stem = t.certs + "/partners/hospital-kl"
    other = t.make_profile("other-ca", stem, ca=t.certs + "/cn-lingang/ca.pem")
    done = t.run("status", "e" * 32, profile=other)
    t.ok(done.returncode == 3 and not t.server.seen,
         "a gateway of another authority is told nothing", done)
    stranger = t.make_profile("stranger", t.certs + "/bad/other-ca-leaf")
    done = t.run("status", "e" * 32, profile=stranger)
    t.ok(done.returncode == 3 and not t.server.seen, "a refused certificate is exit 3", done)
    away = t.make_profile("away", stem, url="https://127.0.0.1:1")
    done = t.run("push", t.file, "--agreement", "open-data", profile=away)
    t.ok(done.returncode == 3, "a gateway that is not there is exit 3", done)
    plain = t.make_profile("plain", stem, url=t.server.url.replace("https", "http"))
    done = t.run("status", "e" * 32, profile=plain)
    t.ok(done.returncode == 2 and "not an https://" in done.stderr, "cleartext is refused", done)
    keys = os.path.join(t.folder, "tls-keys")
    done = t.run("status", "e" * 32, env={
        "SSLKEYLOGFILE": keys, "https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "socks5://[::]:1"})
    t.ok(done.returncode == 0 and not os.path.exists(keys),
         "no environment variable changes what is done", done)
    done = t.run("push", t.file + ".none", "--agreement", "open-data")
    t.ok(done.returncode == 3 and "No such file" in done.stderr, "a missing file is exit 3", done)
    test_profiles(t, stem)
    for words in [["push", t.file], ["push", "--agreement", "a"], ["status", "zz"], ["status"],
                  ["pull", "-o", "x"], ["may", "--name", "a"], ["inbox", "x"],
                  ["push", t.file, "--agreement", "a", "--fact", "novalue"]]:
        done = t.run(*words)
        t.ok(done.returncode == 2 and "--help" in done.stderr and not t.server.seen,
             f"'{' '.join(words).replace(t.file, 'FILE')}' is a usage error", done)


def test_profiles(t, stem):
    """What is wrong with a profile is said with the file it is in and with what to do."""
    other = t.make_profile("other-key", stem)
    os.unlink(other + "/key.pem")
    os.symlink(t.certs + "/partners/lab-shanghai.key", other + "/key.pem")
    garbage = t.make_profile("garbage", stem)
    os.unlink(garbage + "/ca.pem")
    with open(garbage + "/ca.pem", "w", encoding="ascii") as file:
        file.write("not a certificate\n")
    lost = t.make_profile("lost", stem)
    os.unlink(lost + "/key.pem")
    folder = t.make_profile("folder", stem)
    os.unlink(folder + "/cert.pem")
    os.mkdir(folder + "/cert.pem")
    empty = t.make_profile("empty", stem, url=" ")
    none = os.path.join(t.folder, "none")
    bare = os.path.join(t.folder, "bare")
    os.mkdir(bare)
    status = ["status", "e" * 32]
    for words, profile, code, want in [
            (status, none, 3, [f"--profile {none}: no such folder", "operator hands out"]),
            (status, t.file, 3, [f"--profile {t.file}: no such folder", "operator hands out"]),
            (status, bare, 2, [f"--profile {bare} has no url", "cert.pem, key.pem and ca.pem"]),
            (status, empty, 2, [f"{empty}/url: ''", "https://HOST:PORT"]),
            (status, lost, 3, [f"{lost}/key.pem: No such file", "check --profile"]),
            (status, folder, 3, [f"{folder}/cert.pem: not a regular file", "check --profile"]),
            (status, other, 3, [t.server.url, other + "/key.pem",
                                "PEM files that belong together"]),
            (status, garbage, 3, [t.server.url, "authority's certificate cannot be used",
                                  "ca.pem is the PEM file"]),
            (status, t.folder + "/other-ca", 3, ["certificate is not to be trusted", "same zone"]),
            (status, t.folder + "/stranger", 3, ["ended the connection", "openssl x509"]),
            (status, t.folder + "/away", 3, ["https://127.0.0.1:1: nothing answers there",
                                             "tdz sandbox status DIR"]),
            (["hold", "list"], t.profile, 2, [f"--profile {t.profile} has no desk_url",
                                              "operator's profile", "DIR/operators"]),
            (["counter", "show"], t.profile, 2, ["has no desk_url", "DIR/operators"]),
            (["hold", "approve", "e" * 32, "--reason", "r"], t.profile, 2, ["has no desk_url"]),
            (["hold", "approve", "e" * 32, "--reason", "r", "--valid", "0"], t.profile, 2,
             ["--valid 0: not a number from 1 to 720"]),
            (["counter", "adjust", "--exporter", "x", "--year", "2026", "--pi", "1", "--spi", "0",
              "--reason", "r"], t.profile, 2, ["has no sign.key", "--sign-key and --as"])]:
        done = t.run(*words, profile=profile)
        t.ok(done.returncode == code and all(text in done.stderr for text in want)
             and not done.stdout and not t.server.seen,
             f"{' '.join(words[:2])} with {os.path.basename(profile)} is exit {code}: "
             f"{want[0].replace(t.folder, '.').replace(t.server.url, 'URL')}", done)
    done = t.run("push", t.file, "--agreement", "open-data", profile=t.folder + "/away")
    t.ok(done.stderr.count("nothing answers there") == 1,
         "what never reached a gateway is not looked up there", done)


def test_facts(t):
    push = ["push", t.file, "--agreement", "open-data"]
    for words, want in [
            (["--fact", "novalue"], "--fact takes NAME=VALUE, not 'novalue'"),
            (["--fact", "=x"], "--fact takes NAME=VALUE, not '=x'"),
            (["--fact", "a=1", "--fact", "b=1", "--fact", "a=2"],
             "this fact is stated twice: state it once"),
            ([w for i in range(65) for w in ("--fact", f"f{i}=1")], "at most 64 facts"),
            (["--fact", "a=" + "x" * 20000], "the facts cannot be sent: a buffer")]:
        done = t.run(*push, *words)
        t.ok(done.returncode == 2 and want in done.stderr and not t.server.seen,
             f"facts that cannot be sent: {want}", done)


def test_http2(t, server):
    profile = t.make_profile("h2", t.certs + "/partners/hospital-kl", url=server.url)
    done = t.run("push", t.file, "--agreement", "open-data", profile=profile)
    want = hashlib.sha256(double.DATA).hexdigest()
    t.ok(done.returncode == 0 and server.seen[0] ==
         ("PUT", "/v1/agreements/open-data/datasets/prices%20list.csv", want),
         "push sends the file over HTTP/2", done)
    done = t.run("push", t.file, "--agreement", "telemetry-2026", profile=profile)
    t.ok(done.returncode == 1 and "my-export/r7" in done.stderr,
         "a refusal that comes before the body ends is understood over HTTP/2", done)
    done = t.run("push", t.file, "--agreement", "telemetry-2026", "--name", "resets",
                 profile=profile)
    t.ok(done.returncode == 1 and "my-export/r7" in done.stderr,
         "a refusal lost with its stream is found again, with its reasons", done)
    done = t.run("pull", "1" * 32, "-o", "h2.csv", profile=profile)
    with open(os.path.join(t.work, "h2.csv"), "rb") as file:
        same = file.read() == double.DATA
    t.ok(done.returncode == 0 and same and server.seen[-1][1] == f"/v1/inbox/{'1' * 32}/ack",
         "pull fetches and acknowledges over HTTP/2", done)


def main(tdz, make):
    with tempfile.TemporaryDirectory() as folder:
        certs = os.path.join(folder, "certs")
        subprocess.run([make, certs], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        zone = certs + "/my-cyberjaya"
        server = double.start(zone + "/partner.pem", zone + "/partner.key", zone + "/ca.pem")
        t = Fixture(tdz, folder, certs, server)
        test_push(t)
        test_push_file(t)
        test_refusals(t)
        test_questions(t)
        test_pull(t)
        test_connection(t)
        test_facts(t)
        test_http2(t, h2_double.Server(zone + "/partner.pem", zone + "/partner.key",
                                       zone + "/ca.pem"))
        server.shutdown()
        return t.end()


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:])))
