#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Evidence of a real crossing in the hands of an auditor: as it is it verifies, in both zones,
before and after delivery; any record changed, exchanged or left without its own is named."""
import base64
import copy
import json
import os
import sys
import time

import corridor
import tables
from corridor import check

WHO, TO = "hospital-kl", "lab-shanghai"
RECORDS = ("offer", "seal", "release", "receipt")


def evidence(c, who, transfer):
    end = time.monotonic() + 30
    answer = c.request(who, "GET", f"/v1/transfers/{transfer}/receipt")
    while answer.status == 503 and time.monotonic() < end:
        time.sleep(0.3)  # its checkpoint is not cosigned yet
        answer = c.request(who, "GET", f"/v1/transfers/{transfer}/receipt")
    if answer.status != 200:
        raise RuntimeError(f"receipt: {answer}")
    return answer.json


def verdict(c, what, *trust):
    """Exit code and the codes of the failures."""
    path = os.path.join(c.dir, "evidence.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(what, f, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    out = c.tool("verify", "--json", *trust, path, program="tdz-audit")
    return out.returncode, {x["code"] for x in json.loads(out.stdout)["failures"]}, out.stdout


def changed(what, name, at):
    """A copy whose record has one bit changed, at counted from its end."""
    bad = copy.deepcopy(what)
    record = bytearray(base64.b64decode(bad["container"][name]))
    record[at] ^= 1
    bad["container"][name] = base64.b64encode(record).decode()
    return bad


def crossing(c, name):
    data = tables.telemetry(40, seed=len(name))
    answer = c.push(WHO, "telemetry-2026", name, data, Prefer="wait=20")
    state = c.wait(WHO, answer.transfer)["state"]
    check(f"{name} settles", state == "settled", (answer, c.logs()))
    return answer.transfer


def main():
    with corridor.Corridor() as c:
        pin = ("--trust", c.map["trust"])
        one, two = crossing(c, "one.csv"), crossing(c, "number-two.csv")
        sound, other = evidence(c, WHO, one), evidence(c, WHO, two)
        code, codes, out = verdict(c, sound, *pin)
        check("evidence of a crossing verifies under the trust file", code == 0 and not codes, out)
        check("and holds all four records", all(sound["container"][r] for r in RECORDS))
        code, codes, out = verdict(c, sound)
        check("and hangs together under its own keys", code == 0 and not codes, out)
        for name in RECORDS:
            code, codes, out = verdict(c, changed(sound, name, -1), *pin)
            check(f"a flipped byte in the signature of the {name} is named", code == 1 and
                  codes == {name}, out)
            code, codes, out = verdict(c, changed(sound, name, 40), *pin)
            check("so is one in its text", code == 1 and name in codes, out)
            bad = copy.deepcopy(sound)
            bad["container"][name] = other["container"][name]
            code, codes, out = verdict(c, bad)
            check(f"another transfer's {name} is named, also without a trust file",
                  code == 1 and name in codes, out)
        bad = copy.deepcopy(sound)
        bad["container"] = copy.deepcopy(other["container"])
        code, codes, out = verdict(c, bad, *pin)
        check("another transfer's whole container is not this one's", code == 1 and
              {"offer", "container"} <= codes, out)
        bad = copy.deepcopy(sound)
        bad["container"]["seal"] = None
        code, codes, out = verdict(c, bad, *pin)
        check("a RELEASE without its SEAL is named", code == 1 and "release" in codes, out)
        with open(c.map["trust"], encoding="utf-8") as f:
            trust = json.load(f)
        bad = dict(sound, state="denied")
        code, codes, out = verdict(c, bad, *pin)
        check("a settled transfer whose file says it was denied is named",
              code == 1 and codes == {"state"}, out)
        people = c.push(WHO, "telemetry-2026", "people.csv", tables.hospital(20))
        refusal = evidence(c, WHO, people.transfer)
        code, codes, out = verdict(c, refusal, *pin)
        check("evidence of a refusal verifies", code == 0 and refusal["state"] == "denied", out)
        code, codes, out = verdict(c, dict(refusal, state="settled"), *pin)
        check("and does not as evidence of a crossing", code == 1 and codes == {"state"}, out)
        for zone, role, named in (("my-cyberjaya", "gateway", {"offer", "seal"}),
                                  ("my-cyberjaya", "release", {"release"}),
                                  ("cn-lingang", "gateway", {"receipt"})):
            less = copy.deepcopy(trust)
            keys = less["zones"][zone]["keys"]
            less["zones"][zone]["keys"] = [k for k in keys if k["role"] != role]
            path = os.path.join(c.dir, "less.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(less, f)
            code, codes, out = verdict(c, sound, "--trust", path)
            check(f"without the {role} keys of {zone} nobody believes the "
                  f"{' and '.join(sorted(named))}", code == 1 and codes == named, out)
        for zone, role, status, named in (("my-cyberjaya", "gateway", "revoked", {"offer", "seal"}),
                                          ("my-cyberjaya", "release", "revoked", {"release"}),
                                          ("cn-lingang", "gateway", "revoked", {"receipt"}),
                                          ("cn-lingang", "gateway", "retired", set())):
            changed_trust = copy.deepcopy(trust)
            for key in changed_trust["zones"][zone]["keys"]:
                key["status"] = status if key["role"] == role else key["status"]
            path = os.path.join(c.dir, "changed.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(changed_trust, f)
            code, codes, out = verdict(c, sound, "--trust", path)
            check(f"what a {status} {role} key of {zone} signed is "
                  f"{'not ' if named else ''}believed", codes == named and
                  code == (1 if named else 0) and (b"revoked" in out) == bool(named), out)
        ack = c.pull(TO, one).status == 200 and c.request(
            TO, "POST", f"/v1/inbox/{one}/ack").status == 204
        state = c.wait(WHO, one, states=("delivered",))["state"]
        check("the dataset is delivered", ack and state == "delivered", (ack, state))
        for who in (WHO, TO):
            code, codes, out = verdict(c, evidence(c, who, one), *pin)
            check(f"evidence after delivery verifies as {who} gets it",
                  code == 0 and not codes, out)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
