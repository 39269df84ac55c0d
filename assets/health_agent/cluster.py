"""What machines know of each other: asking peers, the quorum of a role, the health of a data center."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from health_agent.local import ROUND_SECONDS, Answer, Checks, Leave, cause, complaints, keep, log

MEMBER_WAIT_SECONDS = 8.0  # /member answers within this, so that a slow check is not taken for a dead machine
CONNECT_SECONDS = 4.0  # longer than a busy machine takes, and short, since who is gone takes all of it
PEER_SECONDS = 10.0  # limit for asking a peer's /member
HEALTH_SECONDS = 24.0  # limit for asking machines' /health: each takes up to 21 s, and some wait for others
AT_ONCE = 4  # questions: each makes a machine run all its checks, and many virtual machines may share a host


class Peers:
    """Asks the agents of other machines, and believes only a certificate that holds the address it meant.

    With a file of routes only what is in it is dialed: the network is simulated, and a real one may have the address.
    """

    def __init__(self, port: int, tls: Path, routes: Path | None) -> None:
        self.port, self.routes = port, routes
        self.context = tls_context(ssl.PROTOCOL_TLS_CLIENT, tls)
        self.table: dict[str, str] = {}

    def ask(self, address: str, path: str, seconds: float) -> Answer:
        """GET from another agent within the limit; raises OSError, HTTPException or ValueError."""
        deadline = time.monotonic() + seconds
        connection = http.client.HTTPConnection(address, self.port)
        raw = socket.create_connection((self._route(address), self.port), min(seconds, CONNECT_SECONDS))
        try:
            raw.settimeout(max(0.05, deadline - time.monotonic()))
            raw = connection.sock = self.context.wrap_socket(raw, server_hostname=address)
            raw.settimeout(max(0.05, deadline - time.monotonic()))
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            answer = json.loads(response.read(1 << 20))
        finally:
            raw.close()
        if response.status not in (200, 503) or not isinstance(answer, dict):
            raise ValueError(f"answered {response.status}")
        return answer

    def _route(self, address: str) -> str:
        if self.routes is None:
            return address
        with suppress(OSError, ValueError):  # not written yet: the last table still holds
            self.table = json.loads(self.routes.read_text())
        route = self.table.get(address)
        if route is None:
            raise OSError("not attached to the network")
        return route


def tls_context(protocol: int, directory: Path) -> ssl.SSLContext:
    """Mutual TLS 1.3 with the machine's own certificate, whoever dials."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(directory / "ca.pem")
    context.load_cert_chain(directory / "machine.pem", directory / "machine.key")
    return context


def gather(questions: dict[str, Callable[[], Answer]]) -> dict[str, Answer]:
    """Ask everyone, a few at the same time; who cannot be asked is `unreachable`, with the reason."""

    def answer(name: str) -> Answer:
        try:
            found = questions[name]()
            if found.get("machine") != name:
                raise ValueError(f"{found.get('machine')} answers at its address")
            if not isinstance(found.get("reasons"), list) or not isinstance(found.get("status"), str):
                raise ValueError("its answer is not understood")
            return found
        except (OSError, http.client.HTTPException, ValueError) as error:
            return {"status": "unreachable", "reasons": [cause(error).lower()]}

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return dict(zip(questions, pool.map(answer, questions), strict=True))


class BadRequest(Exception):
    """The caller asked for something that does not exist here."""


