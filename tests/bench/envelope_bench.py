"""./dev bench envelope: the sizes of docs/sizing.md, each in a cgroup of its own.

A tier is a limit of processors and memory with a rate of spans that it carries, three times of it
for a fifth of the time. The rules that ship are evaluated, the server scrapes itself, and somebody
has dashboards open. Without permission to make cgroups the limits are approximated: the processors
by affinity (whole ones), the memory by memory.limit; the result says which it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from cgroup import Cgroup, cgroup
from harness import LOADGEN, ROOT, Server, request

if TYPE_CHECKING:
    import argparse

GB = 1_000_000_000
BURST = 3  # Times the rate,
BURST_PART = 0.2  # for so much of the time.
DASHBOARD_SECONDS = 5

CONFIG = f"""
global: {{scrape_interval: 15s, evaluation_interval: 15s}}
rule_files: ["{ROOT}/rules/tempo-alerts.yaml", "{ROOT}/rules/services.yaml"]
"""

SEARCHES = (
    "{ status = error }",
    "{ duration > 1s }",
    '{ resource.service.name = "frontend" }',
    "{ span.http.status_code >= 500 }",
    "{ } | count() > 14",
)
METRICS = (
    "{ } | rate() by (resource.service.name)",
    "{ status = error } | rate()",
    "{ } | quantile_over_time(duration, .5, .95, .99) by (resource.service.name)",
)
PROMQL = (
    "sum(rate(traces_spanmetrics_calls_total[1m])) by (service_name)",
    "histogram_quantile(0.95, sum(rate(traces_spanmetrics_latency_bucket[1m]))"
    " by (service_name, le))",
)


@dataclass(frozen=True)
class Tier:
    """One size: what the container gets, and how many spans a second it is for."""

    processors: float
    memory: int
    rate: int


TIERS = {
    "small": Tier(0.5, 1 * GB, 2_000),
    "medium": Tier(1.0, 2 * GB, 10_000),
    "large": Tier(2.0, 4 * GB, 40_000),
}


class Dashboard(threading.Thread):
    """Asks what a page of panels asks, every few seconds, and remembers how long it took."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.latencies: list[float] = []
        self.failures: dict[str, int] = {}
        self._server = server
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(DASHBOARD_SECONDS):
            for path in self._paths():
                begin = time.monotonic()
                try:
                    status = self._server.get(path).status
                except OSError as error:
                    status = -1
                    self.failures[str(error)] = self.failures.get(str(error), 0) + 1
                self.latencies.append(time.monotonic() - begin)
                if status not in (200, -1):
                    key = f"{status} {path}"
                    self.failures[key] = self.failures.get(key, 0) + 1

    def stop(self) -> None:
        self._end.set()
        self.join()

    @staticmethod
    def _paths() -> list[str]:
        now = int(time.time())
        window = {"start": now - 3600, "end": now}
        searches = [f"/api/search?{urllib.parse.urlencode({'q': q} | window)}" for q in SEARCHES]
        metrics = [
            "/api/metrics/query_range?"
            + urllib.parse.urlencode({"q": q, "start": now - 900, "end": now, "step": "15s"})
            for q in METRICS
        ]
        promql = [
            "/api/v1/query_range?"
            + urllib.parse.urlencode({"query": q, "start": now - 900, "end": now, "step": 15})
            for q in PROMQL
        ]
        return [*searches, *metrics, *promql, "/api/v2/search/tag/resource.service.name/values"]


