"""TraceQL beyond filters, through the real binary: structure, pipelines, groups, strict mode."""

from __future__ import annotations

import os
import time
import urllib.parse
from typing import Any

import pytest
from harness import Server, running, span


@pytest.fixture(scope="module")
def shop(server: Server) -> bytes:
    """A trace of three services: GET / -> (charge (error) -> query, render)."""
    trace_id = os.urandom(16)
    start = time.time_ns()
    root = span("GET /", trace_id=trace_id, start=start, duration=1_000_000_000)
    charge = span(
        "charge",
        trace_id=trace_id,
        parent_id=root.span_id,
        start=start + 1_000,
        duration=500_000_000,
        error=True,
        amount=7,
    )
    query = span(
        "query", trace_id=trace_id, parent_id=charge.span_id, start=start + 2_000, amount=5
    )
    render = span("render", trace_id=trace_id, parent_id=root.span_id, start=start + 3_000)
    server.send(root, render, service="shop-front")
    server.send(charge, service="shop-pay")
    server.send(query, service="shop-db")
    return trace_id


def spansets(server: Server, query: str, trace_id: bytes) -> list[dict[str, Any]]:
    for trace in server.search(query, limit=1000, spss=100):
        if trace["traceID"].rjust(32, "0") == trace_id.hex():
            assert trace["spanSet"] == trace["spanSets"][0]
            found: list[dict[str, Any]] = trace["spanSets"]
            return found
    return []


def names(server: Server, query: str, trace_id: bytes) -> str:
    """Return the names of the spans found; queries end in select(name) or a condition on it."""
    return " ".join(
        one["name"] for spanset in spansets(server, query, trace_id) for one in spanset["spans"]
    )


STRUCTURE = {
    '{ name = "GET /" } >> { name != "x" }': "charge query render",
    '{ name = "GET /" } > { name != "x" }': "charge render",
    '{ name = "query" } << { name != "x" }': "GET / charge",
    '{ name = "query" } < { name != "x" }': "charge",
    '{ name = "charge" } ~ { name != "x" }': "render",
    '{ name = "charge" } !>> { name != "x" }': "GET / charge render",
    '{ name = "charge" } !> { name != "x" }': "GET / charge render",
    '{ name = "charge" } &> { name != "x" }': "charge query",
    '{ name = "query" } &<< { name = "GET /" }': "GET / query",
    '{ service.name = "shop-front" } >> { service.name = "shop-db" } | select(name)': "query",
    '{ name = "charge" } && { name = "render" }': "charge render",
    '{ name = "charge" } && { name = "nothing" }': "",
}


@pytest.mark.parametrize("query", STRUCTURE)
def test_structural_operators(server: Server, shop: bytes, query: str) -> None:
    assert names(server, query, shop) == STRUCTURE[query]


PIPELINES = {
    '{ service.name =~ "shop-.*" } | count() = 4 | { name = "render" }': "render",
    '{ service.name =~ "shop-.*" } | count() > 4 | { name = "render" }': "",
    '{ name = "query" || amount = 7 } | avg(.amount) = 6': "charge query",
    '{ name != "x" } | max(.amount) - min(.amount) = 2 | { name = "GET /" }': "GET /",
    '({ name = "charge" } | count()) = ({ name = "query" } | count())': "charge query",
    '{ name != "x" } | by(resource.service.name) | count() > 1': "GET / render",
    "!{ status = error } | select(name)": "",
    '!{ amount = 99 } && { name = "GET /" } | { name = "query" }': "query",
}


@pytest.mark.parametrize("query", PIPELINES)
def test_pipelines(server: Server, shop: bytes, query: str) -> None:
    assert names(server, query, shop) == PIPELINES[query]


def test_groups_are_spansets_with_attributes(server: Server, shop: bytes) -> None:
    query = '{ service.name =~ "shop-.*" } | by(resource.service.name) | count() > 0'
    found = spansets(server, query, shop)
    shown = [
        (
            {a["key"]: next(iter(a["value"].values())) for a in spanset["attributes"]},
            spanset["matched"],
        )
        for spanset in found
    ]
    assert shown == [
        ({"by(resource.service.name)": "shop-front", "count()": "2"}, 2),
        ({"by(resource.service.name)": "shop-pay", "count()": "1"}, 1),
        ({"by(resource.service.name)": "shop-db", "count()": "1"}, 1),
    ]
    assert len(spansets(server, query + " | coalesce()", shop)) == 1


def test_selected_fields_are_shown(server: Server, shop: bytes) -> None:
    (spanset,) = spansets(server, '{ name = "charge" } | select(.amount, .nowhere)', shop)
    attributes = {a["key"]: a["value"] for a in spanset["spans"][0]["attributes"]}
    assert attributes["amount"] == {"intValue": "7"}
    assert "nowhere" not in attributes


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("{ } | count()", "line 1, col 14: syntax error: unexpected end of query"),
        ("{ } + { }", "line 1, col 5: syntax error: unexpected +"),
        ("{ name > 1 }", "line 1, col 8:"),
        ("{ }\n| by()", "line 2, col 6: syntax error: unexpected )"),
    ],
)
def test_errors_have_a_position(server: Server, query: str, where: str) -> None:
    answer = server.get("/api/search?" + urllib.parse.urlencode({"q": query}))
    assert answer.status == 400
    assert answer.text.startswith("invalid TraceQL query: parse error at " + where)


def test_strict_mode_gives_upstreams_verdicts() -> None:
    with running(traceql__strict="true") as strict:
        for query, status in {
            '{ .service.name = "a" } >> { } | by(.a) | count() > 1': 200,
            '{ service.name = "a" }': 400,
            "!{ .a }": 400,
            "{ } | by(.a, .b)": 400,
            "{ 1 + 1 }": 400,
        }.items():
            answer = strict.get("/api/search?" + urllib.parse.urlencode({"q": query}))
            assert answer.status == status, query
            if status == 400:
                assert answer.text.startswith("invalid TraceQL query: parse error at line 1, col ")
