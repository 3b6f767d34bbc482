#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The first crossing, told to somebody who has never seen it. Run by ./dev demo."""
import argparse
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "flow"))
import corridor  # noqa: E402
import tables  # noqa: E402

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
wrong = []


def say(text):
    print(textwrap.fill(text, 92, initial_indent="  ", subsequent_indent="  "), flush=True)


def title(text):
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def must(sentence, ok, detail=""):
    print(f"  {'yes' if ok else 'NO '}  {sentence}", flush=True)
    if not ok:
        wrong.append(sentence)
        print(textwrap.indent(str(detail)[:2000], "       "), flush=True)


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def tdz(c, *args, **kwargs):
    print(f"  {DIM}$ tdz {' '.join(shorten(c, a) for a in args)}{PLAIN}", flush=True)
    return c.tool(*args, **kwargs)


def shorten(c, text):
    return text.replace(c.dir, "SANDBOX")


def profile(c, who):
    return c.person(who)["profile"]


def push(c, who, agreement, path):
    out = tdz(c, "push", path, "--agreement", agreement, "--profile", profile(c, who), "--json")
    lines = [line for line in out.stdout.decode().splitlines() if line.startswith("{")]
    return out, json.loads(lines[-1]) if lines else {}


def open_data(c, work):
    title("1. Open statistics cross as they are")
    say("hospital-kl in Cyberjaya pushes a real table of the Department of Statistics Malaysia "
        "under the agreement open-data. Both zones inspect it, both decide, both log.")
    source = os.path.join(HERE, "data", "dosm_prices_district_selected.csv")
    out, transfer = push(c, "hospital-kl", "open-data", source)
    must("the push ends settled", transfer.get("state") in ("settled", "forwarding"),
         out.stdout + out.stderr)
    transfer = c.wait("hospital-kl", transfer["id"])
    must("and is settled in both logs", transfer["state"] == "settled" and transfer["peer_log"],
         transfer)
    back = os.path.join(work, "open-data.csv")
    out = tdz(c, "pull", transfer["id"], "-o", back, "--profile", profile(c, "lab-shanghai"))
    with open(source, "rb") as a:
        same = os.path.exists(back) and a.read() == open(back, "rb").read()
    must("lab-shanghai in Lin-gang pulls the same bytes, byte order mark included", same,
         out.stdout + out.stderr)
    return transfer["id"]


def oncology(c, work):
    title("2. A hospital table crosses with its identity column tokenised")
    say("The agreement oncology-2026 declares health records with full evidence. Malaysian rules "
        "permit it on conditions; the gateway performs them while the bytes stream.")
    table = tables.hospital(200)
    source = write(work, "oncology.csv", table)
    out, transfer = push(c, "hospital-kl", "oncology-2026", source)
    must("the push is allowed", transfer.get("state") in ("settled", "forwarding"),
         out.stdout + out.stderr)
    if "id" not in transfer:
        return None
    transfer = c.wait("hospital-kl", transfer["id"])
    must("and settles", transfer["state"] == "settled", transfer)
    rules = ", ".join(r["id"] for r in transfer["decision"]["rules"])
    say(f"rules that applied: {rules}")
    back = os.path.join(work, "oncology-received.csv")
    out = tdz(c, "pull", transfer["id"], "-o", back, "--profile", profile(c, "lab-shanghai"))
    if not os.path.exists(back):
        must("the recipient can pull it", False, out.stdout + out.stderr)
        return transfer["id"]
    with open(back, "rb") as f:
        received = list(csv.DictReader(io.StringIO(f.read().decode())))
    sent = list(csv.DictReader(io.StringIO(table.decode())))
    say(f"sent:     {sent[0]['mykad']}, {sent[0]['diagnosis']}, {sent[0]['stage']}")
    say(f"received: {received[0]['mykad']}, {received[0]['diagnosis']}, {received[0]['stage']}")
    must("every identity card number arrived as a token",
         len(received) == len(sent) and all(r["mykad"].startswith("tkn_") for r in received))
    must("equal people have equal tokens, everything clinical is unchanged",
         all((a["diagnosis"], a["icd10"], a["stage"]) == (b["diagnosis"], b["icd10"], b["stage"])
             for a, b in zip(sent, received)))
    return transfer["id"]


