"""The lab's Debian mirror: mirror.py NETWORK_PID MIRRORS CACHE. Listens in the lab, fetches outside, keeps all.

MIRRORS has a line "PATH URI" for each mirror behind it. Packages and by-hash files never change; the other indices
below dists/ are fetched again when they are older than an hour, and served as they are when that fails.
"""

import shutil
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile

import lab

FRESH_SECONDS = 3600

pid, mirrors, cache = sys.argv[1:]
upstreams = dict(line.split() for line in Path(mirrors).read_text().splitlines())
locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)


def is_fresh(file: Path) -> bool:
    """Whether the copy may be served without asking."""
    if not file.exists():
        return False
    changes = "dists" in file.parts and "by-hash" not in file.parts
    return not changes or time.time() - file.stat().st_mtime < FRESH_SECONDS


def fetch(uri: str, file: Path) -> None:
    """Fetches into place in one step, so that nobody sees half a file, another lab's mirror included."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(uri, timeout=60) as answer, NamedTemporaryFile(dir=cache, delete=False) as part:
        shutil.copyfileobj(answer, part)
    Path(part.name).rename(file)


def find(path: str) -> tuple[int, Path | None]:
    """The status and the local copy; whoever asks for what is being fetched waits for it."""
    words = path.lstrip("/").split("/", 1)
    upstream = upstreams.get(words[0])
    file = Path(cache) / urllib.parse.unquote(path.lstrip("/"))
    if upstream is None or len(words) == 1 or ".." in file.parts:
        return 404, None
    with locks[file]:
        if not is_fresh(file):
            try:
                fetch(f"{upstream}/{words[1]}", file)
            except urllib.error.HTTPError as error:
                return error.code, None
            except OSError as error:
                lab.log("cannot fetch", path, error)
        return (200, file) if file.is_file() else (502, None)


class Handler(BaseHTTPRequestHandler):
    """Serves files whole."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, file = find(self.path)
        size = file.stat().st_size if file else 0
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if file:
            with file.open("rb") as source:
                shutil.copyfileobj(source, self.wfile)
        lab.log(self.client_address[0], status, size, self.path)

    def log_message(self, *_: object) -> None:
        """Said by do_GET."""


Path(cache).mkdir(parents=True, exist_ok=True)
with lab.network_of(pid):
    server = ThreadingHTTPServer((lab.GATEWAY, 80), Handler)
lab.announce()
server.serve_forever()
