#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The packs: every rule fires on one request and not on another, ends with its dates and its
review, and tightens on what is unknown; thresholds are where the law has them; every sandbox
agreement has the outcome it was written for.

usage: packs.py TDZ PACKS
"""
import datetime
import glob
import hashlib
import json
import os
import sys
import tempfile

import polkit

NOW = "2026-11-22T02:19:00Z"
MY, CN = "my-cyberjaya", "cn-lingang"
KINDS = ["bcr", "certificate", "certification", "consent", "contract", "contract_clauses",
         "declaration", "explicit_consent", "foreign_approval", "general_list_filing",
         "guardian_consent", "hgr_filing", "hod_release", "identification", "legal_basis",
         "licence", "lineage", "necessity", "negative_list_report", "notice", "pipia",
         "risk_assessment", "s40_ground", "scc_filing", "security_assessment", "separate_consent",
         "tia", "vehicle_report"]


class Packs:
    def __init__(self, tdz, folder):
        self.tdz, self.folder = tdz, folder
        self.lists = {"neg": "lists/sh-negative-list.json",
                      "cleared": "lists/sh-cleared-items.json"}

    def load(self, name):
        return polkit.load(os.path.join(self.folder, name))

    def decide(self, pack, requests, now=NOW, preflight=False, lists=None):
        """Records of requests; pack is one name or several joined by `+`."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".ndjson") as f:
            f.write("".join(json.dumps(q) + "\n" for q in requests))
            f.flush()
            args = ["--vocab", os.path.join(self.folder, "tdz-core.json"), "--now", now,
                    "--input", f.name, "--batch"] + (["--preflight"] if preflight else [])
            for name in pack.split("+"):
                args += ["--policy", os.path.join(self.folder, name + ".json")]
            for name, path in (lists if lists is not None else self.lists).items():
                args += ["--list", name + "=" + os.path.join(self.folder, path)]
            out = polkit.run(self.tdz, "decide", *args)
        if out.returncode != 0:
            raise SystemExit(out.stderr)
        return polkit.lines(out)


def base(to):
    """A request with nothing against it and no evidence at all."""
    here = CN if to == MY else MY
    return {"to": to, "from": here, "labels": ["business"], "declared.contradicted": False,
            "coverage": "full", "count.pi.after": 10, "count.spi.after": 10,
            "dataset.rows": 10, "dataset.persons": 10, "dataset.persons_sensitive": 10,
            "envelope.within": True, "envelope.persons_left": 2 ** 53 - 1,
            "exporter.ciio": False, "exporter.in_ftz": False, "exporter.sector": "other",
            "exporter.registered_in": here, "exporter.stored_in": here,
            "recipient.onward_transfer": False, "recipient.restricted": False,
            "recipient.stored_in": to, "recipient.managed_in": to, "recipient.used_in": to,
            "my.gov": "none", "my.nccp": "none", "my.act864": False,
            "cn.important_status": "none", "cn.domestic_added": False, "origin": "domestic",
            "purpose": "research", "basis": "safeguards", "catalogue_code": "none"}


def left(kind, days=100):
    return {f"evidence.{kind}.days_left": days}


def gone(*kinds):
    return {f"evidence.{kind}.days_left": -1 for kind in kinds}


def labels(*names):
    return {"labels": list(names)}


P, S, IMP, GOV = labels("personal"), labels("health"), labels("important"), labels("government")
AI = labels("ai_weights", "ai_training_set", "ai_prompt", "opaque")
ALL = {k: v for kind in KINDS for k, v in left(kind).items()}
EVERY = labels("business", "quasi", "personal", "important", "government", "state_secret",
               "export_controlled", "credential", "ai_weights", "ai_training_set", "ai_prompt",
               "opaque")
LIST = {"basis": "negative_list"}
RISKY = P | {"exporter.sector": "automotive", "dataset.persons": 100001}
KIND = S | gone("security_assessment")
QUANTITY = gone("security_assessment") | {"dataset.persons_sensitive": 1000001}

