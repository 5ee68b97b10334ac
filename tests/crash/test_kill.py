"""SIGKILL at random moments of a load: acknowledged spans are there, once, and counted once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from kill_loop import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(600)
def test_acknowledged_spans_survive_five_kills(tmp_path: Path) -> None:
    """RCV-27, STO-12, GEN-32."""
    report = run(tmp_path, kills=5, spans=200_000, seed=time.time_ns() % 1_000_000)
    print(report)
    assert report["missing"] == 0
    assert report["doubled"] == 0
    assert report["counted"] == report["spans"]
