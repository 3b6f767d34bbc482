#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Decisions of every kind, made again from the documents they name by programs of both compilers.
With --deep or TDZ_DEEP a thousand."""
import base64
import concurrent.futures
import json
import os
import random
import sys
import time

import corridor
import tables
from corridor import check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORKERS = 3


def claims(rows, seed):
    """Claims of an insurer, as the agreement claims-2026 declares them."""
    rng = random.Random(seed)
    lines = ["claim_no,prc_id,name,phone,diagnosis,amount_cny,claim_date"]
    for i in range(rows):
        lines.append(f"C{seed:05}{i:04},{tables.prc_id(rng)},Zhang San,1380013{i % 10000:04},"
                     f"melanoma,{rng.randint(100, 9000)},2026-0{rng.randint(1, 9)}-11")
    return ("\n".join(lines) + "\n").encode()


# who, agreement, body of a seed
KINDS = (
    ("hospital-kl", "telemetry-2026", lambda seed: tables.telemetry(20, seed)),
    ("hospital-kl", "oncology-2026", lambda seed: tables.hospital(5, seed)),
    ("insurer-sh", "claims-2026", lambda seed: claims(6, seed)),
    # People in what was declared to be without: refused for what was seen.
    ("hospital-kl", "open-data", lambda seed: tables.hospital(5, seed)),
)


def send(c, number):
    """One push, until somebody decides on it; (who, transfer, status)."""
    who, agreement, body = KINDS[number % len(KINDS)]
    end = time.monotonic() + 60
    while True:
        answer = c.push(who, agreement, f"replay-{number}.csv", body(number), Prefer="wait=5",
                        Idempotency_Key=f'"replay-{number}"')
        if answer.status not in (409, 429, 503) or time.monotonic() > end:
            return who, answer.transfer, answer.status
        time.sleep(0.3)


def evidence(c, who, transfer):
    c.wait(who, transfer)
    end = time.monotonic() + 90
    answer = c.request(who, "GET", f"/v1/transfers/{transfer}/receipt")
    while answer.status in (404, 503) and time.monotonic() < end:
        time.sleep(0.2)
        answer = c.request(who, "GET", f"/v1/transfers/{transfer}/receipt")
    return answer


def collect(c, folder, number):
    who, transfer, status = send(c, number)
    if status not in (200, 201, 202, 403):
        return status, 0
    answer = evidence(c, who, transfer)
    if answer.status != 200:
        return answer.status, 0
    with open(os.path.join(folder, transfer + ".json"), "wb") as f:
        f.write(answer.body)
    return status, len(answer.json["records"])


def programs(c):
    """tdz-audit of this build, and of a build by the other compiler if one was made."""
    yield "this build's program", os.path.join(c.build, "tools", "tdz-audit")
    for other in ("build-clang", "build-asan"):
        path = os.path.join(ROOT, other, "tools", "tdz-audit")
        if os.path.exists(path):
            yield f"the program of {other}", path
            return
    print("# no build by the other compiler is there: not tried with it", flush=True)


def replay(c, program, documents, folder):
    out = c.tool("replay", "--json", "--documents", documents, folder,
                 program=os.path.relpath(program, os.path.join(c.build, "tools")), timeout=600)
    return out, json.loads(out.stdout.splitlines()[-1]) if out.stdout else {}


def tampered(c, program, folder):
    """A record that says otherwise than it was decided must not pass."""
    name = sorted(os.listdir(folder))[0]
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        file = json.load(f)
    body = base64.b64decode(file["records"][-1]["body"])
    file["records"][-1]["body"] = base64.b64encode(
        body.replace(b'"result":"', b'"result":"x', 1)).decode()
    bad = os.path.join(c.dir, "tampered")
    os.makedirs(bad, exist_ok=True)
    with open(os.path.join(bad, "a.json"), "w", encoding="utf-8") as f:
        json.dump(file, f)
    out, _ = replay(c, program, c.dir, bad)
    check("a record that was changed is found", out.returncode == 1 and b'"hash"' in out.stdout,
          out)


def main():
    deep = "--deep" in sys.argv or bool(os.environ.get("TDZ_DEEP"))
    wanted = 1000 if deep else 40
    with corridor.Corridor() as c:
        folder = os.path.join(c.dir, "evidence")
        os.makedirs(folder)
        records, statuses, number = 0, [], 0
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            while records < wanted and number < 2 * wanted:
                batch = range(number, number + 40)
                number += 40
                for status, count in pool.map(lambda n: collect(c, folder, n), batch):
                    statuses.append(status)
                    records += count
        check(f"{wanted} decisions of four kinds are logged, allowed and refused",
              records >= wanted and set(statuses) <= {200, 201, 202, 403} and 403 in statuses and
              any(s < 300 for s in statuses), (records, sorted(set(statuses))))
        for who, program in programs(c):
            out, told = replay(c, program, c.dir, folder)
            check(f"{who} makes {wanted} of them again byte for byte",
                  out.returncode == 0 and told["decisions"] == told["equal"] == records and
                  told["failures"] == 0, (out.stdout[-1500:], out.stderr[-500:], records))
        tampered(c, os.path.join(c.build, "tools", "tdz-audit"), folder)
    corridor.finish()


sys.exit(main())
