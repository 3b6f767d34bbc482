#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Large datasets by curl over both versions of HTTP, and the memory of the exporting gateway: with
one push of any size, and with a hundred uploads open. With TDZ_DEEP set the dataset is 1 GiB."""
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

import corridor
import tables
import wire
from corridor import check

ZONE, WHO, TO, AGREEMENT = "my-cyberjaya", "hospital-kl", "lab-shanghai", "telemetry-2026"
MIB = 1 << 20
LARGE = 1 << 30 if os.environ.get("TDZ_DEEP") else 32 * MIB
OPEN = 100
PSS_MAX_MIB = 256
FLAT_MIB = 24  # what a large push may need above a small one: windows, not the dataset


def pids(warden):
    """The warden and every process below it."""
    found = [warden]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="ascii") as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == warden:
                found.append(int(entry))
    return found


def pss(warden):
    """Sum of Pss, KiB, and by role."""
    total, by_role = 0, {}
    for pid in pids(warden):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                here = next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue
        role = next((a[7:].decode() for a in line if a.startswith(b"--role=")), "warden")
        total += here
        by_role[role] = by_role.get(role, 0) + here
    return total, by_role


class Meter:
    """The highest sum of Pss while the block runs."""

    def __init__(self, warden):
        self.warden, self.stop, self.peak, self.roles = warden, False, 0, {}

    def __enter__(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        while not self.stop:
            now, roles = pss(self.warden)
            if now > self.peak:
                self.peak, self.roles = now, roles
            time.sleep(0.1)

    def __exit__(self, *_):
        self.stop = True
        self.thread.join()
        now, roles = pss(self.warden)
        if now > self.peak:
            self.peak, self.roles = now, roles

    @property
    def mib(self):
        return self.peak / 1024

    def __str__(self):
        return f"{self.mib:.1f} MiB (" + ", ".join(
            f"{role} {kib / 1024:.1f}" for role, kib in sorted(self.roles.items())) + ")"


def write_telemetry(path, size):
    """Readings up to size bytes, no block like the one before."""
    rng = random.Random(70)
    lines = tables.telemetry(20000, seed=70).splitlines(keepends=True)
    with open(path, "wb") as f:
        f.write(lines[0])
        written = len(lines[0])
        while written < size:
            turn = rng.randrange(1, len(lines))
            block = b"".join(lines[turn:] + lines[1:turn])[:size - written]
            if len(block) == size - written:
                block = block[:block.rindex(b"\n") + 1]
                f.write(block)
                return
            f.write(block)
            written += len(block)


def curl(c, who, *args):
    person = c.person(who)
    begun = time.monotonic()
    out = subprocess.run(["curl", "-sS", "--max-time", "900", "--cacert",
                          os.path.join(person["profile"], "ca.pem"), "--cert", person["cert"],
                          "--key", person["key"], *args], capture_output=True, check=False)
    return out, time.monotonic() - begun


def same(a, b):
    return subprocess.run(["cmp", a, b], capture_output=True, check=False).returncode == 0


def crossing(c, warden, path, version, label):
    """Push and pull by one version of HTTP; the meter of the push."""
    size = os.path.getsize(path) / MIB
    url = c.zone_of(WHO)["partner_url"] + f"/v1/agreements/{AGREEMENT}/datasets/{label}.csv"
    with Meter(warden) as meter:
        out, took = curl(c, WHO, version, "-T", path, "-H", "Prefer: wait=60", "-w",
                         "\\n%{http_code} %{http_version}", url)
    body, _, last = out.stdout.rpartition(b"\n")
    code, used = (last.decode().split() + ["", ""])[:2]
    ok = check(f"curl {version} pushes {size:.0f} MiB", code in ("201", "202") and
               used == ("2" if version == "--http2" else "1.1"), (out, c.logs(8)))
    print(f"# push {version} {size:.0f} MiB: {took:.1f} s, {size / took:.0f} MiB/s, Pss {meter}",
          flush=True)
    if not ok:
        return meter
    transfer = json.loads(body)["id"]
    state = c.wait(WHO, transfer, seconds=600)
    check(f"and it settles ({label})", state["state"] == "settled" and
          state["bytes"] == os.path.getsize(path), state)
    back = path + ".back"
    url = c.zone_of(TO)["partner_url"] + f"/v1/inbox/{transfer}/data"
    out, took = curl(c, TO, version, "-o", back, "-w", "%{http_code} %{http_version}", url)
    check(f"curl {version} pulls the same bytes ({label})",
          out.stdout.startswith(b"200 ") and same(path, back), (out, c.logs(8)))
    print(f"# pull {version} {size:.0f} MiB: {took:.1f} s, {size / took:.0f} MiB/s", flush=True)
    if os.path.exists(back):
        os.unlink(back)
    return meter


def allow_many(c):
    path = c.map["zones"][ZONE]["config"]
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    config["limits"] = {"uploads_per_partner": 2 * OPEN}
    config["timeouts"] = {"rate_grace_ms": 60000}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    out = c.restart(ZONE)
    if out.returncode != 0:
        raise RuntimeError(out.stdout.decode() + out.stderr.decode() + c.logs())


def many_open(c, warden):
    """A hundred uploads open at once, each with bytes in every buffer it can have."""
    person = c.person(WHO)
    tls = wire.context(os.path.join(person["profile"], "ca.pem"), person["cert"], person["key"],
                       ["http/1.1"])
    data = tables.telemetry(12000, seed=1)
    socks = []
    with Meter(warden) as meter:
        for i in range(OPEN):
            sock = wire.dial(c.zone_of(WHO)["partner_url"], tls, 60)
            sock.sendall(f"PUT /v1/agreements/{AGREEMENT}/datasets/open-{i}.csv HTTP/1.1\r\n"
                         f"Host: localhost\r\nContent-Length: {len(data)}\r\n"
                         "Prefer: respond-async\r\n\r\n".encode() + data[:len(data) // 2])
            socks.append(sock)
        time.sleep(1.5)
        listed = c.request(WHO, "GET", "/v1/transfers?limit=500").json["transfers"]
        receiving = sum(1 for t in listed if t["state"] == "receiving")
        check(f"{OPEN} uploads are open at one time", receiving == OPEN, receiving)
    print(f"# {OPEN} uploads open: Pss {meter}", flush=True)
    check(f"all roles together use at most {PSS_MAX_MIB} MiB with {OPEN} uploads open: "
          f"{meter.mib:.0f} MiB", meter.mib <= PSS_MAX_MIB, meter)
    statuses = {}
    for sock in socks:
        sock.sendall(data[len(data) // 2:])
    for sock in socks:
        status = wire.Reply(sock, 120).status
        statuses[status] = statuses.get(status, 0) + 1
        sock.close()
    check("and each of them is finished and taken", statuses == {202: OPEN} or
          set(statuses) <= {201, 202}, statuses)


def main():
    with tempfile.TemporaryDirectory() as work, corridor.Corridor() as c:
        allow_many(c)
        with open(c.map["zones"][ZONE]["pid"], encoding="ascii") as f:
            warden = int(f.read())
        small, large = os.path.join(work, "small.csv"), os.path.join(work, "large.csv")
        write_telemetry(small, MIB)
        write_telemetry(large, LARGE)
        for version in ("--http1.1", "--http2"):
            label = version.strip("-").replace(".", "")
            low = crossing(c, warden, small, version, f"small-{label}")
            high = crossing(c, warden, large, version, f"large-{label}")
            check(f"memory is flat from 1 to {LARGE // MIB} MiB by {version}: "
                  f"{low.mib:.0f} and {high.mib:.0f} MiB",
                  0 < high.mib <= low.mib + FLAT_MIB, (str(low), str(high)))
        many_open(c, warden)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
