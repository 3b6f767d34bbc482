# SPDX-License-Identifier: Apache-2.0
"""A corridor whose folders are copied away and put back."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import traceback

import corridor
import gateways
import invariants
import tables
import wire
from corridor import check
from gateways import EXPORT, IMPORT, WHO, Gateways

OPERATOR = {EXPORT: "op-my-1", IMPORT: "op-cn-1"}
OTHER = {EXPORT: IMPORT, IMPORT: EXPORT}
PACK = os.path.join(wire.ROOT, "policy", "packs", "my-export.json")
PLAIN = "telemetry-2026"
AT_ONCE = 3  # cases mostly wait


class Restored(Gateways):
    """Folders of a zone can be copied away and put back while its gateway stands still."""

    def __init__(self, prepare=None):
        super().__init__(prepare=prepare, timeouts=gateways.BRISK)
        self.policies = os.path.join(self.dir, "counting")

    def up(self, *more):
        """The exporter's policy permits personal data up to a number of persons."""
        with open(PACK, encoding="utf-8") as f:
            policy = json.load(f)
        for rule in policy["rules"]:
            if rule["effect"] == "permit" and "business" not in rule["classes"]:
                few = {"lt": ["count.pi.after", 100000]}
                rule["when"] = {"all": [rule["when"], few]} if "when" in rule else few
        os.mkdir(self.policies)
        with open(os.path.join(self.policies, os.path.basename(PACK)), "w",
                  encoding="utf-8") as f:
            json.dump(policy, f, ensure_ascii=False)
        return super().up(*more)

    def folder(self, zone, what):
        return self.map["zones"][zone][f"{what}_dir"]

    def keep(self, name, *pairs):
        """Copies (zone, what) under a name; those gateways are stopped for it and stay so."""
        for zone, what in pairs:
            self.stop(zone)
            to = os.path.join(self.dir, "copies", name, zone)
            os.makedirs(to, exist_ok=True)
            subprocess.run(["cp", "-a", "--sparse=always", self.folder(zone, what),
                            os.path.join(to, what)], check=True)

    def restore(self, name, *pairs):
        for zone, what in pairs:
            self.stop(zone)
            shutil.rmtree(self.folder(zone, what))
            subprocess.run(["cp", "-a", "--sparse=always",
                            os.path.join(self.dir, "copies", name, zone, what),
                            self.folder(zone, what)], check=True)

    def begin(self, *zones):
        for zone in zones:
            self.start(zone)

    def die(self, zone):
        self.slay(self.running.pop(zone))

    def health(self, zone):
        return self.request(OPERATOR[zone], "GET", "/healthz/ready", url="desk_url")

    def log_is(self, zone, state, seconds=20):
        """True once the operator reads state as that of the log."""
        last = self.until(lambda: self.health(zone), lambda a: a.json.get("log") == state, seconds)
        return last is not None and last.json.get("log") == state

    def metric(self, zone, name):
        text = self.request(OPERATOR[zone], "GET", "/metrics", url="desk_url").body.decode()
        for line in text.splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        return None

    def said(self, zone, event):
        """The events of that name since the last start of that gateway."""
        found = self.events(zone)
        starts = [i for i, e in enumerate(found) if e["event"] == "gateway-start"]
        return [e for e in found[starts[-1]:] if e["event"] == event]

    def says(self, zone, event, seconds=15):
        got = self.until(lambda: self.said(zone, event), lambda e: e, seconds)
        return bool(got)

    def known(self, zone):
        return invariants.by_transfer(self.folder(zone, "log"))

    def cross(self, name, agreement=PLAIN, data=None):
        """One push that must settle; its transfer."""
        data = data or tables.telemetry(40, seed=len(name))
        answer = self.send_again(name, data, agreement)
        state = self.settle(answer.transfer) if answer is not None else {}
        check(f"{name} crosses", state.get("state") in ("settled", "delivered"),
              (answer, state, self.logs(10)))
        return answer.transfer if answer is not None else ""

    def stays(self, transfer, states, seconds=2.0):
        """True if what its sender sees of it is in states, now and for that long."""
        last = self.until(lambda: self.state(WHO, transfer), lambda t: t["state"] not in states,
                          seconds)
        return last is not None and last["state"] in states

    def verify(self, *zones):
        """The logs are whole and say nothing twice."""
        for zone in zones:  # the last checkpoint's cosignature may be under way
            self.until(lambda z=zone: self.audit(self.folder(z, "log")), lambda r: r[0] == 0, 10)
        for zone in zones:
            self.stop(zone)
            code, report = self.audit(self.folder(zone, "log"))
            check(f"the log of {zone} verifies", code == 0 and report.get("ok"), report)
            faults = invariants.log_is_unambiguous(self.folder(zone, "log"))
            check(f"the log of {zone} says nothing twice", not faults, faults)


def push(c, name, agreement=PLAIN, data=None, wait=1):
    return c.push(WHO, agreement, name, data or tables.telemetry(30, seed=len(name)),
                  Idempotency_Key=f'"{name}"', Prefer=f"wait={wait}")


def run_all(cases, prepare=None):
    """Each case with a corridor of its own; those named on the command line, or all. prepare: what
    is to be in the registers before the first start."""
    def run(name):
        try:
            with Restored(prepare) as c:
                cases[name](c)
        except Exception as e:  # one case must not hide the others
            check(f"{name} ran to its end", False, "".join(traceback.format_exception(e)))

    wanted = [a for a in sys.argv[1:] if not a.startswith("-")] or cases
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(run, wanted))
    corridor.finish()