class Watch(threading.Thread):
    """Reads the process's memory all the time, and how it is used every second."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        assert server.process is not None
        self.rss = self.anonymous = 0
        self.used: dict[str, float] = {}
        self._server = server
        self._status = Path(f"/proc/{server.process.pid}/status")
        self._end = threading.Event()

    def run(self) -> None:
        turn = 0
        while not self._end.wait(0.1):
            self.sample()
            turn += 1
            if turn % 10 == 0:
                for budget, used in memory(self._server, "used").items():
                    self.used[budget] = max(used, self.used.get(budget, 0))

    def sample(self) -> None:
        fields = dict(
            line.split(":", 1) for line in self._status.read_text().splitlines() if "kB" in line
        )
        self.rss = max(self.rss, int(fields["VmHWM"].split()[0]))
        self.anonymous = max(self.anonymous, int(fields["RssAnon"].split()[0]))

    def stop(self) -> None:
        self._end.set()
        self.join()
        self.sample()


def memory(server: Server, what: str) -> dict[str, float]:
    """Read tocsin_memory_{what}_bytes by budget, in MiB."""
    prefix = f'tocsin_memory_{what}_bytes{{budget="'
    lines = server.get("/metrics").text.splitlines()
    pairs = [line.removeprefix(prefix).split('"} ') for line in lines if line.startswith(prefix)]
    return {budget: round(float(value) / 2**20, 1) for budget, value in pairs}


def send(server: Server, rate: int, seconds: float, seed: int) -> dict[str, Any]:
    flags = {"--target": server.otlp_grpc, "--spans": int(rate * seconds), "--rate": rate}
    words = [str(word) for flag in (flags | {"--seed": seed}).items() for word in flag]
    sent: dict[str, Any] = json.loads(
        subprocess.run([str(LOADGEN), *words], check=True, stdout=subprocess.PIPE).stdout
    )
    return sent


def load(server: Server, tier: Tier, seconds: int) -> dict[str, Any]:
    """Steady, a burst, steady again; the time that senders waited is told for each."""
    steady = seconds * (1 - BURST_PART) / 2
    phases = {
        "steady": send(server, tier.rate, steady, 1),
        "burst": send(server, BURST * tier.rate, seconds * BURST_PART, 2),
        "after": send(server, tier.rate, steady, 3),
    }
    return {
        "spans": sum(phase["spans"] for phase in phases.values()),
        "sent_again": sum(phase["repeats"] for phase in phases.values()),
        "ack_p99_ms": {name: phase["p99_ms"] for name, phase in phases.items()},
        "ack_max_ms": {name: phase["max_ms"] for name, phase in phases.items()},
    }


def measured(server: Server, tier: Tier, seconds: int, group: Cgroup | None) -> dict[str, Any]:
    watch, dashboard = Watch(server), Dashboard(server)
    watch.start()
    dashboard.start()
    begin = time.monotonic()
    result = load(server, tier, seconds)
    wall = time.monotonic() - begin
    dashboard.stop()
    refused = server.metric("tempo_receiver_refused_spans")
    accepted = server.metric("tempo_receiver_accepted_spans")
    assert request(server.url + "/flush", method="POST", timeout=600).status == 204
    watch.stop()
    process = server.process
    assert process is not None
    budgets = memory(server, "budget")
    process.terminate()
    _, code, usage = os.wait4(process.pid, 0)
    server.process = None
    assert code == 0, server.log
    cpu = usage.ru_utime + usage.ru_stime
    latencies = sorted(dashboard.latencies) or [0.0]
    return result | {
        "accepted_spans": int(accepted),
        "refused_spans": int(refused),
        "cpu_s": round(cpu, 2),
        "processors_used": round(cpu / wall, 3),
        "peak_rss_mib": round(watch.rss / 1024, 1),
        "peak_anon_mib": round(watch.anonymous / 1024, 1),
        "queries": len(dashboard.latencies),
        "queries_failed": dashboard.failures,
        "query_p50_ms": round(median(latencies) * 1000, 1),
        "query_p95_ms": round(latencies[int(0.95 * (len(latencies) - 1))] * 1000, 1),
        "budget_mib": budgets,
        "most_used_mib": watch.used,
        "oom_kills": group.oom_kills() if group else None,
        "throttled_s": round(group.throttled_seconds(), 2) if group else None,
        "peak_cgroup_mib": round(group.peak_bytes() / 2**20, 1) if group else None,
    }


def run_tier(name: str, seconds: int, directory: str | None) -> dict[str, Any]:
    tier = TIERS[name]
    limits = {"processors": tier.processors, "memory": tier.memory, "rate": tier.rate}
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-bench-", dir=directory) as home,
        cgroup(f"tocsin-envelope-{os.getpid()}", tier.memory, tier.processors) as group,
    ):
        server = Server(Path(home) / "data", CONFIG)
        if group is not None:
            server.before = group.enter
        else:
            server.settings["memory.limit"] = str(tier.memory)
            processors = set(range(max(1, round(tier.processors))))
            server.before = lambda: os.sched_setaffinity(0, processors)
        server.data.mkdir()
        server.start()
        try:
            result = measured(server, tier, seconds, group)
        finally:
            if server.process is not None:
                server.kill()
    return limits | {"limits_by": "cgroup" if group else "affinity and memory.limit"} | result


def envelope(options: argparse.Namespace) -> dict[str, Any]:
    """Each tier of docs/sizing.md under its limits, or the one that is asked for."""
    names = [options.tier] if options.tier else list(TIERS)
    tiers = {name: run_tier(name, options.seconds, options.directory) for name in names}
    return {"bench": "envelope", "seconds": options.seconds, "tiers": tiers}


def add_benches(benches: Any) -> None:
    """Add the benchmark of this file to the command line of bench.py."""
    parse = benches.add_parser("envelope", help=envelope.__doc__)
    parse.add_argument("--tier", choices=list(TIERS))
    parse.add_argument("--seconds", type=int, default=60, help="of each tier")
    parse.add_argument("--directory", help="where the data directory is made (a real disk)")
    parse.add_argument("--json", type=Path, help="write the object to this file as well")
    parse.set_defaults(run=envelope)