# pack -> destination, rule -> (overrides that fire it, overrides that do not)
CASES = {
    "my-export": (CN, {
        "my.business": (labels("business", "quasi"), P),
        "my.ai": (AI | left("declaration"), AI | left("declaration", -1)),
        "my.129-2a": (P | {"basis": "similar_law", "evidence.tia.age_days": 1095} | left("tia"),
                      P | {"basis": "similar_law", "evidence.tia.age_days": 1096} | left("tia")),
        "my.129-2b": (P | {"basis": "adequate", "evidence.tia.age_days": 1095} | left("tia"),
                      P | {"basis": "adequate", "evidence.tia.age_days": 9} | left("tia", -1)),
        "my.129-3a": (P | {"basis": "consent"} | left("consent"), P | left("consent")),
        "my.129-3bc": (P | {"basis": "contract"} | left("necessity"), P | left("necessity")),
        "my.129-3f": (P | left("contract_clauses"), P | {"basis": "consent"} | left("bcr")),
        "my.129-3x": (P | {"basis": "vital_interest"} | left("necessity"), P | left("necessity")),
        "my.129-3x.review": (P | {"basis": "public_interest"}, P),
        "my.gov.open": (GOV | {"my.gov": "terbuka"}, GOV | {"my.gov": "rasmi"}),
        "my.gov.rasmi": (GOV | {"my.gov": "rasmi"} | left("hod_release"),
                         GOV | {"my.gov": "rasmi"} | left("hod_release", -1)),
        "my.gov.review": (GOV | {"my.gov": "rasmi"}, GOV | {"my.gov": "terbuka"}),
        "my.osa": (GOV | {"my.gov": "terhad"}, GOV | {"my.gov": "terbuka"}),
        "my.nccp.confidential": (GOV | {"my.nccp": "confidential"}, GOV | {"my.nccp": "public"}),
        "my.nccp.restricted": (GOV | {"my.nccp": "restricted"},
                               GOV | {"my.nccp": "restricted", "my.gov": "terbuka"}),
        "my.act864": (GOV | {"my.act864": True} | gone("legal_basis"),
                      GOV | {"my.act864": True} | left("legal_basis")),
        "my.notice": (P | gone("notice"), P | left("notice", 0)),
        "my.s40": (S | gone("explicit_consent", "s40_ground"), S | left("explicit_consent")),
        "my.onward": (P | {"recipient.onward_transfer": True}, P),
        "my.scope": (P | {"envelope.persons_left": -1}, P | {"envelope.persons_left": 0}),
        "my.credential": (labels("credential"), P),
        "my.contradicted": ({"declared.contradicted": True}, {}),
        "my.duty": (P, {}),
        "my.sensitive": (S, P),
    }),
    "my-import": (MY, {
        "myi.business": (labels("quasi"), P),
        "myi.ai": (AI | left("declaration", 0), AI),
        "myi.personal": (P | left("notice"), P),
        "myi.important": (IMP | left("security_assessment"), IMP),
        "myi.important.review": (IMP, P),
        "myi.xctl": (labels("export_controlled") | left("licence"), labels("export_controlled")),
        "myi.genetic": (labels("genetic"), S),
        "myi.s40": (S | gone("explicit_consent", "s40_ground"), S | left("s40_ground")),
        "myi.onward": (P | {"recipient.onward_transfer": True}, P),
        "myi.credential": (labels("credential"), P),
        "myi.contradicted": ({"declared.contradicted": True}, {}),
        "myi.duty": (P, {}),
    }),
    "cn-export": (MY, {
        "cn.business": (labels("business"), P),
        "cn.assessed": (IMP | left("security_assessment", 0),
                        IMP | left("security_assessment", -1)),
        "cn.scc": (S | left("scc_filing") | {"count.spi.after": 9999, "count.pi.after": 999999},
                   S | left("scc_filing") | {"count.spi.after": 10000}),
        "cn.certificate": (S | left("certificate") | {"count.spi.after": 9999},
                           P | left("certificate") | {"count.pi.after": 1000000}),
        "cn.exempt": (P | {"count.pi.after": 99999}, P | {"count.pi.after": 100000}),
        "cn.ex-contract": (P | {"basis": "contract"} | left("necessity"), P | left("necessity")),
        "cn.ex-hr": (P | {"basis": "hr"} | left("necessity"), P | {"basis": "hr"}),
        "cn.ex-emergency": (P | {"basis": "emergency"} | left("necessity"),
                            IMP | {"basis": "emergency"} | left("necessity")),
        "cn.ex-duty": (P | {"basis": "statutory_duty"} | left("necessity"),
                       P | {"basis": "statutory_duty"} | left("necessity", -1)),
        "cn.transit": (P | {"origin": "round_trip"} | left("lineage"),
                       P | {"origin": "round_trip", "cn.domestic_added": True} | left("lineage")),
        "cn.unnotified": (IMP | {"cn.important_status": "identified"} | left("identification"),
                          IMP | {"cn.important_status": "notified"} | left("identification")),
        # With the lists as they come it never fires: tried with filled ones below.
        "cn.sh-list": (None, P | LIST | {"exporter.sector": "shipping", "catalogue_code": "a"}),
        "cn.sh-list.review": (P | LIST, P),
        "cn.sh-list.hit": (None, P | LIST | {"catalogue_code": "a"}),
        "cn.sh-list.report": (P | LIST, P),
        "cn.sh-impq": (P | QUANTITY, P | QUANTITY | left("security_assessment")),
        "cn.sh-impq.kind": (KIND | {"dataset.persons_sensitive": 100001},
                            KIND | {"dataset.persons_sensitive": 100000}),
        "cn.lingang-list": (P | {"exporter.in_ftz": True} | left("general_list_filing"),
                            P | {"exporter.in_ftz": True}),
        "cn.auto.exempt": (IMP | {"exporter.sector": "automotive", "basis": "auto_exempt"} |
                           left("vehicle_report"), IMP | left("vehicle_report")),
        "cn.auto.review": (IMP | {"basis": "auto_exempt"}, IMP),
        "cn.auto.100k": (RISKY | gone("security_assessment"), RISKY | {"dataset.persons": 100000}),
        "cn.xctl": (labels("export_controlled") | left("licence"), labels("export_controlled")),
        "cn.hgr": (labels("genetic") | left("hgr_filing") | left("scc_filing"),
                   labels("genetic") | left("scc_filing")),
        "cn.hgr.review": (labels("genetic"), S),
        "cn.ai": (AI | left("declaration"), AI),
        "cn.ai.review": (labels("ai_prompt"), P),
        "cn.core": (labels("core"), IMP),
        "cn.secret": (labels("state_secret"), IMP),
        "cn.risk": (IMP | gone("risk_assessment"), IMP | left("risk_assessment")),
        "cn.ciio.2016": (P | {"exporter.ciio": True} | gone("security_assessment"), P),
        "cn.ciio": (P | {"exporter.ciio": True} | gone("security_assessment"),
                    P | {"exporter.ciio": True} | left("security_assessment")),
        "cn.ciio.store": (P | {"exporter.ciio": True, "exporter.stored_in": MY},
                          P | {"exporter.ciio": True}),
        "cn.foreign": (EVERY | {"purpose": "foreign_judicial"} | gone("foreign_approval"),
                       EVERY | {"purpose": "foreign_enforcement"} | left("foreign_approval")),
        "cn.restricted": (P | {"recipient.restricted": True}, P),
        "cn.notice": (P | gone("notice"), P | left("notice")),
        "cn.consent": (P | {"basis": "consent"} | gone("separate_consent"), P),
        "cn.pipia": (P | gone("pipia"), P | left("pipia")),
        "cn.minor": (labels("minor") | gone("guardian_consent"),
                     labels("minor") | left("guardian_consent")),
        "cn.scope": (P | {"envelope.within": False}, P | {"envelope.persons_left": 0}),
        "cn.credential": (labels("credential"), P),
        "cn.contradicted": ({"declared.contradicted": True}, {}),
        "cn.duty": (P, {}),
    }),
    "cn-import": (CN, {
        "cni.business": (labels("business"), P),
        "cni.ai": (AI | left("declaration"), AI),
        "cni.personal": (P, {}),
        "cni.government": (GOV | {"my.gov": "terbuka"}, GOV),
        "cni.genetic": (labels("genetic"), S),
        "cni.security": (IMP, P),
        "cni.restricted": (P | {"recipient.restricted": True}, P),
        "cni.pia": (S | gone("pipia"), S | left("pipia")),
        "cni.minor": (labels("minor") | gone("guardian_consent"),
                      labels("minor") | left("guardian_consent")),
        "cni.credential": (labels("credential"), P),
        "cni.contradicted": ({"declared.contradicted": True}, {}),
        "cni.duty": (P, {}),
    }),
    "overlay/corridor-my-export": (CN, {
        "com.stored": (P | {"recipient.stored_in": "elsewhere"}, P | {"recipient.stored_in": "CN"}),
        "com.managed": (P | {"recipient.managed_in": MY}, P),
        "com.used": (P | {"recipient.used_in": "elsewhere"}, P | {"recipient.used_in": "CN-SH"}),
        "com.onward": (P | {"recipient.onward_transfer": True}, P),
        "com.training": (labels("ai_training_set"), labels("ai_weights")),
        "com.record": (P, {}),
    }),
    "overlay/corridor-cn-export": (MY, {
        "coc.stored": (P | {"recipient.stored_in": CN}, P),
        "coc.managed": (P | {"recipient.managed_in": "elsewhere"}, P),
        "coc.used": (P | {"recipient.used_in": CN}, P | {"recipient.used_in": "my-perlis"}),
        "coc.onward": (P | {"recipient.onward_transfer": True}, P),
        "coc.training": (labels("ai_prompt"), P),
        "coc.record": (IMP, {}),
    }),
}
# A permit on ground that is not certain is never alone: this hold fires wherever it does.
GUARDED = {"cn.sh-list": "cn.sh-list.review", "cn.auto.exempt": "cn.auto.review",
           "cn.hgr": "cn.hgr.review", "cn.ai": "cn.ai.review",
           "my.129-3x": "my.129-3x.review", "my.gov.rasmi": "my.gov.review",
           "myi.important": "myi.important.review"}
