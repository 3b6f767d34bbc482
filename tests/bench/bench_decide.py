# SPDX-License-Identifier: Apache-2.0
"""Part decide: what a decision takes, for 50 and 1,000 rules over 20 attributes, beside
@cedar-policy/cedar-wasm and @open-policy-agent/opa-wasm on the same policy and requests.

The peers come from the npm registry into the build folder when the part runs. Without node, npm,
the registry, or for opa-wasm a compiler from Rego to WebAssembly (`opa` on the PATH; Debian 12 and
the registry have none), the peer is left out and the result says why.
"""
import json
import os
import random
import re
import shutil
import subprocess
import tarfile

PEERS = {"cedar": "@cedar-policy/cedar-wasm@4.13.0", "opa": "@open-policy-agent/opa-wasm@1.10.0"}
REQUESTS = 10000
ENUMS = {f"dataset_kind{i}": [f"value{k}" for k in range(4 + i % 3 * 2)] for i in range(10)}
INTS = [f"exporter_count{i}" for i in range(4)]
BOOLS = [f"recipient_flag{i}" for i in range(6)]
ZONES = ["north", "east", "south"]
CLASSES = [f"c{i}" for i in range(8)]


def comparison(r, loose):
    """A comparison that most requests meet if loose, else few."""
    attr = r.choice(list(ENUMS) * 2 + INTS * 3 + BOOLS)
    if attr in BOOLS:
        return {"eq": [attr, r.random() < 0.5]}
    if attr in INTS:
        near = r.randint(2000, 4000)
        return {"lt" if loose else "ge": [attr, 10000 - near]} if r.random() < 0.5 else \
            {"ge" if loose else "lt": [attr, near]}
    values = ENUMS[attr]
    if loose and r.random() < 0.3:
        return {"not": {"eq": [attr, r.choice(values)]}}
    some = len(values) - 1 if loose else 2
    return {"in": [attr, sorted(r.sample(values, some))]}


def make_rules(r, count):
    out = []
    for n in range(count):
        permit = n % 5 < 3
        parts = [comparison(r, permit) for _ in range(r.choice([3, 4, 4, 5, 5]))]
        if r.random() < 0.1:
            parts.append({"any": [comparison(r, permit), comparison(r, permit)]})
        out.append({"id": f"r{n:04}", "effect": "permit" if permit else "forbid",
                    "to": r.sample(ZONES, r.randint(1, 3)),
                    "classes": r.sample(CLASSES, r.randint(1, 4)), "when": {"all": parts},
                    "cite": ["L art.1"], "why": "t"})
    return out


def documents(folder):
    """vocab.json, policy<N>.json and requests.ndjson; the rules by N."""
    r = random.Random(50)
    attributes = {"to": {"type": "zone", "source": "route"},
                  "labels": {"type": "labels", "source": "manifest"}}
    attributes.update({a: {"type": "enum", "values": v, "source": "manifest"}
                       for a, v in ENUMS.items()})
    attributes.update({a: {"type": "int", "source": "register"} for a in INTS})
    attributes.update({a: {"type": "bool", "source": "register"} for a in BOOLS})
    write(folder, "vocab.json", json.dumps(
        {"format": "tdz.vocab/1", "id": "bench", "revision": 1,
         "zones": dict.fromkeys(ZONES), "classes": dict.fromkeys(CLASSES),
         "attributes": attributes, "obligations": {}}))
    rules = {count: make_rules(r, count) for count in (50, 1000)}
    for count, some in rules.items():
        write(folder, f"policy{count}.json", json.dumps(
            {"format": "tdz.policy/1", "id": "bench", "revision": 1, "zone": ZONES[0],
             "direction": "export", "closed": True, "vocabulary": "bench/1",
             "effective": {"from": "2025-01-01T00:00:00Z"}, "rules": some, "texts": {}}))
    requests = []
    for _ in range(REQUESTS):
        q = {a: r.choice(v) for a, v in ENUMS.items()}
        q.update({a: r.randint(0, 10000) for a in INTS})
        q.update({a: r.random() < 0.5 for a in BOOLS})
        q.update(to=r.choice(ZONES), labels=[r.choice(CLASSES)])
        requests.append(json.dumps({k: q[k] for k in r.sample(list(q), len(q))},
                                   separators=(",", ":")))
    write(folder, "requests.ndjson", "\n".join(requests) + "\n")
    return rules


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        f.write(text)


SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def cedar_condition(c):
    (op, arg), = c.items()
    if op in ("all", "any"):
        return "(" + (" && " if op == "all" else " || ").join(map(cedar_condition, arg)) + ")"
    if op == "not":
        return f"!({cedar_condition(arg)})"
    if op == "in":
        return f"{json.dumps(arg[1])}.contains(context.{arg[0]})"
    return f"context.{arg[0]} {SIGNS.get(op, '==')} {json.dumps(arg[1])}"


