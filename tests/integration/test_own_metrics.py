"""What the server counts of itself, on both of its ports and in both formats."""

from __future__ import annotations

import gzip
import re
import socket
import subprocess
import time

from harness import Server, free_port, request, running, span
from prometheus_client.openmetrics.parser import text_string_to_metric_families

OPEN_METRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def promtool_finds_no_fault(text: str) -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stderr, checked.stdout) == (0, "", "")


def sample(text: str, start: str) -> float:
    """Return the value of the one sample that starts so."""
    lines = [line for line in text.splitlines() if line.startswith(start)]
    assert len(lines) == 1, lines
    return float(lines[0].rpartition(" ")[2])


def test_both_ports_are_good_text(server: Server) -> None:
    """API-04."""
    server.send(span(), span())
    for url in (server.url + "/metrics", server.own_metrics):
        answer = request(url)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == TEXT_TYPE
        assert "# EOF" not in answer.text
        assert "trace_id=" not in answer.text
        promtool_finds_no_fault(answer.text)


def test_both_ports_speak_openmetrics(server: Server) -> None:
    """API-04: judged by the parser of Prometheus's own Python client."""
    server.send(span())
    for url in (server.url + "/metrics", server.own_metrics):
        answer = request(url, headers=OPEN_METRICS)
        assert answer.headers["Content-Type"] == OPEN_METRICS_TYPE
        assert answer.text.endswith("# EOF\n")
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        assert len(families) > 5
        for family in families.values():
            if family.type == "counter":
                assert {s.name for s in family.samples} == {
                    f"{family.name}_total",
                    f"{family.name}_created",
                }
            if family.name.endswith(("_seconds", "_bytes")):
                assert family.unit
    assert "otelcol_receiver_accepted_spans" in families


def test_what_prometheus_and_others_ask_for(server: Server) -> None:
    """API-04: by Accept, weights included."""
    prometheus = (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    )
    for accept, content_type in (
        (prometheus, OPEN_METRICS_TYPE),
        ("*/*", TEXT_TYPE),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT_TYPE),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", TEXT_TYPE),
    ):
        assert server.get("/metrics", Accept=accept).headers["Content-Type"] == content_type
    packed = request(
        server.url + "/metrics", headers=OPEN_METRICS | {"Accept-Encoding": "gzip, deflate"}
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body).endswith(b"# EOF\n")


def test_requests_leave_their_traces(server: Server) -> None:
    """API-04: exemplars, in OpenMetrics alone."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    assert server.get("/api/echo", traceparent=parent).status == 200
    route = 'tempo_request_duration_seconds_bucket{method="GET",route="api_echo",status_code="200"'
    text = server.get("/metrics", **OPEN_METRICS).text
    exemplars = [
        re.search(r"# \{trace_id=\"(\w+)\"\} ([\d.e-]+) ([\d.]+)$", line)
        for line in text.splitlines()
        if line.startswith(route) and "# {" in line
    ]
    assert len(exemplars) == 1
    assert exemplars[0] is not None
    assert exemplars[0].group(1) == trace
    assert abs(float(exemplars[0].group(3)) - time.time()) < 600
    plain = server.get("/metrics").text
    assert sample(plain, route.replace("_bucket", "_count")) >= 1
    assert trace not in plain


def test_names_of_a_collector(server: Server) -> None:
    """OBS-02."""
    start = 'otelcol_receiver_accepted_spans_total{receiver="otlp",'

    def accepted() -> float:
        lines = [x for x in request(server.own_metrics).text.splitlines() if x.startswith(start)]
        return sum(float(x.rpartition(" ")[2]) for x in lines)

    before = accepted()
    server.send(span(), span(), span())
    assert accepted() == before + 3
    text = request(server.own_metrics).text
    for name in (
        "otelcol_receiver_refused_spans_total",
        "otelcol_process_uptime_seconds_total",
        "otelcol_process_cpu_seconds_total",
        "otelcol_process_memory_rss_bytes",
        "otelcol_process_runtime_heap_alloc_bytes",
        "target_info",
    ):
        assert re.search(rf"^{name}\{{.*service_name=\"tocsin\"", text, re.MULTILINE), name
    assert not re.search("^(tempo|tocsin|prometheus)_", text, re.MULTILINE)
    assert request(server.own_metrics.replace("/metrics", "/api/search")).status == 404


def test_remote_write_is_an_exporter() -> None:
    """OBS-02: with the names that a Collector without readers has."""
    config = """
remote_write: [{url: "http://127.0.0.1:1/api/v1/write", name: far}]
service:
  telemetry:
    resource: {service.name: hub, service.instance.id: hub-0}
    metrics:
      readers: [{pull: {exporter: {prometheus: {
        host: 127.0.0.1, port: 8888, without_type_suffix: true, without_units: true}}}}]
"""
    with running(config) as server:
        text = request(server.own_metrics).text
        labels = 'service_instance_id="hub-0",service_name="hub"'
        start = 'otelcol_exporter_sent_metric_points{exporter="prometheusremotewrite/far",' + labels
        assert sample(text, start) == 0
        assert sample(text, "otelcol_process_memory_rss{" + labels) > 0
        promtool_finds_no_fault(text)


def test_level_none_is_off() -> None:
    with running("service: {telemetry: {metrics: {level: none}}}") as server:
        assert "metrics" not in server.addresses


def test_a_port_that_is_taken() -> None:
    """API-04: one that somebody has asked for must be free; the default port may be taken."""
    with socket.socket() as holder:
        port = free_port()
        holder.bind(("127.0.0.1", port))
        holder.listen()
        with running() as server:
            server.settings["service.telemetry.metrics.address"] = f"127.0.0.1:{port}"
            assert server.stop() == 0
            refused = subprocess.run(
                server.command(), capture_output=True, text=True, timeout=60, check=False
            )
            assert refused.returncode != 0
            assert f"127.0.0.1:{port}" in refused.stderr


def test_a_second_server_does_without_the_default_port() -> None:
    """API-04: whoever has 8888 at this moment, two servers start."""
    with running() as one, running() as two:
        for server in (one, two):
            assert server.stop() == 0
            server.listeners.pop("service.telemetry.metrics.address")
            server.start()
        assert sum("metrics" in server.addresses for server in (one, two)) <= 1
        assert 'msg="not listening" name=metrics' in two.log


def test_profiles_of_itself() -> None:
    """API-47: pprof's format, where Go programs have it."""
    with running() as server:
        for kind, unit in (("profile", b"nanoseconds"), ("heap", b"inuse_space")):
            answer = server.get(f"/debug/pprof/{kind}?seconds=1")
            assert answer.status == 200, answer.body
            profile = gzip.decompress(answer.body)
            assert unit in profile
            assert b"/tocsin" in profile  # The executable is among the mappings.
        assert server.get("/debug/pprof/profile?seconds=0").status == 400
        assert b"/debug/pprof/heap" in server.get("/debug/pprof/").body
