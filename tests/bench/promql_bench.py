"""./dev bench promql: an hour of span-metric series by remote write, then what queries of it cost.

The server is the real binary; the load comes from a process of its own (write_load), so that
encoding it is in none of the figures. CPU time is the server's own clock.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import subprocess
import time
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

from harness import LOADGEN, Server, request
from query_bench import Client, cpu_seconds, ended, home_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

WRITE_LOAD = LOADGEN.parent / "write_load"
MINUTES = 60
STEP_S = 15
RANGE_STEP_S = 30
WARM_RUNS = 5

BUCKETS = "sum(rate(traces_spanmetrics_latency_bucket[5m])) by (service_name, le)"
QUANTILE = f"histogram_quantile(0.95, {BUCKETS})"
ERRORS = (
    'sum(rate(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[5m]))'
    " by (service_name) / sum(rate(traces_spanmetrics_calls_total[5m])) by (service_name)"
)


@dataclass
class Row:
    """Expressions asked one after the other, with CPU-ms of Prometheus 3 and our goal."""

    name: str
    expressions: list[str]
    instant: tuple[float, float]  # Prometheus, goal.
    range: tuple[float, float] | None = None


ROWS = [
    Row("histogram_quantile over buckets", [QUANTILE], (85, 15), (868, 120)),
    Row("error ratio", [ERRORS], (14, 3), (106, 20)),
    Row(
        "the seed's rule group",
        [f"{ERRORS} > 0.05", f"{QUANTILE} > 1000", 'up{job="tempo"} == 0'],
        (135, 20),
    ),
]


def memory_mib(server: Server, field: str) -> float:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def series_bytes(server: Server) -> int:
    """The bytes that the store of the series takes, as `du` counts them."""
    du = subprocess.run(
        ["du", "-s", "-B1", str(server.data / "series")], stdout=PIPE, check=True
    ).stdout
    return int(du.split()[0])


def path_of(expression: str, end: float, *, over_range: bool) -> str:
    if not over_range:
        return "/api/v1/query?" + urllib.parse.urlencode({"query": expression, "time": end})
    times = {"start": end - MINUTES * 60, "end": end, "step": RANGE_STEP_S}
    return "/api/v1/query_range?" + urllib.parse.urlencode({"query": expression} | times)


def ask(server: Server, client: Client, paths: list[str]) -> tuple[float, int]:
    """CPU-ms of the server, and the number of series answered."""
    begin = cpu_seconds(server)
    series = 0
    for path in paths:
        status, body = client.get(path)
        assert status == 200, body[:500]
        series += len(json.loads(body)["data"]["result"])
    return (cpu_seconds(server) - begin) * 1000, series


def measure(
    server: Server, client: Client, row: Row, end: float, *, over_range: bool
) -> dict[str, Any]:
    paths = [path_of(expression, end, over_range=over_range) for expression in row.expressions]
    first, series = ask(server, client, paths)
    warm = median(ask(server, client, paths)[0] for _ in range(WARM_RUNS))
    peer, goal = row.range if over_range and row.range is not None else row.instant
    return {
        "first_cpu_ms": round(first, 2),
        "cpu_ms": round(warm, 2),
        "series": series,
        "prometheus_cpu_ms": peer,
        "goal_cpu_ms": goal,
    }


def queries(server: Server, end: float) -> list[dict[str, Any]]:
    client = Client(server)
    rows = []
    for row in ROWS:
        figures: dict[str, Any] = {"query": row.name}
        figures["instant"] = measure(server, client, row, end, over_range=False)
        if row.range is not None:
            figures["range"] = measure(server, client, row, end, over_range=True)
        rows.append(figures)
    return rows


def count_of(server: Server, end: float) -> dict[str, float]:
    """How many series there are, and how many samples one of their metrics has."""
    found = {}
    for name, expression in {
        "series": 'count({__name__=~"traces_spanmetrics_.*"})',
        "samples": f"sum(count_over_time(traces_spanmetrics_calls_total[{MINUTES + 5}m]))",
    }.items():
        answer = json.loads(server.get(path_of(expression, end, over_range=False)).text)
        result = answer["data"]["result"]
        found[name] = float(result[0]["value"][1]) if result else 0
    return found


class Discard(BaseHTTPRequestHandler):
    """Takes whatever is written remotely, and forgets it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def discard(port: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Discard)
    port.send(server.server_port)
    server.serve_forever()


