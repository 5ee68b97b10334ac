"""A full disk: ingest answers UNAVAILABLE, queries go on, and it heals without a restart."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from google.rpc import error_details_pb2, status_pb2
from harness import Server, export_request, request, span, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def filling(tmp_path: Path, below: str = "", **settings: str) -> Iterator[tuple[Server, Path]]:
    """Run a server whose disk is full, `below` a folder of its data, while a file exists."""
    library = tmp_path / "enospc.so"
    source = Path(__file__).parent / "enospc.c"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True
    )
    flag = tmp_path / "full"
    server = Server(
        tmp_path / "data",
        "metrics_generator: {collection_interval: 1s}\n",
        {"ingester.max_block_duration": "1s", "ingester.trace_idle_period": "1s"}
        | {name.replace("__", "."): value for name, value in settings.items()},
        {
            "LD_PRELOAD": str(library),
            "TOCSIN_TEST_FULL": str(flag),
            "TOCSIN_TEST_DIRECTORY": str(tmp_path / "data" / below),
        },
    )
    server.data.mkdir()
    try:
        yield server.start(), flag
    finally:
        if server.process is not None:
            server.process.kill()
            server.process.wait()


def export_over_grpc(server: Server, body: bytes) -> grpc.RpcError | None:
    with grpc.insecure_channel(server.otlp_grpc) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        try:
            call(body, timeout=20)
        except grpc.RpcError as error:
            return error
    return None


def code_of(error: grpc.RpcError | None) -> grpc.StatusCode:
    return grpc.StatusCode.OK if error is None else error.code()


def retry_info(error: grpc.RpcError) -> error_details_pb2.RetryInfo:
    """Return the RetryInfo among the details of a refusal."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    assert status.code == error.code().value[0]
    info = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return info


def test_a_full_disk_refuses_spans_and_heals(tmp_path: Path) -> None:
    """STO-13, RCV-12."""
    with filling(tmp_path) as (server, flag):
        check_that_it_heals(server, flag)


def check_that_it_heals(server: Server, flag: Path) -> None:
    before = [span("before") for _ in range(50)]
    server.send(*before)
    time.sleep(3)  # Some of it is sealed by now, some will be while the disk is full.

    flag.touch()
    refused = [span("while full") for _ in range(5)]
    for one in refused:
        body = export_request(one).SerializeToString()
        assert code_of(export_over_grpc(server, body)) == grpc.StatusCode.UNAVAILABLE
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
    wait_until(lambda: export_over_grpc(server, body) is None, "the disk to heal", 30)
    for one in refused:
        assert export_over_grpc(server, export_request(one).SerializeToString()) is None
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


def test_a_snapshot_that_has_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    """STO-17: 503, and the same name can be used once there is room."""
    with filling(tmp_path) as (server, flag):
        one = span()
        server.send(one)
        url = server.url + "/api/admin/snapshot?name=copy"
        flag.touch()
        refused = request(url, method="POST")
        assert refused.status == 503
        assert list((server.data / "snapshots").iterdir()) == []
        flag.unlink()
        wait_until(lambda: request(url, method="POST").status == 200, "the disk to heal", 30)
        assert request(url, method="POST").status == 409
        copy = Server(server.data / "snapshots" / "copy").start()
        try:
            assert copy.get(f"/api/traces/{one.trace_id.hex()}").status == 200
        finally:
            copy.kill()


def noise() -> bytes:
    """Return a request of about a megabyte that cannot be compressed away."""
    spans = [span(f"{os.urandom(1000).hex()}") for _ in range(1000)]
    body: bytes = export_request(*spans).SerializeToString()
    return body


def test_more_than_can_be_sealed_is_told_when_to_come_back(tmp_path: Path) -> None:
    """RCV-12: RESOURCE_EXHAUSTED with a RetryInfo; over HTTP 429 with Retry-After.

    Without a place for its checkpoints the server must keep its live log, which has a bound.
    """
    with filling(tmp_path, "state", storage__max_bytes="20MB") as (server, flag):
        flag.touch()
        refused = wait_until(lambda: export_over_grpc(server, noise()), "a refusal", 60)
        assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_info(refused).retry_delay.seconds == 5
        answer = request(
            server.otlp_http + "/v1/traces",
            body=noise(),
            headers={"Content-Type": "application/x-protobuf"},
        )
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "5"
        assert status_pb2.Status.FromString(answer.body).code == 8

        flag.unlink()
        wait_until(lambda: export_over_grpc(server, noise()) is None, "room in the log", 30)
        assert server.stop() == 0
