"""How often a disk holds a text: search.py FILE, with the text on standard input. Reads data only, not the holes.

grep cannot do this: a hole of gigabytes is one line to it, which it keeps in memory.
"""

import os
import sys

STEP = 1 << 24


def extents(disk: int) -> list[tuple[int, int]]:
    """Where data is, as the file system tells."""
    found, at, size = [], 0, os.fstat(disk).st_size
    while at < size:
        try:
            start = os.lseek(disk, at, os.SEEK_DATA)
        except OSError:
            break
        at = os.lseek(disk, start, os.SEEK_HOLE)
        found.append((start, at))
    return found


def occurrences(disk: int, needle: bytes) -> int:
    """Counts in every extent; what lies across two steps is seen too."""
    count = 0
    for start, end in extents(disk):
        tail = b""
        for at in range(start, end, STEP):
            block = tail + os.pread(disk, min(STEP, end - at), at)
            count += block.count(needle)
            tail = block[max(0, len(block) - len(needle) + 1) :]
    return count


descriptor = os.open(sys.argv[1], os.O_RDONLY)
print(occurrences(descriptor, sys.stdin.buffer.read()))
