# SPDX-License-Identifier: Apache-2.0
"""A gateway's partner listener as http-api.md describes it, for tests of the tools: TLS 1.3 with
client certificate, HTTP/1.1, answers chosen by the agreement's or the transfer's name. What was
asked is kept in `seen`."""
import base64
import hashlib
import http.server
import json
import ssl
import threading

DATA = bytes(range(256)) * 4096
DENY = {
    "verdict": "deny", "reason": "forbidden", "obligations": {}, "policies": [],
    "record": "sha256:" + "0" * 64,
    "rules": [{"id": "my-export/r7", "effect": "forbid", "cite": ["PDPA 2010 s.129"],
               "why": {"en": "Health records of minors stay.", "ms": "m", "zh": "z"}},
              {"id": "my-export/r9", "effect": "permit", "cite": ["PDPA 2010 s.4"],
               "why": {"en": "No personal data.", "ms": "m", "zh": "z"}}],
}
# One fact of each source in the vocabulary that comes with the product, as a gateway names them:
# what it did not know (all in unknown), then what was sent and does not count.
HELPS = ["catalogue_code", "count.pi.after", "dataset.rows", "evidence.notice.days_left",
         "exporter.ciio", "from", "labels", "newer.fact", "purpose"]
USELESS = ["basis", "coverage", "exporter.ncii"]
IGNORED = ["my.gov", "nonsense\x1b[31m"]
DENY["unknown"] = sorted(HELPS + USELESS)
DENY["missing"] = [{"fact": name, "would_help": name in HELPS} for name in DENY["unknown"]] + [
    {"fact": name, "would_help": False} for name in IGNORED]


def transfer(ident, state, **more):
    return {"id": ident, "state": state, "agreement": "open-data", "name": "prices.csv",
            "direction": "export", "from": "my-cyberjaya", "to": "cn-lingang",
            "recipient": "lab-shanghai", "created": "2026-11-22T02:19:00Z",
            "updated": "2026-11-22T02:19:01Z", "bytes": len(DATA), "decision": {},
            "import_decision": None, "root": "ab" * 32,
            "log": {"origin": "my-cyberjaya/gw1/2026h2", "index": 7}, "peer_log": None, **more}


def problem(status, code, detail="the detail", **more):
    return {"type": f"urn:tdz:problem:{code}", "title": code, "status": status, "code": code,
            "detail": detail, "retryable": status >= 500,
            "message": {"en": f"English for {code}.", "ms": "m", "zh": "z"}, **more}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value=None, headers=(), body=None):
        kind = "application/problem+json" if status >= 400 else "application/json"
        if body is None:
            body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def note(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.server.before_body:
            self.server.before_body()
        body = self.rfile.read(length)
        self.server.seen.append({
            "method": self.command, "path": self.path, "headers": dict(self.headers), "body": body,
            "subject": self.connection.getpeercert()["subjectAltName"][0][1],
            "version": self.connection.version()})
        return body

    def do_PUT(self):
        self.note()
        agreement = self.path.split("/")[3]
        ident = hashlib.md5(agreement.encode()).hexdigest()
        named = [("Tdz-Transfer", ident), ("Location", f"/v1/transfers/{ident}")]
        if agreement == "open-data":
            self.answer(201, transfer(ident, "settled"), named)
        elif agreement == "slow":
            self.answer(202, transfer("5" * 32, "forwarding"), [("Tdz-Transfer", "5" * 32)])
        elif agreement == "telemetry-2026":
            observed = {"columns": [{"name": "#3", "declared": "business",
                                     "observed": "sensitive_personal", "type": "mykad"}]}
            self.answer(403, problem(403, "denied", decision=DENY, observed=observed), named[:1])
        elif agreement == "breaks":
            self.close_connection = True
            self.connection.close()
        elif agreement == "hostile":
            self.answer(403, problem(403, "denied", decision={
                **DENY, "reason": "\x1b[31mred\x07"}), named[:1])
        else:
            status = {"too-large": 413, "log-unavailable": 503, "bad-name": 400}[agreement]
            detail = f"English for {agreement}." if agreement == "too-large" else "the detail"
            self.answer(status, problem(status, agreement, detail), [("Retry-After", "5")])

    def do_POST(self):
        body = self.note()
        if self.path.endswith("/ack"):
            self.answer(204)
            return
        verdict = {"open-data": "allow", "oncology-2026": "hold"}.get(
            json.loads(body)["agreement"], "deny")
        self.answer(200, {**DENY, "verdict": verdict})

    def do_GET(self):
        self.note()
        parts = self.path.split("/")
        if self.path.startswith("/v1/transfers?idempotency_key="):
            self.answer(200, {"transfers": [transfer("6" * 32, "forwarding")]})
        elif self.path.startswith("/v1/inbox?"):
            self.inbox_page()
        elif parts[2] == "inbox" and self.path.endswith("/data"):
            self.data(parts[3])
        elif parts[2] == "inbox":
            name = {"9" * 32: "../../evil", "8" * 32: "wrong.csv"}.get(parts[3], "prices.csv")
            self.answer(200, transfer(parts[3], "settled", name=name))
        elif self.path.endswith("/receipt"):
            self.receipt(parts[3])
        else:
            self.status(parts[3])

    def inbox_page(self):
        if "since=2" in self.path:
            self.answer(200, {"transfers": [transfer("2" * 32, "delivered")]})
        else:
            self.answer(200, {"transfers": [transfer("1" * 32, "settled")]},
                        [("Link", '</v1/inbox?since=2&limit=500>; rel="next"')])

    def data(self, ident):
        digest = hashlib.sha256(DATA if ident != "8" * 32 else b"other").digest()
        headers = [] if ident == "7" * 32 else [
            ("Repr-Digest", f"sha-256=:{base64.b64encode(digest).decode()}:")]
        self.answer(200, headers=headers, body=DATA)

    def receipt(self, ident):
        if ident == "3" * 32:
            self.answer(503, problem(503, "proof-pending"), [("Retry-After", "2")])
        else:
            self.answer(200, {"format": "tdz.evidence/1", "transfer": ident})

    def status(self, ident):
        if ident == "5" * 32:
            waits = sum("wait=" in s["headers"].get("Prefer", "") for s in self.server.seen)
            self.answer(200, transfer(ident, "settled" if waits >= 2 else "forwarding"))
        elif ident == "4" * 32:
            self.answer(200, transfer(ident, "denied", import_decision=DENY))
        elif ident == "0" * 32:
            self.answer(404, problem(404, "not-found"))
        else:
            self.answer(200, transfer(ident, "held"))


def start(cert, key, client_ca):
    """A running double; its address is in `.url`, requests in `.seen`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(cert, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["http/1.1"])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    server.handle_error = lambda *_: None
    server.seen = []
    server.before_body = None
    server.url = f"https://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
