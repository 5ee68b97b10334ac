"""The module: embedded and connected give the same answers, and every library reads them."""

from __future__ import annotations

import datetime as dt
import inspect
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from harness import export_request, running, span, wait_until

import tocsin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def traces(tmp_path: Path) -> Iterator[tuple[tocsin.Database | tocsin.Client, str]]:
    """An embedded database with one trace of two services, and its id."""
    trace_id = os.urandom(16)
    root = span("POST /api/users", trace_id=trace_id, duration=1_500_000_000, http__status_code=500)
    child = span("charge", trace_id=trace_id, parent_id=root.span_id, error=True)
    with tocsin.open(tmp_path / "data") as db:
        assert isinstance(db, tocsin.Database)
        for one, service in ((root, "frontend"), (child, "payment")):
            body = export_request(one, service=service).SerializeToString()
            assert db.ingest(body) == (1, 0, "")
        yield db, trace_id.hex()


def test_search_gives_one_row_a_trace(
    traces: tuple[tocsin.Database | tocsin.Client, str],
) -> None:
    db, trace_id = traces
    found = db.search('{ resource.service.name = "payment" && status = error }')
    assert len(found) == 1
    row = found.to_dicts()[0]
    assert row["trace_id"] == trace_id
    assert row["root_service_name"] == "frontend"
    assert row["root_trace_name"] == "POST /api/users"
    assert row["duration_ns"] == 1_500_000_000
    assert row["matched"] == 1
    assert len(db.search('{ name = "nothing" }')) == 0


def test_a_trace_is_a_table_of_spans(
    traces: tuple[tocsin.Database | tocsin.Client, str],
) -> None:
    db, trace_id = traces
    trace = db.trace(trace_id)
    rows = trace.to_dicts()
    assert [r["name"] for r in rows] == ["POST /api/users", "charge"]
    assert rows[0]["parent_span_id"] is None
    assert rows[1]["parent_span_id"] == rows[0]["span_id"]
    assert rows[0]["service"] == "frontend"
    assert rows[1]["status"] == "error"
    assert '"http.status_code":500' in rows[0]["attributes"]
    assert trace_id in trace._repr_html_()
    with pytest.raises(tocsin.NotFoundError):
        db.trace(os.urandom(16).hex())


def test_every_library_reads_a_result(
    traces: tuple[tocsin.Database | tocsin.Client, str],
) -> None:
    db, trace_id = traces
    trace = db.trace(trace_id)
    table = pa.table(trace)
    assert table.schema.field("start").type == pa.timestamp("ns", "UTC")
    assert table.num_rows == 2
    frame = pl.DataFrame(trace)
    assert frame["name"].to_list() == ["POST /api/users", "charge"]
    spans = duckdb.from_arrow(trace.to_arrow())
    counted = spans.aggregate("count(*), max(duration_ns)").fetchall()
    assert counted == [(2, 1_500_000_000)]
    pandas = trace.to_pandas()
    assert list(pandas["service"]) == ["frontend", "payment"]
    assert isinstance(pandas, pd.DataFrame)
    assert trace.to_polars().equals(frame)
    # The columns outlive the result.
    del trace
    assert table.column("name").to_pylist() == ["POST /api/users", "charge"]


def test_promql_over_the_embedded_store(tmp_path: Path) -> None:
    with tocsin.open(tmp_path / "data") as db:
        row = db.promql("1 + 1").to_dicts()[0]
        assert row["value"] == 2
        result = db.promql("vector(3)", start="-1m", step="15s")
        assert result.to_pydict()["value"] == [3.0] * 5
        with pytest.raises(tocsin.QueryError, match="1:"):
            db.promql("sum(")


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with tocsin.open(tmp_path / "data") as db:
        with pytest.raises(tocsin.QueryError, match="line 1, col 10"):
            db.search("{ name = }")
        with pytest.raises(tocsin.QueryError):
            db.trace("xyz")
    with pytest.raises(tocsin.UnavailableError):
        tocsin.connect("http://127.0.0.1:1").search("{}")
    for error in ("QueryError", "NotFoundError", "LockedError", "UnavailableError"):
        assert issubclass(getattr(tocsin, error), tocsin.Error)


