"""Zipkin's query API as its pages and Grafana call it, on spans that came over OTLP."""

from __future__ import annotations

import os
import time
import urllib.parse
from typing import Any

import pytest
from harness import Server, attribute, running, span
from opentelemetry.proto.trace.v1 import trace_pb2

# Ids with zeros at the front: of 64 bits, and of 128.
SHORT = bytes(8) + b"\x0a" + os.urandom(7)
LONG = b"\x00\x0b" + os.urandom(14)
SHARED = bytes(7) + b"\x02"
NASTY = 'a/b "} || { true'


def ask(server: Server, path: str, **params: object) -> Any:
    text = urllib.parse.urlencode(params)
    answer = server.get(f"/zipkin/api/v2{path}?{text}")
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.json


@pytest.fixture(scope="module")
def start(server: Server) -> int:
    """Send Front -> Cart, whose two spans share an id, and Cart alone a second later."""
    begin = time.time_ns() - 60 * 10**9
    begin -= begin % 10**6
    root = span("GET /", trace_id=SHORT, span_id=bytes(7) + b"\x01", start=begin, error=True)
    root.attributes.append(attribute("http.method", "GET"))
    root.events.add(name="retry", time_unix_nano=begin + 5_000)
    call = span(
        "call",
        trace_id=SHORT,
        span_id=SHARED,
        parent_id=root.span_id,
        start=begin + 1_000,
        kind=trace_pb2.Span.SPAN_KIND_CLIENT,
        duration=2_000_000,
    )
    call.attributes.extend([attribute("peer.service", "Cart"), attribute("net.peer.port", 80)])
    server.send(root, call, service="Front", host__name="h1")
    served = span(
        "add", trace_id=SHORT, span_id=SHARED, parent_id=root.span_id, start=begin + 2_000
    )
    alone = span("Add", trace_id=LONG, start=begin + 10**9, duration=30_000_000)
    server.send(served, alone, service="Cart")
    server.send(span(NASTY, start=begin), service=NASTY)
    return begin


def found(server: Server, start: int, **params: object) -> list[str]:
    window = {"endTs": start // 10**6 + 10_000, "lookback": 20_000}
    return [trace[0]["traceId"] for trace in ask(server, "/traces", **window | params)]


def test_a_trace_by_id(server: Server, start: int) -> None:
    """API-54: ids of 64 bits have 16 digits; shared ids stay shared."""
    root, call, served = ask(server, f"/trace/{SHORT.hex()[16:]}")
    assert root == {
        "traceId": SHORT.hex()[16:],
        "id": "0000000000000001",
        "kind": "SERVER",
        "name": "get /",
        "timestamp": start // 1000,
        "duration": 5000,
        "localEndpoint": {"serviceName": "front"},
        "annotations": [{"timestamp": start // 1000 + 5, "value": "retry"}],
        "tags": {
            "error": "true",
            "host.name": "h1",
            "http.method": "GET",
            "otel.status_code": "ERROR",
        },
    }
    assert call["remoteEndpoint"] == {"serviceName": "cart", "port": 80}
    assert "shared" not in call
    assert served["id"] == call["id"] == "0000000000000002"
    assert served["parentId"] == "0000000000000001"
    assert served["shared"] is True
    assert ask(server, f"/trace/{SHORT.hex()}") == [root, call, served]
    (alone,) = ask(server, f"/trace/{LONG.hex()}")
    assert alone["traceId"] == LONG.hex()
    assert ask(server, "/traceMany", traceIds=f"{LONG.hex()},77,{SHORT.hex()}") == [
        [alone],
        [root, call, served],
    ]


@pytest.mark.usefixtures("start")
def test_names(server: Server) -> None:
    """API-54: in lower case."""
    assert ask(server, "/services") == [NASTY, "cart", "front"]
    assert ask(server, "/spans", serviceName="cart") == ["add"]
    assert ask(server, "/spans", serviceName=NASTY) == [NASTY]
    assert ask(server, "/remoteServices", serviceName="front") == ["cart"]
    assert "http.method" in ask(server, "/autocompleteKeys")
    assert ask(server, "/autocompleteValues", key="http.method") == ["GET"]


def test_searches(server: Server, start: int) -> None:
    """API-54: newest first, whole traces."""
    assert found(server, start, serviceName="cart") == [LONG.hex(), SHORT.hex()[16:]]
    assert found(server, start, serviceName="cart", limit=1) == [LONG.hex()]
    assert found(server, start, serviceName="front", spanName="get /") == [SHORT.hex()[16:]]
    assert found(server, start, remoteServiceName="cart") == [SHORT.hex()[16:]]
    assert found(server, start, serviceName="cart", minDuration=20_000) == [LONG.hex()]
    assert found(server, start, serviceName="cart", minDuration=1, maxDuration=20_000) == [
        SHORT.hex()[16:]
    ]
    for query in ("error", "error and http.method=GET", "retry", "host.name=h1"):
        assert found(server, start, serviceName="front", annotationQuery=query) == [
            SHORT.hex()[16:]
        ]
    assert found(server, start, annotationQuery="http.method=POST") == []
    assert len(found(server, start, serviceName=NASTY, spanName=NASTY)) == 1
    assert found(server, start, annotationQuery=f"{NASTY}={NASTY}") == []
    assert len(ask(server, "/traces")) == 3


def test_dependencies(server: Server, start: int) -> None:
    """API-54."""
    end = start // 10**6 + 10_000
    assert ask(server, "/dependencies", endTs=end) == [
        {"parent": "front", "child": "cart", "callCount": 1}
    ]


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/trace/77", 404, "0000000000000077 not found"),
        ("/trace/0x77", 400, "0x77 should be lower-hex encoded with no prefix"),
        ("/traces?limit=0", 400, "limit <= 0"),
        ("/traces?maxDuration=1", 400, "maxDuration is only valid with minDuration"),
        ("/traceMany?traceIds=", 400, "traceIds parameter is empty"),
        ("/spans", 400, "Mandatory parameter is missing: serviceName"),
        ("/dependencies", 400, "Mandatory parameter is missing: endTs"),
    ],
)
def test_refusals(server: Server, path: str, status: int, message: str) -> None:
    """API-54: text, as a Zipkin server answers."""
    answer = server.get("/zipkin/api/v2" + path)
    assert (answer.status, answer.text) == (status, message)


def test_a_large_trace_from_disk() -> None:
    """A trace of many pieces is streamed."""
    with running() as own:
        trace_id = os.urandom(16)
        for part in range(4):
            own.send(*(span(f"part {part}", trace_id=trace_id) for _ in range(5000)))
        own.flush()
        own.restart()
        spans = ask(own, f"/trace/{trace_id.hex()}")
        assert len({one["id"] for one in spans}) == 20_000
