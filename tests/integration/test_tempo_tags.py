"""Names and values of tags, as completion in Grafana asks for them, through the real binary."""

from __future__ import annotations

import os
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from harness import Server, attribute, running, span

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = 3600


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    """Two services; half of it is sealed, half of it live; and one span of two days ago."""
    with running() as server:
        root = span("GET /cart", trace_id=os.urandom(16), http__method="GET", http__status_code=200)
        child = span(
            "query",
            trace_id=root.trace_id,
            parent_id=root.span_id,
            kind=3,
            error=True,
            cached=True,
            ratio=0.5,
        )
        child.attributes.append(attribute("odd name/1", "odd value"))
        child.events.add(name="exception").attributes.append(attribute("exception.type", "IOError"))
        child.links.add(trace_id=os.urandom(16), span_id=os.urandom(8)).attributes.append(
            attribute("why", "retry")
        )
        server.send(root, service="frontend", cluster="blue")
        server.flush()
        server.send(child, service="database", cluster="green")
        old = span("old", start=time.time_ns() - 48 * HOUR * 10**9, old__key="old")
        server.send(old, service="archive")
        yield server


def get(server: Server, path: str, **params: object) -> Any:
    answer = server.get(f"{path}?{urllib.parse.urlencode(params)}")
    assert answer.status == 200, answer.text
    return answer.json


def values(server: Server, tag: str, **params: object) -> list[str]:
    path = f"/api/v2/search/tag/{urllib.parse.quote(tag, safe='')}/values"
    return [f"{v['type']} {v['value']}" for v in get(server, path, **params)["tagValues"]]


def scopes(server: Server, **params: object) -> dict[str, list[str]]:
    answer = get(server, "/api/v2/search/tags", **params)
    return {scope["name"]: scope["tags"] for scope in answer["scopes"]}


def test_names_by_scope(shop: Server) -> None:
    """API-31."""
    found = scopes(shop)
    assert set(found) == {"span", "resource", "intrinsic", "event", "link"}
    assert found["resource"] == ["cluster", "service.name"]
    assert {"http.method", "http.status_code", "ratio", "cached", "odd name/1"} <= set(
        found["span"]
    )
    assert found["event"] == ["exception.type"]
    assert found["link"] == ["why"]
    assert {"duration", "name", "status", "span:name", "trace:rootName"} <= set(found["intrinsic"])
    assert list(scopes(shop, scope="resource")) == ["resource"]
    assert list(scopes(shop, scope="intrinsic")) == ["intrinsic"]
    assert shop.get("/api/v2/search/tags?scope=nowhere").status == 400
    limited = get(shop, "/api/v2/search/tags", scope="span", limit=2)
    assert len(limited["scopes"][0]["tags"]) == 2
    assert limited["truncated"]


def test_names_of_version_one(shop: Server) -> None:
    """API-30: span and resource unless a scope is asked for."""
    answer = get(shop, "/api/search/tags", maxStaleValues=100)
    assert {"cluster", "service.name", "http.method"} <= set(answer["tagNames"])
    assert "exception.type" not in answer["tagNames"]
    assert isinstance(answer["metrics"]["inspectedBytes"], str)
    assert get(shop, "/api/search/tags", scope="event")["tagNames"] == ["exception.type"]
    assert "duration" in get(shop, "/api/search/tags", scope="intrinsic")["tagNames"]


def test_names_with_a_filter(shop: Server) -> None:
    """API-31, API-35."""
    found = scopes(shop, q='{ resource.service.name = "frontend" }')
    assert found["span"] == ["http.method", "http.status_code"]
    assert "event" not in found


def test_values_of_version_one(shop: Server) -> None:
    """API-32."""
    answer = get(shop, "/api/search/tag/service.name/values")
    assert answer["tagValues"] == ["archive", "database", "frontend"]
    assert get(shop, "/api/search/tag/root.name/values")["tagValues"] == ["GET /cart", "old"]
    assert "error" in get(shop, "/api/search/tag/status.code/values")["tagValues"]


