#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Three zones: one sends to two others. Neither sees, claims, answers for or witnesses what is the
other's; each pair's logs agree; and one that is down does not stop the other."""
import contextlib
import datetime
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import corridor
import gateways
import invariants
import peerlink
import tables
import wire
from corridor import check
from gateways import EXPORT, IMPORT, TO, WHO, Gateways

THIRD, THIRD_TO = "my-perlis", "clinic-perlis"
PLAIN, THIRD_PLAIN = "telemetry-2026", "telemetry-perlis"
OFFER, PARCEL = 1, 15  # store_part of gateway/clerk/store.h
PACKS = os.path.join(wire.ROOT, "policy", "packs")


def written(folder, file, source, **changes):
    """A pack with other members, in folder; its rules about CN are about MY too."""
    with open(os.path.join(PACKS, source), encoding="utf-8") as f:
        document = json.load(f)
    document.update(changes)
    for rule in document.get("rules", []):
        for way in ("from", "to"):
            if rule.get(way) == ["CN"]:
                rule[way] = ["CN", "MY"]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
        json.dump(document, f, ensure_ascii=False)


def identity(c, zone, role, name):
    """A person of zone who is not in the sandbox: certificate by its authority, and a profile."""
    folder = os.path.join(c.dir, "made", name)
    os.makedirs(folder)
    with open(os.path.join(c.dir, zone, "ca", "ca.pem"), "rb") as f:
        pem = f.read()
        ca = x509.load_pem_x509_certificate(pem)
    with open(os.path.join(c.dir, zone, "ca", "ca.key"), "rb") as f:
        ca_key = serialization.load_pem_private_key(f.read(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    uri = x509.UniformResourceIdentifier(f"spiffe://{zone}/{role}/{name}")
    cert = (x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(ca.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([uri]), False)
            .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), False)
            .sign(ca_key, None if "ed25519" in type(ca_key).__name__.lower() else
                  hashes.SHA256()))
    files = {"cert.pem": cert.public_bytes(serialization.Encoding.PEM), "ca.pem": pem,
             "key.pem": key.private_bytes(serialization.Encoding.PEM,
                                          serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption())}
    for file, content in files.items():
        with open(os.path.join(folder, file), "wb") as f:
            f.write(content)
    return {"zone": zone, "profile": folder, "cert": os.path.join(folder, "cert.pem"),
            "key": os.path.join(folder, "key.pem")}


class ThreeZones(Gateways):
    """The sandbox's third zone has no partner and no policy of its own; here it has."""

    def __init__(self):
        super().__init__(third=True, timeouts=gateways.BRISK)
        self.more = tempfile.mkdtemp(prefix="tdz-three-")
        written(os.path.join(self.more, "partners"), f"{THIRD_TO}.json",
                "sandbox/partners/lab-shanghai.json", name=THIRD_TO, zone=THIRD,
                spiffe=[f"spiffe://{THIRD}/partner/{THIRD_TO}"])
        written(os.path.join(self.more, "agreements"), f"{THIRD_PLAIN}.json",
                "sandbox/agreements/telemetry-2026.json", id=THIRD_PLAIN, to=THIRD,
                recipient=THIRD_TO)
        written(os.path.join(self.more, "policies"), "perlis-import.json", "my-import.json",
                id="perlis-import", zone=THIRD)
        written(os.path.join(self.more, "policies"), "my-export.json", "my-export.json")
        self.agreements = os.path.join(self.more, "agreements")
        self.policies = os.path.join(self.more, "policies")

    def up(self, *more):
        super().up(*more, "--partners", os.path.join(self.more, "partners"))
        self.map["partners"][THIRD_TO] = identity(self, THIRD, "partner", THIRD_TO)
        return self

    def put(self, name, agreement, seed=1):
        data = tables.telemetry(60, seed=seed)
        answer = self.send_again(name, data, agreement)
        return answer.transfer if answer is not None else "", data

    def log_dir(self, zone):
        return self.map["zones"][zone]["log_dir"]