# When a rule's trial was on; every other rule is tried at NOW.
ITS_TIME = {"cn.lingang-list": "2025-05-15T23:59:59+08:00",
            "cn.ciio.2016": "2025-12-31T23:59:59+08:00"}


def plain(record):
    """Ids that fired for certain; those that fired on unknown."""
    ids = [r.rsplit("/", 1)[-1] for ids in record["rules"].values() for r in ids]
    return {r for r in ids if r[-1] != "?"}, {r[:-1] for r in ids if r[-1] == "?"}


def moment(text):
    t = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return t if t.tzinfo else t.replace(tzinfo=datetime.timezone.utc)


def stamp(t):
    return t.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


SECOND = datetime.timedelta(seconds=1)


def filled_lists(folder, neg, cleared):
    return {"neg": polkit.write(folder, "neg.json", {"format": "tdz.list/1", "id": "n",
                                                     "values": neg}),
            "cleared": polkit.write(folder, "cleared.json", {"format": "tdz.list/1", "id": "c",
                                                             "values": cleared})}


def check_dates(tap, packs, pack, rule, request):
    """A rule fires from its first to its last moment, a permit to the end of its review."""
    document = packs.load(pack + ".json")
    first = max(moment(rule["from"]), moment(document["effective"]["from"]))
    overdue = moment(rule["reviewed_on"]) + datetime.timedelta(days=rule["review_days"])
    last = moment(rule["until"]) if "until" in rule else None
    times = [(first, True), (first - SECOND, False)]
    if last:
        times += [(last - SECOND, True), (last, False)]
    elif rule["effect"] == "permit":
        times += [(overdue - SECOND, True), (overdue, False)]
    else:
        times += [(overdue, True)]
    wrong = [stamp(t) for t, want in times
             if (rule["id"] in plain(packs.decide(pack, [request], stamp(t))[0])[0]) != want]
    tap.ok(not wrong, f"{rule['id']} has its dates", wrong)


