#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The invariants of docs/PROCESSES.md with a captured role in the running gateway: each hostile
message ends its sender or is refused, keeper lives on, and neither a key nor a byte comes out.

Needs the build with fault points (TDZ_BUILD_FAULTS). A point rogue_* armed with err turns the role
it names hostile once, with errs for as long as it lives; see gateway/core/rogue.h.
"""
import json
import os
import re
import stat
import sys
import time

import corridor
import tables
import wire
from corridor import check

WHO, TO = "hospital-kl", "lab-shanghai"
EXPORT, IMPORT = "my-cyberjaya", "cn-lingang"
AGREEMENT = "telemetry-2026"
CLEAN = tables.telemetry(200, seed=6)
PEOPLE = tables.hospital(60, seed=6)


class Hostile(corridor.Corridor):
    """A corridor of the faults build whose gateways are restarted with other hostile roles."""

    def __init__(self):
        super().__init__(os.environ["TDZ_BUILD_FAULTS"])

    def arm(self, zone, spec):
        """Restarts the gateway of zone with spec armed; events() tells what came after."""
        if self.env.get("TDZ_FAULT"):
            del self.env["TDZ_FAULT"]
        if spec:
            self.env["TDZ_FAULT"] = spec
        out = self.restart(zone)
        self.env.pop("TDZ_FAULT", None)
        if out.returncode != 0:
            raise RuntimeError(f"{spec}: {out.stdout}{out.stderr}{self.logs()}")

    def every(self, zone):
        found = []
        with open(os.path.join(self.dir, zone, "gateway.log"), encoding="utf-8") as f:
            for line in f:
                if line.startswith("{") and line.endswith("}\n"):
                    found.append(json.loads(line))
        return found

    def events(self, zone, name):
        """Since the last start of that gateway."""
        all_of = self.every(zone)
        start = max(i for i, e in enumerate(all_of) if e["event"] == "gateway-start")
        return [e for e in all_of[start:] if e["event"] == name]

    def roles(self, zone):
        found = {}
        for e in self.events(zone, "role-ready"):
            found[(e["child"], e["child_index"])] = e["pid"]
        return found

    def pushed(self, name, data, seconds=20):
        """State in the end, the answer and the transfer's id of a push that may fail anyhow."""
        try:
            answer = self.push(WHO, AGREEMENT, name, data, Prefer="wait=3")
        except OSError as e:
            answer = e
        listed = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                listed = [t for t in self.request(WHO, "GET", "/v1/transfers").json["transfers"]
                          if t["name"] == name]
            except (OSError, ValueError, KeyError):
                time.sleep(0.2)
                continue
            if all(t["state"] in corridor.FINAL for t in listed):
                break
            time.sleep(0.2)
        state = listed[0]["state"] if listed else "none"
        return state, answer, listed[0]["id"] if listed else ""

    def arrived(self, transfer):
        return transfer != "" and any(t["id"] == transfer for t in self.inbox(TO))


def one(c, zone, spec, sentence, data, states, culprit=None):
    """A push with one hostile role: how it must end, who must have been ended for it."""
    c.arm(zone, spec)
    keepers = {z: c.roles(z)[("keeper", 0)] for z in (EXPORT, IMPORT)}
    name = re.sub(r"[^a-z]+", "-", spec.split("/")[-1].split(":")[0]) + ".csv"
    open_ended = "forwarding" in states or "receiving" in states
    state, answer, transfer = c.pushed(name, data, 3 if open_ended else 20)
    acted = c.events(zone, "rogue")
    if "rogue_ring" not in spec:
        check(f"{sentence}: the role acted", acted, (spec, state, answer, c.logs(8)))
    check(f"{sentence}: the transfer is {' or '.join(states)}", state in states,
          (state, answer, c.logs(8)))
    if state not in ("settled", "delivered"):
        check(f"{sentence}: and nothing of it arrived", not c.arrived(transfer), transfer)
    granted = [e for e in acted if e["result"] == "granted" or e.get("bytes", 0) != 0]
    check(f"{sentence}: nothing was granted for it", not granted, granted)
    if culprit:
        ended = [e["child"] for e in c.events(zone, "role-violation")]
        check(f"{sentence}: {culprit} was ended for it", culprit in ended, (ended, c.logs(10)))
    for z in (EXPORT, IMPORT):
        keeper = c.roles(z)[("keeper", 0)]
        check(f"{sentence}: keeper of {z} lives", keeper == keepers[z] and
              os.path.exists(f"/proc/{keeper}"), c.logs(8))


