"""The span store through the real binary: restarts, limits, locks, seals."""

from __future__ import annotations

import concurrent.futures
import json
import os
import subprocess
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from harness import LOADGEN, Server, request, running, span, tocsin_text, wait_until

if TYPE_CHECKING:
    from pathlib import Path


def disk_bytes(path: Path) -> int:
    """Return what `du` counts."""
    done = subprocess.run(
        ["du", "-s", "-B1", str(path)], capture_output=True, text=True, check=False
    )
    return int(done.stdout.split()[0])


def load(server: Server, spans: int, *flags: str) -> None:
    """Send generated spans."""
    subprocess.run(
        [str(LOADGEN), "--target", server.otlp_grpc, "--spans", str(spans), *flags],
        check=True,
        timeout=300,
        stdout=subprocess.DEVNULL,
    )


def answers(server: Server, trace_ids: list[str]) -> list[Any]:
    """Everything that can be asked, at fixed times, so that two processes can be compared."""
    now = 1_900_000_000
    begin = int(time.time()) - 3600
    asked: list[Any] = [server.get(f"/api/traces/{trace_id}").body for trace_id in trace_ids] + [
        server.get(f"/api/v2/traces/{trace_id}").json["trace"] for trace_id in trace_ids
    ]
    for q in (
        "{ status = error }",
        '{ resource.service.name = "payment" && duration > 10ms }',
        "{ span.http.status_code >= 500 }",
        "{ }",
    ):
        text = urllib.parse.urlencode({"q": q, "limit": 50, "start": begin, "end": now})
        asked.append(server.get(f"/api/search?{text}").json["traces"])
    return asked


def promql_answers(server: Server, at: float) -> list[Any]:
    return [
        server.promql(expr, time=at)
        for expr in (
            "traces_spanmetrics_calls_total",
            "sum by (le) (traces_spanmetrics_latency_bucket)",
            "rate(traces_spanmetrics_calls_total[5m])",
        )
    ]


