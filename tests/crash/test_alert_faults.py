"""SIGKILL between evaluation and delivery, and a webhook that is away for a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from alert_loop import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)
def test_notifications_survive_five_kills_and_an_outage(tmp_path: Path) -> None:
    """ALM-08, ALM-17."""
    report = run(tmp_path, kills=5, outage=6, seed=time.time_ns() % 1_000_000)
    print(report)
    assert report["in_delivery"] > 0
    assert report["refused"] > 0
    assert report["lost"] == 0
    assert report["invented"] == 0
    # A crash may repeat each of the messages that were under way, each of them once.
    assert report["repeated_without_a_crash"] == 0
    assert report["changed_under_one_key"] == 0