# (zone, armed, sentence, data, how the push may end, whose process is ended)
ACTS = [
    # 1: no preflight, no sealing key
    (EXPORT, "clerk/rogue_clerk_key_offer:err", "1: clerk wants a sealing key without preflight",
     CLEAN, ("failed", "none"), None),
    (EXPORT, "clerk/rogue_clerk_key_wrapped:err", "1: clerk makes up a wrapped key",
     CLEAN, ("failed", "none"), None),
    (EXPORT, "edge/rogue_outside:err", "1: edge asks keeper for the sealing key",
     CLEAN, ("failed", "none", "settled"), "edge"),
    (EXPORT, "inspector/rogue_outside:err", "1: inspector asks keeper for the sealing key",
     CLEAN, ("failed", "none", "settled"), "inspector"),
    (EXPORT, "judge/rogue_outside:err", "1: judge asks keeper for the sealing key",
     CLEAN, ("failed", "none", "settled"), "judge"),
    # 2: no final allow of this seal, no proof of its leaf: no signature, no wrap
    (EXPORT, "clerk/rogue_clerk_early:errs", "2: clerk wants a denied body signed and wrapped",
     PEOPLE, ("denied",), None),
    (EXPORT, "clerk/rogue_clerk_early:errs", "2: clerk wants a body wrapped before it is logged",
     CLEAN, ("settled",), None),
    (EXPORT, "clerk/rogue_clerk_permit:errs", "2: clerk changes a permit", CLEAN,
     ("failed", "forwarding", "inspecting"), None),
    (EXPORT, "clerk/rogue_clerk_seal:errs", "2: clerk wraps for a SEAL that keeper did not sign",
     CLEAN, ("failed", "forwarding", "inspecting"), None),
    (EXPORT, "ledger/rogue_ledger_proof:err", "2: ledger shows a proof that does not hold", CLEAN,
     ("settled", "failed", "none"), "ledger"),
    (EXPORT, "ledger/rogue_ledger_leaf:err", "2: ledger shows a leaf that is not in the log",
     CLEAN, ("settled", "failed", "none"), "ledger"),
    (EXPORT, "clerk/rogue_clerk_go:errs", "2: clerk wants a container sent that was not allowed",
     CLEAN, ("failed", "forwarding", "inspecting"), None),
    (EXPORT, "ledger/rogue_ledger_no_go:errs", "2: link has everything but ledger's go", CLEAN,
     ("failed", "forwarding", "inspecting"), None),
    (EXPORT, "sealer/rogue_sealer_root:err", "2: sealer tells keeper of another body", CLEAN,
     ("failed", "settled"), "sealer"),
    (EXPORT, "inspector/rogue_inspector_bytes:err", "2: inspector tells judge of other bytes",
     CLEAN, ("failed", "settled"), None),
    # 3: import
    (IMPORT, "clerk/rogue_clerk_unwrap:errs", "3: the importing clerk wants the key unproved",
     CLEAN, ("settled",), None),
    (IMPORT, "clerk/rogue_clerk_receipt:errs", "3: the importing clerk wants a receipt undecided",
     CLEAN, ("settled",), None),
    (IMPORT, "clerk/rogue_clerk_release:err", "3: the importing clerk changes the RELEASE", CLEAN,
     ("settled", "failed", "denied", "forwarding"), None),
    (IMPORT, "clerk/rogue_clerk_peer_proof:err", "3: the importing clerk changes the proof", CLEAN,
     ("settled", "failed", "denied", "forwarding"), None),
    # 5: link
    (EXPORT, "link/rogue_outside:err", "5: link asks keeper for a key", CLEAN,
     ("settled", "forwarding"), "link"),
    # 7: keeper signs only what it built itself
    (EXPORT, "edge/rogue_sign:err", "7: edge wants a checkpoint signed with the TLS key", CLEAN,
     ("failed", "none", "settled"), None),
    (EXPORT, "ledger/rogue_ledger_fork:err", "7: ledger wants another tree signed", CLEAN,
     ("settled", "failed", "forwarding"), None),
    # the table and the rings
    (EXPORT, "edge/rogue_edge_transfer:err", "edge claims another transfer", CLEAN,
     ("failed", "none", "receiving"), None),
    (EXPORT, "edge/rogue_edge_ring:err", "edge sends the ring of another container", CLEAN,
     ("failed", "none", "receiving"), None),
    (EXPORT, "edge/rogue_ring_length:err", "edge writes a slot longer than a slot", CLEAN,
     ("failed", "none"), None),
    (EXPORT, "inspector/rogue_ring_length:err", "inspector writes a slot longer than a slot", CLEAN,
     ("failed",), None),
]


