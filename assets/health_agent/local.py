"""What a machine knows of itself: what its programs say, and how it leaves."""

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

CHECK_SECONDS = 10.0  # a check that takes longer is ill
ROUND_SECONDS = 2 * CHECK_SECONDS + 1  # who waits so long hears of this round, unless there are very many checks
FRESH_SECONDS = 1.0  # checks run at most once in this time, and half of the time, however often the machine is asked
NOT_YET = "exit 75"  # EX_TEMPFAIL of a directory's first program: it is too early to ask the others
STALE_SECONDS = 15.0  # older results are not given while new checks still run
PLAIN_LENGTH = 300
LEAVE_STEP_SECONDS = 900.0  # longer than the operator waits; afterwards leaving may be tried again
Answer = dict[str, Any]
Result = tuple[str | None, list[str]]  # of a program: what went wrong (None: nothing), and the lines that it printed
writing = threading.Lock()


def log(message: str) -> None:
    """Write one line to the journal, in one piece: many threads do."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def plain(text: str) -> str:
    """Make a program's output fit for one line of JSON, log and terminal."""
    return "".join(character if character.isprintable() else " " for character in text).strip()[:PLAIN_LENGTH]


def cause(error: Exception) -> str:
    """Say in a few words why a connection failed."""
    if isinstance(error, TimeoutError):
        return "timed out"
    words = (getattr(error, name, None) for name in ("verify_message", "reason", "strerror"))
    return plain(next(filter(None, words), str(error)) or type(error).__name__)


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
    """Runs a directory's programs, each in a session of its own, so that a hung one goes with all its children."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: set[int] = set()
        self.closed = False

    def run(self, program: Path, seconds: float, stderr: int) -> Result:
        """Run one program to its end or for so long."""
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
    """The programs of a directory: run when someone asks, shared by everyone who asks at the same time."""

    def __init__(self, directory: Path, programs: Programs) -> None:
        self.directory, self.programs = directory, programs
        self.changed = threading.Condition()
        self.running = False
        self.started = self.finished = -1e9
        self.results: dict[str, Result] = {}

    def latest(self, wait: float = ROUND_SECONDS) -> dict[str, Result]:
        """Give each program's result, in name order; while there is none, the directory's name has one that says so."""
        with self.changed:
            now = time.monotonic()
            if not self.running and now - self.finished > max(FRESH_SECONDS, self.finished - self.started):
                self.running, self.started = True, now
                threading.Thread(target=self._run_all, daemon=True).start()
            done = self.changed.wait_for(lambda: not self.running, wait)
            if not done and time.monotonic() - self.finished > STALE_SECONDS:
                return {self.directory.name: ("not finished yet", [])}
            return self.results

    def _run_all(self) -> None:
        results: dict[str, Result] = {self.directory.name: ("could not be run", [])}
        try:
            files = programs_in(self.directory)
            first, others = files[:1], files[1:]
            results = {file.name: self._run_one(file) for file in first}
            if NOT_YET not in (failure for failure, _ in results.values()):
                with ThreadPoolExecutor(max_workers=8) as pool:
                    found = pool.map(self._run_one, others)
                    results |= {file.name: result for file, result in zip(others, found, strict=True)}
        finally:
            with self.changed:
                self.running, self.finished, self.results = False, time.monotonic(), results
                self.changed.notify_all()

    def _run_one(self, program: Path) -> Result:
        return self.programs.run(program, CHECK_SECONDS, subprocess.DEVNULL)


def complaints(results: dict[str, Result]) -> list[str]:
    """Say what went wrong; a program that failed by itself says it in its first line."""
    return [
        f"{name}: {lines[0] if lines and failure.startswith('exit') else failure}"
        for name, (failure, lines) in results.items()
        if failure
    ]


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
