"""Jaeger's query API as Grafana and Jaeger's own pages call it, on spans that came over OTLP."""

from __future__ import annotations

import json
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
NASTY = 'a/b "} || { true'


def us(nanos: int) -> int:
    return nanos // 1000


def ask(server: Server, path: str, /, status: int = 200, **params: Any) -> Any:
    text = urllib.parse.urlencode(params, doseq=True)
    answer = server.get(f"/jaeger/api{path}?{text}")
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.json


@pytest.fixture(scope="module")
def start(server: Server) -> int:
    """Send front -> cart, cart alone a second later, and a service of an evil name."""
    begin = time.time_ns() - 60 * 10**9
    begin -= begin % 10**6
    root = span("GET /", trace_id=SHORT, span_id=bytes(7) + b"\x01", start=begin, error=True)
    root.status.message = "boom"
    root.attributes.append(attribute("http.status_code", 500))
    root.trace_state = "a=b"
    event = root.events.add(name="retry", time_unix_nano=begin + 5_000)
    event.attributes.append(attribute("attempt", 2))
    call = span(
        "call",
        trace_id=SHORT,
        parent_id=root.span_id,
        start=begin + 1_000,
        kind=trace_pb2.Span.SPAN_KIND_CLIENT,
        duration=2_000_000,
    )
    server.send(root, call, service="front", host__name="h1")
    served = span(
        "add", trace_id=SHORT, parent_id=call.span_id, start=begin + 2_000, duration=1_000_000
    )
    alone = span("add", trace_id=LONG, start=begin + 10**9, duration=30_000_000)
    alone.links.add(trace_id=SHORT, span_id=root.span_id)
    server.send(served, alone, service="cart")
    server.send(span(NASTY, start=begin), service=NASTY)
    return begin


def found(server: Server, start: int, **params: Any) -> list[str]:
    window: dict[str, Any] = {
        "start": us(start) - 10**6,
        "end": us(start) + 10**7,
        "lookback": "custom",
    }
    answer = ask(server, "/traces", **window | params)
    assert answer["errors"] is None
    return [trace["traceID"] for trace in answer["data"]]


@pytest.mark.usefixtures("start")
def test_names(server: Server) -> None:
    """API-53: the health check of the data source, and its two lists."""
    services = ask(server, "/services")
    assert services == {
        "data": [NASTY, "cart", "front"],
        "total": 3,
        "limit": 0,
        "offset": 0,
        "errors": None,
    }
    for service, operations in (("front", ["GET /", "call"]), (NASTY, [NASTY]), ("x", [])):
        quoted = urllib.parse.quote_plus(service)
        assert ask(server, f"/services/{quoted}/operations")["data"] == operations
    assert ask(server, "/operations", service="front")["data"] == [
        {"name": "GET /", "spanKind": "server"},
        {"name": "call", "spanKind": "client"},
    ]
    one = ask(server, "/operations", service="front", spanKind="client")
    assert one["data"] == [{"name": "call", "spanKind": "client"}]


def test_a_trace_by_id(server: Server, start: int) -> None:
    """API-53: field by field; with and without the zeros of its id."""
    answer = ask(server, f"/traces/{SHORT.hex()}")
    assert ask(server, f"/traces/{SHORT.hex().lstrip('0')}", start=1, end=2) == answer
    (trace,) = answer["data"]
    assert trace["traceID"] == SHORT.hex()
    assert trace["warnings"] is None
    root, call, served = trace["spans"]
    assert root == {
        "traceID": SHORT.hex(),
        "spanID": "0000000000000001",
        "operationName": "GET /",
        "references": [],
        "startTime": us(start),
        "duration": 5000,
        "tags": [
            {"key": "http.status_code", "type": "int64", "value": 500},
            {"key": "span.kind", "type": "string", "value": "server"},
            {"key": "otel.status_code", "type": "string", "value": "ERROR"},
            {"key": "error", "type": "bool", "value": True},
            {"key": "otel.status_description", "type": "string", "value": "boom"},
            {"key": "w3c.tracestate", "type": "string", "value": "a=b"},
        ],
        "logs": [
            {
                "timestamp": us(start) + 5,
                "fields": [
                    {"key": "event", "type": "string", "value": "retry"},
                    {"key": "attempt", "type": "int64", "value": 2},
                ],
            }
        ],
        "processID": "p1",
        "warnings": None,
    }
    assert call["references"] == [
        {"refType": "CHILD_OF", "traceID": SHORT.hex(), "spanID": "0000000000000001"}
    ]
    processes = trace["processes"]
    assert processes[call["processID"]] == {
        "serviceName": "front",
        "tags": [{"key": "host.name", "type": "string", "value": "h1"}],
    }
    assert processes[served["processID"]]["serviceName"] == "cart"
    (linked,) = ask(server, f"/traces/{LONG.hex()}")["data"][0]["spans"]
    assert linked["references"] == [
        {"refType": "FOLLOWS_FROM", "traceID": SHORT.hex(), "spanID": "0000000000000001"}
    ]