def rewriting(c):
    """What was inspected is what is sealed, though edge changes the slots while they are read."""
    c.arm(EXPORT, "edge/rogue_ring_rewrite:errs")
    keeper = c.roles(EXPORT)[("keeper", 0)]
    seen = set()
    for i in range(4):
        data = (tables.telemetry(300, seed=i) if i % 2 else PEOPLE)
        state, answer, transfer = c.pushed(f"rewritten-{i}.csv", data)
        seen.add(state)
        if state in ("settled", "delivered"):
            got = c.pull(TO, transfer).body
            digits = re.findall(rb"\b\d{6}-\d{2}-\d{4}\b", got)
            check(f"slots changed under the reader ({i}): no identity number arrived", not digits,
                  digits[:3])
            check(f"and what arrived has the size that was inspected ({i})", len(got) == len(data),
                  (len(got), len(data)))
        else:
            check(f"slots changed under the reader ({i}): refused", state in ("denied", "failed"),
                  (state, answer))
    check("keeper lives", c.roles(EXPORT)[("keeper", 0)] == keeper, c.logs())


def pull_without_log(c):
    """3: no pull before `opened` is in the log."""
    c.arm(EXPORT, "")
    c.arm(IMPORT, "clerk/rogue_clerk_pull:errs")
    keeper = c.roles(IMPORT)[("keeper", 0)]
    state, answer, transfer = c.pushed("to-pull.csv", CLEAN)
    if not check("3: a dataset to be pulled settles", state == "settled", (answer, c.logs())):
        return
    got = c.pull(TO, transfer)
    acted = c.events(IMPORT, "rogue")
    check("3: the importing clerk wants an inbox key before `opened` is logged: refused",
          any(e["result"] == "asked" for e in acted) and
          not [e for e in acted if e["result"] == "granted"], acted)
    check("and the honest pull behind it works", got.status == 200 and got.body == CLEAN, got)
    check("keeper of the importing zone lives", c.roles(IMPORT)[("keeper", 0)] == keeper, c.logs())
    c.arm(IMPORT, "")


def descriptors(c):
    """5 and 4: while a body is on its way no role but sealer, clerk and keeper has a spool or key
    file open or mapped."""
    c.arm(EXPORT, "")
    person = c.person(WHO)
    tls = wire.context(os.path.join(person["profile"], "ca.pem"), person["cert"], person["key"])
    data = tables.telemetry(6000, seed=9)
    with wire.dial(c.zone_of(WHO)["partner_url"], tls) as sock:
        sock.sendall(f"PUT /v1/agreements/{AGREEMENT}/datasets/fds.csv HTTP/1.1\r\nHost: x\r\n"
                     f"Content-Length: {len(data)}\r\n\r\n".encode() + data[:-1])
        time.sleep(1)
        roles = c.roles(EXPORT)
        for role in ("edge", "link", "inspector", "judge", "desk", "ledger"):
            held = []
            for (name, _), pid in roles.items():
                if name != role:
                    continue
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    try:
                        target = os.readlink(f"/proc/{pid}/fd/{fd}")
                        mode = os.stat(f"/proc/{pid}/fd/{fd}").st_mode
                    except FileNotFoundError:
                        continue
                    if stat.S_ISREG(mode) and ("/spool" in target or "/keys" in target):
                        held.append(target)
                with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
                    held += [line for line in f if "/spool" in line or "/keys" in line]
            check(f"4, 5: {role} holds no spool and no key file while a body comes in", not held,
                  held)
        sock.sendall(data[-1:])
        reply = wire.Reply(sock, 60)
        check("and the body is taken", reply.status in (201, 202), reply)


def main():
    with Hostile() as c:
        only = sys.argv[1] if len(sys.argv) > 1 else ""
        last = None
        for act in ACTS:
            if only and only not in act[1] + act[2]:
                continue
            if last not in (None, act[0]):
                c.arm(last, "")
            last = act[0]
            one(c, *act)
        if not only:
            for zone in (EXPORT, IMPORT):
                c.arm(zone, "")
            state, answer, _ = c.pushed("after-all.csv", CLEAN)
            check("after all that an honest gateway takes and sends a push", state == "settled",
                  (state, answer, c.logs()))
            rewriting(c)
            pull_without_log(c)
            descriptors(c)
            code, report = c.audit(*[z["log_dir"] for z in c.map["zones"].values()])
            check("and after all that both logs verify", code == 0 and report.get("ok"), report)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
