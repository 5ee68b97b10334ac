"""tempopb.StreamingQuerier over h2c on the HTTP port, with a client of gRPC's own."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from harness import Server, running, span
from tempo_messages import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    with running() as server:
        for n in range(30):
            root = span("GET /cart", trace_id=bytes([0, n + 1]) * 8, http__status_code=200 + n)
            child = span(
                "query",
                trace_id=root.trace_id,
                parent_id=root.span_id,
                start=root.start_time_unix_nano,
                error=True,
            )
            server.send(root, child, service="frontend" if n % 2 else "backend")
            if n == 15:
                server.flush()
        yield server


@pytest.fixture(scope="module")
def client(shop: Server) -> Iterator[Client]:
    made = Client(shop.addresses["http"])
    yield made
    made.close()


def merged(messages: list[Any], field: str) -> list[Any]:
    """Every message is a diff: together they are the answer."""
    return [item for message in messages for item in getattr(message, field)]


def test_search(shop: Server, client: Client) -> None:
    """API-43, API-44: the same traces as over HTTP."""
    messages = client.messages("Search", query="{ status = error }", limit=100)
    traces = merged(messages, "traces")
    over_http = shop.search("{ status = error }", limit=100)
    assert [t.trace_id for t in traces] == [t["traceID"] for t in over_http]
    assert len({t.trace_id for t in traces}) == len(traces) == 30
    first, other = traces[0], over_http[0]
    assert first.root_service_name == other["rootServiceName"]
    assert first.root_trace_name == "GET /cart"
    assert first.start_time_unix_nano == int(other["startTimeUnixNano"])
    assert first.duration_ms == other["durationMs"]
    one = first.span_sets[0].spans[0]
    assert one.span_id == other["spanSets"][0]["spans"][0]["spanID"]
    assert one.duration_nanos == 5_000_000
    assert first.span_set == first.span_sets[0]
    assert first.span_sets[0].matched == 1
    assert {e.key: (e.value.span_count, e.value.error_count) for e in first.service_stats} == {
        first.root_service_name: (2, 1)
    }
    metrics = messages[-1].metrics
    assert metrics.completed_jobs == metrics.total_jobs >= 1


def test_search_parameters(client: Client) -> None:
    now = int(time.time())
    recent = client.messages("Search", query="{ }", start=now - 3600, end=now + 60)
    assert len(merged(recent, "traces")) == 20
    past = client.messages("Search", query="{ }", start=now - 7200, end=now - 3600)
    assert merged(past, "traces") == []
    assert len(past) >= 1
    assert past[-1].metrics.completed_jobs == past[-1].metrics.total_jobs
    spans = client.messages("Search", query="{ }", limit=3, spans_per_span_set=1)
    assert [len(t.span_sets[0].spans) for t in merged(spans, "traces")] == [1, 1, 1]
    tagged = client.messages("Search", tags=[{"key": "service.name", "value": "front"}], limit=100)
    assert len(merged(tagged, "traces")) == 15
    slow = client.messages("Search", query="{ }", min_duration_ms=6)
    assert merged(slow, "traces") == []


def test_bad_requests(client: Client) -> None:
    """Errors are INVALID_ARGUMENT with the text that HTTP gives."""
    for fields, text in (
        ({"query": "{ a = "}, "invalid TraceQL query: parse error at line 1, col"),
        ({"query": "{ }", "start": 10, "end": 5}, "start must be before end"),
        ({"query": "{ }", "limit": 1_000_000}, "exceeds max limit"),
        ({"query": "{ } | rate()"}, "metrics query"),
    ):
        with pytest.raises(grpc.RpcError) as error:
            client.messages("Search", **fields)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert text in error.value.details()
    with pytest.raises(grpc.RpcError) as error:
        client.messages("SearchTagsV2", scope="nowhere")
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_tags(shop: Server, client: Client) -> None:
    """API-43: names in both versions."""
    names = merged(client.messages("SearchTags"), "tag_names")
    assert list(names) == shop.get("/api/search/tags").json["tagNames"]
    scopes = merged(client.messages("SearchTagsV2"), "scopes")
    over_http = shop.get("/api/v2/search/tags").json["scopes"]
    assert [(s.name, list(s.tags)) for s in scopes] == [(s["name"], s["tags"]) for s in over_http]
    messages = client.messages("SearchTagsV2", scope="resource", query="{ status = error }")
    assert [s.name for s in merged(messages, "scopes")] == ["resource"]
    assert messages[-1].metrics.completed_jobs == messages[-1].metrics.total_jobs


def test_tag_values(client: Client) -> None:
    """API-43: values in both versions."""
    plain = client.messages("SearchTagValues", tag_name="service.name")
    assert merged(plain, "tag_values") == ["backend", "frontend"]
    typed = client.messages("SearchTagValuesV2", tag_name="span.http.status_code")
    values = [(v.type, v.value) for v in merged(typed, "tag_values")]
    assert values == [("int", str(200 + n)) for n in range(30)]
    filtered = client.messages(
        "SearchTagValuesV2",
        tag_name="resource.service.name",
        query="{ span.http.status_code = 200 && name = }",
    )
    assert [v.value for v in merged(filtered, "tag_values")] == ["backend"]


def test_metrics(client: Client) -> None:
    """API-43: range and instant queries of TraceQL metrics."""
    now = time.time_ns()
    asked = {
        "query": "{ status = error } | count_over_time()",
        "start": now - 600 * 10**9,
        "end": now + 60 * 10**9,
    }
    ranged = client.messages("MetricsQueryRange", step=60 * 10**9, **asked)
    series = merged(ranged, "series")
    assert len(series) == 1
    assert sum(sample.value for sample in series[0].samples) == 30
    instant = merged(client.messages("MetricsQueryInstant", **asked), "series")
    assert [s.value for s in instant] == [30]
    by = client.messages(
        "MetricsQueryRange",
        step=60 * 10**9,
        **(asked | {"query": "{ } | count_over_time() by (resource.service.name)"}),
    )
    labels = {s.labels[0].value.string_value for s in merged(by, "series")}
    assert labels == {"frontend", "backend"}


def test_packets_are_small() -> None:
    """API-43: no message is above one MiB."""
    with running() as server:
        for batch in range(4):
            spans = [span(big=f"{batch}-{n:05}-" + "x" * 1000) for n in range(1000)]
            server.send(*spans)
        client = Client(server.addresses["http"])
        values = client.messages("SearchTagValuesV2", tag_name="span.big")
        assert len(merged(values, "tag_values")) == 4000
        assert len(values) >= 4
        searched = client.messages("Search", query='{ span.big != "" }', limit=5000)
        assert len(merged(searched, "traces")) == 4000
        for message in [*values, *searched]:
            assert message.ByteSize() <= MEBIBYTE
        client.close()


def test_a_client_that_leaves(shop: Server, client: Client) -> None:
    """A call that is cancelled ends, and the server goes on."""
    for _ in range(20):
        call = client.call("Search", query='{ name =~ ".*" }', limit=1000)
        call.cancel()
    assert len(merged(client.messages("Search", query="{ }", limit=50), "traces")) == 30
    assert shop.get("/ready").status == 200


def test_deadline() -> None:
    """A query that takes too long is DEADLINE_EXCEEDED, and 504 over HTTP: API-29."""
    with running("query_frontend: {api_timeout: 1ns}") as server:
        server.send(span(trace_id=os.urandom(16)))
        client = Client(server.addresses["http"])
        with pytest.raises(grpc.RpcError) as error:
            client.messages("Search", query="{ }")
        assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        client.close()
        answer = server.get("/api/search?q=%7B%7D")
        assert answer.status == 504
        assert "deadline" in answer.text
        assert server.get("/api/v2/search/tags").status == 504
        now = int(time.time())
        metrics = f"q=%7B%7D%7Crate()&start={now - 60}&end={now + 60}"
        assert server.get(f"/api/metrics/query_range?{metrics}").status == 504
        assert server.get(f"/api/metrics/query?{metrics}").status == 504


def test_the_other_ports_take_it_too(shop: Server) -> None:
    client = Client(shop.otlp_grpc)
    assert len(merged(client.messages("Search", query="{ }", limit=50), "traces")) == 30
    client.close()