def check_rule(tap, packs, pack, rule, to, cases):
    yes, no = cases
    name, now = rule["id"], ITS_TIME.get(rule["id"], NOW)
    on = yes or {}
    blind = {"to": to, "labels": on.get("labels", ["business"])}
    got = packs.decide(pack, [base(to) | no, base(to) | on, blind, base(to) | ALL | on], now)
    sure, unsure = plain(got[0])
    tap.ok(name not in sure | unsure, f"{name} does not fire", got[0])
    if yes is None:
        return
    tap.ok(name in plain(got[1])[0], f"{name} fires", got[1])
    check_dates(tap, packs, pack, rule, base(to) | yes)
    sure, unsure = plain(got[2])
    if "when" in rule:
        tap.ok((name in unsure) == (rule["effect"] != "permit") and name not in sure,
               f"{name} only tightens on what is unknown", got[2])
    if name in GUARDED:
        tap.ok(GUARDED[name] in plain(got[3])[0] and got[3]["result"] != "allow",
               f"{name} is held", got[3])


def check_rules(tap, packs):
    named = {os.path.relpath(f, packs.folder)[:-5]
             for f in glob.glob(packs.folder + "/*port.json") +
             glob.glob(packs.folder + "/overlay/*.json")}
    tap.ok(named == set(CASES), "every document has its cases", named ^ set(CASES))
    for pack, (to, cases) in CASES.items():
        document = packs.load(pack + ".json")
        ids = [r["id"] for r in document["rules"]]
        tap.ok(sorted(ids) == sorted(cases), f"{pack}: each rule has its cases",
               set(ids) ^ set(cases))
        tap.ok(document["closed"] == ("overlay" not in pack) and
               (document["closed"] or all(r["effect"] != "permit" for r in document["rules"])),
               f"{pack} is closed, or an overlay without permits")
        for rule in document["rules"]:
            check_rule(tap, packs, pack, rule, to, cases[rule["id"]])
            text = document["texts"].get(rule["why"], {})
            tap.ok(all(text.get(x) for x in ("en", "ms", "zh")) and rule["cite"] and
                   {"certainty", "reviewed_on", "review_days", "from"} <= set(rule),
                   f"{rule['id']} has texts in three languages, articles, certainty and dates")
            tap.ok(rule["certainty"] != "uncertain" or rule["effect"] in ("hold", "forbid") or
                   "overlay" in pack, f"{rule['id']}: uncertain law never permits")


