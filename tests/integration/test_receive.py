"""Receivers, through the real binary: OTLP over gRPC and HTTP, on every port that takes it."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc import status_pb2
from harness import (
    Server,
    connection_to,
    export_request,
    request,
    running,
    span,
    wait_until,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1 import trace_pb2

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def export_with_sdk(exporter: SpanExporter, service: str) -> str:
    """Send one trace of two spans; return its id."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("parent") as parent:
        trace_id = format(parent.get_span_context().trace_id, "032x")
        with tracer.start_as_current_span("child"):
            pass
    provider.shutdown()
    return trace_id


def spans_of(server: Server, trace_id: str) -> list[trace_pb2.Span]:
    answer = server.get(f"/api/traces/{trace_id}", Accept="application/protobuf")
    if answer.status == 404:
        return []
    trace = trace_service_pb2.ExportTraceServiceRequest.FromString(answer.body)
    return [s for r in trace.resource_spans for scope in r.scope_spans for s in scope.spans]


def call_export(address: str, body: bytes) -> bytes:
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        answer: bytes = call(body, timeout=20)
        return answer


@pytest.mark.parametrize("port", ["otlp_grpc", "otlp_http", "http"])
def test_python_sdk_over_grpc_on_every_port(server: Server, port: str) -> None:
    """RCV-01, RCV-22: gRPC is spoken on 4317, and on 4318 and 3200 by peeking."""
    exporter = GrpcExporter(endpoint=server.addresses[port], insecure=True)
    trace_id = export_with_sdk(exporter, "sdk-grpc")
    assert {s.name for s in spans_of(server, trace_id)} == {"parent", "child"}


@pytest.mark.parametrize("port", ["otlp_grpc", "otlp_http", "http"])
@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_python_sdk_over_http_on_every_port(
    server: Server, port: str, compression: Compression
) -> None:
    """RCV-02, RCV-17, RCV-22: OTLP/HTTP is taken on 4318, and on 4317 and 3200."""
    exporter = HttpExporter(
        endpoint=f"http://{server.addresses[port]}/v1/traces", compression=compression
    )
    trace_id = export_with_sdk(exporter, "sdk-http")
    assert {s.name for s in spans_of(server, trace_id)} == {"parent", "child"}


def test_http_answers_in_the_type_it_was_asked_in(server: Server) -> None:
    """RCV-02, RCV-08: 200, application/x-protobuf, and no partial success when all is well."""
    body = export_request(span()).SerializeToString()
    answer = request(server.otlp_http + "/v1/traces", body=body, headers=PROTOBUF)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    response = trace_service_pb2.ExportTraceServiceResponse.FromString(answer.body)
    assert not response.HasField("partial_success")


def test_an_empty_request_is_a_success(server: Server) -> None:
    """RCV-07."""
    answer = request(server.otlp_http + "/v1/traces", body=b"", headers=PROTOBUF, method="POST")
    assert answer.status == 200
    assert call_export(server.otlp_grpc, b"") == b""


def test_one_bad_span_does_not_sink_the_others(server: Server) -> None:
    """RCV-08, RCV-09, RCV-10: the bad ones are counted back, the good ones are stored."""
    good = [span(f"good{i}") for i in range(9)]
    for bad in (
        span(span_id=b"\0" * 8),
        span(span_id=b"short"),
        span(trace_id=b"\1" * 15),
        span(trace_id=b"\0" * 16),
    ):
        for one in good:
            one.trace_id = os.urandom(16)
        body = export_request(bad, *good).SerializeToString()
        answer = request(server.otlp_http + "/v1/traces", body=body, headers=PROTOBUF)
        assert answer.status == 200
        response = trace_service_pb2.ExportTraceServiceResponse.FromString(answer.body)
        assert response.partial_success.rejected_spans == 1
        assert response.partial_success.error_message
        assert all(spans_of(server, one.trace_id.hex()) for one in good)


def test_a_malformed_body_is_refused_with_its_position(server: Server) -> None:
    """400 with a google.rpc.Status over HTTP, INVALID_ARGUMENT over gRPC."""
    answer = request(server.otlp_http + "/v1/traces", body=b"\x0a\x05abc", headers=PROTOBUF)
    assert answer.status == 400
    assert "byte" in status_pb2.Status.FromString(answer.body).message
    with pytest.raises(grpc.RpcError) as caught:
        call_export(server.otlp_grpc, b"\x0a\x05abc")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_media_types_and_methods(server: Server) -> None:
    """RCV-16: 415 for what is not spoken, 405 for other methods, parameters are tolerated."""
    url = server.otlp_http + "/v1/traces"
    body = export_request(span()).SerializeToString()
    for content_type in ("text/plain", "application/xml"):
        assert request(url, body=body, headers={"Content-Type": content_type}).status == 415
    assert (
        request(
            url, body=body, headers={"Content-Type": "application/x-protobuf; charset=utf-8"}
        ).status
        == 200
    )
    refused = request(url)
    assert refused.status == 405
    assert refused.text.strip() == "405 method not allowed, supported: [POST]"


