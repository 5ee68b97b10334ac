"""A full disk: ingest answers UNAVAILABLE, queries go on, and it heals without a restart."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from harness import Server, export_request, request, span, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def filling(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server whose disk is full while a file exists."""
    library = tmp_path / "enospc.so"
    source = Path(__file__).parent / "enospc.c"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True
    )
    flag = tmp_path / "full"
    server = Server(
        tmp_path / "data",
        "metrics_generator: {collection_interval: 1s}\n",
        {"ingester.max_block_duration": "1s", "ingester.trace_idle_period": "1s"},
        {
            "LD_PRELOAD": str(library),
            "TOCSIN_TEST_FULL": str(flag),
            "TOCSIN_TEST_DIRECTORY": str(tmp_path / "data"),
        },
    )
    server.data.mkdir()
    yield server.start(), flag
    if server.process is not None:
        server.process.kill()
        server.process.wait()


def export_over_grpc(server: Server, body: bytes) -> grpc.StatusCode:
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        try:
            call(body, timeout=20)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


def test_a_full_disk_refuses_spans_and_heals(filling: tuple[Server, Path]) -> None:
    """STO-13, RCV-12."""
    server, flag = filling
    before = [span("before") for _ in range(50)]
    server.send(*before)
    time.sleep(3)  # Some of it is sealed by now, some will be while the disk is full.

    flag.touch()
    refused = [span("while full") for _ in range(5)]
    for one in refused:
        body = export_request(one).SerializeToString()
        assert export_over_grpc(server, body) == grpc.StatusCode.UNAVAILABLE
        answer = request(
            server.otlp_http + "/v1/traces",
            body=body,
            headers={"Content-Type": "application/x-protobuf"},
        )
        assert answer.status == 503
    time.sleep(4)  # Sealing, collecting and logging fail in the background meanwhile.
    for one in before:
        assert server.get(f"/api/traces/{one.trace_id.hex()}").status == 200
    assert len(server.search('{ name = "before" }', limit=100)) == 50
    assert server.search('{ name = "while full" }') == []

    flag.unlink()
    after = span("after")
    body = export_request(after).SerializeToString()
    wait_until(lambda: export_over_grpc(server, body) == grpc.StatusCode.OK, "the disk to heal", 30)
    for one in refused:
        assert export_over_grpc(server, export_request(one).SerializeToString()) == (
            grpc.StatusCode.OK
        )
    server.flush()
    server.kill()
    server.start()
    for one in [*before, *refused, after]:
        answer = server.get(f"/api/traces/{one.trace_id.hex()}")
        assert answer.status == 200, os.fsdecode(one.trace_id.hex())
    total = "sum(traces_spanmetrics_calls_total)"
    wait_until(lambda: server.promql(total), "the span metrics", 30)
    assert float(server.promql(total)[0]["value"][1]) == len(before) + len(refused) + 1
    assert server.stop() == 0
