#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The hold queue with real gateways: two persons for an export, one for an import, refusals, and
every note that must not count. Signs with python3-cryptography, not with the tools, where the note
is a bad one."""
import json
import os
import re
import tempfile
import time

import corridor
import register
from corridor import check

TEXTS = {"t": {"en": "A person looks at it.", "ms": "Seorang pegawai menyemaknya.",
               "zh": "须由人员审核。"}}


def overlay(name, zone, direction, purpose, release):
    return {"format": "tdz.policy/1", "id": name, "revision": 1, "zone": zone,
            "direction": direction, "closed": False, "vocabulary": "tdz-core/4",
            "effective": {"from": "2025-04-01T00:00:00+08:00"}, "texts": TEXTS, "rules": [
                {"id": f"{name}.look", "effect": "hold", "to": ["cn-lingang"],
                 "classes": ["business"], "when": {"eq": ["purpose", purpose]},
                 "release": release, "cite": ["House rule 1"], "why": "t"}]}


def table(number):
    return ("device,metric,value,unit,taken_at\n"
            f"pump-{number},pressure,{number}.5,kPa,2026-11-22T02:19:00Z\n").encode()


def note(c, who, hold, fmt="tdz.approval/1", name=None, **more):
    """A signed note by who's sign.key about hold, with members replaced by more."""
    body = {"decision": hold["record"], "expires": int(time.time()) + 3600, "reason": "test",
            "seal": hold["seal"], "transfer": hold["transfer"], "verdict": "approve"} | more
    return register.signed(c, [(who, name or who)], fmt, body).encode()


def desk(c, who, method, path, body=None):
    return c.request(who, method, path, body=body, url="desk_url")


def post(c, who, transfer, body):
    return desk(c, who, "POST", f"/v1/holds/{transfer}/approval", body)


def show(c, who, transfer):
    return desk(c, who, "GET", f"/v1/holds/{transfer}").json


def tool(c, who, *args):
    return c.tool("hold", *args, "--profile", c.person(who)["profile"])


def held(c, who, agreement, number):
    answer = c.push(who, agreement, f"t{number}.csv", table(number))
    check(f"{agreement} is answered 202 or held", answer.status == 202, answer)
    return answer.transfer


