#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tdz policy explain: what it says would change a decision does change it, nothing smaller does,
and the trace shows every rule in scope with what its comparisons came to, in three languages."""
import itertools
import json
import os
import random
import sys
import tempfile

import polkit

NOW = "2026-11-22T00:00:00Z"
RANK = {"deny": 0, "hold": 1, "allow": 2}
SHORT = {"to": "my-cyberjaya", "labels": ["personal"], "declared.contradicted": False,
         "exporter.ciio": False, "recipient.restricted": False, "purpose": "research",
         "basis": "safeguards", "count.pi.after": 100599, "count.spi.after": 10,
         "evidence.pipia.days_left": 10, "evidence.notice.days_left": 10,
         "exporter.sector": "trade", "exporter.registered_in": "cn-lingang",
         "dataset.persons": 700, "dataset.persons_sensitive": 0, "envelope.within": True,
         "envelope.persons_left": 2 ** 53 - 1}
PERSONS = {"en": "count.pi.after = 99999 (600 fewer new persons), and it is allowed",
           "ms": "count.pi.after = 99999 (kurang 600 orang baharu), dan ia dibenarkan",
           "zh": "count.pi.after = 99999 (减少 600 名新增人员), 则 允许"}
WHY = {"en": "Fewer than 100,000 persons this year", "ms": "Kurang 100,000 orang tahun ini",
       "zh": "当年累计不满10万人"}


class Explain:
    def __init__(self, tdz, packs, folder):
        self.tdz, self.packs, self.folder = tdz, packs, folder

    def pack(self, name):
        return os.path.join(self.packs, name + ".json")

    def text(self, pack, facts, *options, now=NOW):
        path = polkit.write(self.folder, "q.json", facts)
        out = polkit.run(self.tdz, "explain", "--policy", self.pack(pack), "--input", path,
                         "--now", now, *options)
        assert out.returncode == 0, out.stderr
        return out.stdout

    def decide(self, pack, requests):
        path = polkit.write(self.folder, "b.ndjson",
                            "".join(json.dumps(q) + "\n" for q in requests))
        out = polkit.run(self.tdz, "decide", "--policy", self.pack(pack), "--vocab",
                         self.pack("tdz-core"), "--now", NOW, "--input", path, "--batch")
        assert out.returncode == 0, out.stderr
        return polkit.lines(out)


def changed(facts, changes):
    out = dict(facts)
    for c in changes:
        if "fact" in c:
            out[c["fact"]] = c["value"]
        else:
            out["labels"] = [x for x in out["labels"] if x != c["without_label"]]
    return out


def random_facts(r, pack, cases):
    case = r.choice(cases["cases"])
    facts = dict(cases["given"]) | case.get("given", {})
    for name in case.get("absent", []):
        facts.pop(name, None)
    for name in r.sample(sorted(facts), min(3, len(facts))):
        if name not in ("to", "labels") and r.random() < 0.5:
            del facts[name]
    if r.random() < 0.3:
        facts["labels"] = facts["labels"] + ["business"] * ("business" not in facts["labels"])
    return facts


def check_changes(tap, explain):
    wrong, shown, helped, sets = [], 0, 0, {1: 0, 2: 0, 3: 0}
    r = random.Random(5)
    for pack in ("my-export", "my-import", "cn-export", "cn-import"):
        cases = polkit.load(os.path.join(explain.packs, "tests", pack + ".json"))
        for _ in range(12):
            facts = random_facts(r, pack, cases)
            got = json.loads(explain.text(pack, facts, "--json"))
            record = explain.decide(pack, [facts])[0]
            if got["record"] != record:
                wrong.append(("record", facts))
            for c in got["counterfactuals"]:
                shown += 1
                sets[len(c["changes"])] += 1
                parts = [list(p) for n in range(1, len(c["changes"]))
                         for p in itertools.combinations(c["changes"], n)]
                after = explain.decide(pack, [changed(facts, c["changes"])] +
                                       [changed(facts, p) for p in parts])
                if after[0]["result"] != c["verdict"] or \
                        RANK[c["verdict"]] <= RANK[record["result"]]:
                    wrong.append(("does not help", facts, c, after[0]))
                if any(RANK[a["result"]] >= RANK[c["verdict"]] for a in after[1:]):
                    wrong.append(("less would do", facts, c))
            helped += bool(got["counterfactuals"])
            if record["result"] == "allow" and got["counterfactuals"]:
                wrong.append(("nothing to change", facts))
    tap.ok(not wrong and helped > 15 and sets[1] > 10 and sets[2] > 1,
           f"{shown} changes do what is said of them, and no part of one does",
           (shown, helped, sets, wrong[:2]))


def check_words(tap, explain):
    for lang, words in PERSONS.items():
        text = explain.text("cn-export", SHORT, "--lang", lang)
        tap.ok(words in text, f"{lang}: 600 fewer new persons and this would pass", text)
        tap.ok(WHY[lang] in text and "CAC Order 16 art.5(1)(4)" in text,
               f"{lang}: a rule is told with its text and its article", text)
    text = explain.text("cn-export", SHORT)
    tap.ok(text.startswith("refused: nothing permits some of its labels (no-basis, ") and
           "Labels that nothing permits: personal\n" in text, "the verdict comes first", text)
    tap.ok("      - all of: false\n        - exporter.ciio = false (false): true\n"
           "        - count.pi.after < 100000 (100599): false\n" in text,
           "the trace shows each comparison with the fact and what it came to", text)
    tap.ok("evidence.scc_filing.days_left >= 0 (not known): not known" in text,
           "what is not known is shown as not known", text)
    gone = {k: v for k, v in SHORT.items() if k != "recipient.restricted"}
    text = explain.text("cn-export", gone)
    tap.ok("forbid cn.restricted (because something is not known): " in text,
           "a rule that fired on something unknown says so", text)
    text = explain.text("cn-export", SHORT | {"count.pi.after": 5}, now="2027-11-01T00:00:00Z")
    tap.ok("permit cn.exempt (its review is overdue, so it permits nothing): " in text,
           "a permit past its review says so", text)
    text = explain.text("cn-export", SHORT | {"count.pi.after": 5})
    tap.ok(text.startswith("allowed: ") and "What would change it" not in text and
           '"retain":{"max_days":180}' in text, "an allow is told with its obligations", text)
    text = explain.text("cn-export", SHORT | {"labels": ["core"]})
    tap.ok("No change of up to three facts helps." in text, "where nothing helps it says so", text)
    text = explain.text("cn-export", SHORT | {"labels": ["business", "core"]})
    tap.ok("without the label core, and it is allowed" in text, "a label less may help", text)


def wide(purposes, facts):
    """A thousand thresholds of one fact beside few values of others."""
    rules = [{"id": f"r{i}", "effect": "permit", "to": ["MY"], "classes": ["personal"],
              "when": {"all": [{"eq": ["purpose", purposes[i % len(purposes)]]},
                               {"lt": ["count.pi.after", 1000 * i + 1]}, *facts]},
              "cite": ["L"], "why": "t"} for i in range(1000)]
    return {"format": "tdz.policy/1", "id": "wide", "revision": 1, "zone": "cn-lingang",
            "direction": "export", "closed": True, "vocabulary": "tdz-core/4", "texts": {},
            "effective": {"from": "2026-01-01T00:00:00Z"}, "rules": rules}


def check_wide(tap, explain):
    """One fact of a thousand cells leaves the others theirs, and what was not tried is not said to
    be in vain."""
    explain.packs = explain.folder
    polkit.write(explain.folder, "wide.json", wide(["hr", "claims"], []))
    facts = {"to": "my-cyberjaya", "labels": ["personal"]}
    got = json.loads(explain.text("wide", facts | {"purpose": "hr"}, "--json"))
    tap.ok(got["counterfactuals"] == [{"changes": [{"fact": "count.pi.after", "value": 0}],
                                       "verdict": "allow"}] and not got["complete"],
           "of a thousand thresholds the nearest that helps is shown", got["counterfactuals"])
    text = explain.text("wide", facts)
    tap.ok("  - purpose = claims; count.pi.after = 0, and it is allowed\n" in text and
           "  - purpose = hr; count.pi.after = 0, and it is allowed\n" in text,
           "and the other facts are tried beside them", text[-300:])
    close = facts | {"purpose": "hr", "count.pi.after": 998500}
    text = explain.text("wide", close)
    tap.ok("  - count.pi.after = 998000 (500 fewer new persons), and it is allowed\n" in text and
           text.count("count.pi.after = 9") == 1, "a fact has one nearest value", text[-300:])
    polkit.write(explain.folder, "wide.json",
                 wide(["hr"], [{"eq": [x, True]} for x in ("exporter.in_ftz", "my.act864",
                                                           "exporter.processor")]))
    words = {"en": "None of the changes tried helps; there are more than could be tried.",
             "ms": "Tiada perubahan yang dicuba membantu", "zh": "已尝试的改变均无济于事"}
    for lang, said in words.items():
        text = explain.text("wide", facts, "--lang", lang)
        tap.ok(said in text, f"{lang}: a search that was cut off does not say that nothing helps",
               text[-300:])


def check_usage(tap, explain):
    pack = explain.pack("cn-export")
    path = polkit.write(explain.folder, "q.json", SHORT)
    bad = polkit.write(explain.folder, "bad.json", '{"a": 01}')
    for args, code in ((["--policy", pack], 2), (["--input", path], 2),
                       (["--policy", pack, "--input", path, "--lang", "fr"], 2),
                       (["--policy", pack, "--input", path, "--now", "x"], 2),
                       (["--policy", pack, "--input", bad], 2),
                       (["--policy", pack, "--input", path + "x"], 3)):
        out = polkit.run(explain.tdz, "explain", *args)
        tap.ok(out.returncode == code and out.stderr, f"exit {code}: {args[-2:]}", out)


def main():
    tap = polkit.Tap()
    with tempfile.TemporaryDirectory() as folder:
        explain = Explain(sys.argv[1], sys.argv[2], folder)
        check_changes(tap, explain)
        check_words(tap, explain)
        check_usage(tap, explain)
        check_wide(tap, explain)
    tap.end()


if __name__ == "__main__":
    main()
