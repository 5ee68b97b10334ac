"""Parameters and errors of search, through the real binary."""

from __future__ import annotations

import http.client
import os
import threading
import time
import urllib.parse
from typing import Any

import pytest
from harness import Server, request, running, span


@pytest.fixture(scope="module")
def cart(server: Server) -> str:
    """A trace whose id begins with zeros: root of frontend, a failed child of cartservice."""
    trace_id = bytes(2) + os.urandom(14)
    root = span(
        "GET /cart",
        trace_id=trace_id,
        duration=700_000_000,
        http__url="http://shop/api/MyApi/cart",
        http__status_code=404,
    )
    child = span(
        "reserve", trace_id=trace_id, parent_id=root.span_id, error=True, user__name="Ada L"
    )
    server.send(root, service="frontend")
    server.send(child, service="cartservice")
    return trace_id.hex()


def search(server: Server, **params: object) -> Any:
    return server.get(f"/api/search?{urllib.parse.urlencode(params)}")


def ids(answer: Any) -> list[str]:
    assert answer.status == 200, answer.text
    return [trace["traceID"].rjust(32, "0") for trace in answer.json["traces"]]


TAGS = [
    "service.name=cart",
    "service.name=CARTSERVICE",
    "http.url=api/myapi",
    "service.name=frontend http.url=api/myapi",
    'user.name="ada l"',
    "http.status_code=404",
    "error=true",
    "status.code=error",
    "status.code=unset",
    "name=reserve",
    "name=cart",
    "root.service.name=frontend",
    "root.name=GET",
]


@pytest.mark.parametrize("tags", TAGS)
def test_tags(server: Server, cart: str, tags: str) -> None:
    """API-20, API-22: parts of values, in any case; names of the trace and of the span's own."""
    assert cart in ids(search(server, tags=tags))


@pytest.mark.parametrize(
    "tags", ["service.name=nowhere", "error=false x=1", "root.name=reserve", "http.status_code=405"]
)
def test_tags_that_find_nothing(server: Server, cart: str, tags: str) -> None:
    assert cart not in ids(search(server, tags=tags))


def test_tags_as_parameters(server: Server, cart: str) -> None:
    """API-20: how clients asked before `tags`."""
    assert cart in ids(search(server, **{"service.name": "cartservice", "limit": 100}))
    assert cart not in ids(search(server, **{"service.name": "nowhere"}))
    now = int(time.time())
    assert cart in ids(search(server, start=now - 60, end=now + 60, other="x"))


def test_tags_are_checked(server: Server) -> None:
    """API-20."""
    assert search(server, tags="a=1 a=2").status == 400
    assert search(server, tags='a="open').status == 400
    both = search(server, tags="a=1", q="{ }")
    assert both.status == 400
    assert "tags and q" in both.text


def test_durations(server: Server, cart: str) -> None:
    """API-21: of the trace, as Go writes them."""
    assert cart in ids(search(server, minDuration="600ms", maxDuration="0.8s"))
    assert cart not in ids(search(server, minDuration="1s"))
    assert cart not in ids(search(server, maxDuration="10ms"))
    assert cart in ids(search(server, tags="service.name=cart", minDuration="100ms"))
    assert search(server, minDuration="2s", maxDuration="1s").status == 400
    assert search(server, minDuration="soon").status == 400


def test_ids_lose_leading_zeros(server: Server, cart: str) -> None:
    """API-24: and what is shown works everywhere."""
    answer = search(server, q=f'{{ trace:id = "{cart}" }}')
    assert ids(answer) == [cart]
    short = answer.json["traces"][0]["traceID"]
    assert short == cart.lstrip("0")
    assert ids(search(server, q=f'{{ trace:id = "{short}" }}')) == [cart]
    assert server.get(f"/api/traces/{short}").status == 200
    assert server.get(f"/api/traces/{cart}").status == 200
    one = answer.json["traces"][0]["spanSets"][0]["spans"][0]
    assert len(one["spanID"]) == 16


