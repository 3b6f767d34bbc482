#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The HTTP contract to the letter, where requests combine: a request made again, what it may differ
in, and lists that go over several pages."""
import base64
import email.utils
import hashlib
import json
import sys
import time

import corridor
import tables
from corridor import check

WHO, TO = "hospital-kl", "lab-shanghai"
AGREEMENT = "telemetry-2026"


def digest(algorithm, data):
    value = base64.b64encode(hashlib.new(algorithm.replace("-", ""), data).digest()).decode()
    return f"{algorithm}=:{value}:"


def decisions(c):
    """Questions that are none; one of them used to end clerk."""
    def ask(body):
        return c.request(WHO, "POST", "/v1/decisions", body=body,
                         headers={"Content-Type": "application/json"})
    statuses = [ask(body).status for body in
                (b"[]", b'"x"', b"1", b"{", json.dumps({"agreement": AGREEMENT, "name": ""}))]
    check("a body that asks nothing, and a name that is none, are 400", statuses == [400] * 5,
          statuses)
    good = ask(json.dumps({"agreement": AGREEMENT, "name": "a.csv"}))
    check("and the next question is answered at once", good.status == 200 and
          good.json["verdict"] == "allow", good)
    for name, code in (("..", "bad-name"), ("tab\tbed", "bad-name"),
                       ("880101-14-5678.csv", "name-contains-identifier")):
        dry = ask(json.dumps({"agreement": AGREEMENT, "name": name}))
        real = c.push(WHO, AGREEMENT, name, b"x")
        check(f"{name}: an upload and a question about it hear the same",
              dry.json["code"] == real.json["code"] == code, (dry, real))


def again(c):
    one, two = tables.telemetry(30, seed=1), tables.telemetry(30, seed=2)
    size = min(len(one), len(two))
    one, two = one[:size - 1] + b"\n", two[:size - 1] + b"\n"
    first = c.push(WHO, AGREEMENT, "k.csv", one, Idempotency_Key="k5",
                   Repr_Digest=digest("sha-512", one))
    other = c.push(WHO, AGREEMENT, "k.csv", two, Idempotency_Key="k5",
                   Repr_Digest=digest("sha-512", two))
    check("a used key with another sha-512 of the same length is 422", first.status == 201 and
          other.status == 422 and other.json["code"] == "idempotency-mismatch", (first, other))
    same = c.push(WHO, AGREEMENT, "k.csv", one, Idempotency_Key="k5",
                  Repr_Digest=digest("sha-512", one))
    check("with the same one it is the first answer, byte for byte", same.status == 201 and
          same.body == first.body and same.headers["idempotency-replayed"] == "true", same)
    pair = [c.push(WHO, AGREEMENT, "nokey.csv", one, Repr_Digest=digest("sha-512", one))
            for _ in range(2)]
    check("without a key the same sha-512 is the same transfer",
          len({a.transfer for a in pair}) == 1, pair)
    people = tables.hospital(30)
    for kind, fields in (("key", {"Idempotency_Key": "kd"}),
                         ("digest", {"Repr_Digest": digest("sha-256", people)})):
        pair = [c.push(WHO, AGREEMENT, f"{kind}.csv", people, **fields) for _ in range(2)]
        check(f"a refusal asked for again by its {kind} has the same status and body",
              [a.status for a in pair] == [403, 403] and pair[0].body == pair[1].body and
              pair[0].transfer == pair[1].transfer and "column" in pair[0].json["detail"], pair)


def dates(c):
    for who, path, status, url in ((WHO, "/v1/inbox", 200, "partner_url"),
                                   (WHO, "/v1/none", 404, "partner_url"),
                                   ("op-my-1", "/v1/holds", 200, "desk_url")):
        answer = c.request(who, "GET", path, url=url)
        try:
            said = email.utils.parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (KeyError, ValueError) as e:
            said = e
        check(f"{path}: {status}, with the time of the answer", answer.status == status and
              isinstance(said, float) and abs(said - time.time()) < 60, (said, answer))


def pages(c):
    """Every transfer of one state, a page at a time, by following the links."""
    path, seen, states = "/v1/transfers?state=denied&limit=1", [], set()
    while path and len(seen) < 50:
        answer = c.request(WHO, "GET", path)
        seen += [t["id"] for t in answer.json["transfers"]]
        states |= {t["state"] for t in answer.json["transfers"]}
        link = answer.headers.get("link", "")
        path = link[1:link.index(">")] if 'rel="next"' in link else ""
    whole = c.request(WHO, "GET", "/v1/transfers?state=denied&limit=500").json["transfers"]
    check("the links of a filtered list lead through that list and no other",
          states == {"denied"} and seen == [t["id"] for t in whole] and len(seen) >= 2,
          (states, seen))


def conditions(c):
    data = tables.telemetry(20, seed=5)
    sent = c.push(WHO, AGREEMENT, "conditions.csv", data, Prefer="wait=30")
    path, etag = f"/v1/inbox/{sent.transfer}/data", f'"{sent.json["root"]}"'
    head = c.request(TO, "HEAD", path)
    check("HEAD of a dataset says its length, tag and name", head.status == 200 and
          head.headers["content-length"] == str(len(data)) and head.headers["etag"] == etag and
          "conditions.csv" in head.headers["content-disposition"] and not head.body, head)
    whole = c.request(TO, "GET", path)
    check("as GET does", whole.body == data and
          {k: v for k, v in whole.headers.items() if k != "date"} ==
          {k: v for k, v in head.headers.items() if k != "date"}, (whole.headers, head.headers))
    for fields, status in (({"If-None-Match": etag}, 304), ({"If-None-Match": "W/" + etag}, 304),
                           ({"If-None-Match": "*"}, 304), ({"If-None-Match": '"x"'}, 200),
                           ({"If-Match": etag}, 200), ({"If-Match": "*"}, 200),
                           ({"If-Match": "W/" + etag}, 412),
                           ({"If-Match": '"x"', "Range": "bytes=0-3"}, 412),
                           ({"If-Range": etag, "Range": "bytes=0-3"}, 206),
                           ({"If-Range": etag + ', "x"', "Range": "bytes=0-3"}, 200)):
        answer = c.request(TO, "GET", path, headers=fields)
        check(f"{fields} is {status}", answer.status == status and
              ("content-length" in answer.headers) == (status != 304), answer)
    put = c.push(WHO, AGREEMENT, "new.csv", data, If_Match=etag)
    check("a PUT matches nothing", put.status == 412 and
          put.json["code"] == "precondition-failed", put)


def main():
    with corridor.Corridor() as c:
        decisions(c)
        again(c)
        dates(c)
        pages(c)
        conditions(c)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
