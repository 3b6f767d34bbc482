#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The processes of one gateway as they run: sandboxed, restarted, drained, reloaded.

The builds come in TDZ_BUILD (release) and TDZ_BUILD_FAULTS (with fault points).
"""
import atexit
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import corridor
import tables

ROLES = ["keeper", "ledger", "judge", "clerk", "sealer", "inspector", "link", "desk", "edge"]
CALLS = ["open", "socket", "connect", "execve", "ptrace", "fork", "mprotect_exec", "unlink"]
# Calls a role may make in principle, refused by Landlock for what they name.
LANDLOCKED = {("ledger", "open"), ("ledger", "unlink"), ("clerk", "open"), ("clerk", "unlink"),
              ("link", "connect")}
WAIT_S = 30
ACCOUNT = "nobody"
EXPORT = "my-cyberjaya"

done = 0
failed = 0


def check(sentence, ok, detail=""):
    global done, failed
    done += 1
    failed += 0 if ok else 1
    print(f"{'ok' if ok else 'not ok'} {done} - {sentence}", flush=True)
    if not ok:
        print(f"# {detail}", flush=True)


def free_ports(count):
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


class Gateway:
    def __init__(self, binary, folder, fault=None):
        self.binary = binary
        self.folder = os.path.join(folder, "my-cyberjaya")
        tool = os.path.join(os.path.dirname(os.path.dirname(binary)), "tools", "tdz")
        subprocess.run([tool, "sandbox", "up", folder, "--no-start"], check=True,
                       stdout=subprocess.DEVNULL)
        self.path = os.path.join(self.folder, "config.json")
        with open(self.path, encoding="utf-8") as f:
            self.config = json.load(f)
        ports = free_ports(3)
        self.config["listen"] = {k: f"127.0.0.1:{p}"
                                 for k, p in zip(("partner", "peer", "desk"), ports)}
        self.write(json.dumps(self.config))
        self.log_path = os.path.join(self.folder, "gateway.log")
        env = {} if fault is None else {"TDZ_FAULT": fault}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([binary, self.path], stderr=log, env=env,
                                            stdout=log, start_new_session=True)
        atexit.register(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()

    def write(self, text):
        with open(self.path, "w", encoding="ascii") as f:
            f.write(text)

    def events(self):
        found = []
        with open(self.log_path, encoding="utf-8") as f:
            for line in f:
                if line.endswith("\n") and line.startswith("{"):
                    found.append(json.loads(line))
        return found

    def wait(self, wanted, count=1):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if sum(1 for e in self.events() if wanted(e)) >= count:
                return True
            time.sleep(0.02)
        return False

    def ready(self):
        return self.wait(lambda e: e["event"] == "gateway-ready")

    def pids(self):
        """(role, index) -> pid of the processes that are ready now."""
        found = {}
        for e in self.events():
            if e["event"] == "role-ready":
                found[(e["child"], e["child_index"])] = e["pid"]
        return found

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None

    def tail(self):
        return " | ".join(json.dumps(e) for e in self.events()[-6:])


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def alive(pid):
    try:
        return status_of(pid)["State"][0] != "Z"
    except FileNotFoundError:
        return False


def sandboxes(gw):
    for (role, index), pid in sorted(gw.pids().items()):
        status = status_of(pid)
        check(f"{role}{index} runs with seccomp, no new privileges and no capability",
              status["Seccomp"] == "2" and status["NoNewPrivs"] == "1" and
              int(status["CapPrm"], 16) == 0, str(status))


def restarts(gw):
    for role in ROLES:
        before = gw.pids()
        os.kill(before[(role, 0)], signal.SIGKILL)
        back = gw.wait(lambda e: e["event"] == "role-ready" and e["child"] == role and
                       e["child_index"] == 0 and e["pid"] != before[(role, 0)] and
                       e["pid"] not in before.values())
        check(f"a killed {role} is restarted", back, gw.tail())
        others = [k for k, pid in before.items() if k != (role, 0) and not alive(pid)]
        check(f"the others outlive a killed {role}", not others, str(others))


def spoilt(gw):
    """A certificate of another key, and a key that others may read: not taken up, nor started."""
    home = os.path.dirname(gw.path)
    cert, key = os.path.join(home, "tls/cert.pem"), os.path.join(home, "keys/log.key")
    with open(cert, "rb") as f:
        before = f.read()
    shutil.copy(os.path.join(os.path.dirname(home), "cn-lingang/tls/cert.pem"), cert)
    gw.write(json.dumps(gw.config))
    gw.process.send_signal(signal.SIGHUP)
    bad = gw.wait(lambda e: e["event"] == "config-bad" and
                  "tls/cert.pem: the certificate is of another key" in e.get("where", ""))
    check("a certificate that is not its key's is not taken up", bad, gw.tail())
    run = subprocess.run([gw.binary, gw.path], capture_output=True, text=True, timeout=30,
                         check=False)
    check("and no gateway starts with it", run.returncode == 2 and
          "tls/cert.pem: the certificate is of another key" in run.stderr, str(run))
    with open(cert, "wb") as f:
        f.write(before)
    os.chmod(key, 0o640)
    run = subprocess.run([gw.binary, gw.path], capture_output=True, text=True, timeout=30,
                         check=False)
    check("nor with a key that other accounts may read", run.returncode == 2 and
          "keys/log.key: mode 640" in run.stderr and "chmod 600" in run.stderr, str(run))
    os.chmod(key, 0o600)


def reload(gw):
    gw.write('{"format":"tdz.config/1",\n "zoone":"x"}')
    gw.process.send_signal(signal.SIGHUP)
    bad = gw.wait(lambda e: e["event"] == "config-bad" and e.get("line") == 2 and
                  e.get("column") == 2)
    check("a bad configuration is refused with its line and column", bad, gw.tail())
    check("and the gateway runs on", all(alive(p) for p in gw.pids().values()))
    spoilt(gw)
    before = gw.pids()
    gw.config["limits"] = {"streams": 50}
    gw.write(json.dumps(gw.config))
    gw.process.send_signal(signal.SIGHUP)
    good = gw.wait(lambda e: e["event"] == "config-reloaded")
    check("a good configuration is read again", good, gw.tail())
    time.sleep(0.5)
    check("without restarting a role", gw.pids() == before and
          all(alive(p) for p in before.values()), gw.tail())


def selftests(binary):
    for role in ROLES:
        for call in CALLS:
            run = subprocess.run([binary, f"--role={role}", f"--sandbox-selftest={call}"],
                                 capture_output=True, text=True, env={}, check=False)
            if (role, call) in LANDLOCKED:
                ok = run.returncode == 5 and run.stdout.strip() == "EACCES"
                check(f"Landlock refuses {call} to {role}", ok, f"{run.returncode} {run.stdout}")
            else:
                check(f"{role} dies of {call}", run.returncode == -signal.SIGSYS,
                      f"{run.returncode} {run.stdout} {run.stderr}")


def rogue(binary, folder, role, victim):
    gw = Gateway(binary, folder, f"{role}/role_rogue:err")
    check(f"a gateway with a rogue {role} starts", gw.ready(), gw.tail())
    receiver = gw.pids()[(victim, 0)]
    ended = gw.wait(lambda e: e["event"] == "role-violation" and e.get("accuser") == victim and
                    e["child"] == role)
    check(f"a message outside the table ends {role}, its sender", ended, gw.tail())
    check(f"{victim}, its receiver, lives", alive(receiver), gw.tail())
    gw.process.kill()
    gw.process.wait(WAIT_S)


def crash_loop(binary, folder):
    gw = Gateway(binary, folder, "desk/role_started")
    code = gw.process.wait(WAIT_S)
    looped = gw.wait(lambda e: e["event"] == "role-crash-loop" and e["child"] == "desk")
    check("a role that dies again and again stops the gateway with an error",
          looped and code == 1, f"{code} {gw.tail()}")


class Demoted(corridor.Corridor):
    """A corridor of two gateways started by root whose roles run as ACCOUNT. The folders above
    those they work in stay closed to it."""

    def __init__(self):
        super().__init__(os.environ["TDZ_BUILD"])

    def __enter__(self):
        self.up("--no-start")
        for name, zone in self.map["zones"].items():
            set_user(zone["config"], ACCOUNT)
            for folder in ("state", "log"):
                shutil.rmtree(os.path.join(self.dir, name, folder))
            self.restart(name)
        return self

    def ready(self, zone):
        """(role, index) -> pid of what was ready last."""
        with open(os.path.join(self.dir, zone, "gateway.log"), encoding="utf-8") as f:
            events = [json.loads(line) for line in f if line.startswith("{")]
        return {(e["child"], e["child_index"]): e["pid"] for e in events
                if e["event"] == "role-ready"}

    def crosses(self, name):
        """A push by the one and a pull by the other, as the pushed bytes."""
        data = tables.telemetry(50, seed=len(name))
        answer = self.push("hospital-kl", "telemetry-2026", name, data, Prefer="wait=20")
        if answer.status not in (201, 202):
            return False, answer
        found = self.wait("hospital-kl", answer.transfer, seconds=30)
        if found["state"] != "settled":
            return False, found
        got = self.pull("lab-shanghai", answer.transfer)
        return got.status == 200 and got.body == data, got


def set_user(path, name):
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    config["user"] = name
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)


def refuses(binary, path, code, words):
    run = subprocess.run([binary, path], capture_output=True, text=True, env={}, check=False,
                         timeout=WAIT_S)
    return run.returncode == code and words in run.stderr, f"{run.returncode} {run.stderr}"


def owners(folder):
    found = set()
    for root, folders, files in os.walk(folder):
        for name in [root, *(os.path.join(root, n) for n in folders + files)]:
            found.add(os.stat(name, follow_symlinks=False).st_uid)
    return found


def account(binary):
    if os.geteuid() != 0:
        check("the roles give up root for an account # skip only root can start them so", True)
        return
    want = pwd.getpwnam(ACCOUNT)
    with Demoted() as c:
        for name, zone in c.map["zones"].items():
            uids = {}
            for role, pid in c.ready(name).items():
                status = status_of(pid)
                uids[role] = (set(status["Uid"].split()), set(status["Gid"].split()),
                              status["Groups"].strip(), int(status["CapPrm"], 16),
                              int(status["CapEff"], 16), status["Seccomp"])
            right = ({str(want.pw_uid)}, {str(want.pw_gid)}, "", 0, 0, "2")
            check(f"every role of {name} runs as {ACCOUNT}, in no group more and without a "
                  "capability", {r for r, _ in uids} == set(ROLES) and set(
                      map(repr, uids.values())) == {repr(right)}, str(uids))
            with open(zone["pid"], encoding="ascii") as f:
                check(f"the warden of {name} stays root",
                      status_of(int(f.read()))["Uid"].split()[0] == "0")
        crossed, answer = c.crosses("first.csv")
        check("a dataset crosses between them and is pulled", crossed, f"{answer} {c.logs()}")
        clerk = c.ready(EXPORT)[("clerk", 0)]
        os.kill(clerk, signal.SIGKILL)
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end and c.ready(EXPORT)[("clerk", 0)] == clerk:
            time.sleep(0.05)
        again = status_of(c.ready(EXPORT)[("clerk", 0)])["Uid"].split()
        check("a clerk that is restarted is no root either", set(again) == {str(want.pw_uid)},
              str(again))
        crossed, answer = c.crosses("second.csv")
        check("and the next dataset crosses", crossed, f"{answer} {c.logs()}")
        for name, zone in c.map["zones"].items():
            top = os.path.join(c.dir, name)
            check(f"what the roles of {name} write is theirs",
                  owners(zone["state_dir"]) | owners(zone["log_dir"]) == {want.pw_uid},
                  f"{owners(zone['state_dir'])} {owners(zone['log_dir'])}")
            kept = [n for n in ("keys", "ca", "policies", "agreements", "config.json")
                    if owners(os.path.join(top, n)) - {0}]
            kept += [n for n in ("keys", "ca/ca.key", "keys/spool.keys")
                     if os.stat(os.path.join(top, n)).st_mode & 0o077]
            check(f"and keys and documents of {name} stay root's, keys for nobody else to read",
                  not kept, str(kept))
        c.down()
        zone = c.map["zones"][EXPORT]
        os.chown(zone["state_dir"], 1, 1)
        check("a folder of another account is refused, by name",
              *refuses(binary, zone["config"], 2, "state: the folder belongs to another account"))
        set_user(zone["config"], "root")
        check("root is no account to run as", *refuses(binary, zone["config"], 2, "superuser"))
        set_user(zone["config"], "no-such-account")
        check("an account that is not there is refused",
              *refuses(binary, zone["config"], 2, "no such account"))


def main():
    binary = os.path.join(os.environ["TDZ_BUILD"], "gateway", "tdzd")
    faulty = os.path.join(os.environ["TDZ_BUILD_FAULTS"], "gateway", "tdzd")
    with tempfile.TemporaryDirectory() as folder:
        gw = Gateway(binary, folder)
        check("a gateway with a minimal configuration becomes ready", gw.ready(), gw.tail())
        check("it starts every role", {r for r, _ in gw.pids()} == set(ROLES), str(gw.pids()))
        sandboxes(gw)
        restarts(gw)
        reload(gw)
        pids = gw.pids()
        check("SIGTERM drains and ends with 0", gw.stop() == 0, gw.tail())
        check("and no process is left", not any(alive(p) for p in pids.values()))
    account(binary)
    selftests(binary)
    for role, victim in (("edge", "clerk"), ("sealer", "keeper")):
        with tempfile.TemporaryDirectory() as folder:
            rogue(faulty, folder, role, victim)
    with tempfile.TemporaryDirectory() as folder:
        crash_loop(faulty, folder)
    print(f"1..{done}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
