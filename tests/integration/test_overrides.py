"""What tenants have of their own: the file of tenants and /api/overrides."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from harness import Answer, Server, request, running, span, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = "overrides: {user_configurable_overrides: {enabled: true}}\n"
WEEK = 7 * 24 * 3600


def ask(
    server: Server, method: str, body: object = None, query: str = "", **headers: str
) -> Answer:
    return request(
        server.url + "/api/overrides" + query,
        method=method,
        body=None if body is None else json.dumps(body).encode(),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def search_of_a_week(server: Server) -> int:
    now = int(time.time())
    return server.get(f"/api/search?q=%7B%7D&start={now - WEEK}&end={now}").status


@pytest.fixture
def server() -> Iterator[Server]:
    with running(CONFIG) as started:
        yield started


def test_create_read_change_delete(server: Server) -> None:
    """API-48: with versions, and kept over a restart."""
    assert ask(server, "GET").status == 404
    assert ask(server, "GET", query="?scope=merged").json == {}
    assert ask(server, "GET", query="?scope=all").status == 400
    wanted = {"read": {"max_search_duration": "1h"}}
    assert ask(server, "POST", wanted).status == 428
    assert ask(server, "POST", wanted, If_Match="123").status == 412
    assert search_of_a_week(server) == 200
    made = ask(server, "POST", wanted, If_Match="0")
    assert made.status == 200
    first = made.headers["ETag"]
    assert search_of_a_week(server) == 400
    read = ask(server, "GET")
    assert (read.json, read.headers["ETag"]) == (wanted, first)
    assert read.headers["Content-Type"] == "application/json"
    patched = ask(server, "PATCH", {"compaction": {"block_retention": "48h"}})
    both = wanted | {"compaction": {"block_retention": "48h"}}
    assert patched.json == both
    second = patched.headers["ETag"]
    assert second != first
    assert ask(server, "PATCH", {"read": None}, If_Match=first).status == 412
    server.restart()
    kept = ask(server, "GET")
    assert (kept.json, kept.headers["ETag"]) == (both, second)
    assert search_of_a_week(server) == 400
    assert "yes" in server.get("/status/overrides").text
    assert "max_search_duration" in server.get("/status/overrides/single-tenant").text
    assert ask(server, "PATCH", {"read": None}).json == {"compaction": {"block_retention": "48h"}}
    assert search_of_a_week(server) == 200
    assert ask(server, "DELETE").status == 428
    assert ask(server, "DELETE", If_Match=second).status == 412
    present = ask(server, "GET").headers["ETag"]
    assert ask(server, "DELETE", If_Match=present).status == 200
    assert ask(server, "GET").status == 404
    assert ask(server, "DELETE", If_Match=present).status == 404


def test_what_does_not_act_is_refused(server: Server) -> None:
    """API-48: by name, and nothing is changed."""
    for bad, named in (
        ({"forwarders": ["a"]}, "forwarders"),
        ({"cost_attribution": {"dimensions": {}}}, "cost_attribution"),
        ({"metrics_generator": {"processors": []}}, "metrics_generator.processors"),
        ({"metrics_generator": {"processor": {"span_metrics": {}}}}, "metrics_generator.processor"),
        ({"metrics_generator": {"collection_interval": "0s"}}, "collection_interval"),
        ({"read": {"max_search_durations": "1h"}}, "max_search_duration"),
        ({"read": {"max_search_duration": "soon"}}, "soon"),
        ({"read": 5}, "read"),
    ):
        answer = ask(server, "POST", bad, If_Match="0")
        assert answer.status == 400
        assert named in answer.text
    for body in (b"{", b'{"a": 1e999}'):
        assert request(server.url + "/api/overrides", method="PATCH", body=body).status == 400
    assert ask(server, "PUT", {}).status == 405
    assert ask(server, "GET").status == 404


def test_a_trace_is_bounded_at_once(server: Server) -> None:
    """API-48: global.max_bytes_per_trace, when spans come and when a trace is given out."""
    small = span("small")
    large = [span("large", trace_id=b"L" * 16, text="x" * 1000) for _ in range(5)]
    server.send(small, *large)
    assert (
        ask(server, "POST", {"global": {"max_bytes_per_trace": 2000}}, If_Match="0").status == 200
    )
    assert server.get(f"/api/traces/{small.trace_id.hex()}").status == 200
    assert server.get(f"/api/traces/{(b'L' * 16).hex()}").status == 422


def test_span_metrics_are_written_as_the_tenant_says() -> None:
    """API-48: metrics_generator.collection_interval and disable_collection, at once."""
    calls = "sum(traces_spanmetrics_calls_total)"
    newest = "max(timestamp(traces_spanmetrics_calls_total))"

    def value(server: Server, expr: str) -> float:
        result = server.promql(expr)
        return float(result[0]["value"][1]) if result else 0

    with running(CONFIG + "metrics_generator: {collection_interval: 1h}\n") as own:
        own.send(*[span() for _ in range(3)])
        generator: dict[str, object] = {"collection_interval": "1s"}
        made = ask(own, "POST", {"metrics_generator": generator}, If_Match="0")
        assert made.json == {"metrics_generator": generator}
        wait_until(lambda: value(own, calls) == 3, "a collection")
        begun = value(own, newest)
        wait_until(lambda: value(own, newest) >= begun + 2, "more collections")
        assert ask(own, "PATCH", {"metrics_generator": {"disable_collection": True}}).status == 200
        own.send(*[span() for _ in range(4)])
        own.restart()
        stopped = value(own, newest)
        time.sleep(3)
        assert value(own, newest) == stopped
        assert value(own, calls) == 3
        # What came meanwhile was counted.
        assert ask(own, "PATCH", {"metrics_generator": {"disable_collection": None}}).status == 200
        wait_until(lambda: value(own, calls) == 7, "collections to go on")
        assert ask(own, "GET").json == {"metrics_generator": generator}


def test_the_file_of_tenants(tmp_path: Path) -> None:
    """API-48: is read anew when it changes; a bad one changes nothing."""
    file = tmp_path / "overrides.yaml"
    file.write_text('overrides:\n  "*": {read: {max_search_duration: 1h}}\n')
    config = f"""