def crossing(c):
    """One dataset to each; each recipient gets its own and hears nothing of the other."""
    to = {IMPORT: (TO, PLAIN), THIRD: (THIRD_TO, THIRD_PLAIN)}
    sent = {zone: c.put(f"for-{zone}.csv", agreement, seed)
            for seed, (zone, (_, agreement)) in enumerate(to.items(), 21)}
    for zone, (transfer, _) in sent.items():
        state = c.settle(transfer)
        check(f"a push to {zone} settles", state.get("state") == "settled",
              (state, transfer, c.logs(8)))
    for zone, (transfer, data) in sent.items():
        who = to[zone][0]
        other, other_data = next(v for z, v in sent.items() if z != zone)
        inbox = [t["id"] for t in c.inbox(who)]
        check(f"the inbox in {zone} holds its own and nothing else", inbox == [transfer], inbox)
        got = c.pull(who, transfer)
        check(f"{zone} pulls it, byte for byte", got.status == 200 and got.body == data, got)
        got = c.pull(who, other)
        check(f"what is the other's does not exist for the recipient in {zone}",
              got.status == 404 and other_data[60:120] not in got.body, got)
        receipt = c.request(who, "GET", f"/v1/transfers/{other}/receipt")
        check(f"nor does its receipt in {zone}", receipt.status == 404, receipt)
        said = invariants.by_transfer(c.log_dir(zone))
        check(f"the log of {zone} names its own and not the other",
              transfer in said and other not in said, list(said))
        hidden = [f for root, _, files in os.walk(os.path.join(c.dir, zone)) for f in files
                  if other.encode() in open(os.path.join(root, f), "rb").read()]
        check(f"no file of {zone} has the other's transfer", not hidden, hidden)
    return {zone: transfer for zone, (transfer, _) in sent.items()}


def claims(c, sent):
    """The link of the third zone, asking the others for what is not its own."""
    mine, other = sent[THIRD], sent[IMPORT]
    link = peerlink.PeerLink(c, THIRD, EXPORT)
    path = "/corridor/v1/transfers/"
    for who, transfer in (("another peer's", other), ("its own", mine)):
        status, body = link.request("GET", path + transfer)
        check(f"the exporter shows a peer no state of {who} export", status == 404,
              (status, body))
    stored = receipt_parcel(c, other)
    status, body = link.request("PUT", f"{path}{other}/receipt", stored)
    check("a true receipt from the wrong peer is refused", status == 404, (status, body))
    status, body = link.request("PUT", f"{path}{mine}/receipt", stored)
    check("and so is the other's receipt for its own transfer", status == 400, (status, body))
    status, body = link.request("PUT", f"{path}{other}/offer", offer(c, mine))
    check("an offer under another peer's transfer is a conflict", status == 409, (status, body))
    to = peerlink.PeerLink(c, THIRD, IMPORT)
    status, body = to.request("GET", path + other)
    check("an importer shows a peer no state of what another one sent", status == 404,
          (status, body))
    status, body = to.request("PUT", f"{path}{other}/offer", offer(c, mine))
    check("nor lets it offer under that transfer", status == 409, (status, body))
    for what in ("seal", "release", "receipt"):
        status, body = to.request("PUT", f"{path}{other}/{what}", stored)
        check(f"nor takes a {what} for it",  # 0: it ended the connection over it
              status in (0, 400, 404, 409), (status, body))
    fresh = "ab" * 16
    status, body = to.request("PUT", f"{path}{fresh}/offer", offer(c, other))
    check("an offer signed by another zone's gateway is none of this peer", status in (400, 403),
          (status, body))


def part(c, zone, transfer, what, n=None):
    """Bytes that the clerk of a stopped zone keeps, store.h numbers them."""
    folder = c.map["zones"][zone]["state_dir"]
    c.stop(zone)
    with contextlib.closing(
            sqlite3.connect(f"file:{folder}/clerk.db?mode=ro", uri=True)) as base:
        found = base.execute("SELECT bytes FROM part WHERE transfer = ? AND what = ? AND "
                             "(n = ? OR ? IS NULL) ORDER BY n", (bytes.fromhex(transfer), what, n,
                                                                 n)).fetchall()
    c.start(zone)
    return found[-1][0]


def offer(c, transfer):
    if transfer not in c.offers:
        c.offers[transfer] = part(c, EXPORT, transfer, OFFER)
    return c.offers[transfer]


