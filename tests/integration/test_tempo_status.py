"""What the server tells of itself to people, and what they do to stored traces."""

from __future__ import annotations

import os
import shutil
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import Server, request, running, span

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    config = """
server: {log_level: warn}
remote_write: [{url: "http://user:secret@127.0.0.1:1/api/v1/write"}]
"""
    with running(config) as started:
        yield started


def test_status_pages(server: Server) -> None:
    """API-45."""
    version = server.get("/status/version")
    assert version.status == 200
    assert version.headers["Content-Type"].startswith("text/plain")
    assert "version" in version.text
    assert "Running" in server.get("/status/services").text
    endpoints = server.get("/status/endpoints").text
    for path in ("/api/search", "/api/v2/traces/{id}", "/status/endpoints", "/api/v1/query"):
        assert path in endpoints
    everything = server.get("/status").text
    for part in ("version", "services", "endpoints", "runtime_config", "config"):
        assert f"GET /status/{part}\n" in everything
    assert server.get("/status/runtime_config?mode=diff").text == "overrides: {}\n"
    assert "user-configurable overrides" in server.get("/status/overrides").text
    assert server.get("/status/overrides/single-tenant").status == 200
    assert server.get("/status/overrides/nobody").status == 404
    assert server.get("/status/usage-stats").status == 200
    assert server.get("/status/nothing").status == 404


def test_status_config(server: Server) -> None:
    """API-45: defaults, what differs from them, and no secrets."""
    whole = server.get("/status/config").text
    assert 'log_level: "warn"' in whole
    assert "max_workers: 400  # default" in whole
    assert "secret" not in whole
    diff = server.get("/status/config?mode=diff").text
    assert "server:\n" in diff
    assert 'log_level: "warn"' in diff
    assert "max_workers" not in diff
    defaults = server.get("/status/config?mode=defaults").text
    assert 'log_level: "info"' in defaults
    assert server.get("/status/config?mode=other").status == 400


def test_usage_metrics(server: Server) -> None:
    """API-50: bytes by tenant."""
    name = 'tempo_usage_tracker_bytes_received_total{tracker="cost-attribution",'

    def received() -> float:
        lines = server.get("/usage_metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    before = received()
    server.send(span(text="x" * 10_000))
    assert received() >= before + 10_000


def test_pages_of_a_cluster(server: Server) -> None:
    """API-51."""
    for path in ("/memberlist", "/distributor/ring", "/ingester/ring", "/partition-ring"):
        answer = server.get(path)
        assert answer.status == 404
        assert "one process" in answer.text


def test_buildinfo_is_bare(server: Server) -> None:
    """API-46: Grafana takes its features from the version."""
    info = server.get("/api/status/buildinfo").json
    assert {"version", "revision", "branch", "buildDate", "buildUser", "goVersion"} <= set(info)
    assert "data" not in info


def delete(server: Server, path: str) -> int:
    return request(server.url + path, method="DELETE").status


def test_a_trace_is_deleted(server: Server) -> None:
    one, other = span(), span()
    server.send(one, other)
    path = f"/api/traces/{one.trace_id.hex()}"
    assert server.get(path).status == 200
    assert delete(server, path) == 204
    assert server.get(path).status == 404
    assert server.search(f'{{ trace:id = "{one.trace_id.hex()}" }}') == []
    assert delete(server, path) == 404
    assert delete(server, "/api/traces/xyz") == 400
    server.flush()
    assert server.get(path).status == 404
    assert server.get(f"/api/traces/{other.trace_id.hex()}").status == 200


def test_traces_are_deleted_by_a_selector(server: Server) -> None:
    kept = [span(user="ada") for _ in range(3)]
    gone = [span(user="bob") for _ in range(3)]
    late = span(user="bob", start=time.time_ns() - 10**13)
    server.send(*kept, *gone, late)
    url = server.url + "/api/admin/delete"
    assert request(url, method="POST").status == 400
    now = int(time.time())
    params = {"q": '{ span.user = "bob" }', "start": now - 600, "end": now + 60}
    answer = request(f"{url}?{urllib.parse.urlencode(params)}", method="POST")
    assert answer.status == 200
    assert answer.json == {"traces": 3, "spans": 3}
    assert len(server.search('{ span.user = "ada" }')) == 3
    assert len(server.search('{ span.user = "bob" }')) == 1
    again = request(f"{url}?{urllib.parse.urlencode(params)}", method="POST")
    assert again.json == {"traces": 0, "spans": 0}


def test_pins(server: Server) -> None:
    one = span()
    server.send(one)
    path = f"/api/traces/{one.trace_id.hex()}/pin"
    assert request(server.url + path, method="PUT").status == 204
    assert one.trace_id.hex() in server.get("/api/admin/pins").json["traces"]
    assert delete(server, path) == 204
    assert one.trace_id.hex() not in server.get("/api/admin/pins").json["traces"]
    assert request(server.url + "/api/traces/xyz/pin", method="PUT").status == 400


def test_deletions_survive_a_restart() -> None:
    with running() as own:
        one, other = span(), span()
        own.send(one, other)
        own.flush()
        path = f"/api/traces/{one.trace_id.hex()}"
        assert delete(own, path) == 204
        own.kill()
        own.start()
        assert own.get(path).status == 404
        assert own.get(f"/api/traces/{other.trace_id.hex()}").status == 200
        assert delete(own, f"/api/traces/{os.urandom(16).hex()}") == 404


def test_a_snapshot_can_be_opened(tmp_path: Path) -> None:
    """STO-17: made while work goes on, restored elsewhere with the same answers."""
    with running() as own:
        kept = [span(user="ada") for _ in range(5)]
        own.send(*kept[:3])
        own.flush()
        own.send(*kept[3:])
        url = own.url + "/api/admin/snapshot"
        made = request(url + "?name=first", method="POST")
        assert made.status == 200
        assert made.json["name"] == "first"
        own.send(span(user="ada"))
        assert request(url + "?name=first", method="POST").status == 409
        for bad in ("..", ".x", "a/b", "a%20b", "x" * 101):
            assert request(f"{url}?name={bad}", method="POST").status == 400
        unnamed = request(url, method="POST").json
        assert Path(unnamed["path"]).is_dir()
        assert len(own.search('{ span.user = "ada" }')) == 6
        shutil.copytree(made.json["path"], tmp_path / "data")
    restored = Server(tmp_path / "data").start()
    try:
        found = {t["traceID"].rjust(32, "0") for t in restored.search('{ span.user = "ada" }')}
        assert found == {one.trace_id.hex() for one in kept}
        assert restored.stop() == 0
    finally:
        if restored.process is not None:
            restored.kill()