def test_close_gives_the_directory_back(tmp_path: Path) -> None:
    first = tocsin.open(tmp_path / "data")
    with pytest.raises(tocsin.LockedError, match=str(os.getpid())):
        tocsin.open(tmp_path / "data")
    first.close()
    first.close()
    with pytest.raises(tocsin.Error):
        first.search("{}")
    tocsin.open(tmp_path / "data").close()


def test_open_attaches_to_the_server_that_holds_the_directory() -> None:
    with running("metrics_generator: {collection_interval: 1s}\n") as server:
        one = span("held")
        server.send(one, service="shop")
        with tocsin.open(server.data) as db:
            assert isinstance(db, tocsin.Client)
            assert db.search('{ name = "held" }').to_dicts()[0]["trace_id"] == one.trace_id.hex()
            assert len(db.trace(one.trace_id.hex())) == 1
            with pytest.raises(tocsin.NotFoundError):
                db.trace(os.urandom(16).hex())
            with pytest.raises(tocsin.QueryError, match="line 1, col 10"):
                db.search("{ name = }")
            expr = 'traces_spanmetrics_calls_total{service="shop"}'
            rows = wait_until(lambda: db.promql(expr).to_dicts(), "the span metrics", 40)
            assert rows[0]["value"] == 1
            assert rows[0]["service_name"] == "shop"
            assert len(db.promql(expr, start="-5m", step="1s")) >= 1


def test_embedded_and_connected_agree() -> None:
    with running() as server:
        server.send(span("a", duration=3_000_000), span("b", error=True), service="shop")
        query = '{ resource.service.name = "shop" }'
        connected = tocsin.connect(server.url)
        rows = connected.search(query).to_dicts()
        ids = [row["trace_id"] for row in rows]
        spans = [connected.trace(one).to_dicts() for one in ids]
        assert server.stop() == 0
        with tocsin.open(server.data) as embedded:
            again = embedded.search(query).to_dicts()
            assert [row["trace_id"] for row in again] == ids
            assert [row["start"] for row in again] == [row["start"] for row in rows]
            assert [embedded.trace(one).to_dicts() for one in ids] == spans


def test_times_are_read_as_people_write_them(tmp_path: Path) -> None:
    with tocsin.open(tmp_path / "data") as db:
        assert isinstance(db, tocsin.Database)
        one = span()
        db.ingest(export_request(one).SerializeToString())
        now = dt.datetime.now(tz=dt.UTC)
        for start in ("-1h", "-1h30m", now - dt.timedelta(hours=1), time.time() - 60):
            assert len(db.search("{}", start=start)) == 1
        assert len(db.search("{}", start="-2h", end="-1h")) == 0
        with pytest.raises(ValueError, match="no duration"):
            db.search("{}", start="-1 fortnight")


def test_threads_may_share_a_database(tmp_path: Path) -> None:
    with tocsin.open(tmp_path / "data") as db:
        assert isinstance(db, tocsin.Database)
        for _ in range(20):
            db.ingest(export_request(span()).SerializeToString())
        counts: list[int] = []

        def ask() -> None:
            counts.extend(len(db.search("{}", limit=100)) for _ in range(20))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counts == [20] * 80


def test_signatures_and_docs_are_there() -> None:
    for name in ("search", "trace", "promql"):
        for kind in (tocsin.Database, tocsin.Client):
            method = getattr(kind, name)
            assert inspect.getdoc(method)
            assert "self" in inspect.signature(method).parameters


def test_nothing_is_said_at_exit(tmp_path: Path) -> None:
    code = f"import tocsin; db = tocsin.open({str(tmp_path / 'data')!r}); r = db.promql('1')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Traceback" not in done.stderr
    assert b"leak" not in done.stderr
