"""Hetzner's DHCP: dhcp.py MACHINES. Answers by MAC address alone, without leases.

Without state, a machine that is made again at the same address gets it at once; dnsmasq would hold on to the old lease.
"""

import socket
import struct
import sys
import threading

import lab

DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
SECONDS = 86400
NOWHERE = "0.0.0.0"  # noqa: S104
MAGIC = b"\x63\x82\x53\x63"

path = sys.argv[1]


def packed(address: str) -> bytes:
    return socket.inet_aton(address)


def option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def route(cidr: str, gateway: str) -> bytes:
    """One route as option 121 holds it."""
    network, bits = cidr.split("/")
    return bytes([int(bits)]) + packed(network)[: (int(bits) + 7) // 8] + packed(gateway)


def public(address: str) -> tuple[str, str, bytes]:
    """The address, the server's own, and the options: a /32 without neighbours, with everything behind the gateway."""
    routes = route(f"{lab.GATEWAY}/32", NOWHERE) + route("0.0.0.0/0", lab.GATEWAY)
    options = option(3, packed(lab.GATEWAY)) + option(6, packed(lab.GATEWAY)) + option(121, routes)
    return address, lab.GATEWAY, options


def private(nic: dict[str, str]) -> tuple[str, str, bytes]:
    """The same for a private NIC: the machine next door is behind the gateway too."""
    gateway = nic["gateway"]
    routes = route(f"{gateway}/32", NOWHERE) + route(nic["networkRange"], gateway)
    return nic["address"], gateway, option(26, struct.pack("!H", 1450)) + option(121, routes)


def lease_of(mac: str, side: str) -> tuple[str, str, bytes] | None:
    """What belongs to a NIC, if it is plugged into this side."""
    for machine in lab.machines(path):
        if side == "public" and machine["mac"] == mac:
            return public(machine["publicIpv4"])
        for nic in machine["nics"]:
            if side == "private" and nic["macAddress"] == mac:
                return private(nic)
    return None


def message_type(packet: bytes) -> int | None:
    """Option 53 of a request."""
    at = 240
    while at < len(packet) - 1 and packet[at] != 255:
        if packet[at] == 0:
            at += 1
            continue
        if packet[at] == 53:
            return packet[at + 2]
        at += 2 + packet[at + 1]
    return None


def answer(packet: bytes, side: str) -> bytes | None:
    """The offer or the acknowledgement, to be broadcast: the asker has no address yet."""
    if len(packet) < 244 or packet[0] != 1:
        return None
    mac = packet[28:34].hex(":")
    lease = lease_of(mac, side)
    reply = {DISCOVER: OFFER, REQUEST: ACK}.get(message_type(packet) or 0)
    lab.log(side, mac, lease[0] if lease else "unknown")
    if lease is None or reply is None:
        return None
    address, own, options = lease
    head = bytes([2, 1, 6, 0]) + packet[4:8] + b"\0\0\x80\0" + bytes(4) + packed(address) + packed(own) + bytes(4)
    basics = option(53, bytes([reply])) + option(54, packed(own)) + option(51, struct.pack("!I", SECONDS))
    body = packet[28:44] + bytes(192) + MAGIC + basics + option(1, packed("255.255.255.255")) + options + b"\xff"
    return (head + body).ljust(300, b"\0")


def serve(server: socket.socket, side: str) -> None:
    """Never ends."""
    while True:
        reply = answer(server.recv(2048), side)
        if reply:
            server.sendto(reply, ("255.255.255.255", 68))


servers = [(lab.udp_server("", 67, side), side) for side in ("public", "private")]
lab.announce()
for arguments in servers:
    threading.Thread(target=serve, args=arguments).start()
