"""Traces by id beyond the whole trace: filters, pruning, short JSON, traces that are too large."""

from __future__ import annotations

import os
import time
import urllib.parse
from typing import Any

import pytest
from harness import Server, attribute, running, span
from opentelemetry.proto.trace.v1 import trace_pb2


@pytest.fixture(scope="module")
def family(server: Server) -> bytes:
    """Send root -> handler -> (query -> socket, render)."""
    trace_id = os.urandom(16)
    start = time.time_ns()

    def one(name: str, parent: trace_pb2.Span | None, **more: Any) -> trace_pb2.Span:
        return span(
            name,
            trace_id=trace_id,
            parent_id=parent.span_id if parent is not None else b"",
            start=start,
            **more,
        )

    root = one("root", None)
    handler = one("handler", root)
    query = one("query", handler, error=True, db__system="mysql")
    socket = one("socket", query)
    render = one("render", handler)
    server.send(root, handler, query, socket, render, service="shop")
    return trace_id


def get(server: Server, trace_id: bytes, **params: object) -> Any:
    text = urllib.parse.urlencode(params)
    return server.get(f"/api/v2/traces/{trace_id.hex()}?{text}")


def names(answer: Any) -> list[str]:
    assert answer.status == 200, answer.text
    return sorted(
        one["name"]
        for group in answer.json["trace"].get("resourceSpans", [])
        for scope in group["scopeSpans"]
        for one in scope["spans"]
    )


def test_a_filter_returns_the_spans_that_match(server: Server, family: bytes) -> None:
    """API-12: what is dropped makes the answer PARTIAL."""
    answer = get(server, family, q="{ status = error }")
    assert names(answer) == ["query"]
    assert answer.json["status"] == "PARTIAL"
    assert names(get(server, family, q='{ span.db.system = "mysql" || name = "root" }')) == [
        "query",
        "root",
    ]
    everything = get(server, family, q="{ }")
    assert len(names(everything)) == 5
    assert "status" not in everything.json
    assert names(get(server, family, q='{ name = "nothing" }')) == []


def test_a_filter_keeps_what_is_around(server: Server, family: bytes) -> None:
    """API-12: keep_hierarchy, ancestor_depth, match_depth."""
    q = {"q": "{ status = error }"}
    assert names(get(server, family, **q, keep_hierarchy="true")) == ["handler", "query", "root"]
    near = get(server, family, **q, keep_hierarchy="true", ancestor_depth=1)
    assert names(near) == ["handler", "query"]
    assert names(get(server, family, **q, ancestor_depth=1)) == ["query"]
    assert names(get(server, family, **q, match_depth=1)) == ["query", "socket"]
    below = get(server, family, q='{ name = "handler" }', match_depth=-1)
    assert names(below) == ["handler", "query", "render", "socket"]
    both = get(server, family, **q, keep_hierarchy="true", match_depth=-1)
    assert names(both) == ["handler", "query", "root", "socket"]


@pytest.mark.parametrize(
    "params",
    [
        {"q": "{ status = error } | count() > 1"},
        {"q": "{ } >> { }"},
        {"q": "{ } | rate()"},
        {"q": '{ rootName = "root" }'},
        {"q": "{ traceDuration > 1s }"},
        {"q": "{ a = "},
        {"q": "{ }", "match_depth": -2},
        {"q": "{ }", "keep_hierarchy": "true", "ancestor_depth": -2},
        {"q": "{ }", "keep_hierarchy": "perhaps"},
        {"span_pruning": "true", "span_pruning_min_spans": "x"},
    ],
)
def test_what_is_no_filter_is_refused(
    server: Server, family: bytes, params: dict[str, object]
) -> None:
    """API-12."""
    assert get(server, family, **params).status == 400


