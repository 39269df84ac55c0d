"""Tests of assets/wireguard.py; jest runs each."""

import base64
import subprocess
import tempfile
import unittest
from pathlib import Path

from load import load

wireguard = load("wireguard")

SETTINGS = {"port": 51900, "mtu": 1370, "range": "10.0.0.0/16", "mesh": "10.1.0.0/16", "peers": ["10.1.1.32", "10.1.2.32", "10.1.3.32"]}


def run(*command: str, stdin: str = "") -> str:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout


def key_pair() -> tuple[str, str]:
    """An Ed25519 key as Terraform's provider gives it: PKCS#8 PEM, and the public key as SlotKeys.wireGuardPublicKey cuts it."""
    pem = run("openssl", "genpkey", "-algorithm", "ed25519")
    line = run("openssl", "pkey", "-pubout", stdin=pem).split("\n")[1]
    return pem, line[16 : 16 + 43]


class Wireguard(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        wireguard.SECRETS = Path(directory.name)
        self.keys = [key_pair() for _ in SETTINGS["peers"]]
        self.store("".join(public for _, public in self.keys))

    def store(self, peer_keys: str) -> None:
        (wireguard.SECRETS / "key.pem").write_text(self.keys[0][0])
        (wireguard.SECRETS / "peer-keys").write_text(peer_keys)

    def test_both_halves_of_twenty_keys_agree_as_wg_sees_it(self) -> None:
        for pem, public in (key_pair() for _ in range(20)):
            by_wg = run("wg", "pubkey", stdin=wireguard.text(wireguard.private_key(pem))).strip()
            self.assertEqual(wireguard.text(wireguard.public_key(base64.b64decode(public + "="))), by_wg)

    def test_keys_of_the_specification(self) -> None:
        """Ed25519 test 1 of RFC 8032, turned over by libsodium's crypto_sign_ed25519_pk_to_curve25519."""
        edwards = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        expected = "d85e07ec22b0ad881537c2f44d662d1a143cf830c57aca4305d85c7a90f6b62e"
        self.assertEqual(wireguard.public_key(edwards).hex(), expected)

    def test_the_configuration_has_every_peer_but_itself_each_with_one_address(self) -> None:
        text = wireguard.configuration(SETTINGS, "10.1.1.32")
        public = [wireguard.text(wireguard.public_key(base64.b64decode(key + "="))) for _, key in self.keys]
        private = wireguard.text(wireguard.private_key(self.keys[0][0]))
        self.assertEqual(
            text,
            f"[Interface]\nPrivateKey = {private}\nListenPort = 51900\n"
            f"[Peer]\nPublicKey = {public[1]}\nAllowedIPs = 10.1.2.32/32\nEndpoint = 10.0.2.32:51900\n"
            f"[Peer]\nPublicKey = {public[2]}\nAllowedIPs = 10.1.3.32/32\nEndpoint = 10.0.3.32:51900\n",
        )

    def test_a_machine_that_is_no_peer_of_its_own_role_has_all_of_the_list(self) -> None:
        self.assertEqual(wireguard.configuration(SETTINGS, "10.1.1.130").count("[Peer]"), 3)

    def test_a_key_too_few_or_too_many_is_refused(self) -> None:
        keys = [public for _, public in self.keys]
        for wrong in (keys[:2], [*keys, keys[0]]):
            self.store("".join(wrong))
            with self.assertRaises(ValueError):
                wireguard.configuration(SETTINGS, "10.1.1.32")

    def test_settings_without_a_key_are_refused(self) -> None:
        for key in ("port", "range", "peers"):
            with self.assertRaises(KeyError):
                wireguard.configuration({name: value for name, value in SETTINGS.items() if name != key}, "10.1.1.32")

    def test_an_address_has_the_same_low_bits_in_the_other_network(self) -> None:
        self.assertEqual(wireguard.same_place("10.1.3.130", "10.0.0.0/16"), "10.0.3.130")
        self.assertEqual(wireguard.same_place("10.0.3.130", "172.20.0.0/14"), "172.20.3.130")
        self.assertEqual(wireguard.same_place("172.20.3.130", "192.168.0.0/21"), "192.168.3.130")

    def test_metrics_tell_of_peers_that_were_heard_once(self) -> None:
        peer = "key\t(none)\t10.0.1.1:1\t{}/32\t{}\t0\t0\toff"
        dump = "\n".join(["private\tpublic\t51900\toff", peer.format("10.1.2.32", 1), peer.format("10.1.3.32", 0)])
        wireguard.run = lambda *_command, **_options: dump
        printed: list[str] = []
        wireguard.print = printed.append
        wireguard.time.time = lambda: 61.5
        wireguard.metrics()
        self.assertEqual(printed[1:], ['triplicate_wireguard_handshake_age_seconds{peer="10.1.2.32"} 60'])
