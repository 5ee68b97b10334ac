"""OpenTelemetry exporters of other languages, through the real binary."""

from __future__ import annotations

import subprocess

import pytest
from harness import ROOT, Server
from opentelemetry.proto.trace.v1 import trace_pb2

CLIENTS = ROOT / "build/clients"


def names(server: Server, trace_id: str) -> set[str]:
    answer = server.get(f"/api/traces/{trace_id}", Accept="application/protobuf")
    assert answer.status == 200
    trace = trace_pb2.TracesData.FromString(answer.body)
    return {s.name for r in trace.resource_spans for scope in r.scope_spans for s in scope.spans}


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("kind", "port", "path"),
    [
        ("grpc", "otlp_grpc", ""),
        ("proto", "otlp_http", "/v1/traces"),
        ("proto", "http", "/v1/traces"),
        ("http", "otlp_http", "/v1/traces"),
    ],
)
def test_node(server: Server, kind: str, port: str, path: str) -> None:
    """RCV-01, RCV-02, RCV-03: gRPC, and chunked protobuf and JSON over HTTP."""
    trace_id = run(
        "node", str(CLIENTS / "node/export.mjs"), kind, f"http://{server.addresses[port]}{path}"
    )
    assert names(server, trace_id) == {"parent", "child"}


@pytest.mark.parametrize(
    ("kind", "port", "path"), [("grpc", "otlp_grpc", ""), ("http", "otlp_http", "/v1/traces")]
)
def test_java(server: Server, kind: str, port: str, path: str) -> None:
    """RCV-01, RCV-02: gRPC, and gzip over HTTP."""
    classpath = f"{CLIENTS}/java/classes:{CLIENTS}/java/lib/*"
    endpoint = f"http://{server.addresses[port]}{path}"
    trace_id = run("java", "-cp", classpath, "Export", kind, endpoint)
    assert names(server, trace_id) == {"parent", "child"}


@pytest.mark.parametrize(("kind", "port"), [("grpc", "otlp_grpc"), ("http", "otlp_http")])
def test_go(server: Server, kind: str, port: str) -> None:
    """RCV-01, RCV-02: gRPC, and gzip over HTTP, where a Go toolchain is present."""
    skipped = CLIENTS / "go/skipped"
    if skipped.exists():
        pytest.skip(skipped.read_text().strip())
    trace_id = run(str(CLIENTS / "go/goclient"), kind, server.addresses[port])
    assert names(server, trace_id) == {"parent", "child"}
