"""The calls of Grafana's Tempo data source, replayed in its own spelling.

Every one that it makes, with what it reads from the answer.
"""

from __future__ import annotations

import os
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from harness import Server, request, running, span, wait_until
from opentelemetry.proto.trace.v1 import trace_pb2
from tempo_messages import Client

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Shop:
    server: Server
    trace_id: bytes
    now: int

    def get(self, path: str, **params: object) -> Any:
        text = urllib.parse.urlencode(params)
        answer = self.server.get(f"{path}?{text}" if text else path)
        assert answer.status == 200, answer.text
        return answer.json

    @property
    def window(self) -> dict[str, int]:
        return {"start": self.now - 3600, "end": self.now + 3600}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with running(metrics_generator__collection_interval="1s") as server:
        trace_id = bytes(1) + os.urandom(15)
        root = span("GET /cart", trace_id=trace_id, duration=2_000_000_000, http__status_code=200)
        root.trace_state = "a=b"
        child = span(
            "reserve",
            trace_id=trace_id,
            parent_id=root.span_id,
            start=root.start_time_unix_nano,
            kind=trace_pb2.Span.SPAN_KIND_CLIENT,
            error=True,
            app__user__id="u1",
        )
        child.status.message = "sold out"
        child.events.add(name="exception", time_unix_nano=root.start_time_unix_nano)
        server.send(root, service="frontend", cluster="blue")
        server.send(child, service="stock", cluster="blue")
        yield Shop(server, trace_id, int(time.time()))


# 2.1 Health


def test_health(shop: Shop) -> None:
    assert shop.server.get("/api/echo").status == 200
    info = shop.get("/api/status/buildinfo")
    assert info["version"]
    client = Client(shop.server.addresses["http"])
    assert client.messages("Search", query="{}", limit=1)
    client.close()


# 2.2 Trace by id, from Grafana's server


