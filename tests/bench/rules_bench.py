"""./dev bench rules: what rules cost, and whether many groups keep their times.

First the shipped group over span-metric series that were written remotely, evaluated every second:
CPU time for each evaluation, without what the server uses when it has no rules. Then many groups of
ten rules each at an interval of 15 s.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

from harness import LOADGEN, Server
from query_bench import cpu_seconds, ended, home_of

if TYPE_CHECKING:
    import argparse

ROOT = Path(__file__).parents[2]
WRITE_LOAD = LOADGEN.parent / "write_load"
SERVICES = 50
HISTORY_MINUTES = 10
IDLE_S = 10
SHIPPED_EVALUATIONS = 30
INTERVAL_S = 15
PROMETHEUS_CPU_MS = (110, 160)
GOAL_CPU_MS = 30

NO_RULES = "groups: []\n"


def shipped_rules(interval: str) -> str:
    text = (ROOT / "rules/tempo-alerts.yaml").read_text()
    return re.sub(r"interval: \w+", f"interval: {interval}", text)


def many_groups(groups: int) -> str:
    """Ten rules each over one service: ratios, quantiles, and alerts on what was recorded."""
    lines = ["groups:"]
    for number in range(groups):
        where = f'service_name="service-{number % SERVICES}"'
        where += f',span_name="GET /api/v1/resource/{number // SERVICES}"'
        calls = f"rate(traces_spanmetrics_calls_total{{{where}}}[15m])"
        buckets = f"rate(traces_spanmetrics_latency_bucket{{{where}}}[15m])"
        lines += [f"- name: group-{number}", f"  interval: {INTERVAL_S}s", "  rules:"]
        lines += [f"  - {{record: g{number}:calls, expr: 'sum({calls})'}}"]
        for quantile in (50, 90, 95, 99):
            expression = f"histogram_quantile(0.{quantile}, sum by (le) ({buckets}))"
            lines += [f"  - {{record: g{number}:p{quantile}, expr: '{expression}'}}"]
        lines += [f"  - {{record: g{number}:slow, expr: 'g{number}:p99 / g{number}:p50'}}"]
        for name, condition in {
            "Quiet": "calls < 0",
            "Slow": "p95 > 1e9",
            "Uneven": "slow > 1e9",
            "Busy": "calls > 1e9",
        }.items():
            lines += [f"  - {{alert: {name}, expr: 'g{number}:{condition}', for: 1m}}"]
    return "\n".join(lines) + "\n"


def counted(server: Server, name: str) -> float:
    """A counter of the rules, summed over the groups."""
    text = server.get("/metrics").text
    pattern = rf"^prometheus_rule_{name}\{{[^}}]*\}} (\S+)$"
    return sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))


def replace_rules(server: Server, rules: Path, text: str) -> None:
    """The server notices by itself that the file has changed."""
    before = counted_reloads(server)
    fresh = rules.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(rules)
    for _ in range(600):
        if counted_reloads(server) > before:
            return
        time.sleep(0.1)
    raise AssertionError(server.log)


def counted_reloads(server: Server) -> float:
    found = re.search(
        r"^tocsin_rule_file_reloads_total (\S+)$", server.get("/metrics").text, re.MULTILINE
    )
    assert found
    return float(found[1])


def shipped(server: Server, rules: Path) -> dict[str, Any]:
    before = cpu_seconds(server)
    time.sleep(IDLE_S)
    idle = (cpu_seconds(server) - before) / IDLE_S
    replace_rules(server, rules, shipped_rules("1s"))
    time.sleep(3)  # The first evaluation parses, and finds its series, for all.
    evaluated = counted(server, "group_iterations_total")
    before, begin = cpu_seconds(server), time.monotonic()
    time.sleep(SHIPPED_EVALUATIONS)
    used, seconds = cpu_seconds(server) - before, time.monotonic() - begin
    evaluations = counted(server, "group_iterations_total") - evaluated
    assert counted(server, "evaluation_failures_total") == 0, server.log
    return {
        "cpu_ms": round((used - idle * seconds) / evaluations * 1000, 2),
        "evaluations": round(evaluations),
        "idle_cpu_ms_per_s": round(idle * 1000, 2),
        "prometheus_cpu_ms": PROMETHEUS_CPU_MS,
        "goal_cpu_ms": GOAL_CPU_MS,
    }


def many(server: Server, rules: Path, groups: int, minutes: float) -> dict[str, Any]:
    replace_rules(server, rules, many_groups(groups))
    names = ("group_iterations_total", "group_iterations_missed_total", "evaluations_total")
    time.sleep(INTERVAL_S)
    before = {name: counted(server, name) for name in names}
    cpu, begin = cpu_seconds(server), time.monotonic()
    time.sleep(minutes * 60)
    cpu, seconds = cpu_seconds(server) - cpu, time.monotonic() - begin
    after = {name: counted(server, name) - before[name] for name in names}
    return {
        "groups": groups,
        "rules": 10 * groups,
        "minutes": minutes,
        "cores": len(os.sched_getaffinity(0)),
        "iterations": round(after["group_iterations_total"]),
        "missed_iterations": round(after["group_iterations_missed_total"]),
        "evaluations": round(after["evaluations_total"]),
        "failures": round(counted(server, "evaluation_failures_total")),
        "cpu_s": round(cpu, 2),
        "cores_used": round(cpu / seconds, 3),
        "cpu_ms_per_evaluation": round(cpu / after["evaluations_total"] * 1000, 3),
    }


def rules(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the shipped rules over many series, then many groups for some minutes."""
    with home_of(options) as home:
        file = home / "rules.yaml"
        file.write_text(NO_RULES)
        config = f"rule_files: ['{file}']\nrules: {{watch_interval: 1s}}\n"
        server = Server(home / "data", config)
        server.data.mkdir()
        with ended(server.start()):
            flags = ["--series", str(options.series), "--minutes", str(HISTORY_MINUTES)]
            flags += ["--step-ms", "15000", "--target", server.addresses["http"]]
            subprocess.run([str(WRITE_LOAD), *flags], stdout=PIPE, check=True)
            of_shipped = shipped(server, file)
            of_many = many(server, file, options.groups, options.minutes)
    return {"bench": "rules", "series": options.series, "shipped": of_shipped, "many": of_many}


def add_benches(benches: Any) -> None:
    """Add the benchmark of this file to the command line of bench.py."""
    parse = benches.add_parser("rules", help=rules.__doc__)
    parse.add_argument("--series", type=int, default=20_000)
    parse.add_argument("--groups", type=int, default=1_000)
    parse.add_argument("--minutes", type=float, default=10)
    parse.add_argument("--directory", help="where the data directory is made (a real disk)")
    parse.add_argument("--json", type=Path, help="write the object to this file as well")
    parse.set_defaults(run=rules)
