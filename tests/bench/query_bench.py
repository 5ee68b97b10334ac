"""The benchmarks of queries: `./dev bench query`, `trace_by_id_many`, `big_trace` and `scale`.

CPU time is the process's own clock, read before and after; the server is alone with the queries.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from harness import LOADGEN, Server, request
from opentelemetry.proto.trace.v1 import trace_pb2

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

MANY_SEGMENTS = LOADGEN.parent / "many_segments"
LONG_RETENTION = LOADGEN.parent / "long_retention"
RUNS = 200
SPANS_A_SECOND = 100_000  # Of the load's own time.
WARM_UPS = 5


@dataclass
class Row:
    """A query with what the peers take for it and what we want to reach, in milliseconds."""

    name: str
    path: str
    tempo: float
    tempo_cpu: float
    victoria: float | None
    goal: float
    answers: str = "traces"
    paths: list[str] = field(default_factory=list)  # Asked in turn instead of `path`.

    def path_of(self, run: int) -> str:
        return self.paths[run % len(self.paths)] if self.paths else self.path


class Client:
    """One connection that stays open."""

    def __init__(self, server: Server) -> None:
        host, port = server.addresses["http"].rsplit(":", 1)
        self._connection = http.client.HTTPConnection(host, int(port), timeout=600)
        self._connection.connect()

    def get(self, path: str, accept: str = "application/json") -> tuple[int, bytes]:
        self._connection.request("GET", path, headers={"Accept": accept})
        response = self._connection.getresponse()
        return response.status, response.read()

    def drain(self, path: str, accept: str, at_piece: Callable[[], None]) -> tuple[int, int]:
        """Read a body and keep nothing of it; return status and bytes."""
        self._connection.request("GET", path, headers={"Accept": accept})
        response = self._connection.getresponse()
        size = 0
        while chunk := response.read(1 << 20):
            size += len(chunk)
            at_piece()
        return response.status, size


def cpu_seconds(server: Server) -> float:
    """User and system time of all threads, also of those that have ended (clock_getcpuclockid)."""
    assert server.process is not None
    return time.clock_gettime((~server.process.pid << 3) | 2)


def anonymous_mib(server: Server) -> float:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def forget_files(directory: Path) -> None:
    """Drop the files from the page cache, so that the next reader goes to the disk."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.posix_fadvise.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_int]
    for path in directory.rglob("*"):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())
            libc.posix_fadvise(file.fileno(), 0, 0, 4)  # POSIX_FADV_DONTNEED


@contextlib.contextmanager
def home_of(options: argparse.Namespace) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-", dir=options.directory) as home:
        yield Path(home)


