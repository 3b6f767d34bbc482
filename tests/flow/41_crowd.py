#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""All connections of a gateway taken by clients that never say who they are: partners come in all
the same, and a partner that is in is not sent away for a newcomer."""
import os
import socket
import sys

import corridor
import register
import tables
import wire
from corridor import check

ZONE, WHO = "my-cyberjaya", "hospital-kl"
ROOM = 12
# Silence alone ends no connection while this test runs.
PATIENT = {"header_ms": 600000, "idle_ms": 600000}
ASK = b"GET /v1/inbox HTTP/1.1\r\nHost: localhost\r\n\r\n"


def silent(c, count):
    """Connections that send nothing."""
    socks = []
    for _ in range(count):
        sock = socket.create_connection(wire.address(c.map["zones"][ZONE]["partner_url"]), 30)
        socks.append(sock)
    return socks


def opened(c):
    """A connection of WHO on which nothing was asked."""
    person = c.person(WHO)
    tls = wire.context(os.path.join(person["profile"], "ca.pem"), person["cert"], person["key"],
                       ["http/1.1"])
    return wire.dial(c.zone_of(WHO)["partner_url"], tls, 60)


def known(c):
    """A connection of WHO that has been answered once, so that the gateway knows who it is."""
    sock = opened(c)
    sock.sendall(ASK)
    return sock, wire.Reply(sock).status


def strangers(c):
    held = silent(c, 2 * ROOM)
    answer = c.push(WHO, "telemetry-2026", "past.csv", tables.telemetry(20, seed=1))
    check("a partner comes past more silent connections than there is room for",
          answer.status in (200, 201, 202), answer)
    check("and its dataset settles", c.wait(WHO, answer.transfer)["state"] == "settled",
          c.logs())
    check("the operator's log says that handshakes were given up for it",
          "connection-shed" in c.logs(4000), c.logs())
    return held


def partners(c):
    inside = [known(c) for _ in range(ROOM)]
    check("as many connections of a partner as there is room for are answered",
          [status for _, status in inside] == [200] * ROOM, [status for _, status in inside])
    held = silent(c, ROOM)
    late = silent(c, 1)[0]
    late.settimeout(2.5)
    try:
        said = late.recv(1)
    except TimeoutError:
        said = None
    check("a newcomer waits when everybody inside is known", said is None, said)
    statuses = []
    for sock, _ in inside:
        sock.sendall(ASK)
        statuses.append(wire.Reply(sock).status)
    check("none of those inside was sent away for it", statuses == [200] * ROOM, statuses)
    for sock, _ in inside:
        sock.close()
    answer = c.push(WHO, "telemetry-2026", "next.csv", tables.telemetry(20, seed=2))
    check("when they leave, the next partner comes in", answer.status in (200, 201, 202), answer)
    return held + [late]


def share(c):
    """Half of the room is one partner's."""
    inside = [known(c) for _ in range(ROOM // 2)]
    sock, status = known(c)
    check("a connection beyond a partner's share is answered 429", status == 429, status)
    sock.settimeout(20)
    rest = sock.recv(4096)
    check("and closed", rest == b"", rest)
    mute = opened(c)
    mute.settimeout(20)
    rest = mute.recv(4096)
    check("one that asks nothing is closed as well", rest == b"", rest)
    check("the operator's log names the partner", '"party":"hospital-kl"' in
          "".join(line for line in c.logs(4000).splitlines() if "connection-surplus" in line),
          c.logs())
    answer = c.request("op-my-1", "GET", "/v1")
    check("others come in meanwhile", answer.status == 200, answer)
    statuses = []
    for sock, _ in inside:
        sock.sendall(ASK)
        statuses.append(wire.Reply(sock).status)
    check("and those it has go on", statuses == [200] * len(inside), statuses)
    inside.pop()[0].close()
    sock, status = known(c)
    check("when one of them is closed, the next is answered", status == 200, status)
    return [sock] + [sock for sock, _ in inside]


def main():
    with corridor.Corridor() as c:
        register.configure(c, ZONE, limits={"connections": ROOM}, timeouts=PATIENT)
        c.restart(ZONE)
        held = strangers(c)
        for sock in held:
            sock.close()
        held = partners(c)
        for sock in held:
            sock.close()
        register.configure(c, ZONE, limits={"connections": ROOM,
                                            "connections_per_party": ROOM // 2})
        c.restart(ZONE)
        held = share(c)
        for sock in held:
            sock.close()
    corridor.finish()


if __name__ == "__main__":
    sys.exit(main())
