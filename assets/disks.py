"""What a disk is, before anything is made on it."""

import os
import re
import subprocess
from pathlib import Path

CLAIM = b"triplicate makes a volume here\n"
MIB = 1 << 20
EDGE_BYTES, SAMPLE_BYTES, SAMPLES = 16 * MIB, 64 << 10, 256  # what is read of a disk before it counts as blank
HEADER_BYTES = 16 * MIB  # what luksFormat overwrites with zeros, then with noise, before there is a header


class Refused(Exception):
    """A volume is not what it should be; a person has to look at it."""


def run(*command: str) -> str:
    """Run a program and give what it prints; its own words are the reason if it fails."""
    done = subprocess.run(command, capture_output=True, check=False, text=True, errors="replace")
    if done.returncode:
        words = done.stderr.strip() or f"exit {done.returncode}"
        raise Refused(f"{command[0]} {command[1]}: {words.splitlines()[-1]}")
    return done.stdout


def succeeds(*command: str) -> bool:
    """Whether a program ends well."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def size_of(device: Path) -> int:
    """Bytes of a block device."""
    with device.open("rb") as file:
        return file.seek(0, os.SEEK_END)


def kind_of(device: Path) -> str:
    """What blkid finds on a device: `crypto_LUKS`, `linux_raid_member`, …; empty if nothing."""
    command = ["blkid", "-p", "-o", "export", device]
    found = subprocess.run(command, capture_output=True, check=False, text=True)
    kinds = re.findall(r"^(?:TYPE|PTTYPE)=(.*)$", found.stdout, re.MULTILINE)
    return " ".join(kinds) or ("something that blkid finds ambivalent" if found.returncode == 8 else "")


def is_blank(device: Path) -> bool:
    """Whether nothing was ever written to a device, as far as its edges and samples in between tell.

    A claim of ours is nothing. Where one stands behind the header's place, what is before it is nothing too: luksFormat
    was cut short there.
    """
    size = size_of(device)
    places = [(0, EDGE_BYTES), (max(size - EDGE_BYTES, 0), EDGE_BYTES)]
    places += ((offset, SAMPLE_BYTES) for offset in range(0, size, max(size // SAMPLES, SAMPLE_BYTES)))
    with device.open("rb", buffering=0) as file:
        start = HEADER_BYTES if os.pread(file.fileno(), len(CLAIM), HEADER_BYTES) == CLAIM else 0
        for place, length in places:
            offset = max(place, start)
            data = os.pread(file.fileno(), length, offset)
            if data.removeprefix(CLAIM if offset in (0, HEADER_BYTES) else b"").strip(b"\0"):
                return False
    return True


def mark(device: Path, offset: int, text: bytes = CLAIM) -> None:
    """Write a claim, so that after a power cut what is half made is known as ours; or zeros, to take it back."""
    with device.open("r+b", buffering=0) as file:
        os.pwrite(file.fileno(), text, offset)
        os.fsync(file.fileno())


def assert_blank(device: Path) -> None:
    """Refuse to make anything on a device that holds something."""
    kind = kind_of(device)
    if kind or not is_blank(device):
        raise Refused(f"{device} is neither ours nor blank: it holds {kind or 'data'}; it was not touched")