def telemetry(c, work):
    title("3. The same table declared as machine readings is refused")
    source = os.path.join(work, "oncology.csv")
    out, problem = push(c, "hospital-kl", "telemetry-2026", source)
    must("the push is denied (exit code 1)", out.returncode == 1, out.stdout + out.stderr)
    for line in out.stderr.decode().splitlines():
        print(f"       {line}")
    text = (out.stdout + out.stderr).decode()
    must("the refusal names columns, rules and articles",
         "my.contradicted" in text and "cites:" in text and "column #1" in text, text)
    must("nothing of it is in the recipient's inbox",
         all(t["agreement"] != "telemetry-2026" for t in c.inbox("lab-shanghai")))
    del problem


def audit(c, work, transfers):
    title("4. An auditor checks both logs and the evidence, off line")
    logs = [zone["log_dir"] for zone in c.map["zones"].values()]
    evidence = []
    for t in transfers:
        path = os.path.join(work, f"{t}.evidence.json")
        out = tdz(c, "receipt", t, "-o", path, "--profile", profile(c, "hospital-kl"))
        for _ in range(20):
            if out.returncode == 0:
                break
            time.sleep(0.5)  # 503 proof-pending: the other zone has not cosigned yet
            out = c.tool("receipt", t, "-o", path, "--profile", profile(c, "hospital-kl"))
        must("the partner fetches the evidence", out.returncode == 0, out.stderr)
        evidence.append(path)
    for path in [*logs, *evidence]:
        print(f"  {DIM}$ tdz-audit verify --trust SANDBOX/trust.json {shorten(c, path)}{PLAIN}")
        code, report = c.audit_running(path)
        must(f"{shorten(c, path)}: {report.get('entries', '?')} entries verified",
             code == 0 and report.get("ok"), report)
    title("5. Somebody flips one byte in a copy of the log")
    copy = os.path.join(work, "log-copy")
    shutil.copytree(logs[0], copy)
    bundle = next(os.path.join(r, f) for r, _, fs in os.walk(os.path.join(copy, "tile", "entries"))
                  for f in fs)
    with open(bundle, "r+b") as f:
        f.seek(40)
        byte = f.read(1)
        f.seek(40)
        f.write(bytes([byte[0] ^ 1]))
    code, report = c.audit(copy)
    named = [f"{f['file']}, entry {f['index']}: {f['detail']}" for f in report.get("failures", [])]
    for line in named[:3]:
        say(line)
    must("the verifier names the file and the entry", code == 1 and named, report)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    args = parser.parse_args()
    started = time.monotonic()
    work = tempfile.mkdtemp(prefix="tdz-demo-")
    title("TDZ Gateway: two zones on this machine, one corridor, no bytes without a verdict")
    c = corridor.Corridor(args.build)
    try:
        print(f"  {DIM}$ tdz sandbox up SANDBOX{PLAIN}", flush=True)
        c.up()
        say(f"my-cyberjaya {c.map['zones']['my-cyberjaya']['partner_url']}, "
            f"cn-lingang {c.map['zones']['cn-lingang']['partner_url']}")
        told = time.monotonic()
        first = open_data(c, work)
        second = oncology(c, work)
        telemetry(c, work)
        audit(c, work, [t for t in (first, second) if t])
        title(f"The story took {time.monotonic() - told:.0f} s.")
    except (RuntimeError, KeyError, OSError, subprocess.SubprocessError) as e:
        wrong.append(f"{type(e).__name__}: {e}")
        print(f"  NO   {type(e).__name__}: {e}", flush=True)
        print(textwrap.indent(c.logs(), "       "))
    finally:
        c.down()
        say("Everything is stopped.")
        if wrong:
            print(f"\nkept for a look: {c.dir} {work}")
        else:
            shutil.rmtree(c.dir, ignore_errors=True)
            shutil.rmtree(work, ignore_errors=True)
    print(f"\n{len(wrong)} of the sentences above are wrong; {time.monotonic() - started:.0f} s"
          if wrong else f"\nAll of it is true; {time.monotonic() - started:.0f} s")
    sys.exit(1 if wrong else 0)


main()
