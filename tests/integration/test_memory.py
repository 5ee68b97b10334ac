"""A small process: budgets that follow from its limit, and nothing lost within them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from cgroup import cgroup
from harness import LOADGEN, Server, request, running, span, tocsin_text

LIMIT = 256 << 20
PLANNED = int(LIMIT * 0.8)
SPANS = 100_000


def by_budget(server: Server, what: str) -> dict[str, float]:
    prefix = f'tocsin_memory_{what}_bytes{{budget="'
    lines = server.get("/metrics").text.splitlines()
    pairs = [line.removeprefix(prefix).split('"} ') for line in lines if line.startswith(prefix)]
    return {budget: float(value) for budget, value in pairs}


def peak_bytes(server: Server) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def stored_spans(server: Server) -> float:
    # The load's own clock may be ahead of ours.
    window = f"start={int(time.time()) - 3600}&end={int(time.time()) + 3600}"
    query = "q=%7B%7D%20%7C%20count_over_time()"
    counted = server.get(f"/api/metrics/query?{query}&{window}").json
    return sum(float(series["value"]) for series in counted["series"])


def load_and_ask(server: Server) -> None:
    """Send spans as fast as they are taken, and ask questions meanwhile."""
    flags = ["--target", server.otlp_grpc, "--spans", str(SPANS)]
    with subprocess.Popen([str(LOADGEN), *flags], stdout=subprocess.PIPE) as load:
        while load.poll() is None:
            server.search("{ status = error }", limit=20)
            server.search("{ } | count() > 14", limit=20)
            used, budget = by_budget(server, "used"), by_budget(server, "budget")
            for name in set(used) - {"process"}:
                assert used[name] <= budget[name], name
        assert load.stdout is not None
        assert json.loads(load.stdout.read())["spans"] == SPANS


def check_small(server: Server, source: str) -> None:
    assert f"msg=memory limit=256MiB source={source}" in server.log
    assert server.metric("tocsin_memory_limit_bytes") == LIMIT
    assert server.metric("tocsin_memory_planned_bytes") == PLANNED
    assert sum(by_budget(server, "budget").values()) <= PLANNED
    load_and_ask(server)
    server.flush()
    assert server.metric("tempo_receiver_accepted_spans") == SPANS
    assert stored_spans(server) == SPANS
    assert server.process is not None
    assert server.process.poll() is None
    assert peak_bytes(server) < LIMIT


def test_a_limit_of_memory_bounds_every_part() -> None:
    with running(f"memory: {{limit: {LIMIT}}}\n") as server:
        check_small(server, "memory.limit")


def test_the_limit_of_the_cgroup_is_honoured(tmp_path: Path) -> None:
    with cgroup(f"tocsin-test-{os.getpid()}", LIMIT, 2) as group:
        if group is None:
            print("the limit of a cgroup was not tried: this system lets us make none")
            return
        server = Server(tmp_path / "data", before=group.enter)
        server.data.mkdir()
        server.start()
        try:
            check_small(server, "/")
            assert group.oom_kills() == 0
        finally:
            server.kill()


def test_a_request_that_a_small_process_cannot_hold_is_refused() -> None:
    with running(f"memory: {{limit: {LIMIT}}}\n") as server:
        answer = request(
            server.otlp_http + "/v1/traces",
            body=bytes(9 << 20),
            headers={"Content-Type": "application/x-protobuf"},
        )
        assert answer.status == 413
        server.send(span("kept"))


def test_config_shows_how_memory_divides() -> None:
    shown = tocsin_text("config", "--set", f"memory.limit={LIMIT}").stdout
    assert "  limit: 268435456  # --set memory.limit\n" in shown
    assert "# Here the limit is 256 MiB (memory.limit); 204 MiB are planned with:\n" in shown
    assert "#   live_rows" in shown
    small = tocsin_text("config", "--set", "memory.limit=10Mi").stdout
    assert "that is more than is planned" in small


def test_memory_settings_are_checked() -> None:
    wrong = tocsin_text("config", "--set", "memory.ratio=2")
    assert wrong.returncode != 0
    assert "memory.ratio is a number above 0, up to 1" in wrong.stderr
