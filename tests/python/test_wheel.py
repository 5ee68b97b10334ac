"""The repaired wheel: alone in an empty environment, and beside what it might clash with."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

USE = {
    "pyarrow": "import pyarrow as pa, pyarrow.compute as pc; "
    "assert pc.match_substring_regex(pa.array(['ab']), 'a.').to_pylist() == [True]",
    "grpc": "import grpc; s = grpc.server(__import__('concurrent.futures').futures"
    ".ThreadPoolExecutor(1)); p = s.add_insecure_port('127.0.0.1:0'); s.start(); "
    "c = grpc.insecure_channel(f'127.0.0.1:{p}'); "
    "grpc.channel_ready_future(c).result(20); c.close(); s.stop(0)",
    "protobuf": "from google.protobuf import struct_pb2 as sp; m = sp.Struct(); m['a'] = 1; "
    "assert sp.Struct.FromString(m.SerializeToString())['a'] == 1",
    "duckdb": "import duckdb; assert duckdb.sql(\"select regexp_matches('ab', 'a.')\")"
    ".fetchall() == [(True,)]",
    "polars": "import polars as pl; "
    "assert pl.Series(['ab']).str.contains('a.').to_list() == [True]",
}
TOCSIN = (
    "import tempfile, tocsin; d = tempfile.TemporaryDirectory(); db = tocsin.open(d.name); "
    "assert db.promql('1 + 1').to_dicts()[0]['value'] == 2; "
    "assert len(db.search('{ name =~ \"a.*\" }')) == 0; db.close(); d.cleanup()"
)


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel with its shared libraries inside."""
    built = sorted((ROOT / "build/dist").glob("tocsin-*-linux_*.whl"))
    assert built, "no wheel: run ./dev build"
    target = ROOT / "build/repaired"
    existing = sorted(target.glob("tocsin-*.whl"))
    if existing and existing[-1].stat().st_mtime > built[-1].stat().st_mtime:
        return existing[-1]
    for old in existing:
        old.unlink()
    subprocess.run(
        [sys.executable, "-m", "auditwheel", "repair", "-w", str(target), str(built[-1])],
        check=True,
        capture_output=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    return sorted(target.glob("tocsin-*.whl"))[-1]


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment with nothing but the wheel in it."""
    home = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run(
        [str(home / "bin/pip"), "install", "--quiet", "--no-index", str(wheel)], check=True
    )
    return home


def run(python: Path, code: str, **environment: str) -> None:
    done = subprocess.run(
        [str(python), "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_wheel_works_in_an_empty_environment(empty: Path) -> None:
    run(empty / "bin/python", TOCSIN)


def test_the_command_of_the_wheel_works(empty: Path) -> None:
    done = subprocess.run(
        [str(empty / "bin/tocsin"), "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    asked = [str(empty / "bin/python"), "-c", "import tocsin; print(tocsin.__version__)"]
    module = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout.split()[:2] == ["tocsin", module.stdout.strip()]


def test_the_wheel_is_of_a_reasonable_size(wheel: Path) -> None:
    assert wheel.stat().st_size < 20 << 20


@pytest.fixture(scope="session")
def beside(empty: Path) -> dict[str, str]:
    """Put the wheel's package before the libraries of the test's own environment."""
    ours = next((empty / "lib").glob("python3*/site-packages"))
    return {"PYTHONPATH": str(ours)}


@pytest.mark.parametrize("library", USE)
@pytest.mark.parametrize("first", ["tocsin", "library"])
def test_beside_one_library(beside: dict[str, str], library: str, first: str) -> None:
    order = [TOCSIN, USE[library]] if first == "tocsin" else [USE[library], TOCSIN]
    run(Path(sys.executable), "\n".join([*order, *order]), **beside)


@pytest.mark.parametrize("turn", range(4))
def test_beside_all_of_them(beside: dict[str, str], turn: int) -> None:
    codes = [TOCSIN, *USE.values()]
    order = next(itertools.islice(itertools.permutations(codes), turn * 173, None))
    run(Path(sys.executable), "\n".join([*order, TOCSIN]), **beside)
