#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of a whole gateway just before and just after each state of a transfer is durable.

The cases come from gateway/flow/flow.def; by default a sample of them (TDZ_SEED picks another),
with --deep or TDZ_DEEP all. After each kill the gateway is started again, the client repeats its
request with the same key, the recipient pulls; in the end invariants.py looks at all that is left.
Needs the build with fault points (TDZ_BUILD_FAULTS).
"""
import os
import random
import re
import sys

import corridor
import gateways
from corridor import check
from gateways import EXPORT, IMPORT, Gateways

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "gateway", "flow",
                     "flow.def")
# What makes a transfer pass a state; states not named here are on the way of every delivery.
PASSES = {"xd": "denied", "xf": "cut"}
# Passed by no transfer of this test, each with what would have to happen.
ELSEWHERE = {
    "xp": "a denial at preflight", "xr": "an export that is given up",
    "x6h": "a hold", "m6h": "a hold of the importer", "xe": "an offer that lapses",
    "mp": "an offer the importer refuses", "md": "a denial by the importer",
    "mr": "an import that is given up", "me": "an import that lapses",
    "mf": "an import that fails", "m9e": "the end of retention", "m9x": "the end of retention",
}
SAMPLE = 8


def cases():
    """(state's name, zone, fault point, how) for every state of the table that is passed here."""
    with open(TABLE, encoding="utf-8") as f:
        names = re.findall(r"^FLOW_STATE\(\w+, (\w+),", f.read(), re.MULTILINE)
    return [(name, EXPORT if name.startswith("x") else IMPORT, f"clerk_{name}_{side}",
             PASSES.get(name, "delivered"))
            for name in names if name not in ELSEWHERE for side in ("before", "stored")], names


def armed(c, name, zone, point, how, number):
    """One case; returns (transfer, data) of what crossed, or (transfer, None) of what did not."""
    label = f"{name} {point.rsplit('_', 1)[1]}"
    c.stop(zone)
    c.start(zone, f"clerk/{point}:1:killall")
    c.deaths[zone] = 0
    file = f"{point}.csv"
    data = gateways.dataset(number)
    if how == "delivered":
        answer = c.send_again(file, data)
        transfer = answer.transfer if answer is not None else ""
        taken = answer is not None and answer.status in (201, 202)
        state = c.settle(transfer) if taken else {}
        check(f"{label}: the push is taken and settles",
              state.get("state") in ("settled", "delivered"), (answer, state, c.logs(8)))
        got = c.collect(transfer) if taken else None
        check(f"{label}: the recipient pulls all of it, without an identity number",
              got is not None and got.count(b"\n") == data.count(b"\n") and
              not any(p in got for p in gateways.numbers(data)), (got and got[:200], c.logs(8)))
        last = c.settle(transfer, states=("delivered",)) if taken else {}
        check(f"{label}: and its sender sees it delivered", last.get("state") == "delivered",
              (last, c.logs(8)))
    else:
        agreement, headers, status, body = REFUSALS[how](data)
        answer = c.send_again(file, body, agreement, **headers)
        transfer = answer.transfer if answer is not None else ""
        check(f"{label}: the push is refused with {status}",
              answer is not None and answer.status == status, (answer, c.logs(8)))
        data = None
    c.until(lambda: c.deaths[zone], lambda n: n > 0, 3)
    check(f"{label}: {zone} was killed there, once", c.deaths[zone] == 1,
          (c.deaths, c.logs(8)))
    return transfer, data


REFUSALS = {  # -> (agreement, headers, status, body)
    "denied": lambda data: ("telemetry-2026", {}, 403, data),
    "cut": lambda data: ("telemetry-2026", {"Repr_Digest": f"sha-256=:{'A' * 43}=:"}, 400,
                         b"device,metric,value,unit,taken_at\n"),
}


def main():
    whole, names = cases()
    deep = "--deep" in sys.argv or bool(os.environ.get("TDZ_DEEP"))
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    seed = os.environ.get("TDZ_SEED", "1")
    chosen = whole if deep else [c for c in whole if c[0] in wanted] if wanted else \
        sorted(random.Random(seed).sample(whole, SAMPLE), key=whole.index)
    unknown = [n for n in ELSEWHERE if n not in names]
    check("every state that is left out is one of the table", not unknown, unknown)
    print(f"# {len(chosen)} of {len(whole)} cases, seed {seed}; states not passed here: " +
          ", ".join(f"{n} ({why})" for n, why in ELSEWHERE.items()), flush=True)
    with Gateways() as c:
        crossed, stopped = {}, []
        for number, case in enumerate(chosen):
            transfer, data = armed(c, *case, number)
            if data is None:
                stopped.append(transfer)
            else:
                crossed[transfer] = data
        answer = c.send_again("unharmed.csv", gateways.dataset(len(chosen)))
        state = c.settle(answer.transfer) if answer is not None else {}
        got = c.collect(answer.transfer) if state.get("state") == "settled" else None
        check("and after all that one more push crosses", got is not None, (answer, c.logs(8)))
        c.settle(answer.transfer, states=("delivered",))
        crossed[answer.transfer] = gateways.dataset(len(chosen))
        counted = set().union(*(gateways.identifiers(data) for data in crossed.values()))
        gateways.examine(c, dict.fromkeys(crossed, True), stopped, len(counted))
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
