#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may speak: every bad certificate and every other way of not being somebody, at each listener,
gets the documented alert (from the handshake) or the documented problem (from HTTP)."""
import json
import os
import socket
import ssl
import subprocess
import sys

import corridor
import wire
from corridor import check

ALERTS = {  # the name in http-api.md and certs-example/README.md -> OpenSSL's reason
    "certificate_required": "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "certificate_expired": "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "certificate_revoked": "SSLV3_ALERT_CERTIFICATE_REVOKED",
    "bad_certificate": "SSLV3_ALERT_BAD_CERTIFICATE",
    "unsupported_certificate": "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "unknown_ca": "TLSV1_ALERT_UNKNOWN_CA",
    "protocol_version": "TLSV1_ALERT_PROTOCOL_VERSION",
}
UNKNOWN, ROLE, GOOD = (403, "identity-unknown"), (403, "role-not-allowed"), (200, None)
EXPECTED = {  # each file of bad/
    "expired": "certificate_expired", "not-yet-valid": "bad_certificate",
    "other-ca-leaf": "unknown_ca", "other-zone-ca": "unknown_ca", "self-signed": "unknown_ca",
    "issuer-not-ca": "unknown_ca", "eku-server": "unsupported_certificate",
    "other-zone-san": UNKNOWN, "san-none": UNKNOWN, "san-no-uri": UNKNOWN,
    "san-two-uris": UNKNOWN, "san-uri-twice": UNKNOWN, "san-upper-case": UNKNOWN,
    "san-escape": UNKNOWN, "san-query": UNKNOWN, "san-slash": UNKNOWN, "san-userinfo": UNKNOWN,
    "san-http": UNKNOWN, "role-unknown": UNKNOWN,
    # One good URI; DNS names name nobody. Without a revocation list nobody is revoked.
    "san-1000": GOOD, "revoked": GOOD,
}
# listener -> (whose certificates, url, a path its own role may ask, the files of another role)
LISTENERS = {
    "partner": (("my-cyberjaya", "partner", "hospital-kl"), "partner_url", "/v1", ["role-peer"]),
    "desk": (("my-cyberjaya", "operator", "op-my-1"), "desk_url", "/metrics",
             ["role-peer", "role-partner"]),
    "peer": (("cn-lingang", "peer", "gw1"), "peer_url", "/corridor/v1/hello", ["role-partner"]),
}
ZONE = "my-cyberjaya"


def meet(url, tls, path, wants_http):
    """What the server says: the reason of its alert, or (status, problem code)."""
    try:
        sock = wire.dial(url, tls)
    except ssl.SSLError as e:
        return e.reason
    except OSError as e:
        return type(e).__name__
    with sock:
        if wants_http:
            try:
                sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                reply = wire.Reply(sock)
            except ssl.SSLError as e:
                return e.reason
            except OSError as e:
                return f"{type(e).__name__} {e}"
            code = None
            if reply.headers.get("content-type") == "application/problem+json":
                problem = json.loads(reply.body)
                code = problem["code"]
                if set(problem["message"]) != {"en", "ms", "zh"} or \
                        problem["type"] != "urn:tdz:problem:" + code:
                    return f"not a problem of ours: {problem}"
            return reply.status, code
        got, how = wire.read_all(sock)
        return how if not got else got


def listener(c, name):
    (zone, role, who), url_name, path, others = LISTENERS[name]
    folder = wire.bad_certificates(c, zone, role, who)
    url = c.map["zones"][ZONE][url_name]
    ca = c.map["zones"][ZONE]["ca"]
    expected = dict(EXPECTED)
    for file in ("role-peer", "role-partner"):
        expected[file] = ROLE if file in others else GOOD
    made = sorted(f[:-4] for f in os.listdir(folder)
                  if f.endswith(".pem") and os.path.exists(os.path.join(folder, f[:-4] + ".key")))
    check(f"{name}: every bad certificate of make.sh is in the table of this test",
          made == sorted(expected), sorted(set(made) ^ set(expected)))
    for file in made:
        wanted = expected[file]
        tls = wire.context(ca, os.path.join(folder, file + ".pem"),
                           os.path.join(folder, file + ".key"))
        is_http = isinstance(wanted, tuple)
        got = meet(url, tls, path, is_http)
        ok = got == wanted if is_http else got == ALERTS[wanted]
        check(f"{name}: certificate {file}: {wanted if not is_http else wanted[1] or 'accepted'}",
              ok, f"{got}, not {wanted}")
    others_of(c, name, url, ca, os.path.join(folder, "revoked"), path)


def others_of(c, name, url, ca, good, path):
    """What is wrong is not the certificate."""
    def check_alert(sentence, tls, alert):
        got = meet(url, tls, path, False)
        check(f"{name}: {sentence}: {alert}", got == ALERTS[alert], got)

    check_alert("no certificate", wire.context(ca), "certificate_required")
    pair = (good + ".pem", good + ".key")
    check_alert("TLS 1.2", wire.context(ca, *pair, newest=ssl.TLSVersion.TLSv1_2),
                "protocol_version")
    # Python's ssl has no name for this alert.
    host, port = wire.address(url)
    out = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", ca,
                          "-cert", pair[0], "-key", pair[1], "-alpn", "spdy/3,http/1.0"],
                         stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20)
    check(f"{name}: no common protocol: no_application_protocol",
          b"alert no application protocol" in out.stderr + out.stdout, out.stderr)
    for sentence, sent in (("cleartext HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                           ("the preface of cleartext HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                           ("noise", bytes(range(128, 256)) * 4)):
        with socket.create_connection(wire.address(url), wire.TIMEOUT_S) as sock:
            sock.sendall(sent)
            got, how = wire.read_all(sock)
        check(f"{name}: {sentence} is closed without a byte",
              got == b"" and how in ("closed", "ConnectionResetError"), (got, how))
    alpn = wire.context(ca, *pair, alpn=["h2", "http/1.1"])
    with wire.dial(url, alpn) as sock:
        check(f"{name}: offers h2 first, over TLS 1.3",
              (sock.selected_alpn_protocol(), sock.version()) == ("h2", "TLSv1.3"),
              (sock.selected_alpn_protocol(), sock.version()))
    del c


def roles_on_partner_listener(c):
    """Right certificates at the wrong address."""
    for who, method, path in (
            ("op-my-1", "PUT", "/v1/agreements/open-data/datasets/a.csv"),
            ("auditor-my", "PUT", "/v1/agreements/open-data/datasets/a.csv"),
            ("auditor-my", "POST", "/v1/decisions"),
            ("op-my-1", "GET", "/v1/inbox"),
            ("hospital-kl", "GET", "/log/checkpoint")):
        body = b"a,b\n1,2\n" if method != "GET" else None
        answer = c.request(who, method, path, body=body)
        code = answer.json.get("code") if answer.body else None
        check(f"{who} may not {method} {path}: role-not-allowed",
              (answer.status, code) == ROLE, answer)
        check(f"and no transfer came of {who}'s {method} {path}", answer.transfer == "", answer)


def unregistered(c):
    """A certificate of the zone's authority whose name no operator has signed for."""
    folder = wire.bad_certificates(c, ZONE, "partner", "clinic-nobody-knows")
    tls = wire.context(c.map["zones"][ZONE]["ca"], os.path.join(folder, "revoked.pem"),
                       os.path.join(folder, "revoked.key"))
    with wire.dial(c.map["zones"][ZONE]["partner_url"], tls) as sock:
        sock.sendall(b"PUT /v1/agreements/open-data/datasets/a.csv HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: 8\r\n\r\na,b\n1,2\n")
        reply = wire.Reply(sock)
    check("a name that is in no register: identity-unknown",
          reply.status == 403 and json.loads(reply.body)["code"] == "identity-unknown", reply)