def test_a_bad_gzip_body_is_refused(server: Server) -> None:
    """RCV-17."""
    headers = PROTOBUF | {"Content-Encoding": "gzip"}
    assert request(server.otlp_http + "/v1/traces", body=b"junk", headers=headers).status == 400


def test_a_zip_bomb_is_refused_and_costs_no_memory(server: Server) -> None:
    """RCV-18: 413, and the process does not grow by what the body would have been."""
    assert server.process is not None
    bomb = gzip.compress(b"\0" * (300 << 20), 9)
    answer = request(
        server.otlp_http + "/v1/traces", body=bomb, headers=PROTOBUF | {"Content-Encoding": "gzip"}
    )
    assert answer.status == 413
    status = (f"/proc/{server.process.pid}/status",)
    with open(*status) as lines:  # noqa: PTH123
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    assert peak < 300 << 10, f"{peak} KiB"


def test_a_message_over_the_limit_is_exhausted(server: Server) -> None:
    """RCV-18 over gRPC: RESOURCE_EXHAUSTED."""
    with pytest.raises(grpc.RpcError) as caught:
        call_export(server.otlp_grpc, b"\0" * (65 << 20))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_chunked_bodies_and_keep_alive(server: Server) -> None:
    """A body without a length, and a second request on the same connection."""
    connection = connection_to(server.otlp_http)
    for _ in range(2):
        one = span()
        body = export_request(one).SerializeToString()
        connection.request(
            "POST",
            "/v1/traces",
            body=iter([body[:10], body[10:]]),
            headers=PROTOBUF,
            encode_chunked=True,
        )
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        assert spans_of(server, one.trace_id.hex())
    connection.close()


def test_expect_continue_is_answered(server: Server) -> None:
    body = export_request(span()).SerializeToString()
    head = (
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    host, _, port = server.addresses["otlp_http"].rpartition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head.encode())
        assert b"100 Continue" in connection.recv(4096)
        connection.sendall(body)
        assert b"200 OK" in connection.recv(4096)


@pytest.mark.parametrize("port", ["otlp_grpc", "otlp_http", "http"])
def test_plain_curl_gets_a_readable_answer(server: Server, port: str) -> None:
    """RCV-21: the seed's connection test ends with exit code 0 on each port."""
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "10", f"http://{server.addresses[port]}"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_other_signals_are_refused_quickly(server: Server) -> None:
    """RCV-25."""
    for path in ("/v1/metrics", "/v1/logs"):
        assert request(server.otlp_http + path, body=b"", headers=PROTOBUF).status == 404
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_repeated_request_is_stored_and_counted_once() -> None:
    """RCV-11: byte for byte the same request, also after a restart."""
    one = span("repeat-me", repeat="yes")
    body = export_request(one, service="repeater").SerializeToString()
    with running() as own:
        for _ in range(3):
            answer = request(own.otlp_http + "/v1/traces", body=body, headers=PROTOBUF)
            assert answer.status == 200
        own.restart()
        assert call_export(own.otlp_grpc, body) == b""
        assert len(spans_of(own, one.trace_id.hex())) == 1
        query = 'traces_spanmetrics_calls_total{service_name="repeater"}'
        wait_until(lambda: own.promql(query), "the span metrics", 40)
        assert own.promql(query)[0]["value"][1] == "1"


def test_acknowledged_is_searchable_at_once(server: Server) -> None:
    """STO-08: the next query after the acknowledgement finds it."""
    for _ in range(20):
        one = span()
        server.send(one)
        assert spans_of(server, one.trace_id.hex())


def test_acknowledged_survives_kill(own_server: Server) -> None:
    """RCV-27."""
    one = span()
    own_server.send(one)
    own_server.kill()
    own_server.start()
    assert spans_of(own_server, one.trace_id.hex())


def test_silent_connections_do_not_stop_others(server: Server) -> None:
    silent = [connection_to(server.otlp_http) for _ in range(50)]
    for connection in silent:
        connection.connect()
    begin = time.monotonic()
    server.send(span())
    assert time.monotonic() - begin < 20
    for connection in silent:
        connection.close()