def check_list(tap, packs):
    """The negative list: nothing goes by it until counsel has filled both lists."""
    q = base(MY) | P | left("pipia") | left("notice") | LIST | \
        {"exporter.sector": "shipping", "catalogue_code": "a", "count.pi.after": 100000}
    for name, path in packs.lists.items():
        scaffold = packs.load(path)
        tap.ok(scaffold["values"] == [] and scaffold["note"].startswith("SCAFFOLD"),
               f"list {name} says that it is a scaffold")
        data = packs.load("cn-export.json")["lists"][name]
        with open(os.path.join(packs.folder, path), "rb") as f:
            digest = "sha256:" + hashlib.sha256(f.read()).hexdigest()
        tap.ok(digest == data["sha256"] and data["id"] == scaffold["id"],
               f"cn-export names list {name} by its bytes")
    with tempfile.TemporaryDirectory() as folder:
        table = [
            (None, q, "deny", "the scaffold permits nothing"),
            (None, {k: v for k, v in q.items() if k != "catalogue_code"}, "deny",
             "nor without a code"),
            ({}, q, "deny", "nor do lists that are not there"),
            (([], ["a"]), q, "hold", "an item that was cleared waits for a person"),
            (([], ["b"]), q, "deny", "another item is not cleared"),
            ((["a"], ["a"]), q, "deny", "an item on the negative list is refused"),
            ((["a"], ["a"]), q | left("scc_filing"), "hold", "unless a contract carries it"),
            (([], ["a"]), q | {"exporter.sector": "health"}, "deny", "another sector is not meant"),
            (([], ["a"]), q | {"exporter.ciio": True}, "deny", "nor is a critical operator"),
            (([], ["a"]), q | {"exporter.registered_in": "CN"}, "deny",
             "nor who is registered elsewhere"),
        ]
        for values, request, result, name in table:
            lists = filled_lists(folder, *values) if values else values
            got = packs.decide("cn-export", [request], lists=lists)[0]
            tap.ok(got["result"] == result, f"negative list: {name}", got)
        bare = q | gone("security_assessment", "scc_filing", "certificate")
        got = packs.decide("cn-export", [bare], lists=filled_lists(folder, ["a"], ["a"]))[0]
        tap.ok("cn.sh-list.hit" in plain(got)[0] and "cn.sh-list" not in plain(got)[0],
               "cn.sh-list.hit fires", got)
        got = packs.decide("cn-export", [q], lists=filled_lists(folder, [], ["a"]))[0]
        tap.ok("cn.sh-list" in plain(got)[0] and "cn.sh-list.review" in plain(got)[0],
               "cn.sh-list fires and is held", got)


