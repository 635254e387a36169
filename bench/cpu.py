"""Processor time of processes and all their descendants, as the kernel counts it (Linux, /proc)."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
USED = slice(11, 15)  # behind the command's name: own user and system time, and that of children that ended (proc(5))


def seconds(pids: Iterable[int]) -> float:
    """What these processes, their descendants and those descendants that have ended used so far, in seconds."""
    return sum(_used(pid) for root in pids for pid in _family(root)) / TICKS


def _family(pid: int) -> Iterator[int]:
    """Descendants first: the time of one that ends meanwhile is its parent's by then."""
    try:
        children = [child for listed in Path(f"/proc/{pid}/task").glob("*/children") for child in _words(listed)]
    except FileNotFoundError:
        children = []
    for child in children:
        yield from _family(int(child))
    yield pid


def _used(pid: int) -> int:
    try:
        return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[USED]))
    except FileNotFoundError:
        return 0


def _words(file: Path) -> list[str]:
    return file.read_text().split()
