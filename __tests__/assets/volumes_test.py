"""Tests of assets/volumes.py on plain files; jest runs each. What needs device-mapper, md or a mount is for whole machines."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from load import load

volumes = load("volumes")
disks = sys.modules["disks"]

MIB = 1 << 20
SIZE = 64 * MIB


def run(*command: str | Path) -> str:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout


class Volumes(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        volumes.KEYS = self.root / "keys"
        volumes.SETTINGS, volumes.HOST_ENV = self.root / "volumes.json", self.root / "host.env"
        volumes.KEYS.mkdir()
        self.device = self.root / "disk"
        with self.device.open("wb") as file:
            file.truncate(SIZE)
        self.volume = volumes.Volume("data", ["17"], str(self.root / "mount"))
        self.volume.device = self.device
        self.volume.disks = [self.device]

    def write(self, offset: int, data: bytes = b"x") -> None:
        with self.device.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def accept(self, *generations: int) -> None:
        """Lay down the keys that are accepted."""
        for file in volumes.KEYS.iterdir():
            file.unlink()
        for generation in generations:
            self.key(generation, volumes.KEYS / str(generation))

    def key(self, generation: int, path: Path | None = None) -> Path:
        path = path or self.root / f"key-{generation}"
        path.write_text(f"{generation:043d}")
        return path

    def encrypt(self, *more: str, label: str = "data", subsystem: str = volumes.READY) -> None:
        """Make a header with key 1."""
        options = ["--batch-mode", "--type", "luks2", *volumes.CHEAP, "--label", label, "--subsystem", subsystem, *more]
        run("cryptsetup", "luksFormat", *options, "--key-file", self.key(1), self.device)

    def slots(self) -> list[str]:
        dump = json.loads(run("cryptsetup", "luksDump", "--dump-json-metadata", self.device))
        return sorted(dump["keyslots"])

    def rotate(self) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.volume._rotate()
        return printed.getvalue()

    def content(self) -> bytes:
        return self.device.read_bytes()

    # What counts as blank.

    def test_a_device_full_of_zeros_is_blank_and_still_is_once_claimed(self) -> None:
        disks.assert_blank(self.device)
        disks.mark(self.device, 0)
        self.assertTrue(self.content().startswith(disks.CLAIM))
        self.assertEqual(disks.kind_of(self.device), "")
        disks.assert_blank(self.device)

    def test_a_byte_at_either_edge_or_in_a_sample_between_is_found(self) -> None:
        step = max(SIZE // disks.SAMPLES, disks.SAMPLE_BYTES)
        middle = SIZE // 2 // step * step
        for offset in (0, len(disks.CLAIM), disks.EDGE_BYTES - 1, middle, SIZE - disks.EDGE_BYTES, SIZE - 1):
            self.write(offset)
            self.assertFalse(disks.is_blank(self.device), offset)
            self.write(offset, b"\0")
        self.assertTrue(disks.is_blank(self.device))

    def test_a_cut_while_luks_was_made_leaves_a_blank_device(self) -> None:
        disks.mark(self.device, disks.HEADER_BYTES)
        self.write(0, os.urandom(disks.HEADER_BYTES))
        disks.assert_blank(self.device)
        disks.mark(self.device, disks.HEADER_BYTES, bytes(len(disks.CLAIM)))
        self.assertFalse(disks.is_blank(self.device))

    def test_a_claim_hides_nothing_behind_it(self) -> None:
        disks.mark(self.device, 0)
        self.write(len(disks.CLAIM) + 4096)
        self.assertFalse(disks.is_blank(self.device))

    def test_a_device_smaller_than_what_is_read_of_an_edge_is_judged_too(self) -> None:
        os.truncate(self.device, MIB)
        self.assertTrue(disks.is_blank(self.device))
        self.write(MIB - 1)
        self.assertFalse(disks.is_blank(self.device))

    def refused(self, reason: str) -> None:
        before = self.content()
        with self.assertRaisesRegex(volumes.Refused, f"{reason}; it was not touched$"):
            disks.assert_blank(self.device)
        self.assertEqual(self.content(), before)

    def test_data_is_refused(self) -> None:
        self.write(SIZE - 1)
        self.refused("is neither ours nor blank: it holds data")

    def test_a_file_system_is_refused(self) -> None:
        run("mkfs.ext4", "-q", self.device)
        self.refused("it holds ext4")

    def test_a_partition_table_is_refused_though_nothing_is_behind_it(self) -> None:
        self.write(446, b"\0\x20\x21\0\x83\0\0\0\0\x08\0\0\0\x10\0\0")
        self.write(510, b"\x55\xaa")
        self.refused("it holds dos")

    def test_a_LUKS_header_is_refused(self) -> None:
        self.encrypt()
        self.refused("it holds crypto_LUKS")

    # What a header says.

    def test_no_header_has_no_label(self) -> None:
        self.assertEqual(self.volume._header(), ("", ""))

    def test_a_header_says_whose_it_is_and_how_far_making_it_came(self) -> None:
        self.encrypt(subsystem=volumes.MAKING)
        self.assertEqual(self.volume._header(), ("data", volumes.MAKING))
        self.volume._mark(volumes.READY)
        self.assertEqual(self.volume._header(), ("data", volumes.READY))
        self.assertTrue(self.volume._opens(self.key(1)))

    def not_unlocked(self, reason: str) -> None:
        self.accept(1)
        before = self.content()
        with self.assertRaisesRegex(volumes.Refused, f"{reason}.*; it was not touched$"):
            self.volume._unlock()
        self.assertEqual(self.content(), before)

    def test_the_volume_of_another_name_is_not_opened(self) -> None:
        self.encrypt(label="other")
        self.not_unlocked(r"is the encrypted volume 'other' \(triplicate\)")

    def test_a_LUKS_volume_that_is_not_ours_is_not_opened(self) -> None:
        self.encrypt(label="data", subsystem="")
        self.not_unlocked("is the encrypted volume 'data'")

    def test_a_LUKS_volume_of_the_first_version_is_not_opened(self) -> None:
        options = ["--batch-mode", "--type", "luks1", *volumes.CHEAP]
        run("cryptsetup", "luksFormat", *options, "--key-file", self.key(1), self.device)
        self.not_unlocked("is the encrypted volume")

    def test_a_volume_with_data_and_no_header_is_not_made(self) -> None:
        self.write(SIZE // 2)
        self.not_unlocked("is neither ours nor blank")

    # Keys.

    def test_the_current_key_comes_first(self) -> None:
        self.accept(2, 10, 9)
        self.assertEqual([file.name for file in volumes.keys()], ["10", "9", "2"])

    def test_keys_that_open_nothing_are_refused_and_nothing_is_forgotten(self) -> None:
        self.encrypt()
        self.accept(2, 3)
        before = self.content()
        with self.assertRaisesRegex(volumes.Refused, "none of the 2 disk keys of this machine opens"):
            self.rotate()
        self.assertEqual(self.content(), before)

    def test_a_rotation_goes_from_the_old_key_over_both_to_the_new_one(self) -> None:
        self.encrypt()
        self.accept(1, 2)
        self.assertEqual(self.rotate(), "volume data: accepts disk key 2\n")
        self.assertEqual([self.volume._opens(self.key(generation)) for generation in (1, 2)], [True, True])
        self.accept(2)
        self.assertEqual(self.rotate(), "volume data: forgot a disk key\n")
        self.assertEqual([self.volume._opens(self.key(generation)) for generation in (1, 2)], [False, True])
        self.assertEqual(self.slots(), ["1"])

    def test_a_rotation_that_is_over_changes_nothing(self) -> None:
        self.encrypt()
        self.accept(1)
        before = self.content()
        self.assertEqual(self.rotate(), "")
        self.assertEqual(self.content(), before)

    def test_the_recovery_key_is_kept_and_every_other_foreign_key_goes(self) -> None:
        self.encrypt()
        for slot, generation in ((volumes.RECOVERY_SLOT, 77), ("3", 33)):
            options = ["--batch-mode", *volumes.CHEAP, "--key-slot", slot, "--key-file", self.key(1)]
            run("cryptsetup", "luksAddKey", *options, self.device, self.key(generation))
        self.accept(1, 2)
        self.rotate()
        self.accept(2)
        self.rotate()
        self.assertEqual(self.slots(), ["1", volumes.RECOVERY_SLOT])
        self.assertTrue(self.volume._opens(self.key(77)))
        self.assertFalse(self.volume._opens(self.key(33)))

    def test_a_header_that_was_not_marked_ready_is_made_again_and_one_that_was_never_is(self) -> None:
        made: list[str] = []
        self.volume._make = lambda: made.append("made")
        self.encrypt(subsystem=volumes.MAKING)
        self.volume._unlock()
        self.assertEqual(made, ["made"])
        self.volume._mark(volumes.READY)
        self.accept(1)
        commands: list[tuple[str, ...]] = []
        really = volumes.run
        volumes.run = lambda *command: commands.append(command) if "--allow-discards" in command else really(*command)
        self.addCleanup(setattr, volumes, "run", really)
        self.volume._unlock()
        self.assertEqual(made, ["made"])
        self.assertEqual([command[:2] for command in commands], [("cryptsetup", "open")])

    # Mirrors, with mdadm stood in for.

    def mirror(self, *found: str, content: bytes = bytes(MIB)) -> list[tuple[str, ...]]:
        """Assemble two disks of which mdadm says something, or nothing; gives mdadm's commands but for questions."""
        commands: list[tuple[str, ...]] = []
        disks = [self.root / f"disk-{letter}" for letter in "ab"]
        said = dict(zip(map(str, disks), found, strict=True))
        for disk in disks:
            disk.write_bytes(content)

        def run_mdadm(*command: str) -> str:
            if "--examine" in command:
                return said[command[-1]]
            if "--detail" in command:
                assembled = next(command for command in commands if "--assemble" in command)
                return "".join(f"MD_DEVICE_x_DEV={disk.resolve()}\n" for disk in disks if str(disk) in assembled)
            commands.append(command)
            return ""

        for name, stand_in in (("run", run_mdadm), ("kind_of", lambda disk: "linux_raid_member" if said[str(disk)] else "")):
            self.addCleanup(setattr, volumes, name, getattr(volumes, name))
            setattr(volumes, name, stand_in)
        volume = volumes.Volume("data", ["18", "19"], str(self.root / "mount"))
        volume.disks, volume.device = disks, self.root / "md"
        with contextlib.redirect_stdout(io.StringIO()):
            volume._assemble()
        return [command for command in commands if command[0] == "mdadm"]

    def test_two_blank_disks_become_a_mirror(self) -> None:
        [create] = self.mirror("", "")
        self.assertEqual(create[:3], ("mdadm", "--create", str(self.root / "md")))
        self.assertEqual(create[-2:], (str(self.root / "disk-a"), str(self.root / "disk-b")))

    def test_a_blank_disk_is_added_to_the_half_that_is_ours(self) -> None:
        half = "MD_NAME=any:data\nMD_UUID=1:2\n"
        assemble, add = self.mirror("", half)
        self.assertEqual(assemble[1:], ("--assemble", "--run", str(self.root / "md"), str(self.root / "disk-b")))
        self.assertEqual(add[1:], ("--manage", str(self.root / "md"), "--add", str(self.root / "disk-a")))

    def test_two_halves_are_assembled_and_nothing_is_added(self) -> None:
        half = "MD_NAME=data\nMD_UUID=1:2\n"
        self.assertEqual([command[1] for command in self.mirror(half, half)], ["--assemble"])

    def test_a_half_of_another_mirror_is_refused_even_if_that_has_the_same_name(self) -> None:
        half = "MD_NAME=any:data\nMD_UUID=1:2\n"
        for other in ("MD_NAME=any:other\nMD_UUID=1:2\n", "MD_UUID=1:2\n", "MD_NAME=any:data\nMD_UUID=3:4\n"):
            with self.assertRaisesRegex(volumes.Refused, "part of another mirror; it was not touched"):
                self.mirror(half, other)

    def test_a_disk_with_data_is_not_added_to_a_mirror(self) -> None:
        with self.assertRaisesRegex(volumes.Refused, "disk-a is neither ours nor blank"):
            self.mirror("", "MD_NAME=any:data\nMD_UUID=1:2\n", content=b"data")

    # What is said.

    def test_the_settings_of_a_host_become_volumes(self) -> None:
        volumes.SETTINGS.write_text('{"data": "/srv/data", "more-data": "/srv/more"}')
        volumes.HOST_ENV.write_text("SERVER_TYPE='cx23'\nVOLUME_DATA='17'\nVOLUME_MORE_DATA='18 19'\n")
        plain, mirrored = volumes.volumes()
        self.assertEqual((plain.mirrored, mirrored.mirrored), (False, True))
        self.assertEqual(str(plain.device), "/dev/disk/by-id/scsi-0HC_Volume_17")
        self.assertEqual([str(disk) for disk in mirrored.disks], [f"/dev/disk/by-id/scsi-0HC_Volume_{number}" for number in (18, 19)])
        self.assertEqual((str(mirrored.device), str(mirrored.path)), ("/dev/md/more-data", "/srv/more"))

    def test_a_volume_that_is_not_mounted_says_so(self) -> None:
        self.assertEqual(self.volume.problem(), "volume data: not mounted")

    def test_metrics_tell_of_each_disk_and_of_a_mounted_volume_its_room(self) -> None:
        self.volume.disks = [self.device, self.root / "scsi-0HC_Volume_18"]
        name = self.device.name.rpartition("_")[2]
        self.assertEqual(self.volume.metrics(), {f'disk_active{{volume="data",disk="{name}"}}': 1, 'disk_active{volume="data",disk="18"}': 0})
        self.volume.path = Path("/")
        room = os.statvfs("/")
        found = self.volume.metrics()
        self.assertEqual(found['size_bytes{volume="data"}'], room.f_blocks * room.f_frsize)
        self.assertTrue(0 <= found['free_bytes{volume="data"}'] <= found['size_bytes{volume="data"}'])

    def test_metrics_are_families_each_with_its_type_first(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            volumes.print_metrics({'disk_active{volume="more",disk="18"}': 0, 'resync_ratio{volume="data"}': 0.25, 'disk_active{volume="data",disk="17"}': 1})
        self.assertEqual(
            printed.getvalue().splitlines(),
            [
                "# TYPE triplicate_volume_disk_active gauge",
                'triplicate_volume_disk_active{volume="data",disk="17"} 1',
                'triplicate_volume_disk_active{volume="more",disk="18"} 0',
                "# TYPE triplicate_volume_resync_ratio gauge",
                'triplicate_volume_resync_ratio{volume="data"} 0.25',
            ],
        )
