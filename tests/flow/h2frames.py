# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames of one's own making, and a client that floods a server with them."""
import socket
import ssl
import struct
import threading
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def literal(name, value):
    """A header field without indexing, new name (RFC 7541 6.2.2); lengths below 127."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def head(method=b"GET", path=b"/v1"):
    return literal(b":method", method) + literal(b":scheme", b"https") + \
        literal(b":authority", b"localhost") + literal(b":path", path)


HEADERS = head()
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def split(data):
    """(type, flags, stream, payload) of each whole or cut frame in data."""
    found, at = [], 0
    while at + 9 <= len(data):
        size = int.from_bytes(data[at:at + 3], "big")
        found.append((data[at + 3], data[at + 4], int.from_bytes(data[at + 5:at + 9], "big"),
                      data[at + 9:at + 9 + size]))
        at += 9 + size
    return found


class Abuser:
    """Sends frames as fast as they are taken while a thread reads what comes back."""

    def __init__(self, edge):
        self.sock = edge.dial("h2")
        self.got = bytearray()
        self.ended = None
        self.sent = 0
        self.sock.sendall(PREFACE + frame(4, 0, 0, b""))
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while True:
            try:
                self.sock.settimeout(20)
                part = self.sock.recv(65536)
            except (ssl.SSLError, OSError) as e:
                self.ended = type(e).__name__
                return
            if not part:
                self.ended = "closed"
                return
            self.got += part

    def flood(self, frames, pause_every=200):
        """True if the server ended it before all frames were taken, or within five seconds."""
        for f in frames:
            try:
                self.sock.sendall(f)
            except (ssl.SSLError, OSError):
                break
            self.sent += 1
            if self.sent % pause_every == 0:
                time.sleep(0.002)
            if self.ended:
                break
        self.thread.join(5)
        return self.ended is not None

    def frames(self):
        return split(bytes(self.got))

    def goaway(self):
        for kind, _, _, payload in self.frames():
            if kind == 7 and len(payload) >= 8:
                return int.from_bytes(payload[4:8], "big")
        return None

    def close(self):
        """The reader ends first: its descriptor's number must not become another connection's."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(25)
        self.sock.close()


def odd(count):
    return range(1, 2 * count, 2)