def test_searches(server: Server, start: int) -> None:
    """API-53: newest first, whole traces; each condition on one span of the service."""
    assert found(server, start, service="cart") == [LONG.hex(), SHORT.hex()]
    assert found(server, start, service="cart", limit=1) == [LONG.hex()]
    assert found(server, start, service="cart", maxDuration="10ms") == [SHORT.hex()]
    assert found(server, start, service="cart", minDuration="30ms") == [LONG.hex()]
    assert found(server, start, service="front", operation="call") == [SHORT.hex()]
    assert found(server, start, service="cart", operation="call") == []
    for tags in (
        {"error": "true"},
        {"http.status_code": "500", "host.name": "h1"},
        {"attempt": "2"},
        {"event": "retry"},
        {"span.kind": "client"},
    ):
        assert found(server, start, service="front", tags=json.dumps(tags)) == [SHORT.hex()]
    assert found(server, start, service="front", tags='{"http.status_code":"501"}') == []
    assert len(found(server, start, service=NASTY, operation=NASTY)) == 1
    assert found(server, start, service=NASTY, tags=json.dumps({NASTY: NASTY})) == []
    whole = ask(server, "/traces", service="cart", start=us(start), end=us(start) + 10)
    assert [len(trace["spans"]) for trace in whole["data"]] == [3]
    recent = ask(server, "/traces", service="cart", lookback="1h")
    assert len(recent["data"]) == 2
    both = ask(server, "/traces", traceID=[LONG.hex(), "77"])
    assert [trace["traceID"] for trace in both["data"]] == [LONG.hex()]
    assert both["errors"] == [{"msg": "trace not found", "traceID": "77".zfill(32)}]