def test_pruning(server: Server) -> None:
    """API-13: a hundred leaves that are alike become one span that tells of them."""
    trace_id = os.urandom(16)
    root = span("root", trace_id=trace_id, duration=10**9)
    start = root.start_time_unix_nano
    leaves = [
        span(
            "SELECT",
            trace_id=trace_id,
            parent_id=root.span_id,
            start=start + n * 10**6,
            duration=(n + 1) * 10**6,
            db__system="mysql" if n % 4 else "redis",
        )
        for n in range(100)
    ]
    server.send(root, *leaves, service="shop")
    assert len(names(get(server, trace_id))) == 101
    answer = get(server, trace_id, span_pruning="true")
    assert names(answer) == ["SELECT", "root"]
    summary = next(
        one
        for one in answer.json["trace"]["resourceSpans"][0]["scopeSpans"][0]["spans"]
        if one["name"] == "SELECT"
    )
    values = {a["key"]: a["value"] for a in summary["attributes"]}
    assert values["aggregation.is_summary"] == {"boolValue": True}
    assert values["aggregation.span_count"] == {"intValue": "100"}
    assert values["aggregation.duration_min_ns"] == {"intValue": "1000000"}
    assert values["aggregation.duration_max_ns"] == {"intValue": "100000000"}
    counts = values["aggregation.histogram_bucket_counts"]["arrayValue"]["values"]
    assert [int(c["intValue"]) for c in counts][-1] == 100
    assert int(summary["startTimeUnixNano"]) == start
    assert int(summary["endTimeUnixNano"]) == start + 99 * 10**6 + 100 * 10**6
    assert get(server, trace_id, span_pruning="true").json == answer.json
    by = get(server, trace_id, span_pruning="true", span_pruning_group_by="db.*")
    assert names(by) == ["SELECT", "SELECT", "root"]
    few = get(server, trace_id, span_pruning="true", span_pruning_min_spans=101)
    assert len(names(few)) == 101


def test_pruning_takes_parents_along(server: Server) -> None:
    """API-13: span_pruning_max_parent_depth."""
    trace_id = os.urandom(16)
    root = span("root", trace_id=trace_id)
    spans = [root]
    for _ in range(6):
        handler = span("handler", trace_id=trace_id, parent_id=root.span_id)
        leaf = span("SELECT", trace_id=trace_id, parent_id=handler.span_id)
        spans += [handler, leaf]
    server.send(*spans)
    assert names(get(server, trace_id, span_pruning="true")) == ["SELECT", "handler", "root"]
    leaves = get(server, trace_id, span_pruning="true", span_pruning_max_parent_depth=0)
    assert names(leaves) == ["SELECT", *["handler"] * 6, "root"]


def test_short_json(server: Server, family: bytes) -> None:
    """API-14: by id, search and tag values."""
    accept = {"Accept": "application/vnd.grafana.llm"}
    answer = server.get(f"/api/v2/traces/{family.hex()}", **accept)
    assert answer.headers["Content-Type"].startswith("application/vnd.grafana.llm")
    trace = answer.json["trace"]
    assert trace["traceId"] == family.hex()
    assert trace["services"][0]["serviceName"] == "shop"
    query = next(s for s in trace["services"][0]["scopes"][0]["spans"] if s["name"] == "query")
    assert query["attributes"] == {"db.system": "mysql"}
    assert query["durationMs"] == 5
    assert query["status"]["code"] == "STATUS_CODE_ERROR"
    assert len(answer.body) < len(get(server, family).body)
    values = server.get("/api/v2/search/tag/resource.service.name/values", **accept)
    assert "shop" in values.json["tagValues"]["string"]
    assert server.get("/api/search", **accept).json["traces"]
    unknown = server.get(f"/api/v2/traces/{os.urandom(16).hex()}", **accept)
    assert unknown.json == {}


def test_too_large() -> None:
    """API-16: 422 in version 1, the beginning in version 2; of a trace from before the limit."""
    with running() as small:
        trace_id = os.urandom(16)
        spans = [span(f"span {n}", trace_id=trace_id, text="x" * 500) for n in range(100)]
        small.send(*spans)
        small.config = "overrides: {defaults: {global: {max_bytes_per_trace: 20000}}}"
        small.restart()
        old = small.get(f"/api/traces/{trace_id.hex()}")
        assert old.status == 422
        assert "exceeds maximum size of 20000 bytes" in old.text
        new = get(small, trace_id)
        assert new.status == 200
        assert new.json["status"] == "PARTIAL"
        assert "20000 bytes" in new.json["message"]
        assert 20 <= len(names(new)) <= 40
        fits = os.urandom(16)
        small.send(span("alone", trace_id=fits))
        assert names(get(small, fits)) == ["alone"]
        assert "status" not in get(small, fits).json


