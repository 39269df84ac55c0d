#!/usr/bin/env python3
"""Brings up wg0: this machine's end of the mesh.

up       make wg0 with this machine's key and its peers
metrics  Prometheus text

Terraform makes Ed25519 keys. WireGuard wants X25519: the same curve in another form, so each side turns the keys over
(RFC 7748, 4.1; RFC 8032, 5.1.5) and both come out with the same pair.
"""

import base64
import hashlib
import ipaddress
import json
import re
import subprocess
import sys
import time
from pathlib import Path

SETTINGS = Path("/etc/triplicate/wireguard.json")
MACHINE = Path("/etc/triplicate/machine.json")
SECRETS = Path("/run/triplicate/wireguard")
INTERFACE = "wg0"
PRIME = 2**255 - 19
SEED_BYTES = 32
KEY_CHARACTERS = 43  # 32 bytes as base64, without padding


def private_key(pem: str) -> bytes:
    """The X25519 private key of an Ed25519 one in PKCS#8, whose last 32 bytes are the seed."""
    lines = [line for line in pem.splitlines() if not line.startswith("-")]
    seed = base64.b64decode("".join(lines))[-SEED_BYTES:]
    key = bytearray(hashlib.sha512(seed).digest()[:SEED_BYTES])
    key[0] &= 248
    key[31] = key[31] & 127 | 64
    return bytes(key)


def public_key(edwards: bytes) -> bytes:
    """The X25519 public key of an Ed25519 one: u = (1 + y) / (1 - y)."""
    y = int.from_bytes(edwards, "little") & (1 << 255) - 1
    return ((1 + y) * pow(1 - y, -1, PRIME) % PRIME).to_bytes(SEED_BYTES, "little")


def text(key: bytes) -> str:
    """A key as WireGuard writes it."""
    return base64.b64encode(key).decode()


def configuration(settings: dict, own: str) -> str:
    """What `wg setconf` reads: each peer may use its one address."""
    port, private = settings["port"], text(private_key((SECRETS / "key.pem").read_text()))
    lines = ["[Interface]", f"PrivateKey = {private}", f"ListenPort = {port}"]
    keys = (SECRETS / "peer-keys").read_text()
    for address, key in zip(settings["peers"], re.findall(f".{{{KEY_CHARACTERS}}}", keys), strict=True):
        if address != own:
            peer = text(public_key(base64.b64decode(key + "=")))
            endpoint = same_place(address, settings["range"])
            lines += ["[Peer]", f"PublicKey = {peer}", f"AllowedIPs = {address}/32", f"Endpoint = {endpoint}:{port}"]
    return "\n".join(lines) + "\n"


def same_place(address: str, network: str) -> str:
    """The address with the same low bits in another network: a machine has the same in both of ours."""
    whole = ipaddress.ip_network(network)
    return str(whole[int(ipaddress.ip_address(address)) & int(whole.hostmask)])


def run(*command: str, stdin: str = "") -> str:
    """Run a program; its failure is ours."""
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, text=True, check=True).stdout


def up() -> None:
    """Make the interface, or set it right if it is there."""
    settings = json.loads(SETTINGS.read_text())
    mesh = ipaddress.ip_network(settings["mesh"])
    own = same_place(json.loads(MACHINE.read_text())["address"], settings["mesh"])
    if not Path("/sys/class/net", INTERFACE).exists():
        run("ip", "link", "add", INTERFACE, "type", "wireguard")
    run("wg", "setconf", INTERFACE, "/dev/stdin", stdin=configuration(settings, own))
    run("ip", "address", "replace", f"{own}/{mesh.prefixlen}", "dev", INTERFACE)
    run("ip", "link", "set", INTERFACE, "mtu", str(settings["mtu"]), "up")
    print(f"wireguard: {own}, {len(settings['peers'])} places for machines")


def metrics() -> None:
    """Print how long ago each peer was heard that ever was."""
    name = "triplicate_wireguard_handshake_age_seconds"
    print(f"# TYPE {name} gauge")
    for line in run("wg", "show", INTERFACE, "dump").splitlines()[1:]:
        allowed, seen = line.split("\t")[3:5]
        if seen != "0":
            print(f'{name}{{peer="{allowed.split("/")[0]}"}} {int(time.time()) - int(seen)}')


if __name__ == "__main__":
    {"up": up, "metrics": metrics}[sys.argv[1]]()
