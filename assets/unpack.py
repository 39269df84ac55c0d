"""Unpacks the files that came with user_data; part of the command that runs it, as nothing else is there yet."""

import base64
import os
import shutil
import zlib

with open("/var/lib/triplicate/files") as file:
    parts = iter(zlib.decompress(base64.b85decode(file.read())).decode().split("\0"))
for path, text, mode, owner in zip(parts, parts, parts, parts, strict=True):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, int(mode, 8))
    shutil.chown(path, *owner.split(":"))
