"""Pinned traces outlive retention, restarts and crashes, within their bounds."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from harness import Answer, Server, request, running, span, wait_until

import tocsin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1 import trace_pb2


def pin(server: Server, trace_id: bytes, method: str = "PUT") -> Answer:
    return request(f"{server.url}/api/traces/{trace_id.hex()}/pin", method=method)


def pins(server: Server) -> list[str]:
    listed: list[str] = server.get("/api/admin/pins").json["traces"]
    return listed


def status_of(server: Server, trace_id: bytes) -> int:
    return server.get(f"/api/traces/{trace_id.hex()}").status


def pair(name: str) -> list[trace_pb2.Span]:
    root = span(name)
    return [root, span(name, trace_id=root.trace_id, parent_id=root.span_id)]


@pytest.fixture
def short() -> Iterator[Server]:
    """Run a server that keeps spans for five seconds."""
    with running(
        compaction__block_retention="5s",
        ingester__max_block_duration="1s",
        ingester__trace_idle_period="1s",
    ) as server:
        yield server


def test_a_pinned_trace_outlives_retention_restarts_and_crashes(short: Server) -> None:
    """STO-15: it is found by its id and by a search long after others of its age have gone."""
    sealed, live, other = pair("sealed"), pair("live"), pair("other")
    short.send(*sealed, *other)
    short.flush()
    assert pin(short, sealed[0].trace_id).status == 204
    # What is not sealed yet, and what is not there yet.
    coming = pair("coming")
    short.send(*live)
    assert pin(short, live[0].trace_id).status == 204
    assert pin(short, coming[0].trace_id).status == 204
    short.send(*coming)
    kept = [sealed, live, coming]
    assert pins(short) == sorted(trace[0].trace_id.hex() for trace in kept)

    def check() -> None:
        gone = other[0].trace_id
        wait_until(lambda: status_of(short, gone) == 404, "the other trace to go", 60)
        for trace in kept:
            assert status_of(short, trace[0].trace_id) == 200
            (found,) = short.search(f'{{ name = "{trace[0].name}" }}')
            assert found["traceID"].rjust(32, "0") == trace[0].trace_id.hex()
            assert found["spanSets"][0]["matched"] == 2

    check()
    short.restart()
    check()
    short.kill()
    short.start()
    check()
    time.sleep(6)  # Its copy has its time, too.
    short.flush()
    check()
    assert pin(short, sealed[0].trace_id, "DELETE").status == 204
    wait_until(lambda: status_of(short, sealed[0].trace_id) == 404, "the unpinned trace to go", 60)
    assert status_of(short, live[0].trace_id) == 200


def test_a_pin_survives_kill_9() -> None:
    with running() as own:
        trace_id = os.urandom(16)
        assert pin(own, trace_id).status == 204
        own.kill()
        own.start()
        assert pins(own) == [trace_id.hex()]
        assert pin(own, trace_id, "DELETE").status == 204
        assert pin(own, trace_id, "DELETE").status == 204
        own.kill()
        own.start()
        assert pins(own) == []


def test_what_is_deleted_is_pinned_no_longer() -> None:
    with running() as own:
        one, two = pair("one"), pair("two")
        own.send(*one, *two)
        for trace in (one, two):
            assert pin(own, trace[0].trace_id).status == 204
        path = f"{own.url}/api/traces/{one[0].trace_id.hex()}"
        assert request(path, method="DELETE").status == 204
        assert pins(own) == [two[0].trace_id.hex()]
        everything = f"{own.url}/api/admin/delete?q=%7B%7D"
        assert request(everything, method="POST").json == {"traces": 1, "spans": 2}
        assert pins(own) == []


def test_pins_take_a_quarter_of_the_cap() -> None:
    """STO-15: more is refused with 429, and says how to get room."""
    with running(storage__max_bytes="20MB") as own:
        traces = []
        for _ in range(10):
            root = span(os.urandom(1000).hex())
            more = [span(os.urandom(1000).hex(), trace_id=root.trace_id) for _ in range(500)]
            own.send(root, *more)
            traces.append(root.trace_id)
        own.flush()
        statuses = [pin(own, trace_id).status for trace_id in traces]
        assert statuses[0] == 204
        assert statuses[-1] == 429
        assert 5 <= statuses.count(204) <= 9  # Of half a megabyte each.
        refused = pin(own, traces[-1])
        assert "a quarter of the store" in refused.text
        assert "unpin others first" in refused.text
        assert len(pins(own)) == statuses.count(204)
        assert pin(own, traces[0], "DELETE").status == 204
        assert pin(own, traces[-1]).status == 204


def test_traces_are_pinned_from_python() -> None:
    """STO-15: the same calls on a server and on a directory."""
    with running() as own:
        one = span()
        own.send(one)
        db = tocsin.connect(own.url)
        db.pin(one.trace_id.hex())
        assert db.pins() == [one.trace_id.hex()]
        with pytest.raises(tocsin.QueryError):
            db.pin("xyz")
        assert own.stop() == 0
        with tocsin.open(own.data) as opened:
            assert isinstance(opened, tocsin.Database)
            assert opened.pins() == [one.trace_id.hex()]
            opened.unpin(one.trace_id.hex())
            opened.unpin(one.trace_id.hex())
            assert opened.pins() == []
            opened.pin("ab")
            with pytest.raises(tocsin.QueryError):
                opened.pin("xyz")
        own.start()
        assert pins(own) == ["ab".rjust(32, "0")]
