#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of one role while clerk stands just behind a state of a transfer.

The states come from gateway/flow/flow.def: for each role three of the exporter's and three of the
importer's, drawn early, in the middle and late (TDZ_SEED draws others); by default a sample of
these cases, with --deep or TDZ_DEEP all. Clerk is stopped where the state is durable and nobody was
told, all processes of the role are killed, clerk goes on (or was the one). The role must be back
with the rest of the gateway untouched, the transfer must end as if nothing had been; in the end
invariants.py looks at all that is left. Needs the build with fault points (TDZ_BUILD_FAULTS).
"""
import concurrent.futures
import os
import random
import re
import signal
import sys
import time

import corridor
import gateways
from corridor import check
from gateways import EXPORT, IMPORT, Gateways

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "gateway", "flow",
                     "flow.def")
ROLES = ("edge", "inspector", "sealer", "judge", "keeper", "ledger", "link", "clerk", "desk")
# What a dataset that is delivered passes, in its order; the table's other states are 50_crash's.
PATHS = {EXPORT: ("x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12"),
         IMPORT: ("m1", "m2", "m3", "m4", "m5", "m6", "m6l", "m7", "m9a", "m9l", "m9")}
SAMPLE = 6
WAIT_S = 30


def thirds(path, rng):
    """One state of each third of the path."""
    cut = [0, len(path) // 3, 2 * len(path) // 3, len(path)]
    return [rng.choice(path[a:b]) for a, b in zip(cut, cut[1:])]


def cases(seed):
    """(role, zone, state), three states a role and zone."""
    rng = random.Random(seed)
    return [(role, zone, state) for role in ROLES for zone, path in PATHS.items()
            for state in thirds(path, rng)]


def pids(c, zone, since):
    """(role, index) -> pid of the processes of zone that are ready."""
    return {(e["child"], e["child_index"]): e["pid"] for e in c.events(zone, since)
            if e["event"] == "role-ready"}


def process_state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_for(ask, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while not ask() and time.monotonic() < end:
        time.sleep(0.01)
    return ask()


def slay(pid):
    """True if it was there; a retired inspector may just be on its way out."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def journey(c, file, data):
    """Push, settle, pull, acknowledge, delivered; (answer, what the recipient got, last state)."""
    answer = c.send_again(file, data, seconds=WAIT_S)
    if answer is None or answer.status not in (201, 202):
        return answer, None, {}
    c.settle(answer.transfer, WAIT_S)
    got = c.collect(answer.transfer, WAIT_S)
    return answer, got, c.settle(answer.transfer, WAIT_S, states=("delivered",))


def killed(c, role, zone, state, number):
    """One case; (transfer, data)."""
    label = f"{role} killed at {state}"
    data = gateways.dataset(number)
    c.stop(zone)
    c.start(zone, f"clerk/clerk_{state}_stored:1:stop:first")
    since = c.mark
    c.deaths.clear()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        way = pool.submit(journey, c, f"{role}-{state}.csv", data)
        before = pids(c, zone, since)
        clerk = before[("clerk", 0)]
        at = wait_for(lambda: process_state(clerk) == "T")
        check(f"{label}: clerk came there", at, c.logs(8))
        before = pids(c, zone, since)
        victims = {pid for (name, _), pid in before.items() if name == role and slay(pid)}
        wait_for(lambda: all(process_state(pid) in ("", "Z") for pid in victims))
        if role != "clerk":
            os.kill(clerk, signal.SIGCONT)
        back = wait_for(lambda: all(pids(c, zone, since)[key] != pid and
                                    process_state(pids(c, zone, since)[key]) in "RSD"
                                    for key, pid in before.items() if pid in victims))
        check(f"{label}: it is back", victims and back, c.logs(8))
        answer, got, last = way.result()
    after = pids(c, zone, since)
    others = [key for key, pid in before.items() if key[0] not in (role, "inspector") and
              after[key] != pid]
    check(f"{label}: no other role went with it", not others and not c.deaths,
          (others, c.deaths, c.logs(8)))
    check(f"{label}: the dataset crosses, is pulled and delivered",
          got is not None and got.count(b"\n") == data.count(b"\n") and
          not any(p in got for p in gateways.numbers(data)) and last.get("state") == "delivered",
          (answer, got and got[:200], last, c.logs(12)))
    return answer.transfer if answer is not None else "", data


def main():
    seed = os.environ.get("TDZ_SEED", "1")
    whole = cases(seed)
    deep = "--deep" in sys.argv or bool(os.environ.get("TDZ_DEEP"))
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    chosen = whole if deep else sorted(random.Random(seed).sample(whole, SAMPLE), key=whole.index)
    if wanted:  # by role, by state, or as role:state
        every = [(r, z, s) for r in ROLES for z, path in PATHS.items() for s in path]
        chosen = [e for e in every if {e[0], e[2], f"{e[0]}:{e[2]}"} & set(wanted)]
    with open(TABLE, encoding="utf-8") as f:
        names = re.findall(r"^FLOW_STATE\(\w+, (\w+),", f.read(), re.MULTILINE)
    for zone, path in PATHS.items():
        check(f"the path through {zone} is of states of the table, in its order",
              [n for n in names if n in path] == list(path), (names, path))
    print(f"# {len(chosen)} of {len(whole)} cases, seed {seed}", flush=True)
    with Gateways() as c:
        crossed = {}
        for number, case in enumerate(chosen):
            transfer, data = killed(c, *case, number)
            crossed[transfer] = data
        counted = set().union(*(gateways.numbers(data) for data in crossed.values()))
        gateways.examine(c, dict.fromkeys(crossed, True), [], len(counted))
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
