#!/usr/bin/env python3
"""Opens this machine's encrypted volumes, keeps them right, and lets go of them.

open     make what is blank, open what is ours, mount it; refuses everything else and touches nothing of it
grow     use the room that a volume got since
close    unmount and close everything, so that the volumes can be detached
check    exit 0 if every volume is in use, else say why not
metrics  Prometheus text

A volume is ext4 on LUKS2 on one disk, or on a RAID1 mirror of two. Its LUKS header says how far making it came, so that
a power cut in the middle only means to begin again, and so that nothing is ever made twice.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from disks import CLAIM, HEADER_BYTES, MIB, Refused, assert_blank, kind_of, mark, run, size_of, succeeds

SETTINGS = Path("/etc/triplicate/volumes.json")
HOST_ENV = Path("/run/triplicate/host.env")
KEYS = Path("/run/triplicate/disk-keys")  # a file per generation of the key, the highest is the current one
REASONS = Path("/run/triplicate/volumes.refused")
MAKING, READY = "triplicate-making", "triplicate"
CHEAP = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"]  # a key of 256 random bits needs no stretching
FSCK_UNREPAIRED = 4
RECOVERY_SLOT = "7"  # never touched: for a key that is kept offline
SECOND_DISK_SECONDS = 120  # how long a mirror with data on it waits for its other half
SLACK_BYTES = 256 * MIB  # headers and alignment; less than the smallest step by which a volume grows


class Volume:
    """One volume of this machine."""

    def __init__(self, name: str, ids: list[str], path: str) -> None:
        self.name, self.path = name, Path(path)
        self.disks = [Path(f"/dev/disk/by-id/scsi-0HC_Volume_{number}") for number in ids]
        self.mapped = Path(f"/dev/mapper/{name}")
        self.mirrored = len(ids) > 1
        self.device = Path(f"/dev/md/{name}") if self.mirrored else self.disks[0]

    def open(self) -> None:
        """Bring the volume into use, whatever state it is in, or refuse."""
        if self.path.is_mount():
            return
        self._await_disks()
        if self.mirrored:
            self._assemble()
        if self.mapped.exists() and self._header()[1] == MAKING:
            run("cryptsetup", "close", self.name)  # the last attempt went no further
        if not self.mapped.exists():
            self._unlock()
        check = ["e2fsck", "-p", self.mapped]
        if subprocess.run(check, check=False).returncode >= FSCK_UNREPAIRED:
            raise Refused(f"the file system on {self.mapped} has damage that e2fsck -p leaves to a person")
        self.path.mkdir(parents=True, exist_ok=True)
        run("mount", "-o", "noatime,nodev,nosuid,errors=remount-ro", str(self.mapped), str(self.path))
        if self._header()[1] == MAKING:
            run("sync", "--file-system", str(self.path))
            self._mark(READY)
        self.grow()
        self._rotate()

    def close(self) -> None:
        """Let go of the disks."""
        if self.path.is_mount():
            run("umount", str(self.path))
        if self.mapped.exists():
            run("cryptsetup", "close", self.name)
        if self.mirrored and self.device.exists():
            run("mdadm", "--stop", str(self.device))

    def grow(self) -> None:
        """Use all of the disks."""
        if self.mirrored and min(map(size_of, self._present())) - size_of(self.device) > SLACK_BYTES:
            run("mdadm", "--grow", str(self.device), "--size=max")
        if size_of(self.device) - size_of(self.mapped) > SLACK_BYTES:
            run("cryptsetup", "resize", self.name, "--key-file", str(self._key()))
            run("resize2fs", str(self.mapped))

    def problem(self) -> str | None:
        """Say why the volume is of no use, or nothing."""
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        options = [fields[3].split(",") for fields in mounts if fields[1] == str(self.path)]
        if not options:
            return f"volume {self.name}: not mounted"
        if "ro" in options[-1]:
            return f"volume {self.name}: the file system stopped at an error and can only be read"
        return None if self._present() else f"volume {self.name}: its disk is gone"

    def metrics(self) -> dict[str, float]:
        """What there is to count: the end of the metric's name, with its labels."""
        own = f'volume="{self.name}"'
        found: dict[str, float] = {}
        for disk in self.disks:
            number = disk.name.rpartition("_")[2]
            found[f'disk_active{{{own},disk="{number}"}}'] = int(self._works(disk))
        if self.mirrored and self.device.exists():
            done, _, whole = self._mirror("sync_completed").partition("/")
            found[f"resync_ratio{{{own}}}"] = int(done) / int(whole) if whole else 1
        if self.path.is_mount():
            room = os.statvfs(self.path)
            found[f"size_bytes{{{own}}}"] = room.f_blocks * room.f_frsize
            found[f"free_bytes{{{own}}}"] = room.f_bavail * room.f_frsize
        return found

    def _mirror(self, fact: str) -> str:
        """What the kernel tells of it, if anything."""
        file = Path("/sys/block", self.device.resolve().name, "md", fact)
        return file.read_text() if file.exists() else ""

    def _works(self, disk: Path) -> bool:
        """Whether a disk holds all that was written."""
        return disk.exists() and (not self.mirrored or "in_sync" in self._mirror(f"dev-{disk.resolve().name}/state"))

    def _present(self) -> list[Path]:
        return [disk for disk in self.disks if disk.exists()]

    def _await_disks(self) -> None:
        """Wait until they are attached; of a mirror with data on it, one is enough after a while."""
        started = time.monotonic()
        while missing := [disk.name for disk in self.disks if not disk.exists()]:
            waited = time.monotonic() - started
            if waited > SECOND_DISK_SECONDS and any(kind_of(disk) == "linux_raid_member" for disk in self._present()):
                print(f"volume {self.name}: goes on without {', '.join(missing)}", flush=True)
                return
            if int(waited) % 30 == 0:
                print(f"volume {self.name}: waits for {', '.join(missing)}", flush=True)
            time.sleep(1)

    def _assemble(self) -> None:
        """Start the mirror; make it of two blank disks, or add a blank one to a half that is ours."""
        present = self._present()
        halves = [disk for disk in present if kind_of(disk) == "linux_raid_member"]
        fresh = [disk for disk in present if disk not in halves]
        known = [run("mdadm", "--examine", "--export", str(half)) for half in halves]
        marks = {tuple(re.findall(r"^MD_(?:NAME=(?:any:)?|UUID=)(.*)$", text, re.MULTILINE)) for text in known}
        if len(marks) > 1 or any(self.name not in found for found in marks):
            raise Refused(f"{' or '.join(map(str, halves))} is part of another mirror; it was not touched")
        for disk in fresh:
            assert_blank(disk)
        for disk in fresh:
            mark(disk, 0)
        if not halves:
            options = ["--run", "--level=1", "--raid-devices=2", "--bitmap=internal", "--assume-clean"]
            named = ["--homehost=any", f"--name={self.name}"]
            run("mdadm", "--create", str(self.device), *options, *named, *map(str, fresh))
            return
        if not self.device.exists():
            run("mdadm", "--assemble", "--run", str(self.device), *map(str, halves))
            run("udevadm", "settle")
        members = run("mdadm", "--detail", "--export", str(self.device))
        for disk in present:
            if not re.search(rf"^MD_DEVICE_\S+_DEV={disk.resolve()}$", members, re.MULTILINE):
                run("mdadm", "--manage", str(self.device), "--add", str(disk))
                print(f"volume {self.name}: {disk.name} was added to the mirror", flush=True)

    def _unlock(self) -> None:
        """Open the encryption; make it first where there is none yet, or where making it was cut short."""
        label, progress = self._header()
        if not label:
            assert_blank(self.device)
            mark(self.device, HEADER_BYTES)
        elif (label, progress) not in ((self.name, MAKING), (self.name, READY)):
            found = f"the encrypted volume '{label}' ({progress or 'not of ours'})"
            raise Refused(f"{self.device} is {found}; it was not touched")
        if progress != READY:
            self._make()
        else:
            run("cryptsetup", "open", "--allow-discards", "--key-file", str(self._key()), str(self.device), self.name)

    def _make(self) -> None:
        named = ["--label", self.name, "--subsystem", MAKING]
        key = ["--key-file", str(keys()[0])]
        run("cryptsetup", "luksFormat", "--batch-mode", "--type", "luks2", *CHEAP, *named, *key, str(self.device))
        mark(self.device, HEADER_BYTES, bytes(len(CLAIM)))  # from here on the header says it
        run("cryptsetup", "open", "--allow-discards", *key, str(self.device), self.name)
        run("mkfs.ext4", "-q", "-m", "1", "-L", self.name[:16], str(self.mapped))
        print(f"volume {self.name}: made", flush=True)

    def _header(self) -> tuple[str, str]:
        """Label and subsystem of the LUKS header; both empty if there is none."""
        if not succeeds("cryptsetup", "isLuks", str(self.device)):
            return "", ""
        text = run("cryptsetup", "luksDump", str(self.device))
        fields = dict(re.findall(r"^(Label|Subsystem):\s+(.*)$", text, re.MULTILINE))
        return fields.get("Label", "?"), fields.get("Subsystem", "")

    def _mark(self, progress: str) -> None:
        run("cryptsetup", "config", "--label", self.name, "--subsystem", progress, str(self.device))

    def _opens(self, key: Path, *options: str) -> bool:
        return succeeds("cryptsetup", "open", "--test-passphrase", "--key-file", str(key), *options, str(self.device))

    def _key(self) -> Path:
        """The newest key that opens it."""
        for key in keys():
            if self._opens(key):
                return key
        raise Refused(f"none of the {len(keys())} disk keys of this machine opens {self.device}; it was not touched")

    def _rotate(self) -> None:
        """Let exactly the accepted keys open it, and the recovery key if there is one."""
        known = self._key()
        for key in keys():
            if not self._opens(key):
                opened = ["--key-file", str(known), str(self.device)]
                run("cryptsetup", "luksAddKey", "--batch-mode", *CHEAP, *opened, str(key))
                print(f"volume {self.name}: accepts disk key {key.name}", flush=True)
        slots = json.loads(run("cryptsetup", "luksDump", "--dump-json-metadata", str(self.device)))["keyslots"]
        for slot in slots:
            if slot != RECOVERY_SLOT and not any(self._opens(key, "--key-slot", slot) for key in keys()):
                run("cryptsetup", "luksKillSlot", "--batch-mode", "--key-file", str(known), str(self.device), slot)
                print(f"volume {self.name}: forgot a disk key", flush=True)


