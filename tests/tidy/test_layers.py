"""The include graph must match tools/layers.toml: no undeclared edge, no cycle, no stray header."""

from __future__ import annotations

import re
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = tomllib.loads((ROOT / "tools/layers.toml").read_text())
MODULES: dict[str, list[str]] = LAYERS["modules"]
HOMES: dict[str, list[str]] = LAYERS["homes"]
INCLUDE = re.compile(r'^\s*#include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)

SOURCES = [
    path
    for top in ("cpp", "storage", "python")
    for path in sorted((ROOT / top).rglob("*"))
    if path.suffix in {".h", ".cc"}
]


def module_of(path: str) -> str | None:
    """Return the module that owns a path, by its first two folders."""
    name = "/".join(path.split("/")[:2])
    return name if name in MODULES else None


def test_declared_graph_has_no_cycle() -> None:
    order = tuple(TopologicalSorter(MODULES).static_order())
    assert set(order) == set(MODULES)


def test_declared_modules_exist() -> None:
    missing = [name for name in MODULES if not (ROOT / name).is_dir()]
    assert not missing


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_includes_are_allowed(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    module = module_of(name)
    assert module, f"{name} is in no module of tools/layers.toml"

    for ours, theirs in INCLUDE.findall(path.read_text()):
        if ours:
            target = module_of(ours)
            assert target, f"{name} includes {ours}: write the path from the root"
            assert target == module or target in MODULES[module], f"{name} may not include {ours}"
        for prefix, homes in HOMES.items():
            if theirs.startswith(prefix):
                assert module in homes, f"{name} includes <{theirs}>, whose home is {homes}"