def test_a_large_trace_is_streamed(server: Server) -> None:
    """A trace of many pieces is the same in every form."""
    trace_id = os.urandom(16)
    root = span("root", trace_id=trace_id)
    start = root.start_time_unix_nano
    server.send(root)
    for part in range(5):
        server.send(
            *(
                span(
                    f"part {part}",
                    trace_id=trace_id,
                    parent_id=root.span_id,
                    start=start + part * 10_000 + n,
                    number=part * 5000 + n,
                )
                for n in range(5000)
            )
        )
    answer = server.get(f"/api/traces/{trace_id.hex()}", Accept="application/protobuf")
    found = trace_pb2.TracesData.FromString(answer.body)
    ids = [s.span_id for r in found.resource_spans for scope in r.scope_spans for s in scope.spans]
    assert len(ids) == len(set(ids)) == 25_001
    for version in ("", "/v2"):
        text = server.get(f"/api{version}/traces/{trace_id.hex()}")
        groups = text.json["trace"]["resourceSpans"] if version else text.json["batches"]
        assert sum(len(s["spans"]) for g in groups for s in g["scopeSpans"]) == 25_001
    whole = server.get(f"/api/v2/traces/{trace_id.hex()}", Accept="application/protobuf")
    assert all(one in whole.body for one in ids[::1000])


def test_attributes_of_every_type(server: Server) -> None:
    """API-14: arrays and maps are plain JSON."""
    one = span("typed")
    one.attributes.append(attribute("text", "a"))
    one.attributes.append(attribute("count", 3))
    many = one.attributes.add(key="many").value.array_value
    many.values.add(string_value="x")
    many.values.add(int_value=7)
    pair = one.attributes.add(key="map").value.kvlist_value
    pair.values.append(attribute("inner", True))
    one.attributes.add(key="bytes").value.bytes_value = b"\x01\xff"
    server.send(one)
    answer = server.get(
        f"/api/traces/{one.trace_id.hex()}", Accept="application/vnd.grafana.llm"
    ).json
    assert answer["trace"]["services"][0]["scopes"][0]["spans"][0]["attributes"] == {
        "text": "a",
        "count": 3,
        "many": ["x", 7],
        "map": {"inner": True},
        "bytes": "01ff",
    }


def shared_call(trace_id: bytes, calls: int) -> list[trace_pb2.Span]:
    """Calls as Zipkin reports them: client and server have one id, and something below it."""
    root = span("root", trace_id=trace_id, kind=trace_pb2.Span.SPAN_KIND_INTERNAL)
    spans = [root]
    for n in range(calls):
        both = os.urandom(8)
        start = root.start_time_unix_nano + n
        spans.extend(
            span(
                f"call {n}",
                trace_id=trace_id,
                span_id=both,
                parent_id=root.span_id,
                start=start,
                duration=10 - kind,
                kind=kind,
            )
            for kind in (trace_pb2.Span.SPAN_KIND_CLIENT, trace_pb2.Span.SPAN_KIND_SERVER)
        )
        spans.append(
            span(
                f"below {n}",
                trace_id=trace_id,
                parent_id=both,
                start=start,
                kind=trace_pb2.Span.SPAN_KIND_INTERNAL,
            )
        )
    return spans


def the_tree_is_separated(found: list[trace_pb2.Span], calls: int) -> None:
    by_id = {s.span_id: s for s in found}
    assert len(by_id) == len(found) == 1 + 3 * calls
    for one in found:
        if one.name.startswith("below"):
            server = by_id[one.parent_span_id]
            client = by_id[server.parent_span_id]
            assert server.kind == trace_pb2.Span.SPAN_KIND_SERVER
            assert client.kind == trace_pb2.Span.SPAN_KIND_CLIENT
            assert by_id[client.parent_span_id].name == "root"


@pytest.mark.parametrize("calls", [1, 4000])
def test_shared_ids_are_separated(server: Server, calls: int) -> None:
    """API-15: in traces of one piece and of many; what is searched stays as it was sent."""
    trace_id = os.urandom(16)
    spans = shared_call(trace_id, calls)
    server.send(*spans)
    for _ in range(2):
        v1 = server.get(f"/api/traces/{trace_id.hex()}", Accept="application/protobuf")
        trace = trace_pb2.TracesData.FromString(v1.body)
        the_tree_is_separated(
            [s for r in trace.resource_spans for scope in r.scope_spans for s in scope.spans], calls
        )
        v2 = server.get(f"/api/v2/traces/{trace_id.hex()}").json["trace"]["resourceSpans"]
        ids = [s["spanId"] for r in v2 for scope in r["scopeSpans"] for s in scope["spans"]]
        assert len(ids) == len(set(ids)) == len(spans)
        server.flush()
    shared = next(s.span_id for s in spans if s.kind == trace_pb2.Span.SPAN_KIND_SERVER)
    found = server.search(f'{{ span:id = "{shared.hex()}" }}', spss=10)
    assert found[0]["spanSets"][0]["matched"] == 2