def revoked(c):
    """With a revocation list the revoked is out, and everyone else stays in."""
    folder = os.path.join(c.dir, "made",
                          "my-cyberjaya-partner-hospital-kl", "bad")
    path = c.map["zones"][ZONE]["config"]
    with open(path, encoding="utf-8") as f:
        config = json.load(f)
    config["files"]["crl"] = os.path.join(folder, "crl.pem")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    out = c.restart(ZONE)
    check("the gateway starts with a revocation list", out.returncode == 0,
          out.stderr + c.logs().encode())
    url, ca = c.map["zones"][ZONE]["partner_url"], c.map["zones"][ZONE]["ca"]
    tls = wire.context(ca, os.path.join(folder, "revoked.pem"), os.path.join(folder, "revoked.key"))
    got = meet(url, tls, "/v1", False)
    check("partner: certificate revoked: certificate_revoked",
          got == ALERTS["certificate_revoked"], got)
    answer = c.request("hospital-kl", "GET", "/v1")
    check("and a partner that is not on the list is served", answer.status == 200, answer)
    answer = c.request("op-my-1", "GET", "/metrics", url="desk_url")
    check("and so is an operator at the desk", answer.status == 200, answer)


def main():
    with corridor.Corridor() as c:
        log = os.path.join(c.dir, ZONE, "gateway.log")
        before = wire.roles(log)
        for name in LISTENERS:
            listener(c, name)
        roles_on_partner_listener(c)
        unregistered(c)
        check("no role died of any of it", wire.roles(log) == before, c.logs())
        answer = c.request("hospital-kl", "GET", "/v1")
        check("and a good certificate is still welcome", answer.status == 200, answer)
        revoked(c)
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
