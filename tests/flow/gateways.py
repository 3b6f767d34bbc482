# SPDX-License-Identifier: Apache-2.0
"""A corridor whose gateways are started, killed and started again one by one."""
import collections
import http.client
import json
import os
import signal
import subprocess
import time

import corridor
import invariants
import tables
from corridor import check

WHO, TO = "hospital-kl", "lab-shanghai"
EXPORT, IMPORT = "my-cyberjaya", "cn-lingang"
AGREEMENT = "oncology-2026"
ROWS = 12
READY_S = 30
# A peer that was down is asked again soon.
BRISK = {"retry_min_ms": 100, "retry_max_ms": 500, "role_ms": 8000}
# States of gateway/flow/flow.def in which a transfer that nothing is asked of any more may stand.
RESTFUL = ("x10", "x12", "xd", "xf", "xe", "m7", "m9", "md", "me", "mf", "m9x")


class Gateways(corridor.Corridor):
    """`with` starts every gateway; `start`, `stop` and `die` are of one zone."""

    def __init__(self, third=False, prepare=None, timeouts=None):
        """timeouts: of every gateway's configuration, in place of its defaults."""
        super().__init__(os.environ["TDZ_BUILD_FAULTS"], third=third)
        self.timeouts = timeouts
        self.running = {}
        self.prepare = prepare  # called with this before the first gateway starts
        self.skew_s = 0  # all gateways' wall clocks are ahead by
        self.deaths = collections.Counter()  # zone -> gateways found dead and started again

    def __enter__(self):
        self.up("--no-start")
        if self.prepare is not None:
            self.prepare(self)
        for zone in self.map["zones"]:
            if self.timeouts:
                self.configure(zone, timeouts=self.timeouts)
            self.start(zone)
        return self

    def configure(self, zone, **members):
        """Sets members of the configuration of a zone, for its next start."""
        path = self.map["zones"][zone]["config"]
        with open(path, encoding="utf-8") as f:
            config = json.load(f)
        config.update(members)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)

    def __exit__(self, *more):
        for zone in list(self.running):
            self.stop(zone)
        super().__exit__(*more)

    def start(self, zone, fault=None, wait="gateway-ready"):
        skew = f"role_begin:skew={self.skew_s * 1000}" if self.skew_s else None
        faults = ",".join(f for f in (fault, skew) if f)
        env = {"TDZ_FAULT": faults} if faults else {}
        self.mark = os.path.getsize(self.log(zone)) if os.path.exists(self.log(zone)) else 0
        end = time.monotonic() + READY_S
        while True:
            with open(self.log(zone), "ab") as log:
                self.running[zone] = subprocess.Popen(
                    [os.path.join(self.build, "gateway", "tdzd"),
                     self.map["zones"][zone]["config"]], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, env=env, start_new_session=True)
            if not wait or self.saw(zone, wait, self.mark):
                return
            # A killed gateway's last process may hold its ports for a moment.
            with open(self.log(zone), encoding="utf-8", errors="replace") as log:
                log.seek(self.mark)
                busy = "Address already in use" in log.read()
            if not busy or time.monotonic() > end:
                raise RuntimeError(f"{zone} never said {wait}\n{self.logs()}")
            time.sleep(0.3)

    def stop(self, zone):
        process = self.running.pop(zone, None)
        if process is None:
            return None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self.slay(process)
            return None

    def confirmed(self, zone, seconds=READY_S):
        """True once the log of zone, as it runs now, is confirmed by the other zone."""
        def is_so():
            last = [e["event"] for e in self.events(zone)
                    if e["event"] in ("gateway-start", "log-confirmed")]
            return last[-1:] == ["log-confirmed"]
        return self.until(is_so, bool, seconds)

    def advance(self, seconds):
        """Stops every gateway; those started from now on live that much later."""
        for zone in list(self.running):
            self.stop(zone)
        self.skew_s += seconds

    @staticmethod
    def slay(process):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def died(self, zone, seconds=20):
        """True once a fault has killed the gateway of zone."""
        try:
            self.running[zone].wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def log(self, zone):
        return os.path.join(self.dir, zone, "gateway.log")

    def events(self, zone, since=0):
        found = []
        with open(self.log(zone), encoding="utf-8", errors="replace") as f:
            f.seek(since)
            for line in f:
                if line.startswith("{") and line.endswith("}\n"):
                    try:
                        found.append(json.loads(line))
                    except ValueError:
                        continue  # cut by a kill
        return found

    def saw(self, zone, event, since=0, seconds=READY_S):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if any(e["event"] == event for e in self.events(zone, since)):
                return True
            if zone in self.running and self.running[zone].poll() is not None:
                return False
            time.sleep(0.03)
        return False

    def pid_of(self, zone, role):
        found = [e["pid"] for e in self.events(zone)
                 if e["event"] == "role-ready" and e["child"] == role and e["child_index"] == 0]
        return found[-1]

    def revive(self):
        """What a service manager does: starts again, without a fault, what has died."""
        for zone, process in list(self.running.items()):
            if process.poll() is not None:
                self.deaths[zone] += 1
                self.start(zone)

    def until(self, ask, enough, seconds=30):
        """The answer as soon as it is enough, else the last one; dead gateways are revived."""
        end = time.monotonic() + seconds
        answer = None
        while True:
            self.revive()
            try:
                answer = ask()
                if enough(answer):
                    return answer
            except (OSError, ValueError, KeyError, http.client.HTTPException):
                pass
            if time.monotonic() > end:
                return answer
            time.sleep(0.1)

    def send_again(self, name, data, agreement=AGREEMENT, seconds=60, **headers):
        """One push as a patient client sends it: the same key until somebody answers, so that it
        never becomes two. The answer, or None."""
        return self.until(
            lambda: self.push(WHO, agreement, name, data, Idempotency_Key=f'"{name}"',
                              Prefer="wait=2", **headers),
            lambda a: a.status not in (409, 423, 429) and a.status < 500, seconds)

    def settle(self, transfer, seconds=60, states=corridor.FINAL):
        """The transfer as its sender sees it in the end, whatever dies meanwhile."""
        return self.until(lambda: self.state(WHO, transfer),
                          lambda t: t["state"] in states, seconds) or {}

    def collect(self, transfer, seconds=60):
        """The recipient pulls and acknowledges; the bytes, or None."""
        got = self.until(lambda: self.pull(TO, transfer), lambda a: a.status == 200, seconds)
        ack = self.until(lambda: self.request(TO, "POST", f"/v1/inbox/{transfer}/ack"),
                         lambda a: a.status == 204, seconds)
        return got.body if got and got.status == 200 and ack and ack.status == 204 else None