class Health:
    """How this machine, its role's quorum and its data center are."""

    def __init__(self, machine: Answer, marker: Path, checks: Checks, leave: Leave, peers: Peers) -> None:
        self.machine, self.marker, self.checks, self.leave, self.peers = machine, marker, checks, leave, peers
        self.logged = ""
        self.members = [name for name, slot in machine["machines"].items() if self._is_member(slot)]

    def _is_member(self, slot: Answer) -> bool:
        return bool(self.machine["quorum"] and slot["quorum"] and slot["role"] == self.machine["role"])

    def member(self, wait: float = MEMBER_WAIT_SECONDS) -> Answer:
        """Answer for this machine alone."""
        status = self.leave.progress["state"]
        reasons = [f"the machine {'is leaving' if status == 'leaving' else 'has left'}"]
        if status not in ("leaving", "left"):
            reasons = complaints(self.checks.latest(wait))
            status = "ill" if reasons else "healthy"
        formed = not self.machine["quorum"] or self.marker.exists()
        return {"machine": self.machine["name"], "formed": formed, "status": status, "reasons": reasons}

    def health(self) -> Answer:
        """Answer for this machine as a part of its role: a quorum member is worth nothing without a majority."""
        name = self.machine["name"]
        questions = {peer: self._question(peer, "/member", PEER_SECONDS) for peer in self.members if peer != name}
        answers = gather({**questions, name: lambda: self.member(ROUND_SECONDS)})
        own = answers[name]
        status, reasons, formed = own["status"], list(own["reasons"]), own.get("formed", True)
        if self.machine["quorum"]:
            fine = sum(answer["status"] == "healthy" for answer in answers.values())
            if not formed and (fine == len(answers) or any(answer.get("formed") for answer in answers.values())):
                keep(self.marker, "formed\n")
                log(f"formed: {fine} of {len(answers)} {self.machine['role']} members are fine")
                formed = True
            others = [describe(peer, answers[peer]) for peer in questions if answers[peer]["status"] != "healthy"]
            if status == "healthy" and not formed:
                status, reasons = "forming", others
            elif formed and status in ("healthy", "ill") and fine < len(answers) // 2 + 1:
                lost = f"quorum lost: {fine} of {len(answers)} {self.machine['role']} members answer"
                status, reasons = "ill", [*reasons, lost, *others]
        if status != self.logged:
            log(f"health: {describe(name, {'status': status, 'reasons': reasons})}")
            self.logged = status
        place = {key: self.machine[key] for key in ("role", "dataCenter")}
        return {"machine": name, **place, "status": status, "formed": formed, "reasons": reasons}

    def data_center(self, members: list[str], cluster: list[str], forming: bool) -> Answer:
        """Answer for the named machines of this data center and the named quorum members of all of them."""
        machines, here = self.machine["machines"], self.machine["dataCenter"]
        named = dict.fromkeys([*members, *cluster])
        if not members:
            raise BadRequest("no machines are named: ask with ?members=<machine>,<machine>")
        wrong = {
            "unknown machines": [name for name in named if name not in machines],
            f"not in {here}": [name for name in members if machines.get(name, {}).get("dataCenter", here) != here],
            "not quorum members": [name for name in cluster if not machines.get(name, {}).get("quorum", True)],
        }
        if any(wrong.values()):
            raise BadRequest("; ".join(f"{what}: {', '.join(names)}" for what, names in wrong.items() if names))
        answers = gather({name: self._question(name, "/health", HEALTH_SECONDS) for name in named})
        bad, status = [], "healthy"
        for name, answer in answers.items():
            if answer["status"] == "forming" and forming and name not in cluster:
                status = "forming"
            elif answer["status"] != "healthy":
                bad.append(describe(name, answer))
        return {
            "status": "ill" if bad else status,
            "dataCenter": here,
            "summary": "; ".join(bad) or f"all {len(answers)} machines are {status}",
            "machines": {name: {key: answer[key] for key in ("status", "reasons")} for name, answer in answers.items()},
        }

    def _question(self, name: str, path: str, seconds: float) -> Callable[[], Answer]:
        if name == self.machine["name"]:
            return self.health
        until = time.monotonic() + seconds  # also for those that wait for their turn
        address = self.machine["machines"][name]["address"]
        return lambda: self.peers.ask(address, path, max(0.05, until - time.monotonic()))


def describe(name: str, answer: Answer) -> str:
    """Say in a few words how a machine is."""
    return ": ".join([name, answer["status"], *([", ".join(answer["reasons"])] if answer["reasons"] else [])])
