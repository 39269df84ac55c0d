"""The lab's DNS: dns.py. Knows the lab's Debian mirror and Hetzner's NTP servers, denies other names at once."""

import re
import socket
import struct

import lab

KNOWN = re.compile(r"debian\.mirror\.internal|ntp[a-z0-9-]*(\.[a-z0-9-]+)*\.hetzner\.(com|de|net)")
A = 1
NXDOMAIN = 3
SECONDS = 60
EXTENSION = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)


def question(packet: bytes) -> tuple[str, int, int]:
    """The name, the type, and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("ascii", "replace"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), struct.unpack_from("!H", packet, at + 1)[0], at + 5


def answer(packet: bytes) -> bytes:
    """EDNS is answered when it is asked for, lest systemd-resolved asks again without it."""
    name, kind, end = question(packet)
    is_known = KNOWN.fullmatch(name) is not None
    records = b""
    if is_known and kind == A:
        records = b"\xc0\x0c" + struct.pack("!HHIH", A, 1, SECONDS, 4) + socket.inet_aton(lab.GATEWAY)
    extra = EXTENSION if packet[10:12] != b"\0\0" else b""
    flags = 0x8580 | (0 if is_known else NXDOMAIN)
    counts = struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 1 if extra else 0)
    lab.log(name, kind, "known" if is_known else "denied")
    return packet[:2] + counts + packet[12:end] + records + extra


server = lab.udp_server(lab.GATEWAY, 53)
lab.announce()
while True:
    request, client = server.recvfrom(2048)
    try:
        server.sendto(answer(request), client)
    except (IndexError, struct.error) as error:
        lab.log("not a question:", error)
