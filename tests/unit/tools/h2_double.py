# SPDX-License-Identifier: Apache-2.0
"""The same double over HTTP/2: python3-h2 frames in front of TLS, a few paths, flow control."""
import base64
import hashlib
import json
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions

import gateway_double as double


class Connection:
    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.bodies, self.asked, self.sending = {}, {}, {}
        self.refused = set()

    def run(self):
        self.h2.initiate_connection()
        self.sock.sendall(self.h2.data_to_send())
        while True:
            data = self.sock.recv(65536)
            if not data:
                return
            for event in self.h2.receive_data(data):
                self.handle(event)
            self.pump()
            self.sock.sendall(self.h2.data_to_send())

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.asked[event.stream_id] = dict(event.headers)
            self.bodies[event.stream_id] = hashlib.sha256()
            if "telemetry" in self.asked[event.stream_id][":path"]:
                self.refused.add(event.stream_id)
                self.answer(event.stream_id, 403, double.problem(403, "denied",
                                                                 decision=double.DENY))
                if "resets" in self.asked[event.stream_id][":path"]:
                    self.h2.reset_stream(event.stream_id, 0)
        elif isinstance(event, h2.events.DataReceived):
            self.bodies[event.stream_id].update(event.data)
            if event.stream_id in self.h2.streams and not \
                    self.h2.streams[event.stream_id].closed:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.complete(event.stream_id)

    def complete(self, stream):
        asked = self.asked[stream]
        if stream in self.refused:
            return
        path, digest = asked[":path"], self.bodies[stream].hexdigest()
        self.server.seen.append((asked[":method"], path, digest))
        if path.endswith("/data"):
            value = base64.b64encode(hashlib.sha256(double.DATA).digest()).decode()
            self.h2.send_headers(stream, [(":status", "200"),
                                          ("repr-digest", f"sha-256=:{value}:")])
            self.sending[stream] = memoryview(double.DATA)
        elif "idempotency_key" in path:
            self.answer(stream, 200, {"transfers": [double.transfer("4" * 32, "denied")]})
        elif path.endswith("4" * 32):
            self.answer(stream, 200, double.transfer("4" * 32, "denied", decision=double.DENY))
        elif path.endswith("/ack"):
            self.h2.send_headers(stream, [(":status", "204")], end_stream=True)
        else:
            status = 201 if asked[":method"] == "PUT" else 200
            self.answer(stream, status, double.transfer("1" * 32, "settled"))

    def answer(self, stream, status, value):
        body = json.dumps(value).encode()
        self.h2.send_headers(stream, [(":status", str(status)), ("content-type",
                                                                 "application/json")])
        self.h2.send_data(stream, body, end_stream=True)

    def pump(self):
        for stream, left in list(self.sending.items()):
            while left:
                room = min(self.h2.local_flow_control_window(stream),
                           self.h2.max_outbound_frame_size)
                if room == 0:
                    break
                self.h2.send_data(stream, bytes(left[:room]), end_stream=room >= len(left))
                left = left[room:]
            self.sending[stream] = left
            if not left:
                del self.sending[stream]


class Server:
    """A running double of HTTP/2; its address is in `.url`, requests in `.seen`."""

    def __init__(self, cert, key, client_ca):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(cert, key)
        self.context.load_verify_locations(client_ca)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.set_alpn_protocols(["h2"])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.seen = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            sock = self.listener.accept()[0]
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            with self.context.wrap_socket(sock, server_side=True) as tls:
                Connection(self, tls).run()
        except (OSError, h2.exceptions.ProtocolError):
            pass
