"""Hetzner's metadata service: metadata.py MACHINES. Knows a machine by where it asks from."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import lab

ROOT = "/hetzner/v1"

path = sys.argv[1]


def asker(address: str) -> dict[str, Any] | None:
    """The machine that has an address, public or private; of two, the younger, which stands in for one that is off."""
    for machine in reversed(lab.machines(path)):
        if address == machine["publicIpv4"] or address in [nic["address"] for nic in machine["nics"]]:
            return machine
    return None


def metadata(machine: dict[str, Any]) -> dict[str, Any]:
    """What cloud-init reads; the public NIC only: Hetzner does not describe private ones there."""
    subnet = {"type": "dhcp", "ipv4": True, "dns_nameservers": [lab.GATEWAY]}
    nic = {"type": "physical", "name": "eth0", "mac_address": machine["mac"], "subnets": [subnet]}
    return {
        "availability-zone": f"{machine['location']}-dc1",
        "hostname": machine["name"],
        "instance-id": machine["id"],
        "local-ipv4": "",
        "network-config": {"version": 1, "config": [nic]},
        "public-ipv4": machine["publicIpv4"],
        "public-keys": [],
        "region": "eu-central",
        "vendor_data": "",
    }


def private_networks(machine: dict[str, Any]) -> str:
    """A YAML list, as Hetzner writes it."""
    if not machine["nics"]:
        return "[]\n"
    lines = []
    for number, nic in enumerate(machine["nics"], 1):
        values = {
            "ip": nic["address"],
            "alias_ips": "[]",
            "interface_num": number,
            "mac_address": nic["macAddress"],
            "network_id": nic["networkId"],
            "network_name": nic["networkName"],
            "network": nic["networkRange"],
            "subnet": nic["subnetRange"],
            "gateway": nic["gateway"],
        }
        block = [f"  {key}: {value}" for key, value in values.items()]
        lines += [f"- {block[0].lstrip()}", *block[1:]]
    return "\n".join(lines) + "\n"


def document(machine: dict[str, Any], what: str) -> str | None:
    """The text at a path below the root; JSON is YAML too."""
    if what == "/userdata":
        return machine["userData"]
    if what == "/metadata":
        return json.dumps(metadata(machine))
    if what == "/metadata/private-networks":
        return private_networks(machine)
    value = metadata(machine).get(what.removeprefix("/metadata/"))
    return None if value is None else value if isinstance(value, str) else json.dumps(value)


class Handler(BaseHTTPRequestHandler):
    """Answers from the driver's file as it is now."""

    def do_GET(self) -> None:
        machine = asker(self.client_address[0])
        known = machine is not None and self.path.startswith(ROOT)
        text = document(machine, self.path.removeprefix(ROOT).rstrip("/")) if machine and known else None
        body = (text or "").encode()
        self.send_response(404 if text is None else 200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        lab.log(self.client_address[0], machine["name"] if machine else "-", 404 if text is None else 200, self.path)

    def log_message(self, *_: object) -> None:
        """Said by do_GET."""


server = ThreadingHTTPServer(("169.254.169.254", 80), Handler)
lab.announce()
server.serve_forever()
