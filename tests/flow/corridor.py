# SPDX-License-Identifier: Apache-2.0
"""A running corridor for flow tests: sandbox up, requests as any person of it, sandbox down.

Uses only the tools' public commands and plain HTTPS. TAP is printed through `check`.
"""
import http.client
import json
import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

FINAL = ("settled", "delivered", "denied", "failed", "expired")
done = 0
failed = 0
guard = threading.Lock()  # cases of one test may run side by side


def check(sentence, ok, detail=""):
    global done, failed
    with guard:
        done += 1
        failed += 0 if ok else 1
        print(f"{'ok' if ok else 'not ok'} {done} - {sentence}", flush=True)
        if not ok and detail != "":
            for line in str(detail).splitlines()[:20]:
                print(f"#   {line}", flush=True)
    return bool(ok)


def finish():
    print(f"1..{done}", flush=True)
    sys.exit(1 if failed or done == 0 else 0)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def transfer(self):
        return self.headers.get("tdz-transfer", "")

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:600]!r}"


bases = set()


def free_base():
    """A base for the ports of a sandbox, far from the default and from other tests': a gateway that
    is restarted must find its ports again."""
    for _ in range(200):
        base = random.randrange(20000, 32000, 40)
        if base in bases:
            continue
        bases.add(base)
        socks = []
        try:
            for offset in range(40):
                socks.append(socket.create_server(("127.0.0.1", base + offset)))
            return base
        except OSError:
            continue
        finally:
            for sock in socks:
                sock.close()
    raise RuntimeError("no free ports")


class Corridor:
    """`with Corridor() as c:`; c.kept is the folder when keep=True or a check failed."""

    def __init__(self, build=None, third=False, agreements=None, policies=None, env=None,
                 port=None):
        self.build = os.path.abspath(build or os.environ.get("TDZ_BUILD", "build"))
        self.dir = tempfile.mkdtemp(prefix="tdz-flow-")
        self.third = third
        self.agreements = agreements
        self.policies = policies
        self.env = dict(os.environ, **(env or {}))
        self.port = port or free_base()

    def tool(self, *args, program="tdz", **kwargs):
        kwargs.setdefault("timeout", 120)
        return subprocess.run([os.path.join(self.build, "tools", program), *args],
                              capture_output=True, env=self.env, check=False, **kwargs)

    def up(self, *more):
        args = ["sandbox", "up", self.dir, *more]
        if self.third:
            args += ["--third"]
        args += ["--port", str(self.port)]
        if self.agreements:
            args += ["--agreements", self.agreements]
        if self.policies:
            args += ["--policies", self.policies]
        out = self.tool(*args)
        if out.returncode != 0:
            raise RuntimeError(f"sandbox up: {out.returncode}\n{out.stdout.decode()}"
                               f"{out.stderr.decode()}\n{self.logs()}")
        with open(os.path.join(self.dir, "corridor.json"), encoding="utf-8") as f:
            self.map = json.load(f)
        return self

    def down(self, *more):
        return self.tool("sandbox", "down", self.dir, *more)

    def restart(self, zone):
        return self.tool("sandbox", "restart", self.dir, zone)

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        self.down()
        if failed:
            print(f"# kept: {self.dir}", flush=True)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self, lines=15):
        text = ""
        for root, _, files in os.walk(self.dir):
            if "gateway.log" in files:
                with open(os.path.join(root, "gateway.log"), encoding="utf-8") as f:
                    text += f"--- {root}\n" + "".join(f.readlines()[-lines:])
        return text

    def person(self, name):
        for group in ("partners", "operators", "auditors"):
            if name in self.map[group]:
                return self.map[group][name]
        raise KeyError(name)

    def zone_of(self, name):
        return self.map["zones"][self.person(name)["zone"]]

    def context(self, name, cert=None, key=None, ca=None):
        person = self.person(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(ca or os.path.join(person["profile"], "ca.pem"))
        context.load_cert_chain(cert or person["cert"], key or person["key"])
        return context

    def request(self, who, method, path, body=None, headers=None, url="partner_url", timeout=90):
        address = urllib.parse.urlparse(self.zone_of(who)[url])
        connection = http.client.HTTPSConnection(address.hostname, address.port, timeout=timeout,
                                                 context=self.context(who))
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def push(self, who, agreement, name, body, facts=None, **headers):
        heads = {k.replace("_", "-"): v for k, v in headers.items()}
        if facts is not None:
            import base64
            heads["Tdz-Facts"] = base64.urlsafe_b64encode(
                json.dumps(facts).encode()).decode().rstrip("=")
        path = f"/v1/agreements/{agreement}/datasets/{urllib.parse.quote(name)}"
        return self.request(who, "PUT", path, body=body, headers=heads)

    def state(self, who, transfer):
        return self.request(who, "GET", f"/v1/transfers/{transfer}").json

    def wait(self, who, transfer, states=FINAL, seconds=60):
        end = time.monotonic() + seconds
        found = self.state(who, transfer)
        while found["state"] not in states and time.monotonic() < end:
            time.sleep(0.2)
            found = self.state(who, transfer)
        return found

    def inbox(self, who):
        return self.request(who, "GET", "/v1/inbox?limit=500").json["transfers"]

    def pull(self, who, transfer, **headers):
        return self.request(who, "GET", f"/v1/inbox/{transfer}/data",
                            headers={k.replace("_", "-"): v for k, v in headers.items()})

    def audit(self, *paths, trust=True):
        args = ["verify", "--json"]
        if trust:
            args += ["--trust", self.map["trust"]]
        out = self.tool(*args, *paths, program="tdz-audit")
        return out.returncode, json.loads(out.stdout) if out.stdout else {}

    def audit_running(self, *paths):
        """Logs (both, unless named) while they grow: a cosignature follows its checkpoint by a
        round trip, and nothing but its absence is waited out."""
        paths = paths or [zone["log_dir"] for zone in self.map["zones"].values()]
        end = time.monotonic() + 15
        while True:
            code, found = self.audit(*paths)
            waits = {f["code"] for f in found.get("failures", [])} == {"quorum"}
            if not waits or time.monotonic() > end:
                return code, found
            time.sleep(0.2)
