"""What becomes of memory that is freed: in a process that carries files, and of what a process holds from its start."""

import contextlib
import ctypes
import gc
from typing import Final

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""Of malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_ARENA_MAX."""
KEPT: Final = 16 * 1024 * 1024
"""Bytes at most that lie free at the end of a heap until they are given back to the system."""
APART: Final = 8 * 1024 * 1024
"""A block of so many bytes still comes from the system by itself, and goes back when it is freed."""


def started() -> None:
    """Look for garbage from now on, and not among what the start has loaded, which stays.

    Whoever calls this has begun with `gc.disable()`: looking through all that is loaded, again and again while more is, was a fifth of a start.
    """
    gc.freeze()
    gc.enable()


def keep_freed() -> None:
    """Use memory again for the next piece of a file. Given back to the system and got again, as the C library does it of itself with blocks of
    1 MiB, its 256 pages are filled with zeros each time, one fault each: that took ten times what sealing a piece takes (docs/performance.md).

    What one thread freed is used by all: a heap for each would hold a file's pieces of its own.

    Where the C library is not GNU's nothing changes.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(TRIM_THRESHOLD, KEPT)
        library.mallopt(MMAP_THRESHOLD, APART)
        library.mallopt(ARENA_MAX, 1)
