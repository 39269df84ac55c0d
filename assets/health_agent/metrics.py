"""What Prometheus reads of a machine, in its text format 0.0.4."""

import json
import re
import ssl
import subprocess
from pathlib import Path

from health_agent.cluster import MEMBER_WAIT_SECONDS, Health
from health_agent.local import PLAIN_LENGTH, Checks, log, plain

STATUSES = ["healthy", "forming", "ill", "leaving", "left"]
NAME = r"[a-z_:][\w:]*"
LINE = re.compile(
    rf"# HELP {NAME} .+|# TYPE {NAME} (counter|gauge|histogram|summary|untyped)"
    rf'|{NAME}({{(\w+="(\\.|[^"\\])*"(,|(?=}})))*}})? ([-+]?(\d+\.?\d*(e[-+]?\d+)?|Inf)|NaN)',
    re.ASCII | re.IGNORECASE,
)


class Metrics:
    """The machine's own figures, and those that the programs of a directory print."""

    def __init__(self, certificate: Path, health: Health, sources: Checks) -> None:
        self.expiry, self.health, self.sources = expiry(certificate), health, sources
        self.logged: dict[str, str] = {}

    def text(self) -> str:
        """Say all that this machine knows, without asking another."""
        member, checks = self.health.member(), self.health.checks.latest(MEMBER_WAIT_SECONDS)
        status = "forming" if member["status"] == "healthy" and not member["formed"] else member["status"]
        printed = self.sources.latest()
        failed = {name: failure or wrong_line(lines) for name, (failure, lines) in printed.items()}
        for name, why in failed.items():
            if why and why != self.logged.get(name):
                log(f"metrics: {name}: {why}")
        self.logged = failed
        now, bad = {name: name == status for name in STATUSES}, {name: bool(failed[name]) for name in failed}
        lines = [
            *gauge("up", "1: the agent answers.", "", {"": 1}),
            *gauge("health", "1: this status, by its own checks.", "status", now),
            *gauge("certificate_expiry_seconds", "When its certificate ends, Unix time.", "", {"": self.expiry}),
            *gauge("check", "1: well.", "check", {name: not failure for name, (failure, _) in checks.items()}),
            *gauge("metrics_failed", "1: its output is left out.", "source", bad),
            *(line for name in printed if not bad[name] for line in printed[name][1]),
        ]
        return "\n".join([*lines, ""])


def gauge(name: str, text: str, label: str, values: dict[str, int]) -> list[str]:
    """Write one family, with one label or none."""
    name = f"triplicate_{name}"
    lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    for value, number in values.items():
        tag = f"{{{label}={json.dumps(plain(value), ensure_ascii=False)}}}" if label else ""
        lines.append(f"{name}{tag} {number:d}")
    return lines


def wrong_line(lines: list[str]) -> str:
    """Find what Prometheus would refuse, and all else with it; a line of full length may have been cut."""
    wrong = (line for line in lines if len(line) >= PLAIN_LENGTH or not LINE.fullmatch(line))
    return next((f"no metric: {line}" for line in wrong), "")


def expiry(certificate: Path) -> int:
    """Read when a certificate ends, as Unix time; Python itself tells it only of others' certificates."""
    command = ["/usr/bin/openssl", "x509", "-noout", "-enddate", "-in", certificate]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return ssl.cert_time_to_seconds(line.strip().removeprefix("notAfter="))