overrides:
  per_tenant_override_config: {file}
  per_tenant_override_period: 100ms
  user_configurable_overrides:
    enabled: true
    api: {{check_for_conflicting_runtime_overrides: true}}
"""
    gauge = "tempo_runtime_config_last_reload_successful "
    with running(config) as server:
        assert search_of_a_week(server) == 400
        merged = ask(server, "GET", query="?scope=merged")
        assert merged.json == {"read": {"max_search_duration": "1h"}}
        assert merged.headers["ETag"] == "0"
        file.write_text("overrides:\n  single-tenant: {read: {max_search_duration: 30d}}\n")
        wait_until(lambda: search_of_a_week(server) == 200, "the file to be read")
        assert "720h" in server.get("/status/runtime_config").text
        file.write_text("overrides: {single-tenant: {red: 1}}\n")
        wait_until(lambda: gauge + "0" in server.get("/metrics").text, "the file to be refused")
        assert 'unknown key \\"red\\"' in server.log
        assert search_of_a_week(server) == 200
        mine = {"read": {"max_search_duration": "1h"}}
        assert ask(server, "POST", mine, If_Match="0").status == 400
        skip = "?skip-conflicting-overrides-check=true"
        assert ask(server, "POST", mine, query=skip, If_Match="0").status == 200
        assert search_of_a_week(server) == 400


def test_a_bad_file_is_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "overrides.yaml"
    file.write_text("overrides: {a: {read: {max_search_duration: x}}}\n")
    config = f"overrides: {{per_tenant_override_config: {file}}}\n"
    with pytest.raises(AssertionError, match=r"overrides\.yaml"), running(config):
        pass


def test_nobody_changes_unless_it_is_configured() -> None:
    with running() as own:
        assert ask(own, "GET").status == 404
        assert ask(own, "POST", {}, If_Match="0").status == 404


def test_what_a_selector_chooses_goes_earlier(server: Server) -> None:
    """STO-16: set over the API it acts at once; what it does not choose stays."""
    rule = {"selector": "{ span.env = `dev` }", "keep": "1s"}
    bad = {"compaction": {"selector_retention": [rule | {"selector": "{ resource.env = }"}]}}
    refused = ask(server, "POST", bad, If_Match="0")
    assert (refused.status, "retention of { resource.env = }" in refused.text) == (400, True)
    old = time.time_ns() - 60_000_000_000
    server.send(span("a", start=old, env="dev"), span("b", start=old, env="prod"))
    assert len(server.search("{}")) == 2
    wanted = {"compaction": {"selector_retention": [rule]}}
    assert ask(server, "POST", wanted, If_Match="0").json == wanted
    wait_until(lambda: len(server.search("{}")) == 1, "one trace gone")
    assert server.search("{}")[0]["rootTraceName"] == "b"