def keys() -> list[Path]:
    """The accepted disk keys, the current one first."""
    return sorted(KEYS.iterdir(), key=lambda file: -int(file.name))


def volumes() -> list[Volume]:
    """The volumes of this machine."""
    values = dict(re.findall(r"^(\w+)='(.*)'$", HOST_ENV.read_text(), re.MULTILINE))
    settings = json.loads(SETTINGS.read_text())
    names = {name: f"VOLUME_{name.upper().replace('-', '_')}" for name in settings}
    return [Volume(name, values[names[name]].split(), path) for name, path in settings.items()]


def print_metrics(found: dict[str, float]) -> None:
    """Print Prometheus text: what is of one kind together."""
    family = ""
    for sample, value in sorted(found.items()):
        if family != (family := sample.partition("{")[0]):
            print(f"# TYPE triplicate_volume_{family} gauge")
        print(f"triplicate_volume_{sample} {value}")


def main() -> None:
    """Do what the argument says to every volume."""
    action = sys.argv[1]
    problems: list[str] = []
    if action == "metrics":
        return print_metrics({sample: value for volume in volumes() for sample, value in volume.metrics().items()})
    if action == "check":
        problems = REASONS.read_text().splitlines() if REASONS.exists() else []
        problems += [problem for volume in volumes() if (problem := volume.problem())]
    else:
        for volume in volumes():
            try:
                getattr(volume, action)()
            except (Refused, OSError) as problem:
                problems.append(f"volume {volume.name}: {problem}")
        if action == "open":
            REASONS.write_text("".join(f"{problem}\n" for problem in problems))
    if problems:
        print("; ".join(problems))
        sys.exit(1)


if __name__ == "__main__":
    main()
