"""Unpacks the files that came with user_data; part of the command that runs it, as nothing else is there yet."""

import base64
import gzip
import json
import os
import shutil

with open("/var/lib/triplicate/files") as packed:
    files = json.loads(gzip.decompress(base64.b85decode(packed.read())))
for path, content, mode, owner in files:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(content)
    os.chmod(path, int(mode, 8))
    shutil.chown(path, *owner.split(":"))
