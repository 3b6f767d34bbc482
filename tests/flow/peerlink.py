# SPDX-License-Identifier: Apache-2.0
"""A peer's link in a test's own hand: requests over the corridor with that peer's certificate, and
parcels, proofs and checkpoints made from its log folder, right or wrong."""
import base64
import hashlib
import os
import struct

import h2.config
import h2.connection
import h2.events
import h2.exceptions

import invariants
import wire


class PeerLink:
    """HTTP/2 requests as zone to the peer listener of another zone."""

    def __init__(self, c, zone, to):
        own = os.path.join(c.dir, zone)
        self.tls = wire.context(os.path.join(c.dir, to, "ca", "ca.pem"),
                                os.path.join(own, "tls", "cert.pem"),
                                os.path.join(own, "keys", "tls.key"), ["h2"])
        self.url = c.map["zones"][to]["peer_url"]

    def request(self, method, path, body=b"", seconds=30):
        """(status, body) of one request on a connection of its own; (0, how it ended)."""
        link = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        status, answer, over = 0, b"", ""
        with wire.dial(self.url, self.tls, seconds) as sock:
            link.initiate_connection()
            link.send_headers(1, [(":method", method), (":scheme", "https"),
                                  (":authority", "localhost"), (":path", path),
                                  ("tdz-corridor", "1-1"), ("content-length", str(len(body))),
                                  ("content-type", "application/octet-stream")],
                              end_stream=not body)
            sent = 0
            while not over:
                while sent < len(body) and link.local_flow_control_window(1) > 0:
                    size = min(link.local_flow_control_window(1), link.max_outbound_frame_size,
                               len(body) - sent)
                    link.send_data(1, body[sent:sent + size], end_stream=sent + size == len(body))
                    sent += size
                try:
                    sock.sendall(link.data_to_send())
                    got = sock.recv(65536)
                except OSError as e:
                    return status, str(e).encode()
                if not got:
                    return status, answer or b"closed"
                try:
                    events = link.receive_data(got)
                except h2.exceptions.ProtocolError as e:  # the server ended it meanwhile
                    return status, answer or str(e).encode()
                for event in events:
                    if isinstance(event, h2.events.ResponseReceived):
                        status = int(dict(event.headers)[":status"])
                    elif isinstance(event, h2.events.DataReceived):
                        answer += event.data
                        link.acknowledge_received_data(event.flow_controlled_length, 1)
                    elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset,
                                            h2.events.ConnectionTerminated)):
                        over = type(event).__name__
        return status, answer


# -- the tree (RFC 6962 2.1) ------------------------------------------------------------------

def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def _split(count):
    return 1 << (count - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def inclusion(at, leaves):
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if at < k:
        return inclusion(at, leaves[:k]) + [root(leaves[k:])]
    return inclusion(at - k, leaves[k:]) + [root(leaves[:k])]


def consistency(old, leaves, whole=True):
    if old == 0:
        return []
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    k = _split(len(leaves))
    if old <= k:
        return consistency(old, leaves[:k], whole) + [root(leaves[k:])]
    return consistency(old - k, leaves[k:], False) + [root(leaves[:k])]


# -- what is signed and sent ------------------------------------------------------------------

def b64(data):
    return base64.b64encode(data).decode()


def checkpoint(origin, leaves, seed, name=None, spoil=False, key_of=None):
    """A signed note about leaves; name, key_of: of the key that the line claims to be by."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    name = name or origin

    def public(of):
        return Ed25519PrivateKey.from_private_bytes(of).public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    text = f"{origin}\n{len(leaves)}\n{b64(root(leaves))}\n"
    key = hashlib.sha256(f"{name}\n".encode() + b"\1" + public(key_of or seed)).digest()[:4]
    sig = bytearray(Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode()))
    if spoil:
        sig[5] ^= 1
    return f"{text}\n\u2014 {name} {b64(key + bytes(sig))}\n"


def proof(index, path, note):
    return ("c2sp.org/tlog-proof@v1\n" + f"index {index}\n" +
            "".join(f"{b64(h)}\n" for h in path) + "\n" + note).encode()


def _vec(data):
    return struct.pack(">I", len(data)) + data


def parcel(record, entry, proof_text, old_size=0, hashes=(), kind=1, line=b""):
    return struct.pack(">HB", 1, kind) + _vec(record) + _vec(entry) + _vec(proof_text) + \
        struct.pack(">Q", old_size) + _vec(b"".join(hashes)) + _vec(line)


class Log:
    """The published log of a zone, to prove from."""

    def __init__(self, c, zone):
        folder = c.map["zones"][zone]["log_dir"]
        self.entries = invariants.entries(folder)
        self.leaves = [leaf_hash(leaf) for leaf, _ in self.entries]
        with open(os.path.join(folder, "checkpoint"), encoding="utf-8") as f:
            self.note = f.read()
        self.origin = self.note.split("\n")[0]
        with open(os.path.join(c.dir, zone, "keys", "log.key"), "rb") as f:
            self.seed = f.read()

    def decision(self, transfer):
        """(index, exact bytes) of the decision about transfer."""
        return next((i, leaf) for i, (leaf, e) in enumerate(self.entries)
                    if e.get("transfer") == transfer and e["kind"] == "decision")

    def prove(self, index, note=None, leaves=None):
        return proof(index, inclusion(index, leaves or self.leaves), note or self.note)