def cedar(rules):
    return "\n".join(
        f"{x['effect']}(principal, action, resource) when {{ "
        f"{json.dumps(x['to'])}.contains(context.to) && "
        f"{json.dumps(x['classes'])}.contains(context.label) && {cedar_condition(x['when'])} }};"
        for x in rules)


def rego_lines(c):
    (op, arg), = c.items()
    if op == "all":
        return [line for part in arg for line in rego_lines(part)]
    if op == "not":
        return ["not " + rego_lines(arg)[0]]
    if op == "in":
        return [f"input.{arg[0]} in {{{', '.join(map(json.dumps, arg[1]))}}}"]
    return [f"input.{arg[0]} {SIGNS.get(op, '==')} {json.dumps(arg[1])}"]


def rego_bodies(rule):
    """One body a way through the `any` that a rule may end with."""
    parts = rule["when"]["all"]
    plain = [p for p in parts if "any" not in p]
    ways = [p for group in parts if "any" in group for p in group["any"]] or [None]
    head = [f"input.to in {{{', '.join(map(json.dumps, rule['to']))}}}",
            f"input.label in {{{', '.join(map(json.dumps, rule['classes']))}}}"]
    return [head + rego_lines({"all": plain + ([way] if way else [])}) for way in ways]


def rego(rules):
    out = ["package bench", "import rego.v1", "default allow := false",
           "allow if { permit; not forbid }"]
    for rule in rules:
        for body in rego_bodies(rule):
            out.append(f"{rule['effect']} if {{\n  " + "\n  ".join(body) + "\n}")
    return "\n".join(out) + "\n"


def install(build):
    """The folder of the peers, or why there is none."""
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "node and npm are not installed"
    folder = os.path.join(build, "bench-peers")
    os.makedirs(folder, exist_ok=True)
    write(folder, "package.json", "{}")
    done = subprocess.run(["npm", "install", "--prefix", folder, "--no-save", "--ignore-scripts",
                           "--no-audit", "--no-fund", *PEERS.values()], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    return (folder, "") if done.returncode == 0 else (None, "the npm registry is not reached")


def compile_rego(folder):
    """Why there is no policy.wasm, or nothing."""
    opa = shutil.which("opa")
    if opa is None:
        return "no compiler from Rego to WebAssembly: `opa` is not on the PATH"
    bundle = os.path.join(folder, "bundle.tar.gz")
    done = subprocess.run([opa, "build", "-t", "wasm", "-e", "bench/allow", "-o", bundle,
                           os.path.join(folder, "policy.rego")], check=False,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return "opa build failed: " + done.stderr.strip()[-200:]
    with tarfile.open(bundle) as tar:
        data = tar.extractfile("/policy.wasm").read()
    with open(os.path.join(folder, "policy.wasm"), "wb") as f:
        f.write(data)
    return ""


def peer(engine, here, folder, own):
    done = subprocess.run(["node", os.path.join(here, "decide_peers.mjs"), folder, engine],
                          check=False, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise ValueError(f"{engine}: {done.stderr.strip()[-400:]}")
    with open(os.path.join(folder, engine + ".verdicts"), encoding="utf-8") as f:
        theirs = f.read()
    if theirs != own:
        raise ValueError(f"{engine} decides otherwise on "
                         f"{sum(a != b for a, b in zip(theirs, own))} of {len(own)} requests")
    return {**json.loads(done.stdout), "package": PEERS[engine], "agrees_on": len(own)}


def measure(build, scratch):
    here = os.path.dirname(os.path.abspath(__file__))
    rules = documents(scratch)
    result = {"unit": "ns of CPU time a decision, median", "conditions": sum(
        len(re.findall(r'"(eq|in|lt|ge)":', json.dumps(x["when"]))) for x in rules[50])}
    for count in rules:
        out = subprocess.run(
            [os.path.join(build, "tests", "bench", "decide_bench"),
             *(os.path.join(scratch, name) for name in
               ("vocab.json", f"policy{count}.json", "requests.ndjson", f"own{count}"))],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        result[f"rules_{count}"] = json.loads(out)
    with open(os.path.join(scratch, "own50"), encoding="utf-8") as f:
        own = f.read()
    folder, why = install(build)
    for engine in PEERS:
        missing = why
        if folder:
            shutil.copy(os.path.join(scratch, "requests.ndjson"), folder)
            write(folder, "policy.cedar", cedar(rules[50]))
            write(folder, "policy.rego", rego(rules[50]))
            missing = compile_rego(folder) if engine == "opa" else ""
        if missing:
            result[engine] = {"skipped": missing}
            continue
        result[engine] = peer(engine, here, folder, own)
        if engine == "opa":
            said = subprocess.run(["opa", "version"], check=True, stdout=subprocess.PIPE, text=True)
            result[engine]["rego_compiler"] = said.stdout.splitlines()[0]
        result[engine]["times_text"] = round(
            result[engine]["decision_ns"] / result["rules_50"]["text_ns"], 1)
    return result
