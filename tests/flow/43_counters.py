#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counters of distinct persons with real gateways: an opening balance by a signed note, transfers
side by side at 9,999 of 10,000 and at 99,999 of 100,000, corrections, warning levels, and what a
restart may not change."""
import concurrent.futures
import json
import random
import time
import urllib.request

import corridor
import register
import tables
from corridor import check

WHO, ZONE, OPERATOR = "insurer-sh", "cn-lingang", "op-cn-1"
ROWS, PUSHES, FIT = 3, 6, 2
YEAR = time.gmtime(time.time() + 8 * 3600).tm_year


def claims(seed, rows=ROWS):
    rng = random.Random(seed)
    text = "claim_no,prc_id,name,phone,diagnosis,amount_cny,claim_date\n"
    for row in range(rows):
        text += (f"C{seed}-{row},{tables.prc_id(rng)},Wang Fang,1391234567{row},cataract,12.50,"
                 f"2026-03-0{row + 1}\n")
    return text.encode()


def contacts(seed, rows=ROWS):
    """Persons without anything sensitive: only the 100,000 of ordinary data bind them."""
    return ("contact_no,phone\n" + "".join(
        f"K{seed}-{row},138{seed:04d}{row:04d}\n" for row in range(rows))).encode()


def tool(c, *args, who=OPERATOR):
    return c.tool("counter", *args, "--profile", c.person(who)["profile"])


def adjust(c, pi, spi, *more, who=OPERATOR, as_=None):
    return tool(c, "adjust", "--exporter", WHO, "--year", str(YEAR), "--pi", str(pi), "--spi",
                str(spi), "--reason", "test", "--json", *(["--as", as_] if as_ else []), *more,
                who=who)


def counter(c):
    out = tool(c, "show", "--exporter", WHO, "--year", str(YEAR), "--json")
    found = json.loads(out.stdout)["counters"] if out.returncode == 0 else []
    return found[0] if found else {}


def note(c, **more):
    body = {"expires": int(time.time()) + 600, "exporter": WHO, "id": "1", "kind": "adjust",
            "known": False, "pi": 1, "reason": "test", "spi": 1, "year": YEAR} | more
    return register.signed(c, [OPERATOR], "tdz.counter/1", body).encode()


def post(c, body, who=OPERATOR):
    return c.request(who, "POST", "/v1/counters/adjustments", body=body, url="desk_url")


def metric(c, name):
    url = c.map["zones"][ZONE]["plain_url"] + "/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name):
                return int(line.rsplit(" ", 1)[1])
    return -1


def opening(c):
    out = adjust(c, 9990, 9999 - FIT * ROWS, "--opening")
    check("an opening balance is signed, logged and counts", out.returncode == 0, out)
    found = counter(c)
    check("tdz counter show says what the counter is made of",
          found.get("spi", {}).get("opening") == 9999 - FIT * ROWS
          and found["spi"]["value"] == 9999 - FIT * ROWS and found["spi"]["persons"] == 0, found)
    for words, body, status in (
            ("that has expired", note(c, expires=int(time.time()) - 1), 403),
            ("with a fraction of a person", note(c, pi=0.5), 400),
            ("of a negative opening", note(c, kind="opening", pi=-1), 400),
            ("with a member nobody knows", note(c, more=1), 400),
            ("whose text was changed", note(c).replace(b'"pi":1', b'"pi":2'), 403)):
        answer = post(c, body)
        check(f"a note {words} does not count", answer.status == status, answer)
    check("a note of an operator of the other zone does not count",
          adjust(c, -5, -5, who="op-my-1", as_=OPERATOR).returncode != 0)
    check("an auditor may look", c.request("auditor-cn", "GET", "/v1/counters",
                                           url="desk_url").status == 200)
    check("but not adjust", post(c, note(c), who="auditor-cn").status == 403)
    check("and nothing of this changed anything", counter(c) == found, counter(c))


def side_by_side(c, agreement, table, pushes):
    """Pushes at once; each table's transfer and the state in which it ends."""
    def push(number):
        answer = c.push(WHO, agreement, f"c{number}.csv", table(number), Prefer="wait=20")
        return answer.transfer
    with concurrent.futures.ThreadPoolExecutor(pushes) as pool:
        transfers = list(pool.map(push, range(pushes)))
    check(f"every transfer under {agreement} has a name", all(transfers), transfers)
    return [c.wait(WHO, t, seconds=60)["state"] for t in transfers]


