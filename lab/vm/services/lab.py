"""What the services share: who the machines are, and sockets in the lab's network for a process outside."""

import ctypes
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CLONE_NEWNET = 0x40000000
GATEWAY = "172.31.1.1"


def machines(file: str) -> list[dict[str, Any]]:
    """The machines as the driver last wrote them, which it does in one step."""
    return json.loads(Path(file).read_bytes())


def log(*words: object) -> None:
    """One line into the service's log, which is standard error."""
    print(time.strftime("%H:%M:%S", time.gmtime()), *words, file=sys.stderr, flush=True)


@contextmanager
def network_of(pid: str) -> Iterator[None]:
    """Sockets made inside belong to the network namespace of a process, for good; the thread comes back."""
    with Path("/proc/self/ns/net").open("rb") as own, Path(f"/proc/{pid}/ns/net").open("rb") as other:
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns failed")


def udp_server(address: str, port: int, device: str = "") -> socket.socket:
    """A bound datagram socket, of one interface only if one is named."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if device:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
    server.bind((address, port))
    return server


def announce() -> None:
    """All that a service says on standard output: it listens."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
