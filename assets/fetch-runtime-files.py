#!/usr/bin/env python3
"""Writes the files of user_data that belong below /run/triplicate, from the metadata service, at each boot.

At the first boot cloud-init has written them already. /run is a file system in memory: after a reboot it is empty, and
the secrets are on no disk, so they are fetched again.
"""

import argparse
import base64
import gzip
import os
import sys
import time
import urllib.request

import yaml  # a dependency of cloud-init, so it is there

METADATA_URL = "http://169.254.169.254/hetzner/v1/userdata"
RUNTIME_DIRECTORY = "/run/triplicate/"
ATTEMPTS = 60
PAUSE_SECONDS = 2


def fetch(url: str) -> bytes:
    """The user_data; a service that does not answer yet is asked again, for two minutes."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.read()
        except OSError as error:
            if attempt == ATTEMPTS:
                raise SystemExit(f"runtime files: {url} does not answer: {error}") from error
            if attempt == 1:
                print(f"runtime files: {url} does not answer yet: {error}", flush=True)
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def decode(entry: dict) -> bytes:
    """The bytes of a write_files entry."""
    encoding = entry.get("encoding", "")
    if encoding not in ("", "b64", "gz+b64"):
        raise SystemExit(f"runtime files: {entry['path']}: unknown encoding {encoding!r}")
    content = entry["content"].encode()
    if encoding:
        content = base64.b64decode(content)
    return gzip.decompress(content) if encoding == "gz+b64" else content


def write(path: str, content: bytes, mode: int) -> None:
    """Writes a file at once: a reader sees nothing or all of it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)  # open to all, as cloud-init makes them at the first boot
    partial = f"{path}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(partial, path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default=METADATA_URL)
    parser.add_argument("--root", default="/")
    arguments = parser.parse_args()
    entries = [
        entry
        for entry in yaml.safe_load(fetch(arguments.url))["write_files"]
        if entry["path"].startswith(RUNTIME_DIRECTORY)
    ]
    for entry in entries:
        path = os.path.join(arguments.root, entry["path"].lstrip("/"))
        write(path, decode(entry), int(entry["permissions"], 8))
    print(f"runtime files: {len(entries)} written", file=sys.stderr)


if __name__ == "__main__":
    main()