def race(c):
    ends = side_by_side(c, "claims-2026", claims, PUSHES)
    check(f"of {PUSHES} transfers of {ROWS} persons side by side, as many cross as fit",
          sorted(ends) == sorted(["settled"] * FIT + ["denied"] * (PUSHES - FIT)), ends)
    found = counter(c)
    check("and the counter stands at 9,999, with nothing reserved",
          found["spi"]["value"] == 9999 and found["spi"]["reserved"] == 0
          and found["spi"]["persons"] == FIT * ROWS, found)
    again = ends.index("settled")
    answer = c.push(WHO, "claims-2026", "again.csv", claims(again))
    check("persons that crossed this year may cross again", answer.status in (201, 202), answer)
    check("and settle", c.wait(WHO, answer.transfer)["state"] == "settled")
    check("without being counted twice", counter(c)["spi"]["value"] == 9999)


def race_ordinary(c):
    out = adjust(c, 99999 - FIT * ROWS - counter(c)["pi"]["value"], 0)
    check("the counter of ordinary data is set near its own limit", out.returncode == 0, out)
    spi = counter(c)["spi"]["value"]
    ends = side_by_side(c, "contacts-2026", contacts, PUSHES)
    check(f"of {PUSHES} transfers of {ROWS} persons each at 99,999, as many cross as fit",
          sorted(ends) == sorted(["settled"] * FIT + ["denied"] * (PUSHES - FIT)), ends)
    found = counter(c)
    check("and the counter stands at 99,999, with nothing reserved",
          found["pi"]["value"] == 99999 and found["pi"]["reserved"] == 0, found)
    check("while that of sensitive data does not move", found["spi"]["value"] == spi, found)
    answer = c.push(WHO, "contacts-2026", "one.csv", contacts(PUSHES, 1), Prefer="wait=20")
    check("one person more is refused", c.wait(WHO, answer.transfer)["state"] == "denied", answer)


def later(c):
    check("operators were warned when a level was passed",
          "clerk-counter" in c.logs(4000), c.logs(30))
    end = time.monotonic() + 20  # roles tell their numbers now and then
    while metric(c, "tdz_clerk_counters_over") < 1 and time.monotonic() < end:
        time.sleep(0.3)
    check("and the metric says how many are over", metric(c, "tdz_clerk_counters_over") >= 1)
    before = counter(c)
    c.restart(ZONE)
    check("a restart changes nothing", counter(c) == before, counter(c))
    out = adjust(c, 0, -ROWS)
    check("a correction gives room", out.returncode == 0, out)
    answer = c.push(WHO, "claims-2026", "last.csv", claims(PUSHES + 1))
    check("for another transfer", c.wait(WHO, answer.transfer)["state"] == "settled", answer)
    check("and no more", counter(c)["spi"]["value"] == 9999, counter(c))


def audited(c):
    code, found = c.audit_running()
    check("an auditor verifies both logs", code == 0 and found["ok"], found)


def main():
    with corridor.Corridor() as c:
        # What is held for others' reservations is decided again soon.
        register.configure(c, ZONE, timeouts={"retry_max_ms": 1000})
        schema = {"format": "csv", "additional": "refuse", "fields": [
            {"name": "contact_no", "type": "string", "x-class": "business"},
            {"name": "phone", "type": "string", "x-class": "personal",
             "x-identifier": "cn_mobile"}]}
        evidence = [e for e in register.read(c, ZONE, "agreements", "claims-2026.json")["evidence"]
                    if e["kind"] in ("pipia", "notice")]
        register.add_agreement(c, "claims-2026", "contacts-2026", schema=schema, evidence=evidence)
        for zone in c.map["zones"]:
            c.restart(zone)
        opening(c)
        race(c)
        later(c)
        race_ordinary(c)
        audited(c)
    corridor.finish()


if __name__ == "__main__":
    main()