@contextmanager
def discarding() -> Iterator[str]:
    """Give the URL of a receiver in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=discard, args=(there,))
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/"
    finally:
        process.kill()
        process.join()


def load(server: Server, series: int) -> dict[str, Any]:
    """Write the hour; what was sent."""
    flags = ["--series", str(series), "--minutes", str(MINUTES)]
    flags += ["--step-ms", str(STEP_S * 1000), "--target", server.addresses["http"]]
    done = subprocess.run([str(WRITE_LOAD), *flags], stdout=PIPE, check=True)
    sent: dict[str, Any] = json.loads(done.stdout)
    return sent


def cpu_with_sending(data: Path, series: int) -> float:
    """CPU seconds to take the hour and to send it on."""
    total = "prometheus_remote_storage_samples_total"
    with discarding() as url:
        server = Server(data, f"remote_write: [{{url: '{url}'}}]\n")
        server.data.mkdir()
        with ended(server.start()):
            before = cpu_seconds(server)
            samples = load(server, series)["samples"]
            arrived = 0.0
            while arrived < samples:
                time.sleep(0.2)
                text = server.get("/metrics").text
                found = re.search(rf"^{total}{{.*}} (\S+)$", text, re.MULTILINE)
                arrived = float(found[1]) if found else 0
            return cpu_seconds(server) - before


def promql(options: argparse.Namespace) -> dict[str, Any]:
    """Write an hour of span-metric series remotely, query it, and start again after a kill."""
    with home_of(options) as home:
        server = Server(home / "data", "")
        server.data.mkdir()
        with ended(server.start()):
            idle = memory_mib(server, "VmRSS")
            before = cpu_seconds(server)
            sent = load(server, options.series)
            write_cpu = cpu_seconds(server) - before
            end = sent["end_ms"] / 1000
            written = series_bytes(server)
            before = cpu_seconds(server)
            assert request(server.url + "/flush", method="POST", timeout=600).status == 204
            flush_cpu = cpu_seconds(server) - before
            flushed = series_bytes(server)
            rows = queries(server, end)
            peak, anonymous = memory_mib(server, "VmHWM"), memory_mib(server, "RssAnon")
            there = count_of(server, end)
            server.kill()
            begin = time.monotonic()
            server.start()
            restart = time.monotonic() - begin
            restart_cpu = cpu_seconds(server)
            kept = count_of(server, end)
        sending_cpu = cpu_with_sending(home / "sender", options.series)
    millions = sent["samples"] / 1e6
    return {
        "bench": "promql",
        "series": sent["series"],
        "samples": sent["samples"],
        "wire_bytes_per_sample": round(sent["bytes"] / sent["samples"], 2),
        "cpu_s_per_million_samples": round(write_cpu / millions, 3),
        "send_cpu_s_per_million_samples": round((sending_cpu - write_cpu) / millions, 3),
        "flush_cpu_s": round(flush_cpu, 2),
        "bytes_per_sample_written": round(written / sent["samples"], 3),
        "bytes_per_sample": round(flushed / sent["samples"], 3),
        "idle_rss_mib": round(idle, 1),
        "peak_rss_mib": round(peak, 1),
        "anon_mib": round(anonymous, 1),
        "restart_s": round(restart, 2),
        "restart_cpu_s": round(restart_cpu, 2),
        "lost_series": there["series"] - kept["series"],
        "lost_samples": there["samples"] - kept["samples"],
        "queries": rows,
    }


def add_benches(benches: Any) -> None:
    """Add the benchmark of this file to the command line of bench.py."""
    parse = benches.add_parser("promql", help=promql.__doc__)
    parse.add_argument("--series", type=int, default=20_000)
    parse.add_argument("--directory", help="where the data directory is made (a real disk)")
    parse.add_argument("--json", type=Path, help="write the object to this file as well")
    parse.set_defaults(run=promql)