def test_every_answer_is_the_same_after_a_restart(tmp_path: Path) -> None:
    """Live, sealed, and read back by another process: the same bytes."""
    traces = tmp_path / "traces"
    flags = ("--seed", "7", "--spans", "20000")
    subprocess.run([str(LOADGEN), "--traces", str(traces), *flags], check=True)
    lines = traces.read_text().splitlines()
    ids = [line.split()[0] for line in lines[:: len(lines) // 20]]
    with running("metrics_generator: {collection_interval: 1s}\n") as server:
        load(server, 20_000, "--seed", "7")
        live = answers(server, ids)
        assert all(live[: len(ids)])
        wait_until(
            lambda: (
                server.promql("sum(traces_spanmetrics_calls_total)")
                and server.promql("sum(traces_spanmetrics_calls_total)")[0]["value"][1] == "20000"
            ),
            "all spans to be counted",
            40,
        )
        at = time.time()
        metrics = promql_answers(server, at)
        server.flush()
        assert answers(server, ids) == live
        server.restart()
        assert answers(server, ids) == live
        assert promql_answers(server, at) == metrics
        server.kill()
        server.start()
        assert answers(server, ids) == live
        assert promql_answers(server, at) == metrics


def test_flush_seals_everything(own_server: Server) -> None:
    """POST /flush: nothing is left live, and other methods are refused."""
    load(own_server, 5_000)
    own_server.flush()
    metrics = dict(
        line.rsplit(" ", 1)
        for line in own_server.get("/metrics").text.splitlines()
        if not line.startswith("#")
    )
    assert float(metrics["tocsin_spans_live_traces"]) == 0
    assert own_server.get("/flush").status == 405


def test_a_directory_in_use_is_refused(own_server: Server) -> None:
    """STO-01: the message names the other process and its address."""
    assert own_server.process is not None
    second = Server(own_server.data)
    done = subprocess.run(second.command(), capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    message = done.stderr.decode()
    assert str(own_server.process.pid) in message
    assert own_server.addresses["http"] in message


def test_retention_by_age() -> None:
    """STO-02: what is older than the retention is gone, and so is its disk space."""
    with running(compaction__block_retention="5s", ingester__max_block_duration="1s") as server:
        one = span()
        server.send(one)
        load(server, 20_000)
        server.flush()
        path = f"/api/traces/{one.trace_id.hex()}"
        wait_until(lambda: server.get(path).status == 404, "the trace to expire", 60)
        volumes = server.data / "spans/volumes"
        wait_until(lambda: disk_bytes(volumes) < 500_000, "the disk space", 60)


@pytest.mark.parametrize("key", ["compaction.block_retention", "overrides.defaults"])
def test_what_is_deleted_or_too_old_does_not_come_back(key: str) -> None:
    """STO-02, STO-14, STO-16: not from the live log either, which is far from full."""
    retention = {"compaction": {"block_retention": "5s"}}
    config: dict[str, Any] = {
        "ingester": {"trace_idle_period": "1s", "max_block_duration": "1s"},
        **({"overrides": {"defaults": retention}} if key == "overrides.defaults" else retention),
    }
    with running(json.dumps(config)) as server:
        spans = [span(f"number {i}") for i in range(5)]
        paths = [f"/api/traces/{one.trace_id.hex()}" for one in spans]
        server.send(*spans)
        assert request(server.url + paths[2], method="DELETE").status == 204
        gone = [404] * len(paths)
        wait_until(lambda: [server.get(path).status for path in paths] == gone, "the end", 60)
        server.kill()
        server.start()
        assert [server.get(path).status for path in paths] == gone
        server.restart()
        assert [server.get(path).status for path in paths] == gone


@pytest.mark.timeout(600)
def test_retention_by_size() -> None:
    """STO-03: the directory stays below its cap while more is sent, and the newest is kept."""
    cap = 60_000_000
    with running(storage__max_bytes=str(cap)) as server:
        most = 0
        for seed in range(1, 9):
            load(server, 250_000, "--seed", str(seed))
            most = max(most, disk_bytes(server.data))
        newest = span("the newest")
        server.send(newest)
        server.flush()
        most = max(most, disk_bytes(server.data))
        assert most <= cap * 1.1, f"{most} bytes"
        assert server.get(f"/api/traces/{newest.trace_id.hex()}").status == 200


def test_sizes_and_durations_are_read_as_people_write_them() -> None:
    """STO-04, STO-05, STO-06: the seed's snippet, and each spelling."""
    config = """
ingester:
  trace_idle_period: 10s
  max_block_bytes: 1_000_000
  max_block_duration: 5m
storage:
  trace:
    pool:
      max_workers: 100
      queue_depth: 10000
"""
    with running(config, storage__max_bytes="30GB", compaction__block_retention="30d") as server:
        assert server.get("/ready").status == 200
        settings = [f"--set={k}" for k in ("storage.max_bytes=30Gi", "wal.sync=always")]
        done = tocsin_text("config", *settings)
        assert done.returncode == 0, done.stderr
        assert "32212254720" in done.stdout
    for bad in ("storage.max_bytes=30XB", "ingester.max_block_duration=5q"):
        done = tocsin_text("config", "--set", bad)
        assert done.returncode != 0
        assert bad.split("=")[0] in done.stderr


def test_an_unknown_key_is_refused_with_its_neighbour(tmp_path: Path) -> None:
    """Line, column, and the nearest known key."""
    server = Server(tmp_path / "data", "ingester:\n  max_block_byte: 1\n")
    done = subprocess.run(server.command(), capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    message = done.stderr.decode()
    assert "line 2, column 3" in message
    assert "max_block_byte" in message
    assert "max_block_bytes" in message


def test_sigterm_ends_it_cleanly(own_server: Server) -> None:
    """OBS-07: exit 0 within 30 s, and nothing acknowledged is lost."""
    one = span()
    own_server.send(one)
    assert own_server.stop(30) == 0
    own_server.start()
    assert own_server.get(f"/api/traces/{one.trace_id.hex()}").status == 200


def test_server_json_names_its_ports(own_server: Server) -> None:
    state = json.loads((own_server.data / "server.json").read_text())
    assert own_server.process is not None
    assert state["pid"] == own_server.process.pid
    assert set(state["addresses"]) >= {"http", "otlp_grpc", "otlp_http"}
    assert state["version"]
    for name in ("http", "otlp_grpc", "otlp_http"):
        assert f"name={name} address={state['addresses'][name]}" in own_server.log


def test_logs_are_structured(own_server: Server) -> None:
    """OBS-06: logfmt, with a time and a level on each line."""
    for line in own_server.log.splitlines():
        assert line.startswith("ts="), line
        assert " level=" in line
        assert " msg=" in line


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_volume_is_put_aside(damage: str) -> None:
    """The rest is served, and ingest goes on."""
    with running() as server:
        load(server, 20_000)
        server.flush()
        assert server.stop() == 0
        files = (server.data / "spans/volumes").rglob("*.l*")
        largest = max(files, key=lambda path: path.stat().st_size)
        content = bytearray(largest.read_bytes())
        assert len(content) > 100_000
        if damage == "truncate":
            del content[len(content) // 2 :]
        else:
            content[len(content) // 2] ^= 0xFF
        largest.write_bytes(bytes(content))
        server.start()
        one = span()
        server.send(one)
        assert server.get(f"/api/traces/{one.trace_id.hex()}").status == 200
        assert server.get("/api/search?q=%7B%7D").status == 200
        assert server.get(f"/api/traces/{os.urandom(16).hex()}").status in (200, 404)


def test_queries_are_refused_when_the_queue_is_full() -> None:
    """STO-06: one worker and no queue: of many at once some answer 429, all answer."""
    with running(
        storage__trace__pool__max_workers="1", storage__trace__pool__queue_depth="1"
    ) as server:
        load(server, 50_000)

        def ask(_: int) -> int:
            return request(
                server.url + "/api/search?q=%7B%20name%20%3D~%20%22.*x.*%22%20%7D"
            ).status

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            statuses = set(pool.map(ask, range(200)))
        assert statuses <= {200, 429}
        assert 200 in statuses
        assert 429 in statuses
