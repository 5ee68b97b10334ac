"""traceql() in PromQL: over HTTP, in rules, and the traces that an alert points to."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from harness import Server, WebhookReceiver, running, span, tocsin_text, wait_until
from test_alerts import Traffic, config

if TYPE_CHECKING:
    from pathlib import Path

ERRORS = 'traceql("{ status = error } | rate() by (resource.service.name)")'
HEX_ID = re.compile(r"\b[0-9a-f]{32}\b")


def ask(server: Server, path: str, **params: object) -> Any:
    return server.get(f"/api/v1/{path}?{urllib.parse.urlencode(params)}")


def spans_of(server: Server, trace: str) -> list[Any]:
    """Return the spans of a trace that must be there."""
    answer = server.get(f"/api/v2/traces/{trace}")
    assert answer.status == 200, answer.text
    return [
        one
        for resource in answer.json["trace"]["resourceSpans"]
        for scope in resource["scopeSpans"]
        for one in scope["spans"]
    ]


def test_a_query_of_traces_is_a_vector(own_server: Server) -> None:
    server = own_server
    now = time.time_ns()
    for age in (10, 20, 95):
        server.send(span(error=True, start=now - age * 10**9), service="shop")
    server.send(span(start=now - 10 * 10**9), service="shop")
    server.send(span(error=True, start=now - 10 * 10**9), service="cart")
    at = now / 1e9

    result = {
        series["metric"]["resource.service.name"]: float(series["value"][1])
        for series in server.promql(ERRORS, time=at)
    }
    assert result == pytest.approx({"shop": 3 / 300, "cart": 1 / 300})
    minute = server.promql('traceql("{ status = error } | count_over_time()", 1m)', time=at)
    assert minute == [{"metric": {}, "value": [pytest.approx(at, abs=0.001), "3"]}]
    ratio = 'sum(traceql("{ status = error } | rate()")) / sum(traceql("{ } | rate()"))'
    assert float(server.promql(ratio, time=at)[0]["value"][1]) == pytest.approx(0.8)
    assert server.promql(f'{ERRORS} > on ("resource.service.name") group_left () vector(1)') == []

    range_query = {"query": 'traceql("{ } | count_over_time()", 1m)', "step": 30}
    answer = ask(server, "query_range", start=at - 120, end=at, **range_query)
    assert answer.status == 200, answer.text
    [series] = answer.json["data"]["result"]
    assert [value for _, value in series["values"]] == ["0", "1", "1", "0", "4"]
    for when, value in series["values"]:
        alone = server.promql(str(range_query["query"]), time=when)
        assert alone[0]["value"][1] == value


def test_a_query_of_traces_is_printed_parsed_and_refused_with_places(server: Server) -> None:
    written = 'traceql(`{ .a = "x" } | rate()`,300)offset 1m'
    printed = ask(server, "format_query", query=written).json["data"]
    assert printed == 'traceql("{ .a = \\"x\\" } | rate()", 5m) offset 1m'
    tree = ask(server, "parse_query", query=printed).json["data"]
    assert tree["type"] == "traceqlSelector"
    assert tree["query"] == '{ .a = "x" } | rate()'
    assert (tree["window"], tree["offset"], tree["timestamp"]) == (300_000, 60_000, None)

    refused = {
        'up + traceql("{ status = eror | rate()")': "1:31: parse error: in traceql(): ",
        'traceql("{ }") > 1': "1:10: parse error: in traceql(): spans alone are no numbers",
        'rate(traceql("{ } | rate()")[5m])': "1:29: parse error: no range allowed behind traceql()",
    }
    for query, message in refused.items():
        answer = ask(server, "query", query=query)
        assert answer.status == 400
        assert answer.json["errorType"] == "bad_data"
        assert message in answer.json["error"]


def test_an_alert_on_traces_carries_their_ids(tmp_path: Path, hook: WebhookReceiver) -> None:
    """ALM-16."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(f"""
groups:
- name: traces
  interval: 1s
  rules:
  - alert: FailingTraces
    expr: '{ERRORS} > 0'
    labels: {{severity: page}}
    annotations:
      summary: '{{{{ index $labels "resource.service.name" }}}} fails'
  - alert: NoEvidence
    expr: vector(1) > 0
""")
    with running(config(rules, hook)) as server:
        for service, error in (("shop", True), ("shop", False), ("cart", False)):
            server.send(*[span(error=error) for _ in range(7)], service=service)
        wait_until(lambda: hook.alerts("FailingTraces", "firing"), "the alert", 60)
        wait_until(lambda: hook.alerts("NoEvidence", "firing"), "the other alert", 60)

        alerts = hook.alerts("FailingTraces", "firing")
        assert {alert["labels"]["resource.service.name"] for alert in alerts} == {"shop"}
        annotations = alerts[-1]["annotations"]
        assert annotations["summary"] == "shop fails"
        ids = HEX_ID.findall(annotations["traces"])
        assert len(ids) == len(set(ids)) == 5
        for trace in ids:
            [one] = spans_of(server, trace)
            assert one["status"]["code"] == "STATUS_CODE_ERROR"
        assert "traces" not in hook.alerts("NoEvidence", "firing")[0]["annotations"]


def test_an_alert_on_metrics_carries_the_ids_of_exemplars(
    tmp_path: Path, hook: WebhookReceiver
) -> None:
    """ALM-16: the numerator of an error ratio has failed spans, and those are shown."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("""
groups:
- name: metrics
  interval: 1s
  rules:
  - alert: HighErrorRate
    expr: >-
      sum by (service_name)
        (rate(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[1m]))
      / sum by (service_name) (rate(traces_spanmetrics_calls_total[1m])) > 0.05
    labels: {severity: warning}
""")
    with running(config(rules, hook)) as server:
        traffic = Traffic(server, "shop")
        wait_until(lambda: hook.alerts("HighErrorRate", "firing"), "the alert", 60)
        traffic.stop()
        annotations = hook.alerts("HighErrorRate", "firing")[-1]["annotations"]
        ids = HEX_ID.findall(annotations["traces"])
        assert ids
        for trace in ids:
            assert [s["status"]["code"] for s in spans_of(server, trace)] == ["STATUS_CODE_ERROR"]


def test_a_bad_query_of_traces_is_refused_with_the_rule_file(tmp_path: Path) -> None:
    """The server does not start with a rule that could never be evaluated."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("""
groups:
- name: g
  rules:
  - alert: Broken
    expr: traceql("{ status = error } | rat()") > 0
""")
    server = Server(tmp_path / "data", f"rule_files: [{rules}]\n")
    done = subprocess.run(server.command(), capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    error = done.stderr.decode()
    assert f"{rules}:6:" in error
    assert "in traceql(): " in error


def test_a_directory_answers_too() -> None:
    """`tocsin promql --path` sees the spans of a directory that no server holds."""
    with running() as server:
        server.send(*[span() for _ in range(3)], service="shop")
        server.stop()
        query = 'traceql("{ } | count_over_time() by (resource.service.name)", 10m)'
        done = tocsin_text("promql", "--path", server.data, "--format=json", query)
        assert done.returncode == 0, done.stderr
        [series] = json.loads(done.stdout)["data"]["result"]
        assert series["metric"] == {"resource.service.name": "shop"}
        assert series["value"][1] == "3"
