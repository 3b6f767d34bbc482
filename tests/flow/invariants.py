# SPDX-License-Identifier: Apache-2.0
"""What must hold of a corridor after any crash, read from both logs, both databases and the inbox.

A database is locked while its clerk runs: `databases` wants the gateways stopped.
"""
import collections
import contextlib
import json
import os
import sqlite3

ONCE = ("settled", "received", "delivered", "refused", "erased")


def _tile_path(index):
    text = f"{index % 1000:03}"
    index //= 1000
    while index:
        text = f"x{index % 1000:03}/{text}"
        index //= 1000
    return text


def entries(log_dir):
    """Every entry of the published log, in order, as (exact bytes, parsed)."""
    with open(os.path.join(log_dir, "checkpoint"), encoding="utf-8") as f:
        size = int(f.read().split("\n")[1])
    found = []
    for tile in range((size + 255) // 256):
        width = min(256, size - tile * 256)
        path = os.path.join(log_dir, "tile", "entries", _tile_path(tile))
        if width < 256:
            path = os.path.join(path + ".p", str(width))
        with open(path, "rb") as f:
            data = f.read()
        at = 0
        for _ in range(width):
            length = int.from_bytes(data[at:at + 2], "big")
            leaf = data[at + 2:at + 2 + length]
            if len(leaf) != length:
                raise ValueError(f"{path}: cut off at {at}")
            found.append((leaf, json.loads(leaf)))
            at += 2 + length
        if at != len(data):
            raise ValueError(f"{path}: {len(data) - at} bytes too many")
    return found


def by_transfer(log_dir):
    """transfer -> [(kind, n, data)] of the entries that name one."""
    found = collections.defaultdict(list)
    for _, entry in entries(log_dir):
        if "transfer" in entry:
            found[entry["transfer"]].append((entry["kind"], entry.get("n"), entry["data"]))
    return found


def _holds(kind, data):
    """A hold is not the last word about an import: n + 1 follows it."""
    return kind == "received" and data["verdict"] == "hold"


def log_is_unambiguous(log_dir):
    """Faults of one log by itself: (transfer, kind, n) twice, a last word said twice, incidents."""
    faults = []
    for transfer, said in by_transfer(log_dir).items():
        names = collections.Counter((kind, n) for kind, n, _ in said)
        faults += [f"{transfer}: {kind} {n} is in the log {count} times"
                   for (kind, n), count in names.items() if count > 1]
        kinds = collections.Counter(kind for kind, _, d in said if not _holds(kind, d))
        faults += [f"{transfer}: {kinds[kind]} entries {kind}" for kind in ONCE if kinds[kind] > 1]
        if kinds["settled"] and kinds["refused"]:
            faults.append(f"{transfer}: settled and refused")
    faults += [f"incident: {e['data']}" for _, e in entries(log_dir) if e["kind"] == "incident"]
    return faults


def crossed(transfer, exported, imported, delivered):
    """Faults of one transfer that the sender was told has crossed."""
    out = collections.Counter(kind for kind, _, _ in exported.get(transfer, []))
    into = collections.Counter(kind for kind, _, _ in imported.get(transfer, []))
    faults = []
    allows = [d for kind, _, d in exported.get(transfer, [])
              if kind == "decision" and d["verdict"] == "allow"]
    received = [d for kind, _, d in imported.get(transfer, [])
                if kind == "received" and not _holds(kind, d)]
    if not allows:
        faults.append("no decision that allows it in the exporter's log")
    if out["settled"] != 1:
        faults.append(f"{out['settled']} entries settled")
    if [d["verdict"] for d in received] != ["allow"]:
        faults.append(f"received: {[d['verdict'] for d in received]}")
    if delivered and (out["delivered"] != 1 or into["delivered"] != 1 or not into["opened"]):
        faults.append(f"delivered {out['delivered']} and {into['delivered']}, "
                      f"opened {into['opened']}")
    if out["refused"] or into["refused"]:
        faults.append("refused")
    return [f"{transfer}: {fault}" for fault in faults]


def stopped(transfer, exported, imported):
    """Faults of one transfer that must not have crossed."""
    faults = []
    if any(kind == "settled" for kind, _, _ in exported.get(transfer, [])):
        faults.append("settled in the exporter's log")
    if any(kind == "received" and d["verdict"] == "allow"
           for kind, _, d in imported.get(transfer, [])):
        faults.append("received in the importer's log")
    return [f"{transfer}: {fault}" for fault in faults]


def inbox_is_whole(inbox, imported):
    """Faults of an inbox: it shows exactly what the log says was received, each once."""
    shown = collections.Counter(t["id"] for t in inbox)
    faults = [f"{t}: {n} times in the inbox" for t, n in shown.items() if n > 1]
    right = {t for t, said in imported.items()
             if any(kind == "received" and d["verdict"] == "allow" for kind, _, d in said) and
             not any(kind == "erased" for kind, _, _ in said)}
    faults += [f"{t}: in the inbox, not received in the log" for t in shown if t not in right]
    faults += [f"{t}: received in the log, not in the inbox" for t in right if t not in shown]
    return faults


def _database(state_dir):
    base = sqlite3.connect(f"file:{os.path.join(state_dir, 'clerk.db')}?mode=ro", uri=True)
    base.row_factory = sqlite3.Row
    return contextlib.closing(base)  # a connection that lives on keeps clerk out


def database(zone, restful):
    """Faults of one stopped zone (an item of corridor.json): its rows against its log and spool.
    restful = the states in which a transfer may stand for good."""
    said = entries(zone["log_dir"])
    faults = []
    with _database(zone["state_dir"]) as base:
        rows = base.execute("SELECT * FROM transfer").fetchall()
        for row in rows:
            if row["state"] not in restful:
                faults.append(f"{row['id'].hex()} ({row['name']}) rests in {row['state']}")
        for row in base.execute("SELECT * FROM entry"):
            name = f"{row['transfer'].hex()} entry {row['kind']}/{row['n']}"
            if row["place"] is None:
                faults.append(f"{name} was never logged")
            elif row["place"] >= len(said) or said[row["place"]][0] != row["bytes"]:
                faults.append(f"{name} is not what the log has at {row['place']}")
        known = {row["id"].hex() for row in rows}
        faults += [f"{e['transfer']}: in the log, unknown to clerk" for _, e in said
                   if "transfer" in e and e["transfer"] not in known]
        size = base.execute("SELECT size FROM head").fetchone()[0]
        if size > len(said):
            faults.append(f"clerk saw {size} entries, the log has {len(said)}")
        left = base.execute("SELECT count(*) FROM reservation").fetchone()[0]
        if left:
            faults.append(f"{left} reservations are left")
        spool = {row["spool"] for row in rows if row["spool"]}
    kept = os.listdir(os.path.join(zone["state_dir"], "spool"))
    faults += [f"spool file {f} belongs to nobody" for f in kept
               if not any(f.startswith(stem) for stem in spool)]
    return faults


def persons(zone):
    """(exporter, kind) -> (persons counted, persons in the sets): equal, and never given back."""
    found = {}
    with _database(zone["state_dir"]) as base:
        for row in base.execute("SELECT exporter, kind, sum(persons) AS n FROM counter "
                                "GROUP BY exporter, kind"):
            sets = base.execute("SELECT sum(length(persons)) / 8 FROM shard WHERE exporter = ? AND "
                                "kind = ?", (row["exporter"], row["kind"])).fetchone()[0]
            found[(row["exporter"], row["kind"])] = (row["n"], sets or 0)
    return found
