"""The machine and the processes on it: what they are, and what they used."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MB = 1 << 20
SPINS = 200_000


@dataclass(frozen=True)
class Memory:
    """What a tree of processes holds; what they share is counted once."""

    megabytes: float
    process_count: int


def processes_of(pid: int) -> list[psutil.Process]:
    """Return a process and all below it that still run."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a tree of processes, those of ended children included."""
    total = 0.0
    for process in processes_of(pid):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            if process.pid == pid:
                total += times.children_user + times.children_system
    return total


def memory(pid: int) -> Memory:
    """Return the proportional set size of a tree of processes."""
    total = count = 0
    for process in processes_of(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
            count += 1
    return Memory(total / MB, count)


def spin_ms() -> float:
    """Return how long a fixed computation takes: more than usual means that others are using the machine."""
    started, total = time.perf_counter(), 0
    for number in range(SPINS):
        total += number * number
    return (time.perf_counter() - started) * 1e3


def stolen_s() -> float:
    """Return the CPU seconds that the machine's host gave to others, where it says so."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def describe(folder: Path) -> dict[str, str]:
    """Return what figures depend on, without anything that names the machine."""
    return {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{psutil.virtual_memory().total / (1 << 30):.0f} GiB",
        "disk": f"{_file_system(folder)} below the temporary folder",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str:
    parts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    return max(parts, key=lambda part: len(part.mountpoint)).fstype if parts else "unknown"