def wait_hold(c, who, transfer, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = desk(c, who, "GET", f"/v1/holds/{transfer}")
        if answer.status == 200:
            return answer.json
        time.sleep(0.2)
    check("the transfer shows up in the hold queue", False, c.logs())
    return {}


def logged(c, zone, transfer, kind):
    """Entries of the log, each once: bundles of a growing tile repeat what the ones before have."""
    line = re.compile(rb'"kind":"%b","n":(\d+),"time":"[^"]*","transfer":"%b"'
                      % (kind.encode(), transfer.encode()))
    found = []
    for root, _, files in os.walk(os.path.join(c.map["zones"][zone]["log_dir"], "tile", "entries")):
        for name in files:
            with open(os.path.join(root, name), "rb") as f:
                found.append(len(line.findall(f.read())))
    return max(found, default=0)


def export(c):
    held_id = held(c, "hospital-kl", "telemetry-2026", 1)
    hold = wait_hold(c, "op-my-1", held_id)
    rule = hold["release"]["rules"][0]
    check("the queue says what is held, since when and until when",
          hold["agreement"] == "telemetry-2026" and hold["direction"] == "export"
          and hold["since"] < hold["expires"] and hold["state"] == "held", hold)
    check("it names the rule, who may release it and who is missing",
          rule["rule"].endswith("t-export.look") and rule["release"] == "operator+operator"
          and rule["missing"] == ["operator", "operator"], rule)
    why = [r for r in hold["decision"]["rules"] if r["effect"] == "hold"]
    check("with citation and text in three languages",
          why[0]["cite"] == ["House rule 1"] and why[0]["why"] == TEXTS["t"], why)
    out = tool(c, "op-my-1", "list")
    check("tdz hold list shows it", out.returncode == 0 and held_id.encode() in out.stdout, out)
    out = tool(c, "op-my-1", "show", held_id)
    check("tdz hold show has rule, article and all texts",
          out.returncode == 0 and "House rule 1" in out.stdout.decode()
          and all(t in out.stdout.decode() for t in TEXTS["t"].values()), out)
    bad(c, hold)
    out = tool(c, "op-my-1", "approve", held_id, "--reason", "looked at it")
    check("the first of two persons is taken and holds on",
          out.returncode == 0 and b"needs" in out.stdout, out)
    hold = show(c, "op-my-1", held_id)
    check("who spoke is shown", [a["operator"] for a in hold["release"]["approvals"]] == ["op-my-1"]
          and hold["release"]["rules"][0]["missing"] == ["operator"], hold)
    out = tool(c, "op-my-1", "approve", held_id, "--reason", "again")
    hold = show(c, "op-my-1", held_id)
    check("the same person twice does not count", out.returncode == 0
          and hold["release"]["rules"][0]["missing"] == ["operator"]
          and c.state("hospital-kl", held_id)["state"] == "held", (out, hold))
    c.restart("my-cyberjaya")
    answer = post(c, "op-my-1", held_id, note(c, "op-my-2", hold))
    check("the second person's word counts, whoever carries it, after a restart too",
          answer.status == 200, answer)
    done = c.wait("hospital-kl", held_id)
    check("then it crosses", done["state"] == "settled", done)
    out = tool(c, "op-my-2", "approve", held_id, "--reason", "late")
    check("what is decided is not in the queue any more", out.returncode != 0, out)
    check("a word on it is answered 409",
          post(c, "op-my-2", held_id, note(c, "op-my-2", hold)).status == 409)
    return held_id


def bad(c, hold):
    transfer = hold["transfer"]
    other = "0" * 64
    cases = (
        ("of an operator of the other zone", "op-cn-1", {}, 403),
        ("about another transfer", "op-my-2", {"transfer": "0" * 32}, 403),
        ("about another seal", "op-my-2", {"seal": other}, 403),
        ("about another decision", "op-my-2", {"decision": other}, 403),
        ("that has expired", "op-my-2", {"expires": int(time.time()) - 1}, 403),
        ("with another verdict", "op-my-2", {"verdict": "perhaps"}, 400),
        ("with a member nobody knows", "op-my-2", {"n": 0}, 400),
        ("of another format", "op-my-2", {"fmt": "tdz.counter/1"}, 400),
        ("under another name", "op-my-2", {"name": "op-my-1"}, 403),
    )
    for words, who, change, status in cases:
        answer = post(c, "op-my-1", transfer, note(c, who, hold, **change))
        check(f"a note {words} does not count", answer.status == status, answer)
        if status == 403:
            message = answer.json["message"]
            check("and the refusal is in three languages", answer.json["code"] == "note-refused"
                  and all(message[k] for k in ("en", "ms", "zh")), answer)
    good = note(c, "op-my-2", hold)
    check("a note whose text was changed does not count",
          post(c, "op-my-1", transfer, good.replace(b'"test"', b'"tost"')).status == 403)
    check("a body that is no note is refused",
          post(c, "op-my-1", transfer, b"approve").status == 400
          and post(c, "op-my-1", transfer, b"").status == 400)
    check("auditors may look", desk(c, "auditor-my", "GET", "/v1/holds").status == 200)
    check("but not speak", post(c, "auditor-my", transfer, good).status == 403)
    check("partners are not let in", desk(c, "hospital-kl", "GET", "/v1/holds").status == 403)
    check("nothing of this was logged", logged(c, "my-cyberjaya", transfer, "approval") == 0)
    check("and nothing moved", show(c, "op-my-1", transfer)["release"]["approvals"] == [])


def imported(c):
    first = held(c, "hospital-kl", "open-data", 2)
    second = held(c, "hospital-kl", "open-data", 3)
    hold = wait_hold(c, "op-cn-1", first)
    check("the importer's hold names the role its rule asks for",
          hold["direction"] == "import"
          and hold["release"]["rules"][0]["missing"] == ["zone-authority"], hold)
    check("the exporter's operators do not have it in their queue",
          desk(c, "op-my-1", "GET", f"/v1/holds/{first}").status == 404)
    check("nothing is to be pulled while it is held", c.inbox("lab-shanghai") == [] or
          all(t["id"] != first for t in c.inbox("lab-shanghai")))
    out = tool(c, "op-cn-1", "approve", first, "--reason", "looked at it", "--json")
    check("one person is enough where the rule says one", out.returncode == 0, out)
    done = c.wait("hospital-kl", first)
    check("the exporter's transfer settles", done["state"] == "settled", done)
    end = time.monotonic() + 20
    while time.monotonic() < end and all(t["id"] != first for t in c.inbox("lab-shanghai")):
        time.sleep(0.2)
    check("and it arrives", c.pull("lab-shanghai", first).body == table(2))
    wait_hold(c, "op-cn-2", second)
    out = tool(c, "op-cn-2", "refuse", second, "--reason", "not this one")
    check("one refusal is enough", out.returncode == 0, out)
    done = c.wait("hospital-kl", second)
    check("the exporter learns of it", done["state"] == "denied", done)
    check("and nothing can be pulled", c.pull("lab-shanghai", second).status == 404)
    return first, second


def refused(c):
    transfer = held(c, "hospital-kl", "telemetry-2026", 4)
    hold = wait_hold(c, "op-my-1", transfer)
    post(c, "op-my-1", transfer, note(c, "op-my-1", hold))
    out = tool(c, "op-my-2", "refuse", transfer, "--reason", "no")
    check("a refusal after an approval refuses", out.returncode == 0, out)
    done = c.wait("hospital-kl", transfer)
    spool = os.path.join(c.map["zones"]["my-cyberjaya"]["state_dir"], "spool")
    check("the transfer is denied", done["state"] == "denied", done)
    left = [f for _, _, files in os.walk(spool) for f in files]
    check("and no body of it is left", left == [], left)
    return transfer


def audited(c, crossed, denied, arrived, sent_back):
    end = time.monotonic() + 20
    want = {("my-cyberjaya", crossed): 2, ("my-cyberjaya", denied): 2, ("cn-lingang", arrived): 1,
            ("cn-lingang", sent_back): 1}
    have = {}
    while time.monotonic() < end and have != want:
        have = {key: logged(c, key[0], key[1], "approval") for key in want}
        time.sleep(0.2)
    check("every word that counted is in the log of its zone, once", have == want, have)
    code, found = c.audit_running()
    check("and an auditor verifies both logs", code == 0 and found["ok"], found)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for doc in (overlay("t-export", "my-cyberjaya", "export", "telemetry", "operator+operator"),
                    overlay("t-import", "cn-lingang", "import", "open_data", "zone-authority")):
            with open(os.path.join(folder, doc["id"] + ".json"), "w", encoding="utf-8") as f:
                json.dump(doc, f)
        with corridor.Corridor(policies=folder) as c:
            crossed = export(c)
            arrived, sent_back = imported(c)
            denied = refused(c)
            audited(c, crossed, denied, arrived, sent_back)
    corridor.finish()


if __name__ == "__main__":
    main()
