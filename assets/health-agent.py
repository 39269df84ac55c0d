#!/usr/bin/env python3
"""Health agent of a Triplicate machine: says over mutual TLS how the machine is, and takes it out of service.

GET  /member              this machine by its own checks, without asking anyone
GET  /health              this machine, with the quorum of its role; ?forming=allowed accepts a cluster being made
GET  /health/data-center  ?members=a,b[&forming=allowed][&cluster=x,y][&wait=seconds]: many machines, asked one by one;
                          a bad answer has status 503, which clients retry; with wait, the agent itself asks again for
                          that long, and a bad answer then has status 424, which clients read
GET  /leave               how far leaving is
POST /leave               (operator only) run the leave steps, once
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import socketserver
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from health_agent.cluster import BadRequest, Health, Peers, tls_context
from health_agent.local import Answer, Checks, Leave, Programs, log, plain

HANDSHAKE_SECONDS = 5.0
REQUEST_SECONDS = 15.0  # for each read and write, and for an idle connection
CONNECTIONS = 256
WAIT_SECONDS = 3600
OPERATOR = "operator"


class Server(ThreadingHTTPServer):
    """One thread per connection; the handshake belongs to that thread, so a silent client blocks nobody."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, health: Health) -> None:
        self.context, self.health = context, health
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
            with self.context.wrap_socket(request, server_side=True) as secured, contextlib.suppress(ConnectionError):
                Handler(secured, client_address, self)
        except ssl.SSLError as error:
            log(f"refused {client_address[0]}: {getattr(error, 'verify_message', None) or error.reason or 'tls'}")
        except OSError as error:
            log(f"refused {client_address[0]}: {'timed out' if isinstance(error, TimeoutError) else plain(str(error))}")
        finally:
            self.slots.release()


class Handler(BaseHTTPRequestHandler):
    """Turns requests into answers of `Health` and `Leave`."""

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
                while (answer := health.data_center(*question))["status"] not in good and time.monotonic() < deadline:
                    time.sleep(1)
                bad = 424 if "wait" in query else 503
                self.reply(200 if answer["status"] in good else bad, answer)
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

    def reply(self, status: int, answer: Answer) -> None:
        """Send JSON of a known length."""
        body = json.dumps(answer).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
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
            systemd.connect(name.replace("@", "\0", 1) if name.startswith("@") else name)
            systemd.sendall(b"READY=1")


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="health agent of a Triplicate machine")
    parser.add_argument("--root", type=Path, default=Path("/"), help="prefix of every path")
    parser.add_argument("--listen", default="0.0.0.0", help="address to listen on")  # noqa: S104 -- mutual TLS
    parser.add_argument("--routes", type=Path, help="JSON: where to dial instead of each address")
    parser.add_argument("--checks", type=Path, help="instead of /etc/triplicate/health.d")
    parser.add_argument("--leave-steps", type=Path, help="instead of /etc/triplicate/leave.d")
    options = parser.parse_args()
    root, programs = options.root, Programs()
    machine = json.loads((root / "etc/triplicate/machine.json").read_text())
    tls = root / "run/triplicate/tls"
    checks = Checks(options.checks or root / "etc/triplicate/health.d", programs)
    steps = options.leave_steps or root / "etc/triplicate/leave.d"
    leave = Leave(steps, root / "run/triplicate/leave.json", programs)
    peers = Peers(machine["port"], tls, options.routes)
    health = Health(machine, root / "var/lib/triplicate/formed", checks, leave, peers)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Server((options.listen, machine["port"]), tls_context(ssl.PROTOCOL_TLS_SERVER, tls), health) as server:
        log(f"{machine['name']} answers on {options.listen}:{machine['port']}")
        notify_ready()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            programs.close()


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError) as problem:
        sys.exit(f"cannot start: {type(problem).__name__}: {problem}")
