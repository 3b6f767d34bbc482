#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An independent writer of containers: primitives of python-cryptography, HPKE by hand.

container.py DIR          writes full-1.tdzc, full-2.tdzc (one a suite, all five records)
container.py --check DIR  makes them again and compares (TAP)

Every key and random value is SHAKE256 of a name, so that the C tests make the same."""
import hashlib
import hmac
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CHUNK = 16384
PLAIN_LEN = 3 * CHUNK + 777
NAMES = {1: b"AEAD_AES_256_GCM", 2: b"AEAD_CHACHA20_POLY1305"}
AEADS = {1: AESGCM, 2: ChaCha20Poly1305}


def shake(name, length=32):
    return hashlib.shake_256(f"tdzc-full/{name}".encode()).digest(length)


def sha256(data):
    return hashlib.sha256(data).digest()


def th(label, *parts):
    out = bytes([len(label)]) + label
    for part in parts:
        out += struct.pack(">Q", len(part)) + part
    return sha256(out)


def raw(public):
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def keyid(public):
    return sha256(b"tdz/v1/keyid\0" + public)


def sigs(kind, suite, digest, names):
    out = bytes([len(names)])
    for name in names:
        key = Ed25519PrivateKey.from_private_bytes(shake(name))
        sig = key.sign(b"tdz/v1/sig/" + kind + b"\0" + bytes([suite]) + digest)
        out += b"\1" + keyid(raw(key.public_key())) + struct.pack(">H", len(sig)) + sig
    return out


def mth(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:]))


def body(suite, dek, salt, offer_hash, plain):
    info = (b"c2sp.org/chunked-encryption@v1+" + NAMES[suite] + b"\0" + salt + b"tdz/v1\0"
            + offer_hash)
    okm = HKDFExpand(hashes.SHA512(), 76, info).derive(dek)
    key, base, commit = okm[:32], okm[32:44], okm[44:]
    chunks = []
    for k in range(len(plain) // CHUNK + 1):
        nonce = bytes(a ^ b for a, b in zip(base, k.to_bytes(12, "big")))
        chunks.append(AEADS[suite](key).encrypt(nonce, plain[k * CHUNK:(k + 1) * CHUNK], b""))
    root = mth([sha256(b"\0" + c) for c in chunks])
    return salt + commit, chunks, root


# HPKE, RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
KEM_ID = b"KEM" + struct.pack(">H", 0x20)
SUITE_ID = b"HPKE" + struct.pack(">HHH", 0x20, 1, 3)


def extract(suite_id, salt, label, ikm):
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite_id + label + ikm, "sha256").digest()


def expand(suite_id, prk, label, info, length):
    full = struct.pack(">H", length) + b"HPKE-v1" + suite_id + label + info
    return HKDFExpand(hashes.SHA256(), length, full).derive(prk)


def hpke_seal(ephemeral, public, info, text, psk=b"", psk_id=b""):
    enc = raw(ephemeral.public_key())
    dh = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    prk = extract(KEM_ID, b"", b"eae_prk", dh)
    shared = expand(KEM_ID, prk, b"shared_secret", enc + public, 32)
    context = (bytes([1 if psk else 0]) + extract(SUITE_ID, b"", b"psk_id_hash", psk_id)
               + extract(SUITE_ID, b"", b"info_hash", info))
    secret = extract(SUITE_ID, shared, b"secret", psk)
    key = expand(SUITE_ID, secret, b"key", context, 32)
    nonce = expand(SUITE_ID, secret, b"base_nonce", context, 12)
    return enc, ChaCha20Poly1305(key).encrypt(nonce, text, b"")


def wrap(name, dek, offer_hash, seal_hash, verdict, psk):
    public = raw(X25519PrivateKey.from_private_bytes(shake(name)).public_key())
    info = (b"tdz/v1/dek\0" + offer_hash + seal_hash + th(b"tdz/v1/verdict", verdict)
            + keyid(public))
    psk_id = shake("psk_id") if psk else bytes(32)
    ephemeral = X25519PrivateKey.from_private_bytes(shake(f"ephemeral/{name}"))
    enc, ct = hpke_seal(ephemeral, public, info, dek, *((shake("psk"), psk_id) if psk else ()))
    return (struct.pack(">HHHB", 0x20, 1, 3, 1 if psk else 0) + keyid(public) + psk_id
            + struct.pack(">H", len(enc)) + enc + struct.pack(">H", len(ct)) + ct)


def record(kind, data):
    return struct.pack(">BBHQ", kind, 0, 0, len(data)) + data


def container(suite):
    dek, salt = shake(f"dek/{suite}"), shake(f"salt/{suite}", 24)
    transfer = shake(f"transfer/{suite}", 16)
    manifest = json.dumps({"dst": "cn-lingang", "src": "my-cyberjaya", "suite": suite,
                           "transfer": transfer.hex()}, separators=(",", ":")).encode()
    offer_hash = th(b"tdz/v1/offer", manifest)
    offer = struct.pack(">I", len(manifest)) + manifest + sigs(b"offer", suite, offer_hash,
                                                               ["gateway"])
    plain = shake(f"plain/{suite}", PLAIN_LEN)
    prefix, chunks, root = body(suite, dek, salt, offer_hash, plain)
    head = (bytes([1, suite, 0, 0]) + offer_hash + prefix
            + struct.pack(">QQ", len(chunks), len(plain)) + root + struct.pack(">Q", 1795316340))
    seal_hash = th(b"tdz/v1/seal", head)
    seal = head + sigs(b"seal", suite, seal_hash, ["gateway", "second"][:suite])
    verdict = json.dumps({"decided_at": 1795316341, "decision": "allow"},
                         separators=(",", ":")).encode()
    # suite 2: one recipient in mode base, one in mode psk
    recipients = [("recipient", False), ("recipient/psk", True)][:suite]
    head = (bytes([1, suite]) + struct.pack(">H", len(recipients)) + seal_hash
            + struct.pack(">I", len(verdict)) + verdict)
    for name, psk in recipients:
        head += wrap(name, dek, offer_hash, seal_hash, verdict, psk)
    release_hash = th(b"tdz/v1/release", head)
    release = head + sigs(b"release", suite, release_hash, ["release"])
    head = (bytes([1, suite]) + struct.pack(">H", 3) + transfer + seal_hash + release_hash
            + struct.pack(">QQ", 1795316342, 41) + sha256(b"cn-lingang/gw1/2026h2")
            + sha256(b"\0a leaf"))
    receipt = head + sigs(b"receipt", suite, th(b"tdz/v1/receipt", head), ["destination"])
    return (b"TDZC" + bytes([1, suite, 0, 0]) + record(1, offer)
            + record(2, prefix + b"".join(chunks)) + record(3, seal) + record(4, release)
            + record(5, receipt))


def main(args):
    checking = args[:1] == ["--check"]
    folder = args[-1]
    failed = 0
    for suite in (1, 2):
        path = f"{folder}/full-{suite}.tdzc"
        made = container(suite)
        if not checking:
            with open(path, "wb") as f:
                f.write(made)
            continue
        with open(path, "rb") as f:
            good = f.read() == made
        failed += not good
        print(f"{'ok' if good else 'not ok'} {suite} - full-{suite}.tdzc is what the oracle makes")
    if checking:
        print("1..2")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
