"""Hetzner's NTP servers: ntp.py. Tells this computer's time, over SNTP."""

import struct
import time

import lab

EPOCH = 2208988800


def stamp(seconds: float) -> bytes:
    """A time as NTP writes it: seconds since 1900 and their fraction."""
    return struct.pack("!II", int(seconds) + EPOCH, int(seconds % 1 * 2**32))


server = lab.udp_server(lab.GATEWAY, 123)
lab.announce()
while True:
    request, client = server.recvfrom(512)
    now = time.time()
    if len(request) < 48:
        continue
    lab.log(client[0])
    head = struct.pack("!BBbbII4s", 0x24, 2, request[2], -20, 0, 0x10, b"\x7f\0\0\1")
    server.sendto(head + stamp(now) + request[40:48] + stamp(now) + stamp(time.time()), client)