def test_values_have_types(shop: Server) -> None:
    """API-33."""
    assert values(shop, "resource.service.name") == [
        "string archive",
        "string database",
        "string frontend",
    ]
    assert values(shop, "span.http.status_code") == ["int 200"]
    assert values(shop, "span.ratio") == ["float 0.5"]
    assert values(shop, "span.cached") == ["bool true"]
    assert values(shop, "status") == ["keyword error", "keyword ok", "keyword unset"]
    assert "keyword server" in values(shop, "kind")
    assert values(shop, "duration") == []
    assert values(shop, "name") == ["string GET /cart", "string old", "string query"]
    assert values(shop, "span:name") == values(shop, "name")
    assert values(shop, "event:name") == ["string exception"]
    assert values(shop, "event.exception.type") == ["string IOError"]
    assert values(shop, "link.why") == ["string retry"]
    assert values(shop, "trace:rootName") == ["string GET /cart", "string old"]
    assert values(shop, "rootServiceName") == ["string archive", "string frontend"]


def test_odd_names_encoded_once_and_twice(shop: Server) -> None:
    """API-33: a slash and a space in the name; Grafana encodes twice."""
    once = urllib.parse.quote("span.odd name/1", safe="")
    twice = urllib.parse.quote(once, safe="")
    quoted = urllib.parse.quote(urllib.parse.quote('span."odd name/1"', safe=""), safe="")
    for name in (once, twice, quoted):
        answer = get(shop, f"/api/v2/search/tag/{name}/values")
        assert answer["tagValues"] == [{"type": "string", "value": "odd value"}], name


def test_bare_names(shop: Server) -> None:
    """API-34: any scope in loose mode, 400 in strict mode."""
    assert values(shop, "cluster") == values(shop, ".cluster") == ["string blue", "string green"]
    with running(traceql__strict="true") as strict:
        answer = strict.get("/api/v2/search/tag/app.user.id/values")
        assert answer.status == 400
        assert "tag name is not valid intrinsic or scoped attribute" in answer.text
        assert strict.get("/api/v2/search/tag/.app.user.id/values").status == 200


FILTERS = {
    '{ resource.cluster = "blue" }': ["string frontend"],
    '{ resource.cluster = "blue" && name = }': ["string frontend"],
    '{ resource.cluster = "blue" && name =~ "GET.*" && }': ["string frontend"],
    '{ resource.cluster = "blue" || status = error }': ["string database", "string frontend"],
    "{ status = error": ["string database"],
    '{ rootServiceName = "frontend" }': ["string database", "string frontend"],
    "{ nestedSetParent < 0 && true }": ["string archive", "string frontend"],
    "{ resource.cluster = }": ["string archive", "string database", "string frontend"],
    '{ resource.cluster = "bl': ["string archive", "string database", "string frontend"],
    "{": ["string archive", "string database", "string frontend"],
    ")({}|": ["string archive", "string database", "string frontend"],
    '{ name = "nothing" }': [],
}


@pytest.mark.parametrize("query", FILTERS)
def test_values_with_filters(shop: Server, query: str) -> None:
    """API-35: the parsable conditions are kept; nothing is an error."""
    assert values(shop, "resource.service.name", q=query) == FILTERS[query]


def test_the_time_range_is_exact(shop: Server) -> None:
    """API-36: what lies outside is not listed, what lies inside is."""
    now = int(time.time())
    recent = {"start": now - HOUR, "end": now + HOUR}
    assert values(shop, "resource.service.name", **recent) == ["string database", "string frontend"]
    assert "old.key" not in scopes(shop, **recent)["span"]
    past = {"start": now - 49 * HOUR, "end": now - 47 * HOUR}
    assert values(shop, "resource.service.name", **past) == ["string archive"]
    assert scopes(shop, **past)["span"] == ["old.key"]
    assert shop.get(f"/api/v2/search/tags?start={now}&end={now - 1}").status == 400


def test_many_values_are_cut_and_the_answer_says_so() -> None:
    """API-36."""
    with running(query_frontend__max_bytes_per_tag_values_query="10KB") as server:
        spans = [span(session=f"session {n:06}") for n in range(5000)]
        server.send(*spans)
        answer = get(server, "/api/v2/search/tag/span.session/values")
        assert answer["truncated"]
        assert 700 <= len(answer["tagValues"]) <= 720
        limited = get(server, "/api/v2/search/tag/span.session/values", limit=10)
        assert len(limited["tagValues"]) == 10
        assert limited["truncated"]
        server.flush()
        again = get(server, "/api/v2/search/tag/span.session/values", limit=10)
        assert len(again["tagValues"]) == 10
