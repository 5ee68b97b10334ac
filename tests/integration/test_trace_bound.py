"""The bound on the bytes of a trace, where spans come in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness import export_request, request, running, span
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness import Server
    from opentelemetry.proto.trace.v1 import trace_pb2

PROTOBUF = {"Content-Type": "application/x-protobuf"}
BOUND = "overrides: {defaults: {global: {max_bytes_per_trace: 5000000}}}\n"
DISCARDED = "tempo_discarded_spans_total"
# Two requests of a trace, of 3 MB each.
SPANS = 300


def half(trace_id: bytes, name: str) -> list[trace_pb2.Span]:
    return [span(name, trace_id=trace_id, text=os.urandom(5000).hex()) for _ in range(SPANS)]


def send(
    server: Server, spans: Sequence[trace_pb2.Span]
) -> trace_service_pb2.ExportTracePartialSuccess:
    """Send spans and return what is said of those that were refused."""
    answer = request(
        server.otlp_http + "/v1/traces",
        body=export_request(*spans).SerializeToString(),
        headers=PROTOBUF,
    )
    assert answer.status == 200, answer.text
    response = trace_service_pb2.ExportTraceServiceResponse.FromString(answer.body)
    partial: trace_service_pb2.ExportTracePartialSuccess = response.partial_success
    return partial


def discarded(server: Server, reason: str) -> float:
    lines = server.get("/metrics").text.splitlines()
    (value,) = [line for line in lines if line.startswith(f'{DISCARDED}{{reason="{reason}"')]
    return float(value.rsplit(" ", 1)[1])


def test_spans_beyond_the_bound_are_refused_and_counted() -> None:
    """STO-11: a trace of 6 MB; others in the same request are taken, also after it was sealed."""
    trace_id, other = os.urandom(16), span("other")
    with running(BOUND) as server:
        assert send(server, half(trace_id, "first")).rejected_spans == 0
        partial = send(server, [*half(trace_id, "second"), other])
        refused = partial.rejected_spans
        assert 80 < refused < 120  # A million bytes, of ten thousand and some each.
        assert partial.error_message == (
            f"TRACE_TOO_LARGE: max size of trace (5000000) exceeded by trace {trace_id.hex()} "
            "of tenant single-tenant"
        )
        assert discarded(server, "trace_too_large") == refused
        (found,) = server.search(f'{{ trace:id = "{trace_id.hex()}" }}')
        assert found["spanSets"][0]["matched"] == 2 * SPANS - refused
        assert server.get(f"/api/traces/{other.trace_id.hex()}").status == 200
        assert server.get(f"/api/traces/{trace_id.hex()}").status == 200
        server.flush()
        server.restart()
        # The first span says that the trace goes on: then is looked up what it has.
        taken = 0
        while not send(server, [span(trace_id=trace_id, text=os.urandom(50_000).hex())]).ByteSize():
            taken += 1
            assert taken < 100, "the bound to hold after a restart"
        assert send(server, [span()]).ByteSize() == 0
