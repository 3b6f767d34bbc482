#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A dataset that contradicts its declaration never becomes readable in the other zone, whatever
the client does with timing, chunking or the connection; and nothing of what it holds is told."""
import base64
import concurrent.futures
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import corridor
import tables
import wire
from corridor import check

WHO, TO = "hospital-kl", "lab-shanghai"
AGREEMENT = "telemetry-2026"
PEOPLE = tables.hospital(120, seed=8)
LATE = (tables.telemetry(30000, seed=2) +
        b"880412-14-5566,temperature,21.00,C,2026-11-01T00:00:00Z\n" * 40)

answers = []  # everything any answer said
guard = threading.Lock()


def heard(text):
    with guard:
        answers.append(text if isinstance(text, bytes) else repr(text).encode())


class Client:
    """One raw HTTP/1.1 request of WHO."""

    def __init__(self, c, name, agreement=AGREEMENT, **headers):
        person = c.person(WHO)
        tls = wire.context(os.path.join(person["profile"], "ca.pem"), person["cert"],
                           person["key"], ["http/1.1"])
        self.sock = wire.dial(c.zone_of(WHO)["partner_url"], tls, 60)
        self.head = (f"PUT /v1/agreements/{agreement}/datasets/{name} HTTP/1.1\r\n"
                     "Host: localhost\r\n")
        for key, value in headers.items():
            self.head += f"{key.replace('_', '-')}: {value}\r\n"

    def begin(self, length=None, expect=False):
        self.head += f"Content-Length: {length}\r\n" if length is not None else \
            "Transfer-Encoding: chunked\r\n"
        self.head += "Expect: 100-continue\r\n" if expect else ""
        self.sock.sendall((self.head + "\r\n").encode())
        return self

    def send(self, *parts, pause=0):
        for part in parts:
            self.sock.sendall(part)
            if pause:
                time.sleep(pause)
        return self

    def answer(self, seconds=60):
        with self.sock:
            try:
                reply = wire.Reply(self.sock, seconds)
            except (OSError, ConnectionError) as e:
                return e
        heard(reply)
        return reply

    def fin(self):
        """TCP's end without TLS's."""
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def goodbye(self):
        """TLS's end, in order: close_notify, then the answer is still read."""
        self.sock.settimeout(20)
        try:
            self.sock.unwrap()
        except OSError:
            pass
        self.sock.close()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def parts(data, count):
    step = max(1, len(data) // count)
    return [data[i:i + step] for i in range(0, len(data), step)]


# Each way: a function of (corridor, name, data); what it returns is an answer that must be a
# refusal, or None when the client did not stay to hear one.

def whole(c, name, data):
    return Client(c, name).begin(len(data)).send(data).answer()


def one_byte_chunks(c, name, data):
    data = data[:9000]
    data = data[:data.rindex(b"\n") + 1]
    return Client(c, name).begin().send(*(chunk(data[i:i + 1]) for i in range(len(data))),
                                        b"0\r\n\r\n").answer()


def one_byte_writes(c, name, data):
    data = data[:6000]
    data = data[:data.rindex(b"\n") + 1]
    return Client(c, name).begin(len(data)).send(
        *(data[i:i + 1] for i in range(len(data)))).answer()


def ragged_chunks(c, name, data):
    rng = random.Random(3)
    pieces, at = [], 0
    while at < len(data):
        step = rng.choice([1, 2, 3, 7, 100, 4096])
        pieces.append(chunk(data[at:at + step]))
        at += step
    return Client(c, name).begin().send(*pieces, b"0\r\n\r\n").answer()


def chunks_with_trailers(c, name, data):
    return Client(c, name).begin().send(chunk(data), b"0\r\nX-Class: business\r\n\r\n").answer()


def slow(c, name, data):
    return Client(c, name).begin(len(data)).send(*parts(data, 12), pause=0.5).answer()


def slow_last_byte(c, name, data):
    return Client(c, name).begin(len(data)).send(data[:-1], pause=6).send(data[-1:]).answer()


def expect_and_wait(c, name, data):
    client = Client(c, name).begin(len(data), expect=True)
    client.sock.settimeout(20)
    got = client.sock.recv(4096)
    if b" 100 " not in got:
        return got
    return client.send(data).answer()


def expect_and_not_wait(c, name, data):
    return Client(c, name).begin(len(data), expect=True).send(data).answer()


def cut_in_the_middle_fin(c, name, data):
    Client(c, name).begin(len(data)).send(data[:len(data) // 2], pause=0.3).fin()


def cut_in_the_middle_reset(c, name, data):
    Client(c, name).begin(len(data)).send(data[:len(data) // 2], pause=0.3).reset()


def cut_in_the_middle_goodbye(c, name, data):
    Client(c, name).begin(len(data)).send(data[:len(data) // 2], pause=0.3).goodbye()


def cut_in_a_chunk(c, name, data):
    Client(c, name).begin().send(chunk(data[:-500])[:-60], pause=0.3).fin()


def cut_before_the_last_chunk(c, name, data):
    Client(c, name).begin().send(chunk(data), pause=0.3).goodbye()


def gone_after_the_last_byte_fin(c, name, data):
    Client(c, name).begin(len(data)).send(data).fin()


def gone_after_the_last_byte_reset(c, name, data):
    Client(c, name).begin(len(data)).send(data).reset()


def gone_after_the_last_byte_goodbye(c, name, data):
    Client(c, name).begin(len(data)).send(data).goodbye()


def gone_after_the_last_chunk(c, name, data):
    Client(c, name).begin().send(chunk(data), b"0\r\n\r\n").fin()


def not_asked_to_wait(c, name, data):
    reply = Client(c, name, Prefer="respond-async").begin(len(data)).send(data).answer()
    return None if getattr(reply, "status", 0) == 202 else reply


def a_good_one_behind_it(c, name, data):
    good = (b"GET /v1/inbox HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return Client(c, name).begin(len(data)).send(data + good).answer()


def curl(c, name, data, *args):
    person = c.person(WHO)
    url = c.zone_of(WHO)["partner_url"] + f"/v1/agreements/{AGREEMENT}/datasets/{name}"
    out = subprocess.run(
        ["curl", "-sS", "--max-time", "60", "--cacert", os.path.join(person["profile"], "ca.pem"),
         "--cert", person["cert"], "--key", person["key"], "-T", "-", "-D", "-", *args, url],
        input=data, capture_output=True, check=False, env={"PATH": os.environ["PATH"]})
    heard(out.stdout)
    final = out.stdout.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    final = re.sub(rb"^(HTTP/2 100 ?\r\n\r\n)+", b"", final)
    if out.returncode != 0 or b"\r\n\r\n" not in final:
        return out.stdout + out.stderr
    head, body = final.split(b"\r\n\r\n", 1)
    reply = object.__new__(wire.Reply)
    reply.status = int(head.split(b" ")[1])
    reply.headers = {k.decode().lower(): v.strip().decode() for k, v in
                     (line.split(b":", 1) for line in head.split(b"\r\n")[1:])}
    reply.body = body
    return reply


def curl_http11(c, name, data):
    return curl(c, name, data, "--http1.1")


def curl_http2(c, name, data):
    return curl(c, name, data, "--http2")


def curl_http2_slow(c, name, data):
    return curl(c, name, data, "--http2", "--limit-rate", "4k")


class Http2:
    """An HTTP/2 request in frames of our own choice."""

    def __init__(self, c, name):
        import h2.config
        import h2.connection
        import h2.events
        self.events = h2.events
        person = c.person(WHO)
        tls = wire.context(os.path.join(person["profile"], "ca.pem"), person["cert"],
                           person["key"], ["h2"])
        self.sock = wire.dial(c.zone_of(WHO)["partner_url"], tls, 60)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.h2.send_headers(1, [(":method", "PUT"), (":scheme", "https"),
                                 (":authority", "localhost"),
                                 (":path", f"/v1/agreements/{AGREEMENT}/datasets/{name}")])
        self.headers, self.body, self.over = {}, b"", False
        self.flush()

    def flush(self):
        out = self.h2.data_to_send()
        if out:
            self.sock.sendall(out)

    def pump(self, seconds=60):
        self.sock.settimeout(seconds)
        got = self.sock.recv(65536)
        if not got:
            self.over = True
        for e in self.h2.receive_data(got) if got else []:
            if isinstance(e, self.events.ResponseReceived):
                self.headers = dict(e.headers)
            elif isinstance(e, self.events.DataReceived):
                self.body += e.data
                self.h2.acknowledge_received_data(e.flow_controlled_length, 1)
            elif isinstance(e, (self.events.StreamEnded, self.events.StreamReset,
                                self.events.ConnectionTerminated)):
                self.over = True
        self.flush()

    def send(self, data, step, end=True):
        for at in range(0, len(data), step):
            piece = data[at:at + step]
            while not self.over and self.h2.local_flow_control_window(1) < len(piece):
                self.pump()
            if self.over:
                return self
            self.h2.send_data(1, piece, end_stream=end and at + step >= len(data))
            self.flush()
        return self

    def answer(self):
        while not self.over:
            self.pump()
        self.sock.close()
        reply = object.__new__(wire.Reply)
        reply.status = int(self.headers.get(":status", 0))
        reply.headers, reply.body = self.headers, self.body
        heard(reply)
        return reply


def h2_small_frames(c, name, data):
    return Http2(c, name).send(data, 31).answer()


def h2_end_apart(c, name, data):
    client = Http2(c, name).send(data, 9000, end=False)
    time.sleep(1)
    if not client.over:
        client.h2.end_stream(1)
        client.flush()
    return client.answer()


def h2_reset_after_the_last_byte(c, name, data):
    client = Http2(c, name).send(data, 9000)
    client.h2.reset_stream(1, 8)
    client.flush()
    client.sock.close()


def h2_cut_in_the_middle(c, name, data):
    Http2(c, name).send(data[:len(data) // 2], 4000, end=False).sock.close()


WAYS = [whole, one_byte_chunks, one_byte_writes, ragged_chunks, chunks_with_trailers, slow,
        slow_last_byte, expect_and_wait, expect_and_not_wait, cut_in_the_middle_fin,
        cut_in_the_middle_reset, cut_in_the_middle_goodbye, cut_in_a_chunk,
        cut_before_the_last_chunk, gone_after_the_last_byte_fin, gone_after_the_last_byte_reset,
        gone_after_the_last_byte_goodbye, gone_after_the_last_chunk, not_asked_to_wait,
        a_good_one_behind_it, curl_http11, curl_http2, curl_http2_slow, h2_small_frames,
        h2_end_apart, h2_reset_after_the_last_byte, h2_cut_in_the_middle]


def is_refusal(answer):
    if not isinstance(answer, wire.Reply) or answer.status != 403:
        return False
    problem = json.loads(answer.body)
    return problem["code"] == "denied" and problem["decision"]["verdict"] == "deny"


def every_way(c):
    def run(way):
        try:
            return way(c, f"{way.__name__}.csv", PEOPLE)
        except OSError as e:
            return e
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for way, answer in zip(WAYS, pool.map(run, WAYS)):
            said = way.__name__.replace("_", " ")
            if answer is None:
                continue
            check(f"{said}: refused", is_refusal(answer), answer)


def refusal(c):
    """What a refusal tells: columns, rules, articles; in three languages."""
    answer = whole(c, "told.csv", PEOPLE)
    if not check("a table of patients declared as telemetry is denied", is_refusal(answer), answer):
        return
    problem = json.loads(answer.body)
    rules = problem["decision"]["rules"]
    check("the refusal names the rule", any(r["effect"] == "forbid" and "contradicted" in r["id"]
                                           for r in rules), rules)
    check("and the articles it rests on", all(r["cite"] for r in rules), rules)
    check("and says why in three languages",
          all(set(r["why"]) == {"en", "ms", "zh"} and all(r["why"].values()) for r in rules), rules)
    transfer = c.wait(WHO, answer.transfer)
    columns = [col for col in transfer["observed"]["columns"] if col["observed"]]
    check("the transfer names the columns that contradict, by ordinal where not declared",
          any(col["type"] == "mykad" and re.fullmatch(r"#\d+", col["name"]) for col in columns),
          transfer["observed"])
    check("with what was declared and what was seen",
          all("declared" in col and col["observed"] for col in columns), columns)


def late(c):
    """A long good beginning hides nothing, and an unreadable form is not a way round."""
    import gzip
    for name, data in (("late.csv", LATE), ("utf16.csv", PEOPLE.decode().encode("utf-16")),
                       ("packed.csv", gzip.compress(PEOPLE)),
                       ("noise.csv", os.urandom(60000)),
                       ("quoted.csv", b"\n".join(b",".join(b'"%s"' % cell for cell in
                                                          row.split(b","))
                                                for row in PEOPLE.splitlines()) + b"\n"),
                       ("crlf.csv", PEOPLE.replace(b"\n", b"\r\n"))):
        answer = Client(c, name).begin(len(data)).send(data).answer()
        check(f"{name} under telemetry-2026: refused", is_refusal(answer), answer)


def repeated(c):
    """Keys and copies do not turn a refusal into anything else."""
    key = "hostile-1"
    first = Client(c, "key.csv", Idempotency_Key=key).begin(len(PEOPLE)).send(PEOPLE).answer()
    again = Client(c, "key.csv", Idempotency_Key=key).begin(len(PEOPLE)).send(PEOPLE).answer()
    check("the same request under the same key is refused the same",
          is_refusal(first) and is_refusal(again) and again.transfer == first.transfer and
          again.headers.get("idempotency-replayed") == "true", (first, again))
    clean = tables.telemetry(100)
    other = Client(c, "key.csv", Idempotency_Key=key).begin(len(clean)).send(clean).answer()
    check("another dataset under the key of a refused one: 422",
          getattr(other, "status", 0) == 422, other)

    def copy(_):
        try:
            return Client(c, "copies.csv", Idempotency_Key="hostile-2").begin(
                len(PEOPLE)).send(*parts(PEOPLE, 5), pause=0.1).answer()
        except OSError as e:
            return e
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        copies = list(pool.map(copy, range(8)))
    refused = [a for a in copies if is_refusal(a)]
    check("of copies at the same time under one key there is one transfer, and it is refused",
          len({a.transfer for a in refused}) == 1 and
          all(is_refusal(a) or getattr(a, "status", 0) == 409 for a in copies), copies)

    def double(_):
        return whole(c, "double.csv", PEOPLE)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        doubles = list(pool.map(double, range(6)))
    check("pushes of the same bytes at the same time are each refused",
          all(is_refusal(a) for a in doubles), doubles)


def nothing_arrived(c, good):
    """No transfer but the good ones is anything but denied or failed, and none is in the inbox."""
    listed = []
    end = time.monotonic() + 30
    while time.monotonic() < end:
        listed = c.request(WHO, "GET", "/v1/transfers?limit=500").json["transfers"]
        if all(t["state"] in corridor.FINAL for t in listed):
            break
        time.sleep(0.3)
    bad = [t for t in listed if t["id"] not in good]
    check("the pushes are listed", len(bad) >= len(WAYS), len(bad))
    wrong = [(t["name"], t["state"]) for t in bad if t["state"] not in ("denied", "failed")]
    check("every one of them is denied or failed", not wrong, wrong)
    inbox = {t["id"] for t in c.inbox(TO)}
    check("the recipient's inbox holds the good datasets and nothing else", inbox == good,
          inbox ^ good)
    got = {c.pull(TO, t["id"]).status for t in bad[:12]}
    check("and a refused one cannot be pulled by its id", got == {404}, got)
    left = []
    for zone in c.map["zones"]:
        folder = os.path.join(c.map["zones"][zone]["state_dir"], "spool")
        for f in os.listdir(folder):
            if any(t["id"] in f for t in bad):
                left.append(f)
    check("no sealed body of a refused dataset is kept in either zone", not left, left)


def private_table():
    """A personal table without a header; every cell is found nowhere else. (bytes, cells)"""
    rng = random.Random(77)
    rows = []
    for i in range(60):
        number, _, _ = tables.mykad(rng)
        word = ["".join(rng.choice("bcdfghjklmnpqrstvwxz") for _ in range(9)) for _ in range(4)]
        rows.append([number, f"{word[0].title()} {word[1].title()}", tables.prc_id(rng),
                     f"+6011{rng.randint(10000000, 99999999)}", f"{word[2]}.{i}@{word[3]}.my",
                     f"{rng.randint(1, 99)} Jalan {word[3].title()} {rng.randint(10000, 99999)}"])
    return "".join(",".join(row) + "\r\n" for row in rows).encode(), [x for r in rows for x in r]


def forms(cells):
    """Every way a cell could be written down: as it is, digits only, case, base64, hexadecimal."""
    found = set()
    for cell in cells:
        digits = re.sub(r"\D", "", cell)
        for text in {cell, cell.lower(), cell.upper(), digits if len(digits) >= 8 else cell}:
            raw = text.encode()
            found |= {raw, raw.hex().encode(), raw.hex().upper().encode()}
            for shift in range(3):  # the middle of base64 at each alignment
                coded = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0:]
                if len(coded) >= 14:
                    found.add(coded[:len(coded) - 4])
        for word in cell.split():
            if len(word) >= 9:
                found.add(word.encode())
    return sorted(found)


def grep(needles, where):
    """Files below where that hold a needle, and how many files and bytes there are."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(b"\n".join(needles))
        f.flush()
        out = subprocess.run(["grep", "-rlaF", "-f", f.name, where], capture_output=True,
                             check=False, env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
    files = [os.path.join(root, name) for root, _, names in os.walk(where) for name in names]
    size = sum(os.path.getsize(path) for path in files if os.path.exists(path))
    return out.stdout.decode().splitlines(), len(files), size


def places(c):
    for zone in c.map["zones"].values():
        yield zone["state_dir"]
        yield zone["log_dir"]
        yield os.path.dirname(zone["config"])  # gateway.log, pid; holds both folders too


def metrics(c):
    text = b""
    for zone in c.map["zones"].values():
        for path in ("/metrics", "/healthz/live", "/healthz/ready", "/healthz/startup"):
            try:
                with urllib.request.urlopen(zone["plain_url"] + path, timeout=20) as f:
                    text += f.read()
            except urllib.error.HTTPError as e:
                text += e.read()
    return text


def secrets(c):
    """A header-less personal CSV leaves no cell behind, neither while it is sent nor after."""
    data, cells = private_table()
    needles = forms(cells)
    with tempfile.TemporaryDirectory() as probe:
        for i, cell in enumerate(cells):
            with open(os.path.join(probe, str(i)), "wb") as f:
                f.write(b"{\"x\":\"" + cell.encode() + b"\"}")
        found, _, _ = grep(needles, probe)
        check("the search finds each cell where it is", len(found) == len(cells), len(found))
    del answers[:]
    client = Client(c, "no-header.csv", "open-data").begin(len(data)).send(data[:-1])
    time.sleep(1.5)
    found, _, _ = grep(needles, c.dir)
    check("while it is sent no cell of it is in any file", not found, found)
    refused = client.send(data[-1:]).answer()
    check("a personal table without a header is refused as open data", is_refusal(refused), refused)
    for agreement in ("telemetry-2026", "oncology-2026", "weights-2026"):
        Client(c, "no-header.csv", agreement).begin(len(data)).send(data).answer()
    cut = Client(c, "cut.csv", "open-data").begin(len(data)).send(data[:len(data) // 2], pause=0.2)
    cut.fin()
    for transfer in [t["id"] for t in
                     c.request(WHO, "GET", "/v1/transfers?limit=500").json["transfers"]]:
        for path in (f"/v1/transfers/{transfer}", f"/v1/transfers/{transfer}/receipt"):
            heard(c.request(WHO, "GET", path).body)
    heard(c.request(WHO, "GET", "/v1/transfers?limit=500").body)
    heard(c.request(TO, "GET", "/v1/inbox").body)
    heard(metrics(c))
    for name, url in (("op-my-1", "desk_url"), ("op-cn-1", "desk_url")):
        heard(c.request(name, "GET", "/metrics", url=url).body)
    time.sleep(1)
    for place in places(c):
        found, files, size = grep(needles, place)
        check(f"no cell of it is in {os.path.relpath(place, c.dir)} "
              f"({files} files, {size // 1024} KiB)", not found and files > 0, found)
    with tempfile.TemporaryDirectory() as said:
        with open(os.path.join(said, "answers"), "wb") as f:
            f.write(b"\n".join(answers))
        found, _, size = grep(needles, said)
    check(f"no cell of it is in any answer or metric ({size // 1024} KiB)",
          not found and size > 1000, [n for n in needles if n in b"\n".join(answers)][:3])


def main():
    with corridor.Corridor() as c:
        clean = tables.telemetry(500, seed=5)
        good = set()
        answer = c.push(WHO, AGREEMENT, "good.csv", clean)
        if check("a table that is what it says crosses", answer.status in (201, 202), answer):
            good.add(answer.transfer)
            state = c.wait(WHO, answer.transfer)
            check("and settles", state["state"] == "settled", state)
        refusal(c)
        every_way(c)
        late(c)
        repeated(c)
        secrets(c)
        # An agreement under which a person table may cross declares it; it is not among these.
        nothing_arrived(c, good)
        answer = c.push(WHO, AGREEMENT, "good-again.csv", clean + clean[30:])
        check("a good table still crosses after all that", answer.status in (201, 202), answer)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