def dataset(number):
    """A register of ROWS persons nobody else's register has."""
    return tables.hospital(ROWS, seed=1000 + number)


def numbers(data):
    """The identity numbers of a register: the persons that are counted, an address is theirs."""
    return {line.split(b",")[0] for line in data.splitlines()[1:]}


def examine(c, crossed, stopped, counted):
    """Checks every invariant: crossed = transfer -> delivered?, stopped = transfers that must not
    have crossed, counted = persons that were released."""
    zones = c.map["zones"]
    logs = [zones[EXPORT]["log_dir"], zones[IMPORT]["log_dir"]]
    exported, imported = (invariants.by_transfer(log) for log in logs)
    inbox = c.inbox(TO)
    faults = invariants.inbox_is_whole(inbox, imported)
    check("the inbox shows exactly what the log says was received", not faults, faults)
    for log, zone in zip(logs, (EXPORT, IMPORT)):
        # A cosignature follows its checkpoint by a round trip.
        code, report = c.until(lambda log=log: c.audit(log), lambda a: a[0] == 0) or (None, None)
        check(f"the log of {zone} verifies, cosigned by the other zone",
              code == 0 and report.get("ok"), report)
    for zone in zones:
        c.stop(zone)
    exported, imported = (invariants.by_transfer(log) for log in logs)
    for log, zone in zip(logs, (EXPORT, IMPORT)):
        faults = invariants.log_is_unambiguous(log)
        check(f"the log of {zone} says nothing twice", not faults, faults)
        code, report = c.audit(log)
        wrong = [f for f in report.get("failures", [report]) if f.get("code") != "quorum"]
        check("and verifies after its end, but for a cosignature that the stop cut off",
              code in (0, 1) and not wrong, report)
        faults = invariants.database(zones[zone], RESTFUL)
        check(f"every row of {zone} agrees with its log and its spool", not faults, faults)
    faults = [f for t, delivered in crossed.items()
              for f in invariants.crossed(t, exported, imported, delivered)]
    check(f"each of {len(crossed)} acknowledged transfers is in both logs exactly once",
          not faults and crossed, faults)
    faults = [f for t in stopped for f in invariants.stopped(t, exported, imported)]
    check("what did not cross is in no log as crossed", not faults, faults)
    out = c.tool("reconcile", "--json", *logs, program="tdz-audit")
    report = json.loads(out.stdout) if out.stdout else {}
    wrong = {k: report.get(k) for k in ("only_a", "only_b", "digest", "verdict", "open")
             if report.get(k, [None])}
    check("the two logs reconcile", not wrong and
          set(crossed) <= {m if isinstance(m, str) else m["transfer"]
                           for m in report.get("matched", [])}, (report, out.stderr))
    counts = invariants.persons(zones[EXPORT])
    check(f"{counted} persons are counted, as many as were released",
          counts and all(n == sets for n, sets in counts.values()) and
          {n for n, _ in counts.values()} == {counted}, counts)
