"""Remote write to a real Prometheus: samples and exemplars, also after it was down."""

from __future__ import annotations

import time
import urllib.parse
from typing import Any

from harness import free_port, request, running, span, wait_until
from peers import prometheus


def query(url: str, expr: str) -> Any:
    text = urllib.parse.urlencode({"query": expr})
    return request(f"{url}/api/v1/query?{text}").json["data"]["result"]


def exemplars(url: str, expr: str) -> Any:
    now = time.time()
    text = urllib.parse.urlencode({"query": expr, "start": now - 3600, "end": now + 60})
    return request(f"{url}/api/v1/query_exemplars?{text}").json["data"]


def config(url: str) -> str:
    return f"""
metrics_generator: {{collection_interval: 1s}}
global: {{external_labels: {{origin: tocsin}}}}
remote_write: [{{url: "{url}/api/v1/write", send_exemplars: true}}]
"""


def test_samples_and_exemplars_reach_prometheus() -> None:
    """RWR-01, RWR-02, RWR-07, GEN-27: the same series, and an exemplar whose trace is here."""
    with prometheus() as peer, running(config(peer)) as server:
        server.send(*[span(duration=30_000_000) for _ in range(10)], service="shop")
        calls = 'traces_spanmetrics_calls_total{service_name="shop", origin="tocsin"}'
        wait_until(lambda: query(peer, calls), "the series at Prometheus", 60)
        wait_until(lambda: query(peer, calls)[0]["value"][1] == "10", "its value", 30)
        bucket = 'traces_spanmetrics_latency_bucket{service_name="shop"}'
        found = wait_until(lambda: exemplars(peer, bucket), "an exemplar", 60)
        trace_id = found[0]["exemplars"][0]["labels"]["traceID"]
        assert len(trace_id) == 32
        assert server.get(f"/api/traces/{trace_id}").status == 200


def test_what_was_written_while_prometheus_was_down_arrives() -> None:
    """RWR-04, RWR-06: retried until it is taken, also by a process that was started again."""
    port = free_port()
    with running(config(f"http://127.0.0.1:{port}")) as server:
        server.send(span(), service="patient")
        wait_until(
            lambda: server.promql('traces_spanmetrics_calls_total{service="patient"}'),
            "the span metrics",
            40,
        )
        time.sleep(2)
        server.restart()
        with prometheus(port) as peer:
            expr = 'count_over_time(traces_spanmetrics_calls_total{service_name="patient"}[5m])'
            wait_until(lambda: query(peer, expr), "the old samples at Prometheus", 60)