NOTED = base(CN) | left("notice")


def check_law(tap, packs):
    full = base(MY) | P | ALL
    bare = base(MY) | P | left("pipia") | left("notice")
    table = [
        ("cn-export", bare | {"count.pi.after": 99999}, "allow", "99,999 persons are exempt"),
        ("cn-export", bare | {"count.pi.after": 100000}, "deny", "100,000 persons need a contract"),
        ("cn-export", bare | left("scc_filing") | {"count.pi.after": 999999}, "allow",
         "a filed contract carries 999,999 persons"),
        ("cn-export", bare | left("certificate") | {"count.pi.after": 1000000}, "deny",
         "1,000,000 persons need the assessment"),
        ("cn-export", bare | S | {"count.spi.after": 1}, "deny",
         "one person of sensitive data needs a contract"),
        ("cn-export", bare | S | left("scc_filing") | {"count.spi.after": 9999}, "allow",
         "a filed contract carries 9,999 persons of sensitive data"),
        ("cn-export", bare | S | left("scc_filing") | {"count.spi.after": 10000}, "deny",
         "10,000 persons of sensitive data need the assessment"),
        ("cn-export", bare | S | left("security_assessment") | {"count.spi.after": 10000}, "allow",
         "an assessment carries them"),
        ("cn-export", bare | left("scc_filing") | {"exporter.ciio": True}, "deny",
         "a critical operator needs the assessment"),
        ("cn-export", full | labels("genetic"), "hold", "genetic data waits for a person"),
        ("cn-export", full | labels("genetic") | left("hgr_filing", -1), "deny",
         "genetic data without its filing does not leave China"),
        ("cn-export", full | IMP, "allow", "important data goes when assessed"),
        ("cn-export", full | IMP | left("risk_assessment", -1), "deny",
         "important data without a risk assessment is refused"),
        ("cn-export", full | labels("state_secret"), "deny", "secrets never leave"),
        ("cn-export", full | AI, "hold", "AI artefacts of China wait for a person"),
        ("cn-export", full | {"envelope.within": False}, "deny",
         "beyond purpose, recipient or fields of the approval"),
        ("cn-export", full | {"envelope.persons_left": -1}, "deny",
         "one person beyond the approval"),
        ("cn-export", full | {"envelope.persons_left": 0}, "allow", "the last person it has"),
        ("cn-export", bare | left("scc_filing") | {"dataset.persons": 10000000}, "allow",
         "10,000,000 persons in a set are not yet important by quantity"),
        ("cn-export", bare | left("scc_filing") | {"dataset.persons": 10000001}, "deny",
         "one more is"),
        ("cn-export", full | labels("core"), "deny", "core data does not leave, whatever is shown"),
        ("cn-export", full | {"purpose": "foreign_judicial"} | left("foreign_approval", -1), "deny",
         "a foreign court's request is refused"),
        ("cn-export", full | {"purpose": "foreign_judicial"}, "allow",
         "unless the authority approved"),
        ("cn-export", full | {"basis": "consent"} | left("separate_consent", -1), "deny",
         "consent without separate consent is refused"),
        ("my-export", NOTED | S | left("contract_clauses") | left("explicit_consent"), "allow",
         "health data goes under clauses with explicit consent"),
        ("my-export", NOTED | S | left("contract_clauses"), "deny",
         "health data without explicit consent is refused"),
        ("my-export", NOTED | P | left("contract_clauses", -1), "deny",
         "expired clauses are refused"),
        ("my-export", NOTED | P | left("contract_clauses"), "allow", "valid ones are not"),
        ("my-export", base(CN) | P | left("contract_clauses"), "deny", "nobody was told"),
        ("my-export", base(CN) | GOV | {"my.gov": "rasmi"}, "deny",
         "official matter nobody released"),
        ("my-export", base(CN) | GOV | {"my.gov": "rasmi"} | left("hod_release"), "hold",
         "official matter that was released waits for a person"),
        ("my-export", base(CN) | GOV | {"my.gov": "terbuka"}, "allow", "open data goes"),
        ("my-export", base(CN) | labels("core"), "deny", "no rule lets core data through"),
        ("my-export", NOTED | P | {"basis": "legal_proceedings"} | left("necessity"), "hold",
         "the rarer exceptions wait for a person"),
        ("my-export", base(CN) | labels("business", "opaque"), "deny",
         "what cannot be read needs a declaration"),
        ("my-import", base(MY) | labels("export_controlled"), "deny",
         "controlled items without a licence"),
        ("cn-import", base(CN) | labels("genetic") | left("pipia"), "hold",
         "genetic data into China waits for a person"),
        ("my-import", base(MY) | IMP | left("security_assessment"), "hold",
         "important data into Malaysia waits for a person"),
    ]
    for pack, request, result, name in table:
        got = packs.decide(pack, [request])[0]
        tap.ok(got["result"] == result, f"{pack}: {name}", got)
    counters = {k: v for k, v in bare.items() if not k.startswith("count.")}
    got = packs.decide("cn-export", [counters])[0]
    tap.ok(got["result"] == "deny" and "count.pi.after" in got["unknown"],
           "a counter that is not known permits nothing", got)
    for pack, (to, _) in CASES.items():
        if "overlay" in pack:
            continue
        late = packs.decide(pack, [base(to)], "2027-11-01T00:00:00Z")[0]
        tap.ok(late["reason"] == "no-basis", f"{pack}: rules past their review permit nothing",
               late)
        blind = {k: v for k, v in base(to).items() if k != "declared.contradicted"}
        got = packs.decide(pack, [blind])
        early = packs.decide(pack, [blind], preflight=True)
        tap.ok(got[0]["reason"] == "forbidden" and early[0]["result"] == "allow",
               f"{pack}: contradiction is open at preflight and forbids when never measured")


