"""`db.backtest`: when alerts would have fired, as a table."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest
from harness import export_request, running, span

import tocsin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTE = 60 * 10**9

RULES = """
groups:
- name: shop
  interval: 15s
  rules:
  - alert: Errors
    expr: |
      sum by (http_route) (rate(
        traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[1m]))
      / sum by (http_route) (rate(traces_spanmetrics_calls_total[1m])) > 0.5
    for: 30s
    annotations: {summary: "{{ $labels.http_route }}"}
"""


@pytest.fixture
def now() -> int:
    return time.time_ns()


@pytest.fixture
def db(tmp_path: Path, now: int) -> Iterator[tocsin.Database]:
    """Half an hour of spans that ended an hour ago; /pay fails for five minutes of them."""
    with tocsin.open(tmp_path / "data") as db:
        assert isinstance(db, tocsin.Database)
        for second in range(0, 1800, 10):
            end = now - 90 * MINUTE + second * 10**9
            spans = []
            for route in ("/pay", "/list"):
                failed = route == "/pay" and 600 < second <= 900
                begin, length = end - 10**7, 10**7
                spans.append(
                    span("GET", start=begin, duration=length, error=failed, http__route=route)
                )
            db.ingest(export_request(*spans, service="shop").SerializeToString())
        yield db


def check(result: tocsin.Backtest, now: int) -> None:
    assert len(result) == 1, result.to_dicts()
    row = result.to_dicts()[0]
    assert row["alert"] == "Errors"
    assert json.loads(row["labels"]) == {"alertname": "Errors", "http_route": "/pay"}
    assert json.loads(row["annotations"]) == {"summary": "/pay"}
    assert row["state"] == "firing"
    failing = now - 80 * MINUTE
    assert failing < row["pending_since"] < failing + MINUTE
    assert row["firing_since"] == row["pending_since"] + MINUTE // 2
    assert failing + 5 * MINUTE < row["resolved_at"] < failing + 7 * MINUTE
    assert row["peak"] == 1
    assert row["value"] > 0.5
    assert row["evaluations"] == (row["resolved_at"] - row["pending_since"]) // (15 * 10**9)


def test_rules_may_name_attributes_that_were_no_dimensions(
    db: tocsin.Database, now: int, tmp_path: Path
) -> None:
    result = db.backtest(RULES, start="-2h", end="-1h")
    check(result, now)
    assert result.warnings == []
    assert result.metrics == [
        {
            "metric": "traces_spanmetrics_calls_total",
            "source": "spans",
            "dimensions": ["http_route"],
            "reason": result.metrics[0]["reason"],
        }
    ]
    assert result.rules[0]["failures"] == 0
    assert result.rules[0]["evaluations"] == 240
    # A path, a pattern, a list of paths, a dictionary.
    path = tmp_path / "shop.yaml"
    path.write_text(RULES)
    check(db.backtest(path, "-2h", "-1h"), now)
    check(db.backtest(str(tmp_path / "*.yaml"), "-2h", "-1h"), now)
    check(db.backtest([str(path)], "-2h", "-1h"), now)
    rule: dict[str, Any] = {"alert": "Quiet", "expr": "absent(traces_spanmetrics_calls_total)"}
    quiet = db.backtest({"groups": [{"name": "g", "rules": [rule]}]}, "-2h", "-1h")
    assert [row["state"] for row in quiet.to_dicts()] == ["firing"]


def test_the_result_is_a_table_for_every_library(db: tocsin.Database) -> None:
    result = db.backtest(RULES, "-2h", "-1h")
    frame = pl.DataFrame(result)
    assert frame["firing_since"].dtype == pl.Datetime("ns", "UTC")
    assert frame["alert"].to_list() == ["Errors"]
    assert isinstance(result.to_pandas()["resolved_at"].dtype, pd.DatetimeTZDtype)
    assert "<td>Errors</td>" in result._repr_html_()
    assert "Backtest of 1 rows" in repr(result)
    empty = db.backtest(RULES, "-30m")
    assert len(empty) == 0
    assert empty.columns == result.columns
    assert pl.DataFrame(empty).is_empty()


def test_a_failing_rule_is_told_of_and_others_go_on(db: tocsin.Database) -> None:
    text = """
groups:
- name: g
  rules:
  - {alert: Bad, expr: "traces_spanmetrics_calls_total / on () traces_spanmetrics_calls_total"}
  - {alert: Missing, expr: nothing_like_it > 1}
"""
    result = db.backtest(text, "-75m", "-60m")
    assert result.rules[0]["failures"] > 0
    assert "many-to-many" in result.rules[0]["last_error"]
    assert result.warnings == ["metric nothing_like_it has no data in the range"]
    assert "nothing_like_it" in result._repr_html_()


def test_mistakes_are_errors_with_their_place(db: tocsin.Database, tmp_path: Path) -> None:
    with pytest.raises(tocsin.QueryError, match=r"<rules>:3:.*rat"):
        db.backtest("groups:\n- name: g\n  rules: [{alert: A, expr: 'rat(x)'}]\n", "-1h")
    with pytest.raises(tocsin.NotFoundError, match="no rule file"):
        db.backtest(tmp_path / "none.yaml", "-1h")
    with pytest.raises(tocsin.NotFoundError, match="no rule file"):
        db.backtest(str(tmp_path / "none*.yaml"), "-1h")
    with pytest.raises(tocsin.QueryError, match="before its start"):
        db.backtest(RULES, "-1h", "-2h")


def test_a_server_says_where_to_turn() -> None:
    with (
        running() as server,
        tocsin.connect(server.url) as db,
        pytest.raises(tocsin.Error, match="open its data directory"),
    ):
        db.backtest(RULES, "-1h")
