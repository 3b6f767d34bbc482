#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Policies change under load: two documents of one zone go from revision to revision together, by
files and SIGHUP, while four clients ask for decisions. Every decision names the same revision of
both."""
import hashlib
import http.client
import json
import os
import signal
import tempfile
import threading
import time
import urllib.parse

import corridor
import gateways
from corridor import check

WHO, AGREEMENT, ZONE = "hospital-kl", "oncology-2026", gateways.EXPORT
REVISIONS = 6
CLIENTS = 4
ASKED_EACH = 40  # answers that each revision must at least have given


def overlay(name, revision, previous):
    doc = {"format": "tdz.policy/1", "id": name, "revision": revision, "zone": ZONE,
           "direction": "export", "closed": False, "vocabulary": "tdz-core/4",
           "effective": {"from": "2025-01-01T00:00:00Z"},
           "rules": [{"id": "days", "effect": "oblige", "to": ["CN"], "classes": ["personal"],
                      "do": [{"retain": {"max_days": 10 + revision}}], "cite": ["T art.1"],
                      "why": "t.days"}],
           "texts": {"t.days": {"en": "Days.", "ms": "Hari.", "zh": "\u65e5\u3002"}}}
    return json.dumps(dict(doc, previous=previous) if previous else doc)


def write_overlays(folder):
    for name in ("swap-a", "swap-b"):
        previous = None
        for revision in range(1, REVISIONS + 1):
            text = overlay(name, revision, previous)
            previous = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
            with open(os.path.join(folder, f"{name}-{revision}.json"), "w",
                      encoding="utf-8") as f:
                f.write(text)


class Swapped(gateways.Gateways):
    """Only the first revisions are there at the start; the others wait beside."""

    def __init__(self, policies):
        super().__init__()
        self.policies = policies

    def up(self, *more):
        super().up(*more)
        base = os.path.join(self.dir, ZONE)
        self.folder, self.aside = os.path.join(base, "policies"), os.path.join(base, "aside")
        os.mkdir(self.aside)
        for name in os.listdir(self.folder):
            if name.startswith("swap-") and int(name.split(".")[0].split("-")[-1]) > 1:
                os.rename(os.path.join(self.folder, name), os.path.join(self.aside, name))
        path = self.map["zones"][ZONE]["config"]
        with open(path, encoding="utf-8") as f:
            config = json.load(f)
        config.setdefault("limits", {})["decisions_rate"] = 10000
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        return self

    def swap(self, revision):
        """Both documents of a revision, then one signal. True once they are read."""
        since = os.path.getsize(self.log(ZONE))
        for name in os.listdir(self.aside):
            if int(name.split(".")[0].split("-")[-1]) == revision:
                os.rename(os.path.join(self.aside, name), os.path.join(self.folder, name))
        self.running[ZONE].send_signal(signal.SIGHUP)
        return self.saw(ZONE, "config-reloaded", since)


class Client(threading.Thread):
    """Asks again and again on one connection; (revision of a, revision of b, retain) an answer."""

    def __init__(self, c):
        super().__init__()
        self.address = urllib.parse.urlparse(c.zone_of(WHO)["partner_url"])
        self.context = c.context(WHO)
        self.seen, self.wrong, self.stop = [], [], threading.Event()

    def ask(self, connection):
        connection.request("POST", "/v1/decisions", headers={"Content-Type": "application/json"},
                           body=json.dumps({"agreement": AGREEMENT, "name": "a.csv", "facts": {}}))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            self.wrong.append((answer.status, body[:200]))
            return
        decision = json.loads(body)
        decision = decision.get("decision", decision)
        revisions = {p["id"]: p["revision"] for p in decision["policies"]}
        self.seen.append((revisions.get("swap-a"), revisions.get("swap-b"),
                          decision["obligations"].get("retain", {}).get("max_days")))

    def run(self):
        connection = http.client.HTTPSConnection(self.address.hostname, self.address.port,
                                                 timeout=30, context=self.context)
        try:
            while not self.stop.is_set():
                self.ask(connection)
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            self.wrong.append(repr(error))
        finally:
            connection.close()


def enough(clients, revision, seconds=60):
    """True once the clients have seen a revision often enough."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and all(x.is_alive() for x in clients):
        if sum(a == revision for x in clients for a, _, _ in list(x.seen)) >= ASKED_EACH:
            return True
        time.sleep(0.02)
    return False


def main():
    with tempfile.TemporaryDirectory() as policies:
        write_overlays(policies)
        with Swapped(policies) as c:
            clients = [Client(c) for _ in range(CLIENTS)]
            for x in clients:
                x.start()
            came = [enough(clients, 1)]
            read = []
            for revision in range(2, REVISIONS + 1):
                read.append(c.swap(revision))
                came.append(enough(clients, revision))
            for x in clients:
                x.stop.set()
            for x in clients:
                x.join()
            seen = [y for x in clients for y in x.seen]
            check("every change of two documents is read while decisions run", all(read), read)
            check(f"each of {REVISIONS} revisions decides in its turn", all(came),
                  (came, c.logs()))
            mixed = [y for y in seen if y[0] != y[1] or y[2] != 10 + (y[0] or 0)]
            check(f"none of {len(seen)} decisions is by documents of two revisions",
                  seen and not mixed, mixed[:5])
            back = [x for x in clients if [y[0] for y in x.seen] != sorted(y[0] for y in x.seen)]
            check("no client goes back to an older revision", not back)
            check("and none is refused an answer", not any(x.wrong for x in clients),
                  [x.wrong[:2] for x in clients])
    corridor.finish()


if __name__ == "__main__":
    main()
