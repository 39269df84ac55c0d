"""A port on loopback in the lab that leads to the same one outside: relay.py NETWORK_PID PORT."""

import contextlib
import socket
import sys
import threading

import lab


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copies until one of them ends, and passes the end on."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def relay(inside: socket.socket, port: int) -> None:
    """Both directions of one connection."""
    with inside, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as outside:
        back = threading.Thread(target=pump, args=(outside, inside), daemon=True)
        back.start()
        pump(inside, outside)
        back.join()


pid, wanted = sys.argv[1], int(sys.argv[2])
with lab.network_of(pid):
    server = socket.create_server(("127.0.0.1", wanted))
lab.announce()
while True:
    threading.Thread(target=relay, args=(server.accept()[0], wanted), daemon=True).start()