def request_of(packs, name, **more):
    """The facts a gateway builds from the register, computed here on its own."""
    agreement = packs.load(f"sandbox/agreements/{name}.json")
    full = {"envelope.within": True, "envelope.persons_left": 2 ** 53 - 1}
    sender = packs.load(f"sandbox/partners/{agreement['sender']}.json")
    recipient = packs.load(f"sandbox/partners/{agreement['recipient']}.json")
    assert sender["zone"] == agreement["from"] and recipient["zone"] == agreement["to"]
    q = {"to": agreement["to"], "purpose": agreement["purpose"], "basis": agreement["basis"]}
    q |= {k: v for k, v in sender["facts"].items() if k.startswith("exporter.")}
    q |= {k: v for k, v in recipient["facts"].items() if k.startswith("recipient.")}
    q |= agreement["facts"]
    now, margin = moment(NOW), datetime.timedelta(hours=1)
    for e in agreement["evidence"]:
        days = (moment(e["expires"]) - now - margin - datetime.timedelta(milliseconds=1)).days
        q |= {f"evidence.{e['kind']}.days_left": days,
              f"evidence.{e['kind']}.age_days": (now - moment(e["issued"])).days}
    schema = agreement["schema"]
    q["labels"] = sorted({f["x-class"] for f in schema["fields"]} |
                         ({"business"} if schema["additional"] == "allow" else set()) |
                         ({"opaque"} if schema["format"] == "opaque" else set()))
    q |= full | {"dataset.rows": 500, "dataset.persons": 500, "dataset.persons_sensitive": 500}
    q |= {"declared.contradicted": False, "coverage": "full", "count.pi.after": 500,
          "count.spi.after": 500}
    return agreement, q | more


