#!/usr/bin/env python3
"""Health agent of a Triplicate machine: says over mutual TLS how the machine is, and takes it out of service.

GET  /member              this machine by its own checks, without asking anyone
GET  /health              this machine, with the quorum of its role; ?forming=allowed accepts a cluster being made
GET  /health/data-center  ?members=a,b[&forming=allowed][&cluster=x,y][&wait=seconds]: many machines, asked one by one;
                          a bad answer has status 503, which clients retry; with wait, the agent itself asks again for
                          that long, and a bad answer then has status 424, which clients read
GET  /metrics             for Prometheus; a program in metrics.d that fails is left out, and named
GET  /leave               how far leaving is
POST /leave               (operator only) run the leave steps, once
"""

import argparse
import json
import os
import signal
import socket
import socketserver
import ssl
import sys
import threading
import time
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from health_agent.cluster import BadRequest, Health, Peers, tls_context
from health_agent.local import Answer, Checks, Leave, Programs, cause, log, plain
from health_agent.metrics import Metrics

HANDSHAKE_SECONDS = 10.0
REQUEST_SECONDS = 15.0  # for each read and write, and for an idle connection
CONNECTIONS = 256
WAIT_SECONDS = 3600
ASK_AGAIN_SECONDS = 3  # while someone waits: each question runs every check of every machine
OPERATOR = "operator"


class Server(ThreadingHTTPServer):
    """One thread per connection; the handshake belongs to that thread, so a silent client blocks nobody."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, health: Health, metrics: Metrics) -> None:
        self.context, self.health, self.metrics = context, health, metrics
        self.slots = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without looking up our own name: the base class asks the resolver, which may hang at boot."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands and serve, in the connection's own thread."""
        if not self.slots.acquire(blocking=False):
            return log(f"refused {client_address[0]}: {CONNECTIONS} connections are open")
        try:
            request.settimeout(HANDSHAKE_SECONDS)
            with self.context.wrap_socket(request, server_side=True) as secured, suppress(ConnectionError):
                Handler(secured, client_address, self)
        except OSError as error:
            log(f"refused {client_address[0]}: {cause(error)}")
        finally:
            self.slots.release()


class Handler(BaseHTTPRequestHandler):
    """Turns requests into answers of `Health`, `Metrics` and `Leave`."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "triplicate", ""
    timeout = REQUEST_SECONDS
    disable_nagle_algorithm = True
    error_content_type = "application/json"
    error_message_format = '{"error": "%(code)d"}'

    def do_GET(self) -> None:
        """Answer a question; nothing changes by being asked, except that forming may be noticed."""
        url = urlsplit(self.path)
        query = {key: [name for name in values[-1].split(",") if name] for key, values in parse_qs(url.query).items()}
        forming, health = query.get("forming") == ["allowed"], self.server.health
        good = {"healthy", "forming"} if forming else {"healthy"}
        try:
            if url.path == "/member":
                self.reply(200, health.member())
            elif url.path == "/health":
                answer = health.health()
                self.reply(200 if answer["status"] in good else 503, answer)
            elif url.path == "/health/data-center":
                deadline = time.monotonic() + seconds(query)
                question = (query.get("members", []), query.get("cluster", []), forming)
                while time.monotonic() < deadline and health.member()["status"] != "healthy":
                    time.sleep(ASK_AGAIN_SECONDS)  # the others need not be asked as long as this machine is not well
                while (answer := health.data_center(*question))["status"] not in good and time.monotonic() < deadline:
                    time.sleep(ASK_AGAIN_SECONDS)
                bad = 424 if "wait" in query else 503
                self.reply(200 if answer["status"] in good else bad, answer)
            elif url.path == "/metrics":
                self.reply(200, self.server.metrics.text())
            elif url.path == "/leave":
                self.reply(200, health.leave.progress)
            else:
                self.reply(404, {"error": "no such path"})
        except BadRequest as error:
            self.reply(400, {"error": str(error)})

    def do_POST(self) -> None:
        """Begin to leave, for the operator only. The body is not read, so the connection ends here."""
        self.close_connection = True
        subject = dict(pair for names in self.connection.getpeercert()["subject"] for pair in names)
        if urlsplit(self.path).path != "/leave":
            self.reply(404, {"error": "no such path"})
        elif subject.get("commonName") != OPERATOR:
            log(f"refused {self.client_address[0]}: {plain(subject.get('commonName', '?'))} may not make it leave")
            self.reply(403, {"error": f"only the certificate of '{OPERATOR}' may make a machine leave"})
        else:
            state = self.server.health.leave.start()
            self.reply(200 if state == "left" else 202, {"state": state})

    def reply(self, status: int, answer: Answer | str) -> None:
        """Send JSON, or metrics as they are."""
        is_text = isinstance(answer, str)
        body = (answer if is_text else json.dumps(answer) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4" if is_text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing about requests: refusals and changes of state are logged where they happen."""


def seconds(query: dict[str, list[str]]) -> int:
    """Read how long a caller wants to wait: an hour at most."""
    value = "".join(query.get("wait", ["0"]))
    if not value.isdecimal() or int(value) > WAIT_SECONDS:
        raise BadRequest(f"wait is {plain(value)}, allowed: seconds from 0 to {WAIT_SECONDS}")
    return int(value)


def notify_ready() -> None:
    """Tell systemd, where it started us, that we listen: until then the machine is not set up."""
    if name := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.connect(name)
            systemd.sendall(b"READY=1")


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, default=Path("/"))  # prefix of every path
    parser.add_argument("--listen", default="0.0.0.0")  # noqa: S104 -- mutual TLS
    parser.add_argument("--routes", type=Path)  # JSON: where to dial instead of each address
    parser.add_argument("--checks", type=Path)  # instead of /etc/triplicate/health.d
    parser.add_argument("--leave-steps", type=Path)  # instead of /etc/triplicate/leave.d
    options = parser.parse_args()
    root, own, programs = options.root, options.root / "etc/triplicate", Programs()
    machine = json.loads((own / "machine.json").read_text())
    tls, address = root / "run/triplicate/tls", (options.listen, machine["port"])
    checks = Checks(options.checks or own / "health.d", programs)
    leave = Leave(options.leave_steps or own / "leave.d", root / "run/triplicate/leave.json", programs)
    peers = Peers(machine["port"], tls, options.routes)
    health = Health(machine, root / "var/lib/triplicate/formed", checks, leave, peers)
    context = tls_context(ssl.PROTOCOL_TLS_SERVER, tls)
    metrics = Metrics(tls / "machine.pem", health, Checks(own / "metrics.d", programs))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with closing(programs), Server(address, context, health, metrics) as server, suppress(KeyboardInterrupt):
        log(f"{machine['name']} answers on {options.listen}:{machine['port']}")
        notify_ready()
        server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError) as problem:
        sys.exit(f"cannot start: {type(problem).__name__}: {problem}")