def fields(message: bytes) -> dict[int, list[bytes | int]]:
    """Split a message of varints and length-delimited fields."""
    found: dict[int, list[bytes | int]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            found.setdefault(tag >> 3, []).append(varint())
        else:
            size = varint()
            found.setdefault(tag >> 3, []).append(message[at : at + size])
            at += size
    return found


def by_id(shop: Shop, text: str, **params: object) -> trace_pb2.TracesData:
    query = "?" + urllib.parse.urlencode(params) if params else ""
    answer = shop.server.get(f"/api/v2/traces/{text}{query}", Accept="application/protobuf")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/protobuf"
    response = fields(answer.body)
    assert 1 in response  # Without it old versions crash.
    trace: trace_pb2.TracesData = trace_pb2.TracesData.FromString(
        b"".join(p for p in response[1] if isinstance(p, bytes))
    )
    return trace


def test_trace_by_id(shop: Shop) -> None:
    for trace in (
        by_id(shop, shop.trace_id.hex(), **shop.window),
        by_id(shop, shop.trace_id.hex()),
        by_id(shop, shop.trace_id.hex().lstrip("0")),
    ):
        spans = {
            s.name: (s, r) for r in trace.resource_spans for g in r.scope_spans for s in g.spans
        }
        root, resource = spans["GET /cart"]
        assert [a.value.string_value for a in resource.resource.attributes] == ["frontend", "blue"]
        assert root.trace_state == "a=b"
        child = spans["reserve"][0]
        assert child.parent_span_id == root.span_id
        assert child.kind == trace_pb2.Span.SPAN_KIND_CLIENT
        assert child.status.message == "sold out"
        assert child.events[0].name == "exception"


def test_unknown_trace(shop: Shop) -> None:
    """An empty trace is "not found"; version 1, to which old servers fall back, says 404."""
    unknown = os.urandom(16).hex()
    assert by_id(shop, unknown, **shop.window) == trace_pb2.TracesData()
    assert shop.server.get(f"/api/traces/{unknown}", Accept="application/protobuf").status == 404
    bad = shop.server.get("/api/v2/traces/not-an-id", Accept="application/protobuf")
    assert bad.status == 400
    assert len(bad.text) < 200


def test_span_pruning_is_always_sent_by_new_versions(shop: Shop) -> None:
    trace = by_id(
        shop,
        shop.trace_id.hex(),
        span_pruning="true",
        span_pruning_group_by="db.*,http.method",
        span_pruning_min_spans=5,
        span_pruning_max_parent_depth=1,
        **shop.window,
    )
    assert len(trace.resource_spans) == 2


# 2.3 Search

SEARCHES = [
    '{resource.service.name="frontend" && name="GET /cart" && duration>1s} ',
    "{status=error}",
    '{resource.service.name=~"frontend|stock"}',
    "{kind=server && span.http.status_code=200}",
    '{resource.service.name="frontend"} && {status=error}',
    "{nestedSetParent<0 && true}",
    "{} | select(status, resource.service.name, name, nestedSetParent)",
    "{traceDuration>1s}",
]


@pytest.mark.parametrize("query", SEARCHES)
def test_search(shop: Shop, query: str) -> None:
    answer = shop.get("/api/search", q=query, limit=20, spss=3, **shop.window)
    trace = next(t for t in answer["traces"] if t["traceID"].rjust(32, "0") == shop.trace_id.hex())
    assert trace["rootServiceName"] == "frontend"
    assert trace["rootTraceName"] == "GET /cart"
    assert isinstance(trace["startTimeUnixNano"], str)
    assert trace["durationMs"] == 2000
    for spanset in trace["spanSets"]:
        for one in spanset["spans"]:
            assert len(one["spanID"]) == 16
            assert isinstance(one["startTimeUnixNano"], str)
            assert isinstance(one["durationNanos"], str)
            for attribute in one.get("attributes", []):
                assert set(attribute) == {"key", "value"}
    assert trace["serviceStats"]["stock"] == {"spanCount": 1, "errorCount": 1}
    assert answer["metrics"]["completedJobs"] == answer["metrics"]["totalJobs"]
    # The link of the row opens the trace.
    assert by_id(shop, trace["traceID"]).resource_spans


def test_search_in_both_encodings(shop: Shop) -> None:
    """Spaces come as plus and as %20."""
    query = '{ resource.service.name = "frontend" }'
    for encode in (urllib.parse.quote, urllib.parse.quote_plus):
        answer = shop.server.get(f"/api/search?q={encode(query)}&limit=20&spss=3")
        assert len(answer.json["traces"]) == 1


def test_search_of_old_versions(shop: Shop) -> None:
    tags = 'service.name="frontend" name="GET /cart" http.status_code=200'
    answer = shop.get(
        "/api/search", tags=tags, minDuration="1s", maxDuration="1m", limit=20, **shop.window
    )
    assert len(answer["traces"]) == 1


def test_a_bad_query_is_underlined(shop: Shop) -> None:
    """The editor reads line and column from the text."""
    answer = shop.server.get("/api/search?q=" + urllib.parse.quote("{ name = }"))
    assert answer.status == 400
    assert "parse error at line 1, col 10" in answer.text


# 2.4 Completion


def test_tags(shop: Shop) -> None:
    answer = shop.get("/api/v2/search/tags", limit=5000)
    scopes = {scope["name"]: scope["tags"] for scope in answer["scopes"]}
    assert scopes["resource"] == ["cluster", "service.name"]
    assert "http.status_code" in scopes["span"]
    assert "name" in scopes["intrinsic"]
    assert shop.get("/api/v2/search/tags", limit=5000, **shop.window)["scopes"]
    assert "service.name" in shop.get("/api/search/tags")["tagNames"]


TAG_VALUES = {
    "resource.service.name": {("string", "frontend"), ("string", "stock")},
    ".app.user.id": {("string", "u1")},
    "app.user.id": {("string", "u1")},
    "span.http.status_code": {("int", "200")},
    "name": {("string", "GET /cart"), ("string", "reserve")},
    "span:name": {("string", "GET /cart"), ("string", "reserve")},
    "event:name": {("string", "exception")},
    "status": {("keyword", "error"), ("keyword", "ok"), ("keyword", "unset")},
    "rootServiceName": {("string", "frontend")},
}


@pytest.mark.parametrize("tag", TAG_VALUES)
def test_tag_values(shop: Shop, tag: str) -> None:
    twice = urllib.parse.quote(urllib.parse.quote(tag, safe=""), safe="")
    for params in ({}, {"q": "{}"}, {"q": '{resource.cluster="blue" && }'}, shop.window):
        answer = shop.get(f"/api/v2/search/tag/{twice}/values", limit=5000, **params)
        assert {(v["type"], v["value"]) for v in answer["tagValues"]} == TAG_VALUES[tag]
    old = shop.get(f"/api/search/tag/{urllib.parse.quote(tag, safe='')}/values")
    assert set(old["tagValues"]) == {value for _, value in TAG_VALUES[tag]}


def test_tag_values_with_the_current_filters(shop: Shop) -> None:
    answer = shop.get(
        "/api/v2/search/tag/resource.service.name/values",
        limit=5000,
        q="{status=error && resource.service.name=}",
    )
    assert answer["tagValues"] == [{"type": "string", "value": "stock"}]


# 2.5 Streaming


def test_streaming(shop: Shop) -> None:
    client = Client(shop.server.addresses["http"])
    messages = client.messages(
        "Search", query="{status=error}", limit=20, spans_per_span_set=3, **shop.window
    )
    traces = [trace for message in messages for trace in message.traces]
    assert [t.trace_id for t in traces] == [shop.trace_id.hex().lstrip("0")]
    assert messages[-1].metrics.completed_jobs == messages[-1].metrics.total_jobs
    series = client.messages(
        "MetricsQueryRange",
        query="{} | rate()",
        start=(shop.now - 3600) * 10**9,
        end=(shop.now + 60) * 10**9,
        step=60 * 10**9,
        exemplars=100,
    )
    assert [s for message in series for s in message.series]
    client.close()


# 2.6 The service graph and its table, from the Prometheus data source on the same address

SERVICE_GRAPH = [
    "sum by (client, server) (rate(traces_service_graph_request_server_seconds_sum[3600s]))",
    'sum by (client, server) (rate(traces_service_graph_request_total{client="a"}[3600s]) OR '
    'rate(traces_service_graph_request_total{server="a"}[3600s]))',
    "sum by (client, server) (rate(traces_service_graph_request_failed_total[3600s]))",
    "sum by (client, server) (rate(traces_service_graph_request_server_seconds_bucket[3600s]))",
    'topk(5, sum(rate(traces_spanmetrics_calls_total{span_kind="SPAN_KIND_SERVER"}[3600s])) '
    "by (span_name))",
    'topk(5, sum(rate(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR",'
    'span_name=~"GET /cart|reserve"}[3600s])) by (span_name))',
    'histogram_quantile(.9, sum(rate(traces_spanmetrics_latency_bucket{span_name=~"GET /cart"}'
    "[3600s])) by (le))",
]


@pytest.mark.parametrize("expr", SERVICE_GRAPH)
def test_service_graph(shop: Shop, expr: str) -> None:
    body = urllib.parse.urlencode({"query": expr, "time": time.time()}).encode()
    answer = request(
        shop.server.url + "/api/v1/query",
        body=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 200, answer.text
    assert answer.json["status"] == "success"


def test_the_table_has_its_rows(shop: Shop) -> None:
    expr = 'sum(traces_spanmetrics_calls_total{span_kind="SPAN_KIND_SERVER"}) by (span_name)'
    rows = wait_until(lambda: shop.server.promql(expr), "span metrics")
    assert [row["metric"]["span_name"] for row in rows] == ["GET /cart"]


# 2.7 TraceQL metrics


def test_metrics_range(shop: Shop) -> None:
    answer = shop.server.get(
        "/api/metrics/query_range?"
        + urllib.parse.urlencode(
            {
                "q": "{status=error} | count_over_time() by (resource.service.name)",
                "step": "60s",
                "exemplars": 100,
                **shop.window,
            }
        ),
        Accept="application/json",
    )
    assert answer.status == 200, answer.text
    series = answer.json["series"]
    assert len(series) == 1
    label = next(v for v in series[0]["labels"] if v["key"] == "resource.service.name")
    assert label["value"] == {"stringValue": "stock"}
    assert all(isinstance(sample["timestampMs"], str) for sample in series[0]["samples"])
    assert sum(sample.get("value", 0) for sample in series[0]["samples"]) == 1


def test_metrics_instant(shop: Shop) -> None:
    answer = shop.get("/api/metrics/query", q="{} | count_over_time()", **shop.window)
    assert set(answer) <= {"series", "metrics", "status", "message"}
    assert answer["series"][0]["value"] == 2
