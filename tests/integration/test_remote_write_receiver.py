"""Metrics from others: remote write 1.0 and 2.0, remote read, OTLP metrics."""

from __future__ import annotations

import gzip
import json
import struct
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

from harness import Answer, Server, attribute, free_port, request, running, wait_until
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from peers import prometheus
from remote_write_messages import (
    V1,
    V2,
    RequestV2,
    bytes_field,
    double_field,
    histogram,
    int_field,
    sample,
    series_v1,
    snappy,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def write(
    server: Server,
    message: bytes,
    content_type: str = V1,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    return request(
        server.url + "/api/v1/write",
        body=snappy(message),
        headers={"Content-Type": content_type, "Content-Encoding": "snappy"} | dict(headers or {}),
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def written(answer: Answer) -> list[str | None]:
    return [
        answer.headers.get(f"X-Prometheus-Remote-Write-{kind}-Written")
        for kind in ("Samples", "Histograms", "Exemplars")
    ]


def value(server: Server, expr: str) -> str:
    result = server.promql(expr)
    assert len(result) == 1, result
    text: str = result[0]["value"][1]
    return text


def test_samples_of_10_are_queried_and_survive_a_kill() -> None:
    """RWR-02, RWR-14: 204 means that the sample is there, also after kill -9."""
    with running() as server:
        now = now_ms()
        labels = {"job": "shop", "__name__": "orders_total"}  # The order does not matter.
        answer = write(server, series_v1(labels, sample(now - 1000, 41), sample(now, 42)))
        assert (answer.status, answer.body) == (204, b""), answer.text
        assert written(answer) == [None, None, None]
        assert value(server, 'orders_total{job="shop"}') == "42"
        server.kill()
        server.start()
        assert value(server, 'orders_total{job="shop"}') == "42"
        assert write(server, series_v1(labels, sample(now, 42))).status == 204  # A repetition.


def test_20_brings_histograms_exemplars_metadata_and_says_what_it_wrote() -> None:
    """RWR-03, RWR-14: everything that a 2.0 request can have."""
    with running() as server:
        now = now_ms()
        message = RequestV2()
        message.add(
            {"__name__": "orders_total", "job": "shop"},
            samples=[sample(now, 7, start_ms=now - 60_000)],
            exemplar=({"trace_id": "0af7651916cd43dd8448eb211c80319c"}, 1.0, now),
            kind=1,
            help_text="Orders so far.",
        )
        message.add(
            {"__name__": "latency_seconds", "job": "shop"},
            histograms=[histogram(now, [1, 3], 5.5)],
            kind=3,
        )
        answer = write(server, message.encode(), V2)
        assert answer.status == 204, answer.text
        assert written(answer) == ["1", "1", "1"]
        assert value(server, "orders_total") == "7"
        assert value(server, "histogram_count(latency_seconds)") == "4"
        assert value(server, "histogram_sum(latency_seconds)") == "5.5"
        query = urllib.parse.urlencode(
            {"query": "orders_total", "start": now / 1000 - 60, "end": now / 1000 + 60}
        )
        data = server.get(f"/api/v1/query_exemplars?{query}").json["data"]
        assert data[0]["exemplars"][0]["labels"]["trace_id"].startswith("0af7")
        known = server.get("/api/v1/metadata?metric=orders_total").json["data"]
        assert known["orders_total"][0]["type"] == "counter"
        assert known["orders_total"][0]["help"] == "Orders so far."


def test_what_cannot_be_stored_is_told_and_the_rest_is_stored() -> None:
    """RWR-14: out of order, bad labels and bad histograms are 400; the good samples are kept."""
    with running() as server:
        now = now_ms()
        up = {"__name__": "up", "job": "a"}
        assert write(server, series_v1(up, sample(now, 1))).status == 204
        late = series_v1(up, sample(now - 5000, 1))
        good = series_v1({"__name__": "fine"}, sample(now, 5))
        answer = write(server, late + good)
        assert answer.status == 400
        assert "out of order" in answer.text
        assert value(server, "fine") == "5"
        answer = write(server, series_v1(up, sample(now, 2)))
        assert answer.status == 400
        assert "duplicate" in answer.text
        answer = write(server, series_v1({"job": "nameless"}, sample(now, 1)))
        assert answer.status == 400
        assert "no metric name" in answer.text
        message = RequestV2()
        message.add({"__name__": "fine"}, samples=[sample(now + 1000, 6)])
        message.add({"__name__": "ahead"}, samples=[sample(now + 86_400_000, 6)])
        bad = int_field(1, 77) + double_field(3, 1) + int_field(15, now)
        message.add({"__name__": "broken"}, histograms=[bad])
        answer = write(server, message.encode(), V2)
        assert answer.status == 400
        assert "invalid histogram" in answer.text
        assert written(answer) == ["1", "0", "0"]
        metrics = server.get("/metrics").text
        assert "prometheus_api_remote_write_invalid_labels_samples_total 1" in metrics


def test_what_is_not_spoken_is_415_and_what_is_corrupt_is_400() -> None:
    """RWR-14: the codes of the protocol."""
    with running() as server:
        message = series_v1({"__name__": "up"}, sample(now_ms(), 1))
        for content_type in ("application/json", "application/x-protobuf;proto=other.Request"):
            answer = write(server, message, content_type)
            assert answer.status == 415
            assert "io.prometheus.write.v2.Request" in answer.text
        answer = write(server, message, headers={"Content-Encoding": "gzip"})
        assert answer.status == 415
        for body in (b"\xff\xff\xff", snappy(message[:-1])):
            answer = request(server.url + "/api/v1/write", body=body, headers={"Content-Type": V1})
            assert answer.status == 400, answer.text
        bomb = b"\x80\x80\x80\x80\x08" + b"\x00" * 10  # Declares 2 GiB.
        answer = request(server.url + "/api/v1/write", body=bomb, headers={"Content-Type": V1})
        assert answer.status == 413
        assert server.promql("up{job=''}") == []


def test_a_real_prometheus_writes_here_and_reads_back() -> None:
    """RWR-14, RWR-15: Debian's Prometheus sends what it scrapes, and queries by remote read."""
    with running() as server:
        port = free_port()
        config = f"""
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: itself
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
remote_write: [{{url: "{server.url}/api/v1/write"}}]
remote_read: [{{url: "{server.url}/api/v1/read", read_recent: true}}]
"""
        now = now_ms()
        labels = {"__name__": "only_here", "job": "shop"}
        samples = [sample(now - 1000 * i, float(i)) for i in range(300, -1, -1)]
        assert write(server, series_v1(labels, *samples)).status == 204
        with prometheus(port, config) as peer:
            expr = 'count(up{job="itself"} == 1)'
            wait_until(lambda: server.promql(expr), "what Prometheus scraped", 60)

            def asked(expr: str) -> Any:
                text = urllib.parse.urlencode({"query": expr, "time": now / 1000})
                return request(f"{peer}/api/v1/query?{text}").json["data"]["result"]

            found = asked('sum_over_time(only_here{job=~"sh.p"}[301s])')
            assert found[0]["value"][1] == str(sum(range(301)))


def frames(stream: bytes) -> list[bytes]:
    """Return the messages of a chunked read response, without looking at their checksums."""
    found = []
    while stream:
        size = shift = 0
        while True:
            byte = stream[0]
            stream = stream[1:]
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(stream[4 : 4 + size])
        stream = stream[4 + size :]
    return found


def test_remote_read_streams_chunks() -> None:
    """RWR-15: XOR chunks in frames, for readers that like them better."""
    with running("global: {external_labels: {origin: tocsin}}") as server:
        now = now_ms()
        for name in ("a", "b"):
            labels = {"__name__": name}
            samples = [sample(now - 1000 * i, 1.5) for i in range(200, 0, -1)]
            assert write(server, series_v1(labels, *samples)).status == 204
        matcher = int_field(1, 2) + bytes_field(2, b"__name__") + bytes_field(3, b"a|b")
        origin = bytes_field(2, b"origin") + bytes_field(3, b"tocsin")
        query = int_field(1, now - 1_000_000) + int_field(2, now) + bytes_field(3, matcher)
        read = bytes_field(1, query + bytes_field(3, origin)) + int_field(2, 1)
        answer = request(server.url + "/api/v1/read", body=snappy(read))
        assert answer.status == 200, answer.text
        assert answer.headers["Content-Type"].startswith("application/x-streamed-protobuf")
        messages = frames(answer.body)
        assert len(messages) == 2
        assert all(b"\x0a\x06origin\x12\x06tocsin" in message for message in messages)
        # The number of samples of the first chunk, big endian, behind its data's tag and length.
        assert struct.pack(">H", 120) in messages[0]
        assert request(server.url + "/api/v1/read", body=b"\xff").status == 400


def test_otlp_metrics_become_series() -> None:
    """RWR-15: names, units, resource attributes and native histograms, as Prometheus has them."""
    with running() as server:
        message = metrics_service_pb2.ExportMetricsServiceRequest()
        resource = message.resource_metrics.add()
        resource.resource.attributes.append(attribute("service.name", "checkout"))
        resource.resource.attributes.append(attribute("k8s.node", "n1"))
        scope = resource.scope_metrics.add()
        now = time.time_ns()
        metric = scope.metrics.add(name="http.server.requests", description="Requests.")
        metric.sum.aggregation_temporality = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
        metric.sum.is_monotonic = True
        point = metric.sum.data_points.add(time_unix_nano=now, as_int=12)
        point.attributes.append(attribute("http.method", "GET"))
        metric = scope.metrics.add(name="latency", unit="s")
        exponential = metric.exponential_histogram
        exponential.aggregation_temporality = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
        at = exponential.data_points.add(time_unix_nano=now, count=3, sum=4, scale=0)
        at.positive.bucket_counts.extend([1, 2])
        delta = scope.metrics.add(name="delta")
        delta.sum.aggregation_temporality = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
        delta.sum.data_points.add(time_unix_nano=now, as_int=1)
        answer = request(
            server.url + "/api/v1/otlp/v1/metrics",
            body=gzip.compress(message.SerializeToString()),
            headers={"Content-Type": V1, "Content-Encoding": "gzip"},
        )
        assert answer.status == 200, answer.text
        response = metrics_service_pb2.ExportMetricsServiceResponse.FromString(answer.body)
        assert response.partial_success.rejected_data_points == 1
        assert "delta temporality" in response.partial_success.error_message
        expr = 'http_server_requests_total{job="checkout", http_method="GET"}'
        assert value(server, expr) == "12"
        assert value(server, "histogram_count(latency_seconds)") == "3"
        assert value(server, 'target_info{job="checkout", k8s_node="n1"}') == "1"
        answer = request(
            server.url + "/api/v1/otlp/v1/metrics", body=b"\xff", headers={"Content-Type": V1}
        )
        assert answer.status == 400


def test_otlp_metrics_in_json_become_series() -> None:
    """RWR-15: as a collector's otlphttp exporter sends them with encoding: json."""
    point = {"timeUnixNano": str(time.time_ns()), "asInt": "7"}
    gauge = {"name": "queue.length", "gauge": {"dataPoints": [point]}}
    message = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [gauge]}]}]}
    with running() as server:
        answer = request(
            server.url + "/api/v1/otlp/v1/metrics",
            body=json.dumps(message).encode(),
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status, answer.json) == (200, {})
        assert value(server, "queue_length") == "7"
