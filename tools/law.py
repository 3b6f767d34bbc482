#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/LAW.md: which rule of the packs stands on which article, how certain that is, when it was
reviewed, and what counsel has to confirm. The tables between the marks are made of the packs; the
rest is written by hand. Prints what is wrong and exits 1; --write makes the tables anew first.

usage: law.py [--write] PACKS LAW.md
"""
import datetime
import glob
import json
import os
import re
import sys

BEGIN, END = "<!-- rules: begin -->\n", "<!-- rules: end -->\n"
TITLES = {"cn-export": "China, export", "cn-import": "China, import",
          "my-export": "Malaysia, export", "my-import": "Malaysia, import",
          "corridor-my-export": "Corridor overlay, leaving Malaysia",
          "corridor-cn-export": "Corridor overlay, leaving China"}
CONFIRM = {"primary": "", "secondary": "The official text: seen at second hand.",
           "uncertain": "The rule itself: until then a person decides."}


def documents(packs):
    files = sorted(glob.glob(packs + "/*port.json")) + sorted(glob.glob(packs + "/overlay/*.json"))
    out = []
    for path in files:
        with open(path, encoding="utf-8") as f:
            out.append(json.load(f))
    return out


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def force(rule):
    out = "from " + rule["from"][:10] if "from" in rule else ""
    return (out + " until " + rule["until"][:10] if "until" in rule else out).strip()


def review(rule):
    day = datetime.date.fromisoformat(rule["reviewed_on"]) + \
        datetime.timedelta(rule["review_days"])
    return f"{rule['reviewed_on']}, due {day}"


def row(document, rule):
    confirm = " ".join(x for x in (CONFIRM[rule["certainty"]], rule.get("note", "")) if x)
    words = document["texts"][rule["why"]]["en"]
    return "| " + " | ".join(cell(x) for x in (
        f"`{rule['id']}`", rule["effect"], words, "; ".join(rule["cite"]), rule["certainty"],
        force(rule), review(rule), confirm)) + " |\n"


def tables(docs):
    out = ""
    for document in docs:
        out += f"\n### {TITLES[document['id']]}: `{document['id']}`, revision " \
               f"{document['revision']}\n\n" \
               "| rule | effect | what it says | article | certainty | in force | reviewed | " \
               "counsel confirms |\n|---|---|---|---|---|---|---|---|\n"
        out += "".join(row(document, rule) for rule in document["rules"])
    return out + "\n"


def at_hand(text):
    """Law as citations name it -> the articles whose text was at hand."""
    found = {}
    for name, articles in re.findall(r"(?m)^\| `([^`]+)` \|[^|]*\| ([^|]*) \|", text):
        found[name] = set(re.findall(r"\d+", articles))
    return found


def unsupported(docs, known):
    """Primary rules that cite an article nobody has seen."""
    wrong = []
    for document in docs:
        for rule in document["rules"]:
            for cite in rule["cite"] if rule["certainty"] == "primary" else []:
                name = max((n for n in known if cite.startswith(n)), key=len, default=None)
                rest = cite[len(name):] if name else ""
                first = re.match(r"\s*(?:art|s|r|para)\.(\d+)(?:-(\d+))?", rest)
                last = int(first[2] or first[1]) if first else -1
                articles = {str(x) for x in range(int(first[1]), last + 1)} if first else set()
                seen = name is not None and articles <= known[name]
                if not seen or (known[name] and not articles) or (rest.strip() and not first):
                    wrong.append(f"{rule['id']}: {cite} is called primary, but is not at hand")
    return wrong


def check(docs, text):
    """What is wrong with the page, as sentences."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        return ["the marks of the tables are missing"]
    inside = text[text.index(BEGIN) + len(BEGIN):text.index(END)]
    wrong = []
    if inside != tables(docs):
        wrong += ["the tables are not those of the packs: law.py --write"]
    return wrong + unsupported(docs, at_hand(text))


def main():
    write = sys.argv[1:2] == ["--write"]
    packs, path = sys.argv[-2:]
    docs = documents(packs)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if write:
        text = text[:text.index(BEGIN) + len(BEGIN)] + tables(docs) + text[text.index(END):]
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(path + ".new", path)
    wrong = check(docs, text)
    print("".join(f"{path}: {x}\n" for x in wrong), end="")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