def check_sandbox(tap, packs):
    names = sorted(x[:-5] for x in os.listdir(os.path.join(packs.folder, "sandbox/agreements")))
    tap.ok(names == ["claims-2026", "oncology-2026", "open-data", "telemetry-2026", "vehicle-2026",
                     "weights-2026"], "the sandbox has the agreements it promises", names)
    table = [
        ("oncology-2026", {}, "allow", "allow"), ("open-data", {}, "allow", "allow"),
        ("telemetry-2026", {}, "allow", "allow"), ("weights-2026", {}, "allow", "allow"),
        ("vehicle-2026", {}, "allow", "allow"), ("claims-2026", {}, "allow", "allow"),
        ("telemetry-2026", {"labels": ["business", "health", "personal"],
                            "declared.contradicted": True}, "deny", "deny"),
        ("open-data", {"labels": ["business", "personal"], "declared.contradicted": True}, "deny",
         "deny"),
        ("open-data", {"labels": ["business", "opaque"]}, "deny", "deny"),
        ("weights-2026", {"labels": ["ai_weights", "credential", "opaque"]}, "deny", "deny"),
        ("claims-2026", {"count.spi.after": 9999}, "allow", "allow"),
        ("claims-2026", {"count.spi.after": 10000}, "deny", "allow"),
        ("vehicle-2026", {"count.pi.after": 99999}, "allow", "allow"),
        ("oncology-2026", {"recipient.onward_transfer": True}, "deny", "allow"),
    ]
    for name, more, leaving, arriving in table:
        agreement, q = request_of(packs, name, **more)
        out, come = ("my", "cn") if agreement["from"] == MY else ("cn", "my")
        got = packs.decide(out + "-export", [q])[0]
        tap.ok(got["result"] == leaving, f"{name} {more}: export {leaving}", got)
        both = packs.decide(f"{out}-export+overlay/corridor-{out}-export", [q])[0]
        tap.ok(both["result"] == leaving, f"{name} {more}: so with the corridor's overlay", both)
        got = packs.decide(come + "-import", [q])[0]
        tap.ok(got["result"] == arriving, f"{name} {more}: import {arriving}", got)
    _, q = request_of(packs, "oncology-2026")
    duties = packs.decide("my-export", [q])[0]["obligations"]
    tap.ok("mykad" in duties["tokenise"]["fields"] and duties["retain"] == {"max_days": 90} and
           duties["count"] == {"counters": ["pi", "spi"]} and "encrypt" in duties,
           "oncology-2026 goes with tokenise, encrypt, retain and count", duties)
    _, q = request_of(packs, "telemetry-2026", labels=["business", "health"],
                      **{"declared.contradicted": True})
    got = packs.decide("my-export", [q])[0]
    tap.ok("my.contradicted" in got["rules"]["forbid"], "the contradiction is a rule of its own",
           got)


def main():
    tap, packs = polkit.Tap(), Packs(sys.argv[1], sys.argv[2])
    check_rules(tap, packs)
    check_list(tap, packs)
    check_law(tap, packs)
    check_sandbox(tap, packs)
    tap.end()


if __name__ == "__main__":
    main()
