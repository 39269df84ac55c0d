#!/usr/bin/env python3
"""Configures this machine's interface in Hetzner's private network, whatever it is called.

Hetzner attaches it some time after the machine has started, and says its hardware address in the metadata. All traffic
goes through the network's gateway: the address is a /32, and machines are no neighbours.
"""

import json
import subprocess
import time
import urllib.request
from pathlib import Path

import yaml  # a dependency of cloud-init, so it is there

METADATA_URL = "http://169.254.169.254/hetzner/v1/metadata/private-networks"
MACHINE = Path("/etc/triplicate/machine.json")
INTERFACES = Path("/sys/class/net")
NETWORKD = Path("/etc/systemd/network/05-triplicate-private.network")
MTU = 1450  # Hetzner's documentation of private networks
PAUSE_SECONDS = 0.5
REMINDER_SECONDS = 30


def attached(address: str) -> dict | None:
    """What the metadata says of the interface that has our address; nothing as long as it is not attached.

    Everything is read as text: to YAML, a hardware address without a letter is a number.
    """
    try:
        with urllib.request.urlopen(METADATA_URL, timeout=5) as answer:
            networks = yaml.load(answer.read(), Loader=yaml.BaseLoader) or []  # noqa: S506 -- makes nothing but texts
    except (OSError, yaml.YAMLError):
        return None
    return next((network for network in networks if network.get("ip") == address), None)


def interface(hardware_address: str) -> str | None:
    """The name of the interface with a hardware address."""
    for entry in INTERFACES.iterdir():
        if (entry / "address").read_text().strip() == hardware_address.lower():
            return entry.name
    return None


def find(address: str) -> tuple[str, dict]:
    """Wait for the interface; say so every half a minute."""
    reminded = float("-inf")
    while True:
        network = attached(address)
        name = network and interface(network["mac_address"])
        if network and name:
            return name, network
        if time.monotonic() - reminded > REMINDER_SECONDS:
            reminded = time.monotonic()
            print(f"private network: waits for the interface of {address}", flush=True)
        time.sleep(PAUSE_SECONDS)


def run(*command: str, text: str = "", check: bool = True) -> None:
    """Run a program, which reads the text."""
    subprocess.run(command, input=text, text=True, check=check)


def main() -> None:
    """Set the address, the gateway and the route, and keep everyone else away from the interface."""
    address = json.loads(MACHINE.read_text())["address"]
    name, network = find(address)
    NETWORKD.parent.mkdir(parents=True, exist_ok=True)
    NETWORKD.write_text(f"[Match]\nMACAddress={network['mac_address']}\n[Link]\nUnmanaged=yes\n")
    # where networkd is not in use, it has no say
    run("networkctl", "reload", check=False)
    commands = [
        f"link set {name} mtu {MTU} up",
        f"address replace {address}/32 dev {name}",
        f"route replace {network['gateway']} dev {name}",
        f"route replace {network['network']} via {network['gateway']} src {address}",
    ]
    run("ip", "-batch", "-", text="\n".join(commands))
    print(f"private network: {address} on {name}")


if __name__ == "__main__":
    main()
