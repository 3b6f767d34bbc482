#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz policy fmt: one layout, the same for every writing of one value, and the same decisions."""
import glob
import json
import os
import random
import re
import sys
import tempfile

import polkit

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../oracle"))
import policy_oracle  # noqa: E402
import policy_random  # noqa: E402


def scrambled(r, node):
    """The same value, members of objects in another order."""
    if isinstance(node, dict):
        keys = r.sample(list(node), len(node))
        return {k: scrambled(r, node[k]) for k in keys}
    if isinstance(node, list):
        return [scrambled(r, x) for x in node]
    return node


def fmt(tdz, text):
    out = polkit.run(tdz, "fmt", "-", input=text)
    assert out.returncode == 0, out.stderr
    return out.stdout


def check_values(tap, tdz, packs):
    r = random.Random(1)
    files = glob.glob(packs + "/*.json") + glob.glob(packs + "/sandbox/*/*.json")
    docs = [polkit.load(f) for f in files] + \
        [policy_random.document(r, policy_random.vocabulary(r), i) for i in range(20)]
    changed, unstable, other, wide = [], [], [], []
    for doc in docs:
        text = fmt(tdz, json.dumps(doc, indent=r.choice([None, 1, 7]),
                                   ensure_ascii=r.random() < 0.5))
        changed += [doc] if json.loads(text) != doc else []
        unstable += [text] if fmt(tdz, text) != text else []
        named = ("texts", "lists", "counters", "zones", "classes", "attributes", "facts",
                 "obligations")
        mixed = {k: v if k in named else scrambled(r, v) for k, v in doc.items()}
        mixed = {k: mixed[k] for k in r.sample(list(mixed), len(mixed))}
        if doc["format"] == "tdz.policy/1":
            mixed["rules"] = [dict(scrambled(r, {k: v for k, v in x.items() if k != "do"}),
                                   **({"do": x["do"]} if "do" in x else {}))
                              for x in doc["rules"]]
        again = fmt(tdz, json.dumps(mixed))
        other += [(text, again)] if again != text else []
        wide += [x for x in text.splitlines() if len(x) > 108 and not re.search(r'": ".*"', x)]
    tap.ok(len(docs) >= 37 and not changed, "the value never changes", changed[:1])
    tap.ok(not unstable, "a layout is its own layout", unstable[:1])
    tap.ok(not other, "the order in which members were written does not matter", other[:1])
    tap.ok(not wide, "only a single text makes a line long", wide[:3])
    out = polkit.run(tdz, "fmt", "--check", *files)
    tap.ok(out.returncode == 0 and out.stdout == "", "the files of the product are laid out so",
           out.stdout + out.stderr)


def check_decisions(tap, tdz):
    r = random.Random(2)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(8):
            world = policy_oracle.World(tdz, None, folder, r)
            requests = [policy_random.request(r, world.vocab, world.docs) for _ in range(40)]
            laid = [json.loads(fmt(tdz, json.dumps(d))) for d in world.docs]
            _, before = world.decide(world.docs, requests)
            _, after = world.decide(laid, requests)
            for a, b in zip(before, after):
                a, b = json.loads(a), json.loads(b)
                for x in (a, b):
                    for p in x.get("policies", [x.get("policy")]):
                        del p["sha256"]
                wrong += [(a, b)] if a != b else []
    tap.ok(not wrong, "decision records stay the same but for the hash of the file", wrong[:1])


def check_files(tap, tdz, packs):
    with open(packs + "/my-export.json", "rb") as f:
        good = f.read()
    ugly = json.dumps(json.loads(good)).encode()
    with tempfile.TemporaryDirectory() as folder:
        a, b = (polkit.write(folder, n, d) for n, d in (("a.json", ugly), ("b.json", good)))
        out = polkit.run(tdz, "fmt", "--check", a, b)
        with open(a, "rb") as f:
            kept = f.read() == ugly
        tap.ok(out.returncode == 1 and out.stdout == a + "\n" and kept,
               "--check names what differs and changes nothing", out)
        os.chmod(a, 0o640)
        out = polkit.run(tdz, "fmt", a, b)
        with open(a, "rb") as f:
            now = f.read()
        tap.ok(out.returncode == 0 and out.stdout == a + "\n" and now == good and
               os.stat(a).st_mode & 0o777 == 0o640 and sorted(os.listdir(folder)) ==
               ["a.json", "b.json"], "a file is replaced whole and keeps its rights", out)
        polkit.write(folder, "a.json", ugly)
        for tail in (".note", ".activation"):
            polkit.write(folder, "a.json" + tail, "signed\n")
            out = polkit.run(tdz, "fmt", a)
            with open(a, "rb") as f:
                kept = f.read() == ugly
            tap.ok(out.returncode == 1 and kept and "signed" in out.stderr,
                   f"a file with {tail} stays as it is", out)
            os.remove(a + tail)
        bad = polkit.write(folder, "c.json", '{\n "format": "tdz.policy/1",\n "a": 1, "a": 2}')
        out = polkit.run(tdz, "fmt", bad)
        tap.ok(out.returncode == 2 and f"{bad}:3:10:" in out.stderr,
               "what is no strict JSON is refused with its place", out)
        out = polkit.run(tdz, "fmt", polkit.write(folder, "d.json", '{"format": "x"}'))
        tap.ok(out.returncode == 2, "a file of another format is refused", out)
        out = polkit.run(tdz, "fmt", folder + "/none.json")
        tap.ok(out.returncode == 3, "a file that is not there is exit 3", out)
        tap.ok(polkit.run(tdz, "fmt").returncode == 2, "no file is a usage error")


def main():
    tdz, packs = sys.argv[1:3]
    tap = polkit.Tap()
    check_values(tap, tdz, packs)
    check_decisions(tap, tdz)
    check_files(tap, tdz, packs)
    tap.end()


if __name__ == "__main__":
    main()
