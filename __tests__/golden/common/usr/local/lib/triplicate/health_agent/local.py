"""What a machine knows of itself: its checks, and how it leaves."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHECK_SECONDS = 5.0  # a check that takes longer is ill
FRESH_SECONDS = 1.0  # checks run at most once in this time, however often the machine is asked
STALE_SECONDS = 15.0  # older verdicts are not given while new checks still run
LEAVE_STEP_SECONDS = 900.0  # longer than the operator waits; afterwards leaving may be tried again
Answer = dict[str, Any]
writing = threading.Lock()


def log(message: str) -> None:
    """Write one line to the journal, in one piece: many threads do."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def plain(text: str) -> str:
    """Make a program's output fit for one line of JSON, log and terminal."""
    return "".join(character if character.isprintable() else " " for character in text).strip()[:300]


def keep(file: Path, text: str) -> None:
    """Replace a small file in one step; a full disk is logged and does not stop the agent from answering."""
    try:
        with writing:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_name(f".{file.name}.new")
            fresh.write_text(text)
            os.replace(fresh, file)
    except OSError as error:
        log(f"cannot write {file}: {error.strerror}")


class Programs:
    """Runs checks and leave steps, each in a session of its own, so that a hung one goes with all its children."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: set[int] = set()
        self.closed = False

    def run(self, program: Path, seconds: float, stderr: int) -> tuple[str | None, list[str]]:
        """Run one program: what went wrong (None: nothing), and the lines that it printed."""
        with tempfile.TemporaryFile() as output:
            try:
                with self.lock:
                    if self.closed:
                        return "the agent is stopping", []
                    child = subprocess.Popen(
                        [program], stdin=subprocess.DEVNULL, stdout=output, stderr=stderr, start_new_session=True
                    )
                    self.running.add(child.pid)
            except OSError as error:
                return f"cannot be run: {error.strerror}", []
            try:
                code = child.wait(seconds)
                failure = None if code == 0 else f"exit {code}"
            except subprocess.TimeoutExpired:
                failure = f"timed out after {seconds:g} s"
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            with self.lock:
                self.running.discard(child.pid)
            output.seek(0)
            lines = output.read(65536).decode(errors="replace").splitlines()
        return failure, [line for line in map(plain, lines) if line]

    def close(self) -> None:
        """End what still runs and start nothing more."""
        with self.lock:
            self.closed = True
            for pid in self.running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


def programs_in(directory: Path) -> list[Path]:
    """List a directory's programs in name order; a directory that does not exist has none."""
    return sorted(file for file in directory.glob("*") if not file.name.startswith(".")) if directory.is_dir() else []


class Checks:
    """The machine's own checks: run when someone asks, shared by everyone who asks at the same time."""

    def __init__(self, directory: Path, programs: Programs) -> None:
        self.directory, self.programs = directory, programs
        self.changed = threading.Condition()
        self.running = False
        self.started = self.finished = float("-inf")
        self.verdict: list[str] = []

    def reasons(self, wait: float) -> list[str]:
        """Say why the machine is ill; empty when it is fine."""
        with self.changed:
            if not self.running and time.monotonic() - self.started > FRESH_SECONDS:
                self.running, self.started = True, time.monotonic()
                threading.Thread(target=self._run_all, daemon=True).start()
            done = self.changed.wait_for(lambda: not self.running, wait)
            if not done and time.monotonic() - self.finished > STALE_SECONDS:
                return ["checks have not finished yet"]
            return self.verdict

    def _run_all(self) -> None:
        verdict = ["checks could not be run"]
        try:
            with ThreadPoolExecutor(max_workers=8) as pool:
                found = pool.map(self._run_one, programs_in(self.directory))
                verdict = [reason for reason in found if reason is not None]
        finally:
            with self.changed:
                self.running, self.finished, self.verdict = False, time.monotonic(), verdict
                self.changed.notify_all()

    def _run_one(self, program: Path) -> str | None:
        failure, lines = self.programs.run(program, CHECK_SECONDS, subprocess.DEVNULL)
        if failure is None:
            return None
        return f"{program.name}: {lines[0] if lines and failure.startswith('exit') else failure}"


class Leave:
    """Takes the machine out of service, once; what happened is kept until the next boot."""

    def __init__(self, directory: Path, file: Path, programs: Programs) -> None:
        self.directory, self.file, self.programs = directory, file, programs
        self.lock = threading.Lock()
        self.progress: Answer = {"state": "here", "reason": "", "steps": []}
        if file.exists():
            self.progress = json.loads(file.read_text())
            if self.progress["state"] == "leaving":
                self._enter("failed", "the agent was restarted while the machine was leaving", self.progress["steps"])

    def start(self) -> str:
        """Begin to leave, unless the machine already is leaving or has left; returns the state."""
        with self.lock:
            if self.progress["state"] in ("here", "failed"):
                self._enter("leaving", "", [])
                threading.Thread(target=self._run_all, daemon=True).start()
            return self.progress["state"]

    def _enter(self, state: str, reason: str, steps: list[Answer]) -> None:
        if state != self.progress["state"]:
            log(f"leave: {state}{': ' + reason if reason else ''}")
        self.progress = {"state": state, "reason": reason, "steps": steps}
        keep(self.file, json.dumps(self.progress))

    def _run_all(self) -> None:
        done: list[Answer] = []
        try:
            for program in programs_in(self.directory):
                step = {"name": program.name, "state": "running", "reason": ""}
                self._enter("leaving", "", [*done, step])
                failure, lines = self.programs.run(program, LEAVE_STEP_SECONDS, subprocess.STDOUT)
                if failure is not None:
                    why = lines[-1] if lines and failure.startswith("exit") else failure
                    done.append({**step, "state": "failed", "reason": why})
                    return self._enter("failed", f"{program.name}: {why}", done)
                done.append({**step, "state": "done"})
            self._enter("left", "", done)
        except OSError as error:
            self._enter("failed", f"steps cannot be run: {error.strerror}", done)
