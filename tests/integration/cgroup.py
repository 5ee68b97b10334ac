"""Cgroups of one's own, below the present one, where the system lets one make them."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD_US = 100_000


def _mounts() -> dict[str, tuple[Path, str]]:
    """Where which directory of each hierarchy is mounted; version 2 has the name ""."""
    found: dict[str, tuple[Path, str]] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, behind = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = behind.split()[:3]
        if kind == "cgroup2":
            found.setdefault("", (Path(point), root))
        elif kind == "cgroup":
            for controller in options.split(","):
                found.setdefault(controller, (Path(point), root))
    return found


def _own(controller: str) -> Path | None:
    """Return the directory of this process's cgroup; "" asks for version 2."""
    mount = _mounts().get(controller)
    if mount is None:
        return None
    point, root = mount
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            below = path.removeprefix(root) if root != "/" else path
            return point / below.lstrip("/")
    return None


def _number(path: Path, key: str | None = None) -> int:
    """Read a number of a file, or that behind a key of it; 0 if there is none."""
    try:
        words = path.read_text().split()
    except OSError:
        return 0
    if key is None:
        return int(words[0]) if words and words[0].isdigit() else 0
    return int(words[words.index(key) + 1]) if key in words else 0


@dataclass
class Cgroup:
    """Limits for the processes that enter()."""

    memory_bytes: int
    memory: Path
    cpu: Path
    unified: bool

    def enter(self) -> None:
        """Move the calling process."""
        for directory in dict.fromkeys((self.memory, self.cpu)):
            (directory / "cgroup.procs").write_text(str(os.getpid()))

    def oom_kills(self) -> int:
        name = "memory.events" if self.unified else "memory.oom_control"
        return _number(self.memory / name, "oom_kill")

    def throttled_seconds(self) -> float:
        if self.unified:
            return _number(self.cpu / "cpu.stat", "throttled_usec") / 1e6
        return _number(self.cpu / "cpu.stat", "throttled_time") / 1e9

    def peak_bytes(self) -> int:
        """Return the most that was ever charged, page cache included; 0 if nobody counts it."""
        name = "memory.peak" if self.unified else "memory.max_usage_in_bytes"
        return _number(self.memory / name)


def _limit(group: Cgroup, processors: float) -> None:
    quota = int(processors * PERIOD_US)
    if group.unified:
        (group.memory / "memory.max").write_text(str(group.memory_bytes))
        (group.cpu / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        with contextlib.suppress(OSError):  # Not every kernel has swap.
            (group.memory / "memory.swap.max").write_text("0")
    else:
        (group.memory / "memory.limit_in_bytes").write_text(str(group.memory_bytes))
        (group.cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group.cpu / "cpu.cfs_quota_us").write_text(str(quota))


def _places() -> tuple[Path, Path, bool] | None:
    """Return where groups for memory and processors could be made, and whether it is version 2."""
    memory, cpu = _own("memory"), _own("cpu")
    if memory is not None and cpu is not None:
        return memory, cpu, False
    unified = _own("")
    if unified is None:
        return None
    if not {"memory", "cpu"} <= set((unified / "cgroup.controllers").read_text().split()):
        return None
    (unified / "cgroup.subtree_control").write_text("+memory +cpu")
    return unified, unified, True


@contextlib.contextmanager
def cgroup(name: str, memory_bytes: int, processors: float) -> Iterator[Cgroup | None]:
    """Make a group below that of this process, or give None if the system does not let us."""
    group = None
    made: list[Path] = []
    try:
        if (places := _places()) is not None:
            memory, cpu, unified = places[0] / name, places[1] / name, places[2]
            for directory in dict.fromkeys((memory, cpu)):
                directory.mkdir()
                made.append(directory)
            group = Cgroup(memory_bytes, memory, cpu, unified)
            _limit(group, processors)
    except OSError as error:
        print(f"no cgroup of our own: {error}")
        group = None
    try:
        yield group
    finally:
        for directory in made:
            for _ in range(50):  # Processes leave a little after their end.
                with contextlib.suppress(OSError):
                    directory.rmdir()
                    break
                time.sleep(0.1)
