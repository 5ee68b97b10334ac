"""`tocsin rules backtest`: when rules would have fired, over a directory that a server has left."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from harness import Server, running, span, tocsin, tocsin_text, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

RULES = """
groups:
- name: shop
  interval: 1s
  rules:
  - record: service:errors:ratio
    expr: |
      sum by (service) (rate(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[30s]))
      / sum by (service) (rate(traces_spanmetrics_calls_total[30s]))
  - alert: Errors
    expr: service:errors:ratio > 0.1
    for: 2s
    labels: {severity: page}
    annotations: {summary: "{{ $labels.service }} fails"}
- name: routes
  interval: 1s
  rules:
  - alert: RouteFails
    expr: |
      sum by (http_route) (
        increase(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[1m])) > 0
- name: traces
  interval: 1s
  rules:
  - {alert: SlowTraces, expr: 'traceql("{ duration > 1s } | count_over_time()", 1m) > 0'}
"""


def backtest(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return tocsin("rules", "backtest", *arguments)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A directory with spans and their metrics, no server on it, and a rule file."""
    rules = tmp_path_factory.mktemp("rules") / "shop.yaml"
    rules.write_text(RULES)
    with running("metrics_generator: {collection_interval: 1s}") as server:
        # A first collection, so that rates have a beginning.
        server.send(span(), service="shop")
        wait_until(lambda: server.promql("traces_spanmetrics_calls_total"), "the span metrics", 60)
        failed = [span(error=True, http__route="/pay") for _ in range(5)]
        fine = [span(http__route="/list", duration=1_500_000_000) for _ in range(5)]
        server.send(*failed, *fine, service="shop")
        wait_until(
            lambda: server.promql("sum(traces_spanmetrics_calls_total) == 11"), "all of them", 60
        )
        time.sleep(6)  # Some evaluations see them.
        check_that_a_held_directory_is_refused(server, rules)
        server.stop()
        yield server.data, rules


def check_that_a_held_directory_is_refused(server: Server, rules: Path) -> None:
    held = backtest("--path", str(server.data), "--from", "-5m", str(rules))
    assert held.returncode == 1
    assert b"/api/admin/snapshot" in held.stderr
    assert held.stdout == b""


def soon() -> str:
    """Return a time by which what was sent is collected, every 15 s as derived from spans."""
    return str(int(time.time()) + 16)


def run_json(left: tuple[Path, Path], *arguments: str) -> dict[str, Any]:
    data, rules = left
    done = backtest(
        "--path",
        str(data),
        "--from",
        "-10m",
        "--to",
        soon(),
        "--format",
        "json",
        *arguments,
        str(rules),
    )
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_alerts_are_found_over_series_spans_and_traces(left: tuple[Path, Path]) -> None:
    answer = run_json(left)
    found = {alert["alert"]: alert for alert in answer["alerts"]}
    assert set(found) == {"Errors", "RouteFails", "SlowTraces"}
    assert found["Errors"]["labels"] == {
        "alertname": "Errors",
        "service": "shop",
        "severity": "page",
    }
    assert found["Errors"]["annotations"] == {"summary": "shop fails"}
    assert found["Errors"]["state"] == "firing"
    assert float(found["Errors"]["value"]) > 0.1
    assert found["RouteFails"]["labels"]["http_route"] == "/pay"
    sources = {(m["metric"], m["source"]) for m in answer["metrics"]}
    assert ("traces_spanmetrics_calls_total", "spans") in sources
    assert ("service:errors:ratio", "recorded") in sources
    assert [rule["failures"] for rule in answer["rules"]] == [0, 0, 0, 0]


def test_the_directory_stays_as_it_was(left: tuple[Path, Path]) -> None:
    def samples() -> str:
        expr = '{__name__=~".+"}[1h]'
        done = tocsin_text("promql", "--path", left[0], "--format", "json", expr)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # A query opens the directory as a server does, so it comes after the backtests.
    first, second = run_json(left), run_json(left)
    assert [a["firing_since"] for a in first["alerts"]] == [
        a["firing_since"] for a in second["alerts"]
    ]
    assert "ALERTS" not in samples()
    assert "service:errors:ratio" not in samples()


def test_every_format_has_the_same_rows(left: tuple[Path, Path]) -> None:
    data, rules = left
    common = ["--path", str(data), "--from", "-10m", "--to", soon(), str(rules)]
    table = backtest(*common)
    assert table.returncode == 0, table.stderr.decode()
    lines = table.stdout.decode().splitlines()
    assert lines[0].split()[:2] == ["ALERT", "STATE"]
    assert {line.split()[0] for line in lines[1:]} == {"Errors", "RouteFails", "SlowTraces"}
    assert b"was derived from spans with the labels http_route" in table.stderr
    rows = list(csv.DictReader(io.StringIO(backtest("--format", "csv", *common).stdout.decode())))
    assert len(rows) == len(lines) - 1
    arrow = pa.ipc.open_stream(backtest("--format=arrow", *common).stdout).read_all()
    arrow.validate(full=True)
    assert arrow.num_rows == len(rows)
    assert set(arrow["alert"].to_pylist()) == {"Errors", "RouteFails", "SlowTraces"}
    assert str(arrow.schema.field("firing_since").type) == "timestamp[ns, tz=UTC]"


def test_dimensions_and_spans_may_be_asked_for(left: tuple[Path, Path]) -> None:
    answer = run_json(left, "--from-spans", "--dimension", "http.route")
    derived = [m for m in answer["metrics"] if m["source"] == "spans"]
    assert {m["reason"] for m in derived} == {"asked for"}
    assert all(m["dimensions"] == ["http_route"] for m in derived)


def test_mistakes_name_their_place(left: tuple[Path, Path], tmp_path: Path) -> None:
    data, rules = left
    bad = tmp_path / "bad.yaml"
    bad.write_text("groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'rat(x)'}\n")
    for arguments, code, text in [
        (["--path", str(data), "--from", "-1h", str(bad)], 2, f"{bad}:4:"),
        (["--path", str(data), "--from", "-1h"], 2, "takes rule files"),
        (["--path", str(data), str(rules)], 2, "--from"),
        (["--path", str(data), "--from", "-1h", "--to", "-2h", str(rules)], 2, "--to lies before"),
        (["--path", str(data), "--from", "yesterday", str(rules)], 2, "yesterday"),
        (["--path", str(data), "--from", "-1h", "--format", "xml", str(rules)], 2, "--format"),
        (["--path", str(data), "--from", "-1h", "--interval", "0", str(rules)], 2, "--interval"),
        (["--path", str(tmp_path), "--from", "-1h", str(rules)], 1, "no data directory"),
        (["--path", str(data), "--from", "-1h", str(tmp_path / "none")], 1, "none"),
        (["--url", "http://127.0.0.1:1", "--from", "-1h", str(rules)], 2, "no backtests"),
    ]:
        done = backtest(*arguments)
        assert done.returncode == code, (arguments, done.stderr.decode())
        assert text in done.stderr.decode(), done.stderr.decode()
        assert done.stdout == b""