@contextlib.contextmanager
def ended(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        if server.process is not None:
            server.kill()


def load(server: Server, *flags: str) -> int:
    """Send generated spans and seal them; return the time of the first in Unix seconds."""
    begin = int(time.time())
    command = [str(LOADGEN), "--target", server.otlp_grpc, "--base-time", f"{begin}000000000"]
    subprocess.run([*command, *flags], check=True, stdout=subprocess.PIPE)
    assert request(server.url + "/flush", method="POST", timeout=1800).status == 204
    return begin


def trace_ids(home: Path, spans: int, count: int) -> list[str]:
    """Ids of generated traces from one end of the load to the other."""
    listed = home / "traces.txt"
    subprocess.run([str(LOADGEN), "--traces", str(listed), "--spans", str(spans)], check=True)
    lines = listed.read_text().splitlines()
    step = max(1, len(lines) // count)
    return [line.split()[0] for line in lines[::step]][:count]


def trace_path(trace_id: str) -> str:
    return f"/api/v2/traces/{trace_id}"


def rare_url(client: Client, ids: list[str]) -> str:
    """A value of http.url that one span in the whole load has, taken from a stored trace."""
    for trace_id in ids:
        status, body = client.get(f"/api/traces/{trace_id}", "application/protobuf")
        assert status == 200, body
        trace = trace_pb2.TracesData()
        trace.ParseFromString(body)
        for resource in trace.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    for attribute in span.attributes:
                        value = attribute.value.string_value
                        if attribute.key == "http.url" and "?session=" in value:
                            return value
    message = "no trace with a URL of its own"
    raise AssertionError(message)


def rows(begin: int, end: int, ids: list[str], url: str) -> list[Row]:
    """The table "Queries", with values that the load has."""
    window = {"start": begin, "end": end}

    def search(query: str, within: dict[str, int] = window) -> str:
        return "/api/search?" + urllib.parse.urlencode({"q": query, "limit": 20} | within)

    def metrics(query: str) -> str:
        return "/api/metrics/query_range?" + urllib.parse.urlencode(
            {"q": query, "step": "1s"} | window
        )

    def row(query: str, *figures: float | None, shown: str = "") -> Row:
        tempo, tempo_cpu, victoria, goal = figures
        assert tempo is not None
        assert tempo_cpu is not None
        assert goal is not None
        kind = "series" if re.search(r"\| \w+_over_time\(|\| rate\(", query) else "traces"
        path = metrics(query) if kind == "series" else search(query)
        return Row(shown or query, path, tempo, tempo_cpu, victoria, goal, kind)

    service = "resource.service.name"
    quantiles = f"quantile_over_time(duration, .5, .95, .99) by ({service})"
    values = f"/api/v2/search/tag/{service}/values?" + urllib.parse.urlencode(window)
    by_id = [trace_path(trace_id) for trace_id in ids]
    # The same spans, however many the load has.
    bounded = {"start": begin + 1, "end": begin + 3}
    error_of_users = '{ status=error && name="POST /api/users/v1/resource7" }'
    frontend_to_backend = f'{{ {service}="frontend" }} >> {{ {service}="backend" }}'
    return [
        Row("trace by id", by_id[0], 70, 114, 15, 2, "trace", by_id),
        row('{ resource.cluster="app-cluster" }', 25, 34, 386, 3),
        row("{ status=error }", 29, 36, 72, 3),
        row(f'{{ {service}="payment" }}', 30, 37, 15, 3),
        row("{ duration > 1s }", 42, 76, 35, 3),
        row("{ span.http.status_code >= 500 }", 27, 31, 49, 3),
        row(f'{{ {service}="backend" && duration > 500ms }}', 55, 83, 9, 3),
        row(error_of_users, 102, 141, 4, 2),
        row(f'{{ span.http.url="{url}" }}', 128, 129, 4, 2, shown="one span by an attribute value"),
        row('{ span.exists.nowhere="x" }', 9, 10, 2, 0.7),
        row(frontend_to_backend, 40, 47, None, 5),
        # The longest traces of the load have 16 spans.
        row("{ } | count() > 14", 25, 29, 518, 5),
        row(f"{{ status=error }} | by({service}) | count() > 2", 174, 337, 157, 10),
        Row(f"values of {service}", values, 9, 10, 3, 1, "values"),
        row(f"{{ }} | rate() by ({service})", 283, 387, 33, 15),
        row("{ status=error } | rate()", 77, 111, 22, 6),
        row(f"{{ }} | {quantiles}", 459, 656, 2423, 40),
        row("{ } | histogram_over_time(duration)", 277, 409, 131, 20),
        Row("{ status=error }, 2 s of it", search("{ status=error }", bounded), 29, 36, 72, 3),
    ]


def answers_in(row: Row, body: bytes) -> int:
    """How many traces, series or values an answer has; for a trace its spans."""
    answer = json.loads(body)
    if row.answers == "values":
        return len(answer["tagValues"])
    if row.answers == "trace":
        resources = answer["trace"]["resourceSpans"]
        return sum(len(s["spans"]) for r in resources for s in r["scopeSpans"])
    return len(answer[row.answers])


def measure_warm(server: Server, row: Row, runs: int) -> dict[str, Any]:
    client = Client(server)
    # Whatever the row asks for has been read twice: what was asked for once is not kept.
    for run in range(max(WARM_UPS, 2 * len(row.paths))):
        status, body = client.get(row.path_of(run))
        if status != 200:
            return {"error": f"{status}: " + body[:200].decode(errors="replace").strip()}
    times = []
    before = cpu_seconds(server)
    for run in range(runs):
        begin = time.perf_counter()
        status, body = client.get(row.path_of(run))
        times.append(time.perf_counter() - begin)
        assert status == 200, body
    cpu = cpu_seconds(server) - before
    times.sort()
    return {
        "answers": answers_in(row, body),
        "cpu_ms": round(cpu / runs * 1000, 3),
        "wall_ms": round(median(times) * 1000, 3),
        "wall_p99_ms": round(times[len(times) * 99 // 100] * 1000, 3),
    }


def measure_cold(server: Server, row: Row) -> dict[str, Any]:
    """The first query of a fresh process whose files are not in the page cache."""
    assert server.stop(timeout=120) == 0
    forget_files(server.data)
    server.start(timeout=300)
    client = Client(server)
    cpu = cpu_seconds(server)
    begin = time.perf_counter()
    status, _ = client.get(row.path)
    took = time.perf_counter() - begin
    if status != 200:
        return {}
    return {
        "cold_cpu_ms": round((cpu_seconds(server) - cpu) * 1000, 2),
        "cold_wall_ms": round(took * 1000, 2),
    }


def idle_ms_per_second(server: Server) -> float:
    """What the server takes when nobody asks anything; it is in all figures."""
    before, begin = cpu_seconds(server), time.monotonic()
    time.sleep(3)
    return round((cpu_seconds(server) - before) * 1000 / (time.monotonic() - begin), 2)


def print_table(measured: list[dict[str, Any]]) -> None:
    columns = ["cpu_ms", "wall_ms", "cold_wall_ms", "tempo_cpu_ms", "tempo_ms"]
    columns += ["victoriatraces_ms", "goal_ms", "answers"]
    print(f"{'query':<58}" + "".join(f"{c.replace('victoriatraces', 'vt'):>14}" for c in columns))
    for row in measured:
        values = [row.get(column) for column in columns]
        cells = "".join(f"{'-' if value is None else value:>14}" for value in values)
        print(f"{row['query'][:57]:<58}" + (row.get("error") or cells))


def query(options: argparse.Namespace) -> dict[str, Any]:
    """Each row of the design's table of queries, over HTTP, warm and cold."""
    measured = []
    with home_of(options) as home:
        server = Server(home / "data")
        server.data.mkdir()
        with ended(server.start()):
            begin = load(server, "--spans", str(options.spans))
            # The load begins a trace every so often, and the longest spans last a minute.
            end = begin + options.spans // SPANS_A_SECOND + 90
            ids = trace_ids(home, options.spans, RUNS)
            url = rare_url(Client(server), ids)
            table = [row for row in rows(begin, end, ids, url) if options.only in row.name]
            idle = idle_ms_per_second(server)
            for row in table:
                figures = {
                    "query": row.name,
                    "tempo_ms": row.tempo,
                    "tempo_cpu_ms": row.tempo_cpu,
                    "victoriatraces_ms": row.victoria,
                    "goal_ms": row.goal,
                }
                figures |= measure_warm(server, row, options.runs)
                if "cpu_ms" in figures:
                    figures["of_tempo_cpu"] = round(figures["cpu_ms"] / row.tempo_cpu, 3)
                measured.append(figures)
                print(row.name, figures.get("error", figures.get("cpu_ms")), file=sys.stderr)
            for row, figures in zip(table, measured, strict=True):
                if options.cold and "error" not in figures:
                    figures |= measure_cold(server, row)
            assert server.stop(timeout=120) == 0
    print_table(measured)
    return {
        "bench": "query",
        "spans": options.spans,
        "runs": options.runs,
        "idle_cpu_ms_per_s": idle,
        "rows": measured,
    }


def trace_by_id_many(options: argparse.Namespace) -> dict[str, Any]:
    """Start on a directory of many segments in many volumes, and look traces up in it."""
    with home_of(options) as home:
        # The segments are of more than two years.
        server = Server(home / "data", "compaction: {block_retention: 1000000h}\n")
        server.data.mkdir()
        listed = home / "traces.txt"
        command = [str(MANY_SEGMENTS), "--path", str(server.data / "spans")]
        command += ["--segments", str(options.segments), "--volumes", str(options.volumes)]
        made = subprocess.run(
            [*command, "--traces", str(listed)], check=True, stdout=subprocess.PIPE
        )
        ids = listed.read_text().split()
        forget_files(server.data)
        begin = time.monotonic()
        with ended(server.start(timeout=300)):
            started = time.monotonic() - begin
            start_cpu = cpu_seconds(server)
            table = [trace_path(ids[i * len(ids) // RUNS]) for i in range(RUNS)]
            row = Row("trace by id", table[0], 70, 114, 15, 5, "trace", table)
            client = Client(server)
            first = time.perf_counter()
            status, body = client.get(row.path)
            first = time.perf_counter() - first
            assert status == 200, body
            for path in table:
                client.get(path)
            figures = measure_warm(server, row, options.runs)
            unknown = "/api/traces/" + "f" * 32
            client.get(unknown)
            absent = time.perf_counter()
            assert client.get(unknown)[0] == 404
            absent = time.perf_counter() - absent
            memory = anonymous_mib(server)
            assert server.stop(timeout=120) == 0
    return {
        "bench": "trace_by_id_many",
        **json.loads(made.stdout),
        "start_s": round(started, 2),
        "start_cpu_s": round(start_cpu, 2),
        "anon_mib": round(memory, 1),
        "first_ms": round(first * 1000, 2),
        "absent_ms": round(absent * 1000, 2),
        **figures,
    }


def big_trace(options: argparse.Namespace) -> dict[str, Any]:
    """Stream one very large trace out, and watch the memory that it takes."""
    with home_of(options) as home:
        server = Server(home / "data")
        server.data.mkdir()
        with ended(server.start()):
            load(server, "--spans", str(options.spans), "--one-trace", "yes")
            listed = home / "traces.txt"
            command = [str(LOADGEN), "--traces", str(listed), "--one-trace", "yes"]
            subprocess.run([*command, "--spans", "500"], check=True)
            trace_id = listed.read_text().split()[0]
            server.restart()
            before = anonymous_mib(server)
            samples = [before]
            client, cpu, begin = Client(server), cpu_seconds(server), time.monotonic()
            status, size = client.drain(
                trace_path(trace_id),
                "application/protobuf",
                lambda: samples.append(anonymous_mib(server)),
            )
            took, cpu = time.monotonic() - begin, cpu_seconds(server) - cpu
            assert server.stop(timeout=120) == 0
    return {
        "bench": "big_trace",
        "spans": options.spans,
        "status": status,
        "bytes": size,
        "wall_s": round(took, 2),
        "cpu_s": round(cpu, 2),
        "anon_before_mib": round(before, 1),
        "anon_added_mib": round(max(samples) - before, 1),
    }


SCALE_QUERIES = {
    "rare": '{ span.http.url = "%s" }',
    "nowhere": '{ .enduser.id = "nobody" }',
    "rate": "{ } | rate()",
    "rate_by_service": "{ } | rate() by (resource.service.name)",
    "errors_by_service": "{ status = error } | rate() by (resource.service.name)",
    "roots": "{ nestedSetParent < 0 } | rate()",
    "quantiles": "{ } | quantile_over_time(duration, .5, .99) by (resource.service.name)",
}


def scale(options: argparse.Namespace) -> dict[str, Any]:
    """A month of spans: one value that a single span has, and rates over all of the time."""
    with home_of(options) as home:
        # By default metrics are of a day at most, and searches of a week, as Tempo's.
        config = (
            "compaction: {block_retention: 1000000h}\n"
            "query_frontend: {search: {max_duration: 0s}, metrics: {max_duration: 0s}}\n"
        )
        server = Server(home / "data", config)
        server.data.mkdir()
        command = [str(LONG_RETENTION), "--path", str(server.data / "spans")]
        command += ["--spans", str(options.spans), "--days", str(options.days)]
        made = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        bytes_on_disk = sum(f.stat().st_size for f in server.data.rglob("*") if f.is_file())
        forget_files(server.data)
        begin = time.monotonic()
        figures: dict[str, Any] = {}
        with ended(server.start(timeout=600)):
            started = time.monotonic() - begin
            start_cpu = cpu_seconds(server)
            assert request(server.url + "/flush", method="POST", timeout=1800).status == 204
            for name, query in SCALE_QUERIES.items():
                text = query % made["rare_url"] if name == "rare" else query
                asked = {"q": text, "start": str(made["begin"]), "end": str(made["end"] + 3600)}
                if "|" in text:
                    path = "/api/metrics/query_range?" + urllib.parse.urlencode(
                        asked | {"step": "3600"}
                    )
                    row = Row(name, path, 0, 0, None, 2000, "series")
                else:
                    path = "/api/search?" + urllib.parse.urlencode(asked | {"limit": "20"})
                    row = Row(name, path, 0, 0, None, 1000)
                # Of all that is cold the files alone are: the process has done other queries.
                forget_files(server.data)
                cpu, first = cpu_seconds(server), time.perf_counter()
                status, body = Client(server).get(path)
                first, cpu = time.perf_counter() - first, cpu_seconds(server) - cpu
                assert status == 200, body
                figures[name] = {
                    "first_ms": round(first * 1000, 1),
                    "first_cpu_ms": round(cpu * 1000, 1),
                    **measure_warm(server, row, options.runs),
                }
            memory = anonymous_mib(server)
            assert server.stop(timeout=120) == 0
    return {
        "bench": "scale",
        **made,
        "bytes_per_span": round(bytes_on_disk / made["spans"], 2),
        "start_s": round(started, 2),
        "start_cpu_s": round(start_cpu, 2),
        "anon_mib": round(memory, 1),
        "queries": figures,
    }


def add_benches(benches: Any) -> None:
    """Add the benchmarks of this file to the command line of bench.py."""
    parse = benches.add_parser("query", help=query.__doc__)
    parse.add_argument("--spans", type=int, default=1_000_000)
    parse.add_argument("--runs", type=int, default=RUNS)
    parse.add_argument("--no-cold", dest="cold", action="store_false")
    parse.add_argument("--only", default="", help="of the rows those with this in their name")
    parse.set_defaults(run=query)
    parse = benches.add_parser("trace_by_id_many", help=trace_by_id_many.__doc__)
    parse.add_argument("--segments", type=int, default=10_000)
    parse.add_argument("--volumes", type=int, default=30)
    parse.add_argument("--runs", type=int, default=RUNS)
    parse.set_defaults(run=trace_by_id_many)
    parse = benches.add_parser("big_trace", help=big_trace.__doc__)
    parse.add_argument("--spans", type=int, default=1_000_000)
    parse.set_defaults(run=big_trace)
    parse = benches.add_parser("scale", help=scale.__doc__)
    parse.add_argument("--spans", type=int, default=100_000_000)
    parse.add_argument("--days", type=int, default=30)
    parse.add_argument("--runs", type=int, default=5)
    parse.set_defaults(run=scale)
    own = ("query", "trace_by_id_many", "big_trace", "scale")
    for parser in [benches.choices[name] for name in own]:
        parser.add_argument("--directory", help="where the data directory is made (a real disk)")
        parser.add_argument("--json", type=Path, help="write the object to this file as well")
