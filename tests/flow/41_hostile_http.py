#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that attack HTTP itself: requests with two readings, HTTP/2 floods, everything too slow,
too long and too many. Each gets its documented end, and transfers of others go on meanwhile."""
import base64
import concurrent.futures
import json
import os
import struct
import sys
import threading
import time

import corridor
import h2frames
import tables
import wire
from corridor import check
from h2frames import (END_HEADERS, END_STREAM, HEADERS, PREFACE, Abuser, frame, head, literal,
                      odd)

ZONE, WHO, TO = "my-cyberjaya", "hospital-kl", "lab-shanghai"
LIMITS = {"limits": {"dataset_bytes": 1 << 20, "uploads_per_partner": 6, "decisions_rate": 5,
                     "streams": 20, "min_rate": 1024},
          "timeouts": {"header_ms": 3000, "rate_grace_ms": 3000, "idle_ms": 6000}}
HOST = b"Host: localhost\r\n"
PUT = b"PUT /v1/agreements/telemetry-2026/datasets/%s HTTP/1.1\r\n" + HOST
SMALL = tables.telemetry(40, seed=4)
HIDDEN = PUT % b"smuggled.csv" + b"Content-Length: %d\r\n\r\n" % len(SMALL) + SMALL
TE, CL = b"Transfer-Encoding: chunked\r\n", b"Content-Length: "

# What a front server might read as one request and we as two, or the other way: (sentence, bytes,
# statuses one of which is the only answer). Behind each hides a whole push of smuggled.csv.
SMUGGLING = [
    ("CL.TE", PUT % b"a" + CL + b"5\r\n" + TE + b"\r\n0\r\n\r\n" + HIDDEN, {400}),
    ("TE.CL", PUT % b"a" + TE + CL + b"4\r\n\r\n5\r\nabcde\r\n0\r\n\r\n" + HIDDEN, {400}),
    ("TE.TE", PUT % b"a" + TE + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN, {400}),
    ("TE twice", PUT % b"a" + TE + TE + b"\r\n0\r\n\r\n" + HIDDEN, {400, 501}),
    ("TE with a blank before the colon",
     PUT % b"a" + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN, {400}),
    ("TE after a blank", PUT % b"a" + b" Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
     {400}),
    ("TE with a vertical tab",
     PUT % b"a" + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN, {400}),
    ("TE xchunked", PUT % b"a" + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, {501}),
    ("TE gzip, chunked", PUT % b"a" + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" +
     HIDDEN, {501}),
    ("TE chunked in HTTP/1.0", (PUT % b"a").replace(b"1.1", b"1.0") + TE + b"\r\n0\r\n\r\n" +
     HIDDEN, {400, 505}),
    ("equal CL twice", PUT % b"a" + (CL + b"3\r\n") * 2 + b"\r\nabc" + HIDDEN, {400}),
    ("two CL", PUT % b"a" + CL + b"3\r\n" + CL + b"0\r\n\r\nabc" + HIDDEN, {400}),
    ("CL list", PUT % b"a" + CL + b"0, 3\r\n\r\nabc" + HIDDEN, {400}),
    ("CL +0", PUT % b"a" + CL + b"+0\r\n\r\n" + HIDDEN, {400}),
    ("CL 0x0", PUT % b"a" + CL + b"0x0\r\n\r\n" + HIDDEN, {400}),
    ("CL -1", PUT % b"a" + CL + b"-1\r\n\r\n" + HIDDEN, {400}),
    ("CL over 64 bits", PUT % b"a" + CL + b"18446744073709551616\r\n\r\n" + HIDDEN, {400, 413}),
    ("bare LF lines", (PUT % b"a").replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + HIDDEN,
     {400}),
    ("bare LF hides TE", PUT % b"a" + b"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
     HIDDEN, {400}),
    ("bare CR hides TE", PUT % b"a" + b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
     HIDDEN, {400}),
    ("folded field", PUT % b"a" + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
     {400}),
    ("NUL in a field", PUT % b"a" + b"X: a\0b\r\nContent-Length: 0\r\n\r\n" + HIDDEN, {400}),
    ("no host", b"PUT /v1/agreements/telemetry-2026/datasets/a HTTP/1.1\r\nContent-Length: 0\r\n"
     b"\r\n" + HIDDEN, {400}),
    ("two hosts", PUT % b"a" + HOST + CL + b"0\r\n\r\n" + HIDDEN, {400}),
    ("another host in the target", (PUT % b"a").replace(b" /v1", b" https://elsewhere/v1") + CL +
     b"0\r\n\r\n" + HIDDEN, {400}),
    ("chunk size -1", PUT % b"a" + TE + b"\r\n-1\r\n" + HIDDEN, {400}),
    ("chunk size 0x0", PUT % b"a" + TE + b"\r\n0x0\r\n\r\n" + HIDDEN, {400}),
    ("chunk size over 64 bits", PUT % b"a" + TE + b"\r\n10000000000000000\r\n" + HIDDEN, {400}),
    ("chunk ended with LF", PUT % b"a" + TE + b"\r\n0\n\n" + HIDDEN, {400}),
    ("chunk longer than said", PUT % b"a" + TE + b"\r\n1\r\nabc\r\n0\r\n\r\n" + HIDDEN, {400}),
    ("control byte in a chunk extension",
     PUT % b"a" + TE + b"\r\n0;x=\x01\r\n\r\n" + HIDDEN, {400}),
    ("folded trailer", PUT % b"a" + TE + b"\r\n0\r\nA: b\r\n Content-Length: 5\r\n\r\n" + HIDDEN,
     {400}),
    ("upgrade to h2c", PUT % b"a" + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     b"HTTP2-Settings: AAMAAABk\r\nContent-Length: 0\r\n\r\n" + HIDDEN, {400, 501}),
    ("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN, {400}),
    ("CONNECT", b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN, {405, 501}),
    ("PUT without a length", PUT % b"a" + b"\r\n" + HIDDEN, {411}),
    ("unknown expectation", PUT % b"a" + b"Expect: wonders\r\n" + CL + b"0\r\n\r\n" + HIDDEN,
     {400, 417}),
    ("a long field", PUT % b"a" + b"X: " + b"a" * 20000 + b"\r\n" + CL + b"0\r\n\r\n" + HIDDEN,
     {431}),
    ("65 fields", PUT % b"a" + b"".join(b"X-%d: a\r\n" % i for i in range(65)) + CL +
     b"0\r\n\r\n" + HIDDEN, {431}),
    ("10,000 fields", PUT % b"a" + b"".join(b"X-%d: a\r\n" % i for i in range(10000)) + b"\r\n",
     {431}),
    ("a target of 20,000 bytes", b"GET /v1/" + b"a" * 20000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
     {414, 431}),
    ("a line without an end", b"A" * 40000, {400, 414, 431}),
]


class Edge:
    """Connections to the partner listener of ZONE as WHO."""

    def __init__(self, c):
        person = c.person(WHO)
        self.url = c.map["zones"][ZONE]["partner_url"]
        self.files = (os.path.join(person["profile"], "ca.pem"), person["cert"], person["key"])

    def dial(self, alpn="http/1.1", timeout=wire.TIMEOUT_S):
        return wire.dial(self.url, wire.context(*self.files, [alpn]), timeout)

    def ask(self, request, seconds=wire.TIMEOUT_S):
        with self.dial() as sock:
            sock.sendall(request)
            return wire.Reply(sock, seconds)


def responses(data):
    """Status lines in what came back, interim ones left out."""
    found = []
    for part in data.split(b"HTTP/1.1 ")[1:]:
        if part[:3].isdigit() and not part.startswith(b"1"):
            found.append(int(part[:3]))
    return found


def send_slowly_read(edge, request):
    """Sends all that the server takes, then reads to the end of the connection."""
    with edge.dial() as sock:
        try:
            sock.sendall(request)
        except OSError:
            pass
        return wire.read_all(sock)


def smuggling(edge):
    def run(case):
        return send_slowly_read(edge, case[1])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for (sentence, _, wanted), (got, how) in zip(SMUGGLING, pool.map(run, SMUGGLING)):
            found = responses(got)
            check(f"{sentence}: {'/'.join(str(s) for s in sorted(wanted))}, then the connection "
                  "is closed", len(found) == 1 and found[0] in wanted and how != "still open",
                  (found, how, got[:300]))


def target_paths(edge):
    """Addresses that are not what they look like."""
    for path in ("/v1/../v1/inbox", "/v1/%2e%2e/log/checkpoint", "/v1//inbox", "/v1/inbox/",
                 "/V1/inbox", "/log/tile/../../keys/log.key", "/v1/inbox/..%2f..%2fstate/data",
                 "/v1/transfers/" + "0" * 31, "/v1/transfers/" + "g" * 32,
                 "/v1/transfers/" + "0" * 32):
        reply = edge.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        check(f"GET {path}: nothing is there", reply.status in (400, 403, 404), reply)
    for name, code in (("..", "bad-name"), (".hidden", "bad-name"), ("a%2Fb", "bad-name"),
                       ("a%00b", "bad-name"), ("%ff%fe", "bad-name"), ("a%0ab", "bad-name"),
                       ("n" * 256, "bad-name"), ("%zz", "bad-name")):
        reply = edge.ask(PUT % name.encode() + CL + b"0\r\n\r\n")
        check(f"a dataset called {name[:20]}: 400 {code}", reply.status == 400 and
              json.loads(reply.body)["code"] == code, reply)


def problem_of(reply):
    return reply.status, json.loads(reply.body)["code"] if reply.body else None


def limits(c, edge):
    """Each limit of http-api.md: the status a client library understands."""
    reply = edge.ask(PUT % b"large.csv" + CL + b"%d\r\nExpect: 100-continue\r\n\r\n" % (1 << 21))
    check("a length over the limit: 413 before the body", problem_of(reply) == (413, "too-large")
          and not reply.interim, reply)
    got, how = send_slowly_read(edge, PUT % b"large.csv" + TE + b"\r\n" +
                                b"10000\r\n" + b"a," * 32768 + b"\r\n" +
                                (b"10000\r\n" + b"b," * 32768 + b"\r\n") * 24)
    check("a chunked body over the limit: 413, then closed", responses(got) == [413] and
          how != "still open", (got[:300], how))
    facts = base64.urlsafe_b64encode(json.dumps({"note": "x" * 9000}).encode()).rstrip(b"=")
    reply = edge.ask(PUT % b"f.csv" + b"Tdz-Facts: " + facts + b"\r\n" + CL + b"0\r\n\r\n")
    check("facts over the limit: 400 bad-facts", problem_of(reply) == (400, "bad-facts"), reply)
    for facts in (b"!!!", base64.urlsafe_b64encode(b"[" * 5000),
                  base64.urlsafe_b64encode(b"{\"a\""), base64.urlsafe_b64encode(b"[]")):
        reply = edge.ask(PUT % b"f.csv" + b"Tdz-Facts: " + facts.rstrip(b"=") + b"\r\n" + CL +
                         b"8\r\n\r\na,b\n1,2\n")
        check(f"facts {facts[:12].decode()}: 400 bad-facts",
              problem_of(reply) == (400, "bad-facts"), reply)
    reply = edge.ask(b"BREW /v1 HTTP/1.1\r\n" + HOST + b"\r\n")
    check("a method nobody knows: 501", reply.status == 501, reply)
    reply = edge.ask(b"DELETE /v1 HTTP/1.1\r\n" + HOST + b"\r\n")
    check("a method that is not for this address: 405 and what is",
          reply.status == 405 and "GET" in reply.headers.get("allow", ""), reply)
    reply = edge.ask(PUT % b"z.csv" + b"Content-Encoding: gzip\r\n" + CL + b"8\r\n\r\na,b\n1,2\n")
    check("a content coding: 415", reply.status == 415, reply)
    reply = edge.ask(PUT % b"z.csv" + b"Repr-Digest: sha-256=:" + base64.b64encode(b"x" * 32) +
                     b":\r\n" + CL + b"%d\r\n\r\n" % len(SMALL) + SMALL)
    check("a digest of other bytes: 400 digest-mismatch",
          problem_of(reply) == (400, "digest-mismatch"), reply)
    check("and that transfer failed", c.wait(WHO, reply.transfer)["state"] == "failed", reply)

    def other_digest(n):
        return problem_of(edge.ask(PUT % b"z%d.csv" % n + b"Repr-Digest: sha-256=:" +
                                   base64.b64encode(b"y" * 32) + b":\r\n" + CL +
                                   b"%d\r\n\r\n" % len(SMALL) + SMALL))
    count = 960 if "TDZ_DEEP" in os.environ else 60
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        heard = set(pool.map(other_digest, range(count)))
    check("so it is each time, also when inspectors hear of the end before clerk does",
          heard == {(400, "digest-mismatch")}, heard)
    reply = edge.ask(b"POST /v1/decisions HTTP/1.1\r\n" + HOST + CL + b"20000\r\n\r\n" +
                     b"[" * 20000)
    check("20,000 brackets for a decision: 400 or 413, not a crash",
          reply.status in (400, 413), reply)
    decisions(edge)


def decisions(edge):
    body = b'{"agreement":"telemetry-2026","name":"a.csv","facts":{}}'
    one = b"POST /v1/decisions HTTP/1.1\r\n" + HOST + CL + b"%d\r\n\r\n" % len(body) + body
    statuses, last = [], None
    with edge.dial() as sock:
        for _ in range(40):
            sock.sendall(one)
            last = wire.Reply(sock)
            statuses.append(last.status)
            if last.status == 429:
                break
    check("questions for a decision are answered", statuses[0] == 200, last)
    check("until there are too many: 429 with Retry-After", statuses[-1] == 429 and
          int(last.headers.get("retry-after", "0")) > 0, (statuses, last))


def slowness(c, edge):
    """Deadlines for heads, least rates for bodies; side by side, because each takes seconds."""
    def slow_head():
        begun = time.monotonic()
        with edge.dial() as sock:
            try:
                for byte in b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200:
                    sock.sendall(bytes([byte]))
                    time.sleep(0.1)
            except OSError:
                pass
            got, how = wire.read_all(sock)
        return responses(got), how, time.monotonic() - begun

    def silent():
        begun = time.monotonic()
        with edge.dial() as sock:
            got, how = wire.read_all(sock)
        return got, how, time.monotonic() - begun

    def no_handshake():
        import socket
        begun = time.monotonic()
        with socket.create_connection(wire.address(edge.url), 15) as sock:
            got, how = wire.read_all(sock)
        return got, how, time.monotonic() - begun

    def slow_body(name):
        begun = time.monotonic()
        with edge.dial() as sock:
            sock.sendall(PUT % name + CL + b"%d\r\n\r\n" % len(SMALL))
            try:
                for at in range(len(SMALL)):
                    sock.sendall(SMALL[at:at + 1])
                    time.sleep(0.05)
            except OSError:
                pass
            got, how = wire.read_all(sock)
        return got, how, time.monotonic() - begun

    def slow_frames():
        with edge.dial("h2") as sock:
            begun = time.monotonic()
            try:
                sock.sendall(PREFACE + frame(4, 0, 0, b"") + frame(1, 0, 1, HEADERS[:4]))
                got, how = wire.read_all(sock)
            except OSError as e:
                got, how = b"", str(e)
        return got, how, time.monotonic() - begun

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        head = pool.submit(slow_head)
        idle = pool.submit(silent)
        shake = pool.submit(no_handshake)
        body = pool.submit(slow_body, b"slow.csv")
        frames = pool.submit(slow_frames)
        found, how, took = head.result()
        check("a head that takes too long: 408 or closed at its deadline",
              how != "still open" and found in ([408], []) and took < 9, (found, how, took))
        got, how, took = idle.result()
        check("a connection without a request is closed after a while",
              how != "still open" and responses(got) in ([], [408]) and took < 12, (got, how, took))
        got, how, took = shake.result()
        check("a connection without a handshake is closed without a byte",
              got == b"" and how != "still open" and took < 12, (got, how, took))
        got, how, took = body.result()
        statuses = responses(got)
        check("a body below the least rate ends: 503 too-slow or 408",
              how != "still open" and statuses in ([503], [408]), (got[:600], how, took))
        got, how, took = frames.result()
        check("a head that stays unfinished in HTTP/2 frames is ended", how != "still open" and
              took < 12, (got, how, took))
    end = time.monotonic() + 10
    states = []
    while time.monotonic() < end:
        states = [t["state"] for t in c.request(WHO, "GET", "/v1/transfers").json["transfers"]
                  if t["name"] == "slow.csv"]
        if states == ["failed"]:
            break
        time.sleep(0.2)
    check("and its transfer failed", states == ["failed"], states)


def uploads_open(edge):
    socks = []
    try:
        for i in range(7):
            sock = edge.dial()
            socks.append(sock)
            sock.sendall(PUT % b"open-%d.csv" % i + CL + b"%d\r\nExpect: 100-continue\r\n\r\n" %
                         len(SMALL))
            sock.settimeout(15)
            got = sock.recv(8192)
            if b" 100 " not in got:
                break
        check("uploads over the partner's limit: 503 too-many-uploads", i == 6 and
              responses(got) == [503] and b"too-many-uploads" in got, (i, got[:600]))
        check("with the time to wait", b"retry-after:" in got.lower(), got[:300])
    finally:
        for sock in socks:
            sock.close()


def floods():
    """(sentence, frames, most frames the server may have answered with before it ended it)."""
    reset = struct.pack(">I", 8)
    zero = struct.pack(">I", 0)
    get = END_STREAM | END_HEADERS
    put = head(b"PUT", b"/v1/agreements/telemetry-2026/datasets/flood.csv")
    yield ("rapid reset", (frame(1, get, s, HEADERS) + frame(3, 0, s, reset) for s in odd(20000)),
           None)
    yield ("made-you-reset by a window update of 0",
           (frame(1, END_HEADERS, s, put) + frame(8, 0, s, zero) for s in odd(20000)), 4000)
    yield ("CONTINUATION of 400 bytes",
           (frame(1, END_STREAM, 1, HEADERS) if i == 0 else
            frame(9, 0, 1, literal(b"x-%d" % i, b"a" * 100) * 3) for i in range(5000)), 10)
    yield ("empty CONTINUATION", (frame(1, END_STREAM, 1, HEADERS) if i == 0 else
                                  frame(9, 0, 1, b"") for i in range(20000)), 10)
    yield ("PING", (frame(6, 0, 0, b"12345678") for _ in range(20000)), 400)
    yield ("SETTINGS", (frame(4, 0, 0, struct.pack(">HI", 4, 70000)) for _ in range(20000)), 400)
    yield ("empty DATA", (frame(1, END_HEADERS, 1, put) if i == 0 else frame(0, 0, 1, b"")
                          for i in range(20000)), 400)
    yield ("PRIORITY", (frame(2, 0, 1, struct.pack(">IB", 0, 16)) for _ in range(20000)), 400)
    yield ("window updates of one byte", (frame(8, 0, 0, struct.pack(">I", 1))
                                          for _ in range(20000)), 400)
    yield ("unknown frames", (frame(0xEE, 0, 0, b"x") for _ in range(20000)), 400)
    big = b"\x40\x01a" + b"\x7f" + b"\x9d\x1e" + b"v" * 3996  # indexed, name "a", 3996 bytes
    yield ("HPACK bomb", (frame(1, get, s, HEADERS + (big if s == 1 else b"") + b"\xbe" * 3000)
                          for s in odd(200)), 60)


def http2_floods(edge):
    for sentence, frames, most in floods():
        abuser = Abuser(edge)
        begun = time.monotonic()
        ended = abuser.flood(frames)
        took = time.monotonic() - begun
        answered = len(abuser.frames())
        check(f"{sentence} is ended by the server after {abuser.sent} units, {answered} frames "
              f"back, {took:.1f} s", ended and (most is None or answered <= most),
              (ended, abuser.ended, answered, abuser.goaway()))
        # What GOAWAY says, when the client's own flood has not cost it the answer: protocol-error,
        # internal-error (nghttp2's word for rapid reset), compression-error, enhance-your-calm.
        check(f"{sentence}: GOAWAY, if it still came through, says why",
              abuser.goaway() in (None, 1, 2, 9, 0xb), (abuser.goaway(), abuser.ended))
        abuser.close()


def http2_errors(edge):
    """Frames that break the rules of HTTP/2: the connection or the stream ends, nothing else."""
    get = END_STREAM | END_HEADERS
    cases = [
        ("a window over 2^31-1", frame(8, 0, 0, struct.pack(">I", 0x7fffffff)) * 2),
        ("DATA on stream 0", frame(0, 0, 0, b"x")),
        ("HEADERS on an even stream", frame(1, get, 2, HEADERS)),
        ("a frame over the size agreed", frame(0, 0, 1, b"x" * 20000)),
        ("PUSH_PROMISE of a client", frame(5, END_HEADERS, 1, struct.pack(">I", 2) + HEADERS)),
        ("garbage for HPACK", frame(1, get, 1, b"\xff" * 40)),
        ("a window update of 0 for the connection", frame(8, 0, 0, struct.pack(">I", 0))),
        ("SETTINGS of 5 bytes", frame(4, 0, 0, b"12345")),
        ("RST_STREAM of an idle stream", frame(3, 0, 9, struct.pack(">I", 8))),
    ]
    for sentence, sent in cases:
        abuser = Abuser(edge)
        check(f"{sentence} ends the connection", abuser.flood([sent]), abuser.frames())
        abuser.close()
    # Malformed requests: the stream is reset or answered 400; nothing is smuggled downstream.
    bad_heads = [
        ("CR LF in :path", literal(b":method", b"GET") + literal(b":scheme", b"https") +
         literal(b":authority", b"localhost") +
         literal(b":path", b"/v1 HTTP/1.1\r\nX: y\r\n\r\nGET /v1/inbox")),
        (":authority and another host", HEADERS + literal(b"host", b"elsewhere")),
        ("transfer-encoding", HEADERS + literal(b"transfer-encoding", b"chunked")),
        ("connection", HEADERS + literal(b"connection", b"close")),
        ("upper-case name", HEADERS + literal(b"X-A", b"b")),
        ("two :path", HEADERS + literal(b":path", b"/v1/inbox")),
        ("no :path", literal(b":method", b"GET") + literal(b":scheme", b"https") +
         literal(b":authority", b"localhost")),
        ("a pseudo header after a field", literal(b"a", b"b") + HEADERS),
        ("content-length that is not the length",
         head(b"PUT", b"/v1/agreements/telemetry-2026/datasets/cl.csv") +
         literal(b"content-length", b"5")),
    ]
    for sentence, block in bad_heads:
        abuser = Abuser(edge)
        body = frame(0, END_STREAM, 1, b"a,b\n1,2\n" * 4) if "length" in sentence else b""
        abuser.sock.sendall(frame(1, END_HEADERS if body else get, 1, block) + body)
        end = time.monotonic() + 10
        answer = None
        while answer is None and time.monotonic() < end:
            time.sleep(0.02)
            if abuser.ended:
                answer = 7, b""
            for kind, _, stream, payload in abuser.frames():
                if kind in (3, 7) or (kind == 1 and stream == 1):
                    answer = kind, payload
        # 0x8x of a response head: 200 is index 8 (0x88), 204 9, 206 10.
        check(f"{sentence} in HTTP/2: reset or refused", answer is not None and
              (answer[0] in (3, 7) or answer[1][:1] not in (b"\x88", b"\x89", b"\x8a")),
              (answer, abuser.ended, abuser.frames()))
        abuser.close()


def window_hold(c, edge):
    """A client that asks for a body and opens no window holds no more than one stream."""
    sent = c.push(WHO, "telemetry-2026", "held.csv", tables.telemetry(15000, seed=3))
    if not check("a dataset to be pulled crosses", sent.status in (201, 202), sent):
        return
    c.wait(WHO, sent.transfer)
    person = c.person(TO)
    tls = wire.context(os.path.join(person["profile"], "ca.pem"), person["cert"], person["key"],
                       ["h2"])
    sock = wire.dial(c.zone_of(TO)["partner_url"], tls)
    path = f"/v1/inbox/{sent.transfer}/data".encode()
    sock.sendall(PREFACE + frame(4, 0, 0, struct.pack(">HI", 4, 0)) +
                 frame(1, END_STREAM | END_HEADERS, 1, head(b"GET", path)))
    answer = c.pull(TO, sent.transfer)
    check("another pull of the same dataset goes on while a client keeps its window shut",
          answer.status == 200 and answer.body == tables.telemetry(15000, seed=3), answer.status)
    got, how = wire.read_all(sock, 25)
    sock.close()
    check("and the held one is reset, for it takes less than the least rate",
          (3, 1) in [(f[0], f[2]) for f in h2frames.split(got)] or how != "still open", (got, how))


class Others:
    """Honest transfers all the while; the attacks may slow them down but not stop them."""

    def __init__(self, c):
        self.c, self.results, self.stop = c, [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        number = 0
        while not self.stop:
            begun = time.monotonic()
            number += 1
            try:
                a = self.c.request("carmaker-sh", "GET", "/v1")
                b = self.c.push(WHO, "telemetry-2026", f"honest-{number}.csv",
                                tables.telemetry(30, seed=number))
                self.results.append((a.status, b.status, b.transfer, time.monotonic() - begun, b))
            except (OSError, ValueError) as e:
                self.results.append((0, repr(e), "", time.monotonic() - begun, None))
            time.sleep(1)

    def end(self):
        self.stop = True
        self.thread.join(60)
        bad = [r for r in self.results if r[0] != 200 or r[1] not in (201, 202)]
        check(f"all {len(self.results)} honest pushes meanwhile were taken", self.results and
              not bad, bad[:3])
        late = [r for r in self.results if r[3] > 10]
        check("none took longer than ten seconds", not late, [r[3] for r in late])
        states = {self.c.wait(WHO, r[2])["state"] for r in self.results if r[2]}
        check("and each of them settled", states == {"settled"}, states)


def restrict(c):
    path = c.map["zones"][ZONE]["config"]
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    config.update(LIMITS)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    out = c.restart(ZONE)
    if out.returncode != 0:
        raise RuntimeError(out.stdout.decode() + out.stderr.decode() + c.logs())


def main():
    with corridor.Corridor() as c:
        restrict(c)
        log = os.path.join(c.dir, ZONE, "gateway.log")
        before = wire.roles(log)
        edge = Edge(c)
        others = Others(c)
        smuggling(edge)
        target_paths(edge)
        http2_floods(edge)
        http2_errors(edge)
        slowness(c, edge)
        others.end()
        limits(c, edge)
        uploads_open(edge)
        window_hold(c, edge)
        names = [t["name"] for t in
                 c.request(WHO, "GET", "/v1/transfers?limit=500").json["transfers"]]
        check("none of the hidden requests became a transfer", "smuggled.csv" not in names, names)
        after = wire.roles(log)
        died = {k: (pid, after.get(k)) for k, pid in before.items()
                if k[0] != "inspector" and after.get(k) != pid}
        check("no role died of any of it", not died, (died, c.logs()))
        reply = c.push(WHO, "telemetry-2026", "after.csv", SMALL)
        check("and a good push is taken after it", reply.status in (201, 202), reply)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
