# SPDX-License-Identifier: Apache-2.0
"""An operator's hand in tests: signed files of a zone's register, rules for a test, approvals."""
import base64
import hashlib
import json
import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def signed(c, operators, form, body):
    """A note (C2SP signed-note) of two lines: the format and the JSON. An operator may be a pair:
    whose key signs, and whose name the line bears."""
    text = f"{form}\n{canonical(body)}\n"
    lines = ""
    for operator in operators:
        who, name = operator if isinstance(operator, tuple) else (operator, operator)
        with open(os.path.join(c.person(who)["profile"], "sign.key"), "rb") as f:
            key = Ed25519PrivateKey.from_private_bytes(f.read())
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        line = base64.b64encode(key_id + key.sign(text.encode())).decode()
        lines += f"\u2014 {name} {line}\n"
    return f"{text}\n{lines}"


def operators(c, zone):
    return sorted(name for name, who in c.map["operators"].items() if who["zone"] == zone)


def write(c, zone, folder, name, body):
    """Writes a file of the register; its path and digest."""
    path = os.path.join(c.dir, zone, folder, name)
    data = json.dumps(body, ensure_ascii=False, indent=1).encode()
    with open(path, "wb") as f:
        f.write(data)
    return path, f"sha256:{hashlib.sha256(data).hexdigest()}"


def read(c, zone, folder, name):
    with open(os.path.join(c.dir, zone, folder, name), encoding="utf-8") as f:
        return json.load(f)


def add_agreement(c, like, name, **changes):
    """An agreement like another, known in every zone."""
    for zone in c.map["zones"]:
        body = dict(read(c, zone, "agreements", f"{like}.json"), id=name, **changes)
        path, digest = write(c, zone, "agreements", f"{name}.json", body)
        with open(path + ".note", "w", encoding="utf-8") as f:
            f.write(signed(c, operators(c, zone), "tdz.agreement/1",
                           {"file": digest, "name": f"{name}.json"}))


def add_rules(c, zone, policy, rules):
    """More rules in a policy of zone; each takes its citation and words from the policy's first."""
    body = read(c, zone, "policies", f"{policy}.json")
    first = {k: body["rules"][0][k] for k in ("to", "cite", "certainty", "reviewed_on",
                                              "review_days", "why")}
    body["rules"] += [dict(first, **rule) for rule in rules]
    path, digest = write(c, zone, "policies", f"{policy}.json", body)
    with open(path + ".activation", encoding="utf-8") as f:
        form, words = f.read().split("\n")[:2]
    with open(path + ".activation", "w", encoding="utf-8") as f:
        f.write(signed(c, operators(c, zone), form, dict(json.loads(words), policy=digest)))


def configure(c, zone, **objects):
    """Sets keys of a zone's configuration: object={...} or key=value."""
    path = c.map["zones"][zone]["config"]
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    for key, value in objects.items():
        config[key] = dict(config.get(key, {}), **value) if isinstance(value, dict) else value
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)


def approve(c, zone, transfer, seal, record, expires, verdict="approve"):
    """The answer to an operator's signed word on a held transfer."""
    who = operators(c, zone)[0]
    note = signed(c, [who], "tdz.approval/1",
                  {"decision": record, "expires": expires, "reason": "test", "seal": seal,
                   "transfer": transfer, "verdict": verdict})
    return c.request(who, "POST", f"/v1/holds/{transfer}/approval", body=note.encode(),
                     url="desk_url")
