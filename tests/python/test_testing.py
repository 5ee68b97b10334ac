"""tocsin.testing: PromQL over made-up series."""

from __future__ import annotations

import datetime as dt
import json
import threading

import pytest

import tocsin
from tocsin.testing import Storage

SCRIPT = """
# A comment is as good as an empty line: it ends a command.
load 1m
  requests_total{service="shop"} 0+6x10
  requests_total{service="cart"} 0+12x10
  latency {{schema:0 sum:1 count:2 buckets:[1 1]}}+{{sum:1 count:2 buckets:[1 1]}}x10
"""


@pytest.fixture
def storage() -> Storage:
    made = Storage()
    made.load(SCRIPT)
    return made


def test_an_instant_query(storage: Storage) -> None:
    rows = storage.query("rate(requests_total[5m])", "10m").to_dicts()
    assert rows == [
        {"service": "cart", "time": 600 * 10**9, "value": 0.2},
        {"service": "shop", "time": 600 * 10**9, "value": 0.1},
    ]
    assert storage.query("scalar(sum(requests_total))", 60).to_dicts()[0]["value"] == 18
    at = dt.datetime(1970, 1, 1, 0, 2, tzinfo=dt.UTC)
    assert storage.query("sum(requests_total)", at).to_dicts()[0]["value"] == 36
    assert storage.query("sum(requests_total)", "1970-01-01T00:02:00Z").to_dicts()[0]["value"] == 36


def test_a_range_query(storage: Storage) -> None:
    result = storage.query_range("sum(requests_total)", 0, "4m", "2m")
    assert result.to_pydict() == {
        "time": [0, 120 * 10**9, 240 * 10**9],
        "value": [0.0, 36.0, 72.0],
    }


def test_native_histograms_are_json(storage: Storage) -> None:
    row = storage.query("latency", "1m").to_dicts()[0]
    assert row["value"] is None
    assert json.loads(row["histogram"]) == {
        "count": "4",
        "sum": "2",
        "buckets": [[0, "0.5", "1", "2"], [0, "1", "2", "2"]],
    }
    assert storage.query("histogram_count(latency)", "1m").columns == ["time", "value"]
    mixed = storage.query('{__name__=~"latency|requests_total"}', "1m")
    assert [row["histogram"] is None for row in mixed.to_dicts()] == [False, True, True]
    assert mixed.to_arrow().schema.names[-2:] == ["value", "histogram"]


def test_classic_histograms_become_native_ones() -> None:
    storage = Storage()
    storage.load('load_with_nhcb 1m\n  m_bucket{le="1"} 1\n  m_bucket{le="+Inf"} 3\n  m_sum 4\n')
    assert storage.query("histogram_avg(m)").to_dicts()[0]["value"] == 4 / 3
    assert len(storage.query("m_bucket")) == 2


def test_clear_forgets(storage: Storage) -> None:
    storage.clear()
    assert len(storage.query("requests_total", "5m")) == 0
    storage.load("load 1m\n  up 1")
    assert len(storage.query("up")) == 1


def test_what_is_wrong_is_named_by_its_line(storage: Storage) -> None:
    with pytest.raises(tocsin.QueryError, match="line 3: 1:8: parse error"):
        Storage().load("\nload 1m\n  up 1 2 x\n")
    with pytest.raises(tocsin.QueryError, match="line 1: invalid load command"):
        storage.load("eval instant at 0 1")
    with pytest.raises(tocsin.QueryError, match="1:"):
        storage.query("sum(")
    with pytest.raises(ValueError, match="no duration"):
        storage.query_range("1", 0, 1, "often")


def test_experimental_features_are_asked_for() -> None:
    with pytest.raises(tocsin.QueryError, match="experimental"):
        Storage().query("limitk(1, up)")
    storage = Storage(experimental=True)
    storage.load("load 1m\n  up@st -30s\n  up 1")
    assert len(storage.query("limitk(1, up)")) == 1


def test_threads_may_share_a_storage() -> None:
    storage = Storage()
    storage.load("load 1m\n  up 1x100")
    failures: list[object] = []

    def ask() -> None:
        for _ in range(50):
            found = storage.query_range("count_over_time(up[10m])", 0, "90m", "30s")
            if len(found) not in (0, 181):
                failures.append(len(found))

    def change() -> None:
        for _ in range(50):
            storage.clear()
            storage.load("load 1m\n  up 1x100")

    threads = [threading.Thread(target=ask) for _ in range(3)] + [threading.Thread(target=change)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