def receipt_parcel(c, transfer):
    """The parcel with which its importer told of it, as the exporter keeps it."""
    return part(c, EXPORT, transfer, PARCEL, 3)


def witnesses(c):
    """A peer witnesses only its own log."""
    log = peerlink.Log(c, IMPORT)
    link = peerlink.PeerLink(c, THIRD, EXPORT)
    name = hashlib.sha256(log.origin.encode()).hexdigest()
    status, note = link.request("GET", f"/tlog/witness/{name}/checkpoint")
    held = int(note.split(b"\n")[1]) if status == 200 else 0
    longer = log.leaves + [peerlink.leaf_hash(b"what that log never said")]
    fork = peerlink.checkpoint(log.origin, longer, log.seed)
    own = peerlink.checkpoint(log.origin, longer, bytes(range(32)))
    for sentence, signed in (("another zone's log, signed by a stranger", own),
                             ("another zone's log, under that zone's own key", fork)):
        body = (f"old {held}\n" + "".join(
            f"{peerlink.b64(h)}\n" for h in peerlink.consistency(held, longer)) + "\n" +
            signed).encode()
        status, answer = link.request("POST", "/tlog/witness/add-checkpoint", body)
        check(f"no cosignature for {sentence}", status in (403, 404), (status, answer))
    status, note = link.request("GET", f"/tlog/witness/{name}/checkpoint")
    check("and what was cosigned stands", (int(note.split(b"\n")[1]) if status == 200 else 0) ==
          held, (status, held))


def one_down(c):
    """The corridor to one goes on while the other is away, and catches up afterwards."""
    c.stop(THIRD)
    late, _ = c.put("late.csv", THIRD_PLAIN, 31)
    prompt, _ = c.put("prompt.csv", PLAIN, 32)
    check("with one peer down a push to the other settles",
          c.settle(prompt).get("state") == "settled", c.logs())
    state = c.state(WHO, late)
    check("and one to the missing peer waits", state["state"] == "forwarding", state)
    health = c.request("op-my-1", "GET", "/healthz/ready", url="desk_url").json
    check("the operator reads which peer is away", health["ready"] and {
        p["zone"]: p["up"] for p in health["peers"]} == {IMPORT: True, THIRD: False}, health)
    c.stop(EXPORT)
    c.start(EXPORT)
    after, _ = c.put("after.csv", PLAIN, 33)
    check("a restarted exporter is confirmed by the one peer that is there",
          c.settle(after).get("state") == "settled", c.logs())
    c.start(THIRD)
    check("what waited settles when its peer is back",
          c.settle(late).get("state") == "settled", c.logs())
    return {IMPORT: [prompt, after], THIRD: [late]}


def agree(c, sent):
    zones = list(c.map["zones"])
    for zone in zones:
        c.until(lambda z=zone: c.audit(c.log_dir(z)), lambda r: r[0] == 0, 15)
    for zone in zones:
        c.stop(zone)
    for zone in zones:
        code, report = c.audit(c.log_dir(zone))
        check(f"the log of {zone} verifies", code == 0 and report.get("ok"), report)
        faults = invariants.log_is_unambiguous(c.log_dir(zone))
        check(f"the log of {zone} says nothing twice", not faults, faults)
    exported = invariants.by_transfer(c.log_dir(EXPORT))
    for zone in (IMPORT, THIRD):
        imported = invariants.by_transfer(c.log_dir(zone))
        faults = [f for t in sent[zone] for f in invariants.crossed(t, exported, imported, False)]
        check(f"what {zone} received is in both logs exactly once", not faults, faults)
        out = c.tool("reconcile", "--json", c.log_dir(EXPORT), c.log_dir(zone),
                     program="tdz-audit")
        report = json.loads(out.stdout) if out.stdout else {}
        matched = {m if isinstance(m, str) else m["transfer"] for m in report.get("matched", [])}
        check(f"the logs of {EXPORT} and {zone} agree on it", matched == set(sent[zone]) and
              not report.get("digest") and not report.get("verdict"), report)


def main():
    with ThreeZones() as c:
        c.offers = {}
        first = crossing(c)
        claims(c, first)
        witnesses(c)
        later = one_down(c)
        agree(c, {zone: [first[zone], *later[zone]] for zone in first})
        shutil.rmtree(c.more)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
