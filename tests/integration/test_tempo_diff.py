"""Two traces compared."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from harness import Answer, Server, request, span

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1 import trace_pb2

MS = 1_000_000
FORMATS = ("trace-patch-v0", "trace-summary-v0-native", "trace-summary-v0-composed")


def diff(server: Server, body: object) -> Answer:
    return request(
        server.url + "/api/v2/traces/diff",
        method="POST",
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )


def checkout(*, slow: bool) -> list[trace_pb2.Span]:
    trace_id = os.urandom(16)
    root = span("POST /checkout", trace_id=trace_id, duration=100 * MS)
    more: dict[str, str | bool | float] = (
        {"error__type": "timeout"} if slow else {"cache__hit": True}
    )
    start = root.start_time_unix_nano
    reserve = span(
        "reserve",
        trace_id=trace_id,
        parent_id=root.span_id,
        start=start + 1,
        duration=(390 if slow else 80) * MS,
        error=slow,
        **more,  # type: ignore[arg-type]
    )
    extra = span(
        "retry reserve" if slow else "check_risk",
        trace_id=trace_id,
        parent_id=root.span_id,
        start=start + 2,
    )
    return [root, reserve, extra]


@pytest.fixture(scope="module")
def ids(server: Server) -> tuple[str, str]:
    base, compare = checkout(slow=False), checkout(slow=True)
    server.send(*base, service="checkout")
    server.send(*compare, service="checkout")
    return base[0].trace_id.hex(), compare[0].trace_id.hex()


def sides(ids: tuple[str, str], **more: object) -> dict[str, Any]:
    return {"base": {"traceId": ids[0]}, "compare": {"traceId": ids[1]}, **more}


def test_patch(server: Server, ids: tuple[str, str]) -> None:
    """API-42."""
    answer = diff(server, sides(ids))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    patch = answer.json
    assert patch["version"] == "trace-patch-v0"
    assert patch["base"] == {"traceId": ids[0], "spanCount": 3}
    assert patch["stats"] == {
        "spanCountA": 3,
        "spanCountB": 3,
        "matchedSpans": 2,
        "modifiedSpans": 1,
        "addedSpans": 1,
        "removedSpans": 1,
        "fieldChanges": 2,
        "attributeChanges": 2,
        "eventChanges": 0,
        "truncated": False,
    }
    (modified,) = patch["modified"]
    assert modified["span"] == {
        "path": [0, 0],
        "service": "checkout",
        "name": "reserve",
        "kind": "server",
    }
    assert modified["changes"] == [
        {
            "op": "modify",
            "target": {"type": "field", "name": "duration_nanos"},
            "before": 80 * MS,
            "after": 390 * MS,
        },
        {
            "op": "modify",
            "target": {"type": "field", "name": "status"},
            "before": "unset",
            "after": "error",
        },
        {
            "op": "remove",
            "target": {"type": "attribute", "scope": "span", "key": "cache.hit"},
            "before": True,
            "after": None,
        },
        {
            "op": "add",
            "target": {"type": "attribute", "scope": "span", "key": "error.type"},
            "before": None,
            "after": "timeout",
        },
    ]
    (added,) = patch["added"]
    assert added["target"] == {"type": "span", "parentPath": [0], "index": 1}
    assert added["span"]["name"] == "retry reserve"
    (removed,) = patch["removed"]
    assert removed["target"] == {"type": "span", "path": [0, 1]}
    assert removed["span"] == {
        "path": [0, 1],
        "service": "checkout",
        "name": "check_risk",
        "kind": "server",
        "duration_nanos": 5 * MS,
        "status": "unset",
    }
    assert patch["warnings"] == []


def test_summaries(server: Server, ids: tuple[str, str]) -> None:
    """API-42: sums, alone and with the patch."""
    summary = diff(server, sides(ids, format="trace-summary-v0-native")).json
    assert summary["base"]["rootName"] == "POST /checkout"
    assert summary["compare"]["errorSpanCount"] == 1
    assert summary["signals"] == {
        "traceLatency": "increased",
        "sumSpanDuration": "increased",
        "errors": "increased",
        "spanCount": "unchanged",
        "structure": "changed",
    }
    assert summary["stats"]["sumSpanDurationDeltaMs"] == 310
    assert summary["changedServices"] == ["checkout"]
    assert summary["services"] == [
        {
            "name": "checkout",
            "sumSpanDurationDeltaMs": 310,
            "modified": 1,
            "added": 1,
            "removed": 1,
            "newErrors": 1,
            "resolvedErrors": 0,
        }
    ]
    composed = diff(server, sides(ids, format="trace-summary-v0-composed")).json
    assert composed["summary"] == summary
    assert composed["patch"] == diff(server, sides(ids)).json


def test_requests_are_checked(server: Server, ids: tuple[str, str]) -> None:
    """API-42: 400, 404, 405."""
    url = server.url + "/api/v2/traces/diff"
    for method in ("GET", "PUT", "DELETE"):
        assert request(url, method=method).status == 405
    for bad in ({}, {"base": {"traceId": ids[0]}}, sides(ids, format="xml"), sides(("x", ids[1]))):
        assert diff(server, bad).status == 400
    assert request(url, method="POST", body=b"{").status == 400
    unknown = diff(server, sides((ids[0], "1" * 32)))
    assert (unknown.status, unknown.text) == (404, "Not Found")
    long_ago = sides(ids)
    long_ago["base"] |= {"start": 1, "end": 2}
    assert diff(server, long_ago).status == 404
