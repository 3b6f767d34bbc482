# SPDX-License-Identifier: Apache-2.0
"""Bytes on a TLS connection, for tests that must send what no HTTP library would."""
import os
import socket
import ssl
import subprocess
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIMEOUT_S = 15


def address(url):
    parts = urllib.parse.urlparse(url)
    return parts.hostname, parts.port


def context(ca, cert=None, key=None, alpn=None, newest=ssl.TLSVersion.TLSv1_3):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.minimum_version = min(newest, ssl.TLSVersion.TLSv1_3)
    c.maximum_version = newest
    c.load_verify_locations(ca)
    if cert is not None:
        c.load_cert_chain(cert, key)
    if alpn is not None:
        c.set_alpn_protocols(alpn)
    return c


def dial(url, tls, timeout=TIMEOUT_S):
    """A TLS connection to url, handshake done."""
    plain = socket.create_connection(address(url), timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return tls.wrap_socket(plain, server_hostname=address(url)[0])
    except Exception:
        plain.close()
        raise


def read_all(sock, seconds=TIMEOUT_S):
    """Everything until the other side ends; (bytes, how it ended)."""
    got = b""
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        if left <= 0:
            return got, "still open"
        sock.settimeout(left)
        try:
            part = sock.recv(65536)
        except (socket.timeout, ssl.SSLWantReadError):
            return got, "still open"
        except ssl.SSLError as e:
            return got, e.reason or str(e)
        except OSError as e:
            return got, type(e).__name__
        if not part:
            return got, "closed"
        got += part


class Reply:
    """One HTTP/1.1 response read from a socket."""

    def __init__(self, sock, seconds=TIMEOUT_S, method="GET"):
        self.sock = sock
        self.end = time.monotonic() + seconds
        self.rest = b""
        self.interim = []
        while True:
            head = self.until(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            self.status = int(lines[0].split(" ")[1])
            self.headers = {k.lower(): v.strip() for k, v in
                            (line.split(":", 1) for line in lines[1:] if line)}
            if self.status >= 200:
                break
            self.interim.append(self.status)
        self.body = b""
        if method == "HEAD" or self.status in (204, 304):
            return
        if self.headers.get("transfer-encoding") == "chunked":
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                self.body += self.exactly(size + 2)[:-2]
                if size == 0:
                    return
        self.body = self.exactly(int(self.headers.get("content-length", "0")))

    def more(self):
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("no complete answer")
        self.sock.settimeout(left)
        part = self.sock.recv(65536)
        if not part:
            raise ConnectionError(f"ended in the middle of an answer: {self.rest[:200]!r}")
        self.rest += part

    def until(self, mark):
        while mark not in self.rest:
            self.more()
        part, self.rest = self.rest.split(mark, 1)
        return part

    def exactly(self, count):
        while len(self.rest) < count:
            self.more()
        part, self.rest = self.rest[:count], self.rest[count:]
        return part

    @property
    def transfer(self):
        return self.headers.get("tdz-transfer", "")

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:600]!r}"


def bad_certificates(corridor, zone, role, name):
    """The folder bad/ of certs-example/make.sh, made with the authorities of the corridor."""
    out = os.path.join(corridor.dir, "made", f"{zone}-{role}-{name}")
    for each in corridor.map["zones"]:
        os.makedirs(os.path.join(out, each))
        for part in ("ca.pem", "ca.key"):
            with open(os.path.join(corridor.dir, each, "ca", part), "rb") as f, \
                    open(os.path.join(out, each, part), "wb") as g:
                g.write(f.read())
    env = dict(os.environ, BAD_ONLY="1", BAD_ZONE=zone, BAD_ROLE=role, BAD_NAME=name)
    subprocess.run(["sh", os.path.join(ROOT, "certs-example", "make.sh"), out], check=True, env=env,
                   capture_output=True)
    return os.path.join(out, "bad")


def roles(log_path):
    """(role, index) -> pid of the roles as the gateway's own log tells last."""
    import json
    found = {}
    with open(log_path, encoding="utf-8") as f:
        for line in f:
            if not line.startswith("{") or not line.endswith("\n"):
                continue
            event = json.loads(line)
            if event["event"] == "role-ready":
                found[(event["child"], event["child_index"])] = event["pid"]
    return found