def test_dependencies_and_the_service_graph(server: Server, start: int) -> None:
    """API-53: edges; and the same with rates, for our own page."""
    end = (start + 20 * 10**9) // 10**6
    answer = ask(server, "/dependencies", endTs=end, lookback=604800000)
    assert answer["data"] == [{"parent": "front", "child": "cart", "callCount": 1}]
    seconds = {"start": start // 10**9 - 1, "end": start // 10**9 + 9}
    text = urllib.parse.urlencode(seconds)
    graph = server.get(f"/api/service_graph?{text}").json
    assert graph["start"] == seconds["start"]
    assert graph["edges"] == [
        {
            "source": "front",
            "target": "cart",
            "calls": 1,
            "errors": 0,
            "rate": 0.1,
            "errorRatio": 0,
        }
    ]
    front = next(node for node in graph["nodes"] if node["name"] == "front")
    assert front["p95Ms"] == pytest.approx(5, rel=1)
    del front["p95Ms"]
    assert front == {
        "name": "front",
        "type": "service",
        "kind": "",
        "calls": 1,
        "errors": 1,
        "rate": 0.1,
        "errorRatio": 1,
    }


def test_metrics(server: Server, start: int) -> None:
    """API-53: the page "Monitor"."""
    params: dict[str, Any] = {
        "service": "cart",
        "endTs": (start + 2 * 10**9) // 10**6,
        "lookback": 1000,
        "step": 1000,
        "ratePer": 10000,
        "groupByOperation": "true",
    }
    calls = ask(server, "/metrics/calls", **params)
    assert calls["name"] == "service_operation_call_rate"
    (metric,) = calls["metrics"]
    assert metric["labels"] == [
        {"name": "operation", "value": "add"},
        {"name": "service_name", "value": "cart"},
    ]
    assert [point["gaugeValue"] for point in metric["metricPoints"]] == [
        {"doubleValue": 0.2},
        {"doubleValue": 0.2},
    ]
    assert ask(server, "/metrics/errors", **params)["metrics"][0]["metricPoints"][0][
        "gaugeValue"
    ] == {"doubleValue": 0}
    assert ask(server, "/metrics/latencies", quantile=0.5, **params)["metrics"]


def test_version_3(server: Server, start: int) -> None:
    """API-53: OTLP in `result`, times of RFC 3339 with their signs left unescaped."""
    assert ask(server, "/v3/services") == {"services": [NASTY, "cart", "front"]}
    assert ask(server, "/v3/operations", service="cart") == {
        "operations": [{"name": "add", "spanKind": "server"}]
    }
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start // 10**9 - 1 + 3600))
    later = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(start // 10**9 + 60))
    times = f"query.start_time_min={moment}.5+01:00&query.start_time_max={later}Z"
    answer = server.get(f"/jaeger/api/v3/traces?query.service_name=front&{times}")
    assert answer.status == 200, answer.text
    groups = answer.json["result"]["resourceSpans"]
    spans = [one for group in groups for part in group["scopeSpans"] for one in part["spans"]]
    assert [one["name"] for one in spans] == ["GET /", "call", "add"]
    assert spans[0]["traceId"] == SHORT.hex()
    assert spans[1]["parentSpanId"] == "0000000000000001"
    assert spans[0]["startTimeUnixNano"] == str(start)
    by_id = server.get(f"/jaeger/api/v3/traces/{SHORT.hex()}?start_time={later}Z")
    assert by_id.json == answer.json
    none = server.get(f"/jaeger/api/v3/traces?query.service_name=x&{times}")
    assert none.status == 404
    assert none.json == {"error": {"httpCode": 404, "message": "No traces found"}}
    assert ask(server, "/v3/traces/xyz", 400)["error"]["httpCode"] == 400


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/traces/77", 404, "trace not found"),
        ("/traces/xyz", 400, 'strconv.ParseUint: parsing "xyz": invalid syntax'),
        ("/traces", 400, "parameter 'service' is required"),
        ("/operations", 400, "parameter 'service' is required"),
        (
            "/traces?service=a&start=x",
            400,
            "unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        ("/traces?service=a&limit=-1", 400, "invalid parameter: limit must be greater than 0"),
        (
            "/traces?service=a&limit=99999999",
            400,
            "limit 99999999 exceeds max limit 262144",
        ),
    ],
)
def test_refusals(server: Server, path: str, status: int, message: str) -> None:
    """API-53."""
    answer = server.get("/jaeger/api" + path)
    assert answer.status == status
    assert answer.json == {
        "data": None,
        "total": 0,
        "limit": 0,
        "offset": 0,
        "errors": [{"code": status, "msg": message}],
    }


def test_a_large_trace_and_a_restart() -> None:
    """A trace of many pieces is streamed, and the same when it comes from disk."""
    with running() as own:
        trace_id = os.urandom(16)
        root = span("root", trace_id=trace_id)
        own.send(root, service="s0")
        for part in range(5):
            own.send(
                *(
                    span(
                        f"part {part}",
                        trace_id=trace_id,
                        parent_id=root.span_id,
                        start=root.start_time_unix_nano + part * 10_000_000 + n * 1000,
                        number=n,
                    )
                    for n in range(5000)
                ),
                service=f"s{part % 2}",
            )

        def content() -> tuple[set[str], dict[str, str]]:
            (trace,) = ask(own, f"/traces/{trace_id.hex()}")["data"]
            services = {key: one["serviceName"] for key, one in trace["processes"].items()}
            spans = {
                f"{one['spanID']} {one['operationName']} {services[one['processID']]}"
                for one in trace["spans"]
            }
            assert len(trace["spans"]) == 25_001
            return spans, {name: name for name in services.values()}

        before = content()
        assert len(before[0]) == 25_001
        assert before[1] == {"s0": "s0", "s1": "s1"}
        own.flush()
        own.restart()
        assert content() == before
        assert ask(own, "/dependencies")["data"] == [
            {"parent": "s0", "child": "s1", "callCount": 10_000}
        ]


def test_a_trace_above_the_limit() -> None:
    """422 by id; told among the errors of a search, beside what fits."""
    with running() as small:
        large = os.urandom(16)
        fits = os.urandom(16)
        small.send(*[span(trace_id=large, text="x" * 500) for _ in range(100)])
        small.send(span(trace_id=fits))
        small.config = "overrides: {defaults: {global: {max_bytes_per_trace: 20000}}}"
        small.restart()
        answer = ask(small, f"/traces/{large.hex()}", 422)
        assert answer["errors"][0]["msg"] == "trace exceeds maximum size of 20000 bytes"
        listed = ask(small, "/traces", service="myapp")
        assert [trace["traceID"] for trace in listed["data"]] == [fits.hex()]
        assert listed["errors"][0]["traceID"] == large.hex()