def test_metrics_of_a_search(server: Server, cart: str) -> None:
    """API-28."""
    metrics = search(server, q="{ status = error }").json["metrics"]
    assert set(metrics) >= {
        "inspectedTraces",
        "inspectedBytes",
        "inspectedSpans",
        "totalBlocks",
        "completedJobs",
        "totalJobs",
        "totalBlockBytes",
        "backendReads",
        "backendBytes",
        "additionalMetrics",
    }
    assert metrics["completedJobs"] == metrics["totalJobs"] >= 1
    assert isinstance(metrics["inspectedBytes"], str)
    assert cart


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"q": "{ a = }"}, "invalid TraceQL query: parse error at line 1, col "),
        ({"q": "{ a = 1"}, "invalid TraceQL query: parse error at line 1, col "),
        ({"limit": 0}, "invalid limit: must be a positive number"),
        ({"limit": 300_000}, "limit 300000 exceeds max limit 262144"),
        ({"limit": "many"}, "limit"),
        ({"spss": 0}, "invalid spss: must be a positive number"),
        ({"spss": 101}, "spans per span set exceeds 100. received 101"),
        ({"start": 10}, "start"),
        ({"start": 10, "end": 10}, "end"),
        ({"q": "{ } | rate()"}, "/api/metrics/query_range"),
    ],
)
def test_errors(server: Server, params: dict[str, object], text: str) -> None:
    """API-29: 400 in plain text."""
    answer = search(server, **params)
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert text in answer.text


def test_limits_of_the_configuration() -> None:
    """API-19, API-29: the limits are Tempo's settings."""
    config = """
query_frontend:
  search: {max_duration: 168h, default_result_limit: 2, max_result_limit: 5,
           max_spans_per_span_set: 0, default_spans_per_span_set: 1}
"""
    with running(config) as limited:
        trace_id = os.urandom(16)
        limited.send(*(span(trace_id=trace_id) for _ in range(150)))
        for _ in range(4):
            limited.send(span())
        assert len(ids(search(limited, q="{ }"))) == 2
        assert search(limited, limit=6).status == 400
        all_spans = search(limited, q="{ }", limit=5, spss=0).json["traces"]
        assert max(len(t["spanSets"][0]["spans"]) for t in all_spans) == 150
        now = int(time.time())
        assert search(limited, start=now - 167 * 3600, end=now).status == 200
        too_long = search(limited, start=now - 169 * 3600, end=now)
        assert too_long.status == 400
        assert "range specified by start and end exceeds" in too_long.text


def test_a_body_that_is_too_large() -> None:
    """API-29."""
    with running() as small:
        host = small.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.putrequest("POST", "/api/v1/query")
        connection.putheader("Content-Length", str(1 << 31))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_a_client_that_leaves_ends_its_query(server: Server) -> None:
    """API-29: and the server answers others meanwhile and afterwards."""
    server.send(*(span(value=f"value {n}") for n in range(5000)))
    host = server.url.removeprefix("http://")

    def leave() -> None:
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request(
            "GET", "/api/search?limit=1000&q=" + urllib.parse.quote("{ .value =~ `.*9.*` }")
        )
        connection.close()

    threads = [threading.Thread(target=leave) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert search(server, q="{ }").status == 200


def test_a_span_is_found_at_once(server: Server) -> None:
    """API-52: there is no cut-off before now."""
    for _ in range(5):
        one = span(start=time.time_ns() - 200_000_000)
        server.send(one)
        now = int(time.time())
        query = f'{{ trace:id = "{one.trace_id.hex()}" }}'
        assert ids(search(server, q=query)) == [one.trace_id.hex()]
        assert ids(search(server, q=query, start=now - 5, end=now + 1)) == [one.trace_id.hex()]


def test_posting_a_search_is_no_method(server: Server) -> None:
    assert request(server.url + "/api/search", method="POST", body=b"").status == 405
