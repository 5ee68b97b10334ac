"""./dev bench NAME: measure through the real binary. The last line of stdout is one JSON object.

Benchmarks measure, tests decide: nothing here fails because something is slow.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from subprocess import PIPE
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

import envelope_bench  # noqa: E402
import faults_bench  # noqa: E402
import promql_bench  # noqa: E402
import query_bench  # noqa: E402
import rules_bench  # noqa: E402
from harness import LOADGEN, Server, request  # noqa: E402

# CPU-seconds per million spans of small programs that each do only this (docs/performance.md).
FLOOR = {"receive": 0.7, "decode": 1.2, "log": 0.6, "observe": 0.02, "seal": 1.2}
FLOOR_TOTAL = 3.7


class MemoryWatch:
    """Samples the resident memory of a process, in all and anonymous, and keeps the greatest."""

    def __init__(self, pid: int) -> None:
        self.total = self.anonymous = 0
        self._status = Path(f"/proc/{pid}/status")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            self.sample()

    def sample(self) -> None:
        fields = dict(
            line.split(":", 1) for line in self._status.read_text().splitlines() if "kB" in line
        )
        self.total = max(self.total, int(fields["VmHWM"].split()[0]))
        self.anonymous = max(self.anonymous, int(fields["RssAnon"].split()[0]))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.sample()


def stage_seconds(server: Server) -> dict[str, float]:
    found = re.findall(
        r'^tocsin_stage_cpu_seconds_total\{stage="(\w+)"\} (\S+)$',
        server.get("/metrics").text,
        re.MULTILINE,
    )
    return {stage: float(seconds) for stage, seconds in found}


def ingest(options: argparse.Namespace) -> dict[str, Any]:
    """Receive, log, store and count generated spans; figures are of the process's whole life."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-", dir=options.directory) as home:
        server = Server(Path(home) / "data", "")
        server.data.mkdir()
        server.start()
        assert server.process is not None
        memory = MemoryWatch(server.process.pid)
        flags = ["--spans", str(options.spans), "--shape", options.shape]
        begin = time.monotonic()
        sent = json.loads(
            subprocess.run(
                [str(LOADGEN), "--target", server.otlp_grpc, *flags],
                check=True,
                stdout=PIPE,
            ).stdout
        )
        assert request(server.url + "/flush", method="POST", timeout=600).status == 204
        flushed = time.monotonic() - begin
        stages = stage_seconds(server)
        memory.stop()
        server.process.terminate()
        _, code, usage = os.wait4(server.process.pid, 0)
        assert code == 0, server.log
        server.process = None
        disk = disk_bytes(server.data)
    millions = sent["spans"] / 1e6
    cpu = usage.ru_utime + usage.ru_stime
    # The receivers' threads are gRPC's own: theirs is what the other stages leave.
    stages["receive"] = cpu - sum(stages.values())
    return {
        "bench": "ingest",
        "spans": sent["spans"],
        "shape": options.shape,
        "wire_bytes_per_span": round(sent["bytes"] / sent["spans"], 1),
        "cpu_s_per_million": round(cpu / millions, 3),
        "floor_cpu_s_per_million": FLOOR_TOTAL,
        "peak_rss_mib": round(memory.total / 1024, 1),
        "peak_anon_mib": round(memory.anonymous / 1024, 1),
        "bytes_per_span": round(disk / sent["spans"], 1),
        "spans_per_s": round(sent["spans_per_s"]),
        "wall_s_with_flush": round(flushed, 2),
        "stages": {stage: round(stages.get(stage, 0) / millions, 3) for stage in FLOOR},
        "floor_stages": FLOOR,
        "repeats": sent["repeats"],
    }


def disk_bytes(directory: Path) -> int:
    """What `du` says; files may go while it looks."""
    du = subprocess.run(
        ["du", "-s", "-B1", str(directory)], stdout=PIPE, stderr=subprocess.DEVNULL, check=False
    )
    return int(du.stdout.split()[0])


def cap(options: argparse.Namespace) -> dict[str, Any]:
    """Send more than storage.max_bytes holds, and watch the directory while doing so."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-", dir=options.directory) as home:
        server = Server(Path(home) / "data", f"storage: {{max_bytes: {options.max_bytes}}}\n")
        server.data.mkdir()
        server.start()
        most = sent_bytes = sent_spans = 0
        begin = time.monotonic()
        # Several loads, each with trace ids of its own.
        for seed in range(1, -(-options.spans // options.part) + 1):
            flags = ["--spans", str(options.part), "--seed", str(seed), "--give-up", "60"]
            load = subprocess.Popen(
                [str(LOADGEN), "--target", server.otlp_grpc, *flags], stdout=PIPE, text=True
            )
            while load.poll() is None:
                most = max(most, disk_bytes(server.data))
                time.sleep(0.1)
            assert load.returncode == 0, server.log
            assert load.stdout is not None
            sent = json.loads(load.stdout.read())
            sent_bytes += sent["bytes"]
            sent_spans += sent["spans"]
        wall = time.monotonic() - begin
        server.stop()
    return {
        "bench": "cap",
        "max_bytes": options.max_bytes,
        "spans": sent_spans,
        "wire_bytes": sent_bytes,
        "most_disk_bytes": most,
        "of_cap": round(most / options.max_bytes, 3),
        "spans_per_s": round(sent_spans / wall),
    }


def merges(server: Server) -> int:
    found = re.search(
        r"^tocsin_spans_merges_total (\S+)$", server.get("/metrics").text, re.MULTILINE
    )
    return int(float(found[1])) if found else 0


def paced_load(server: Server, rate: int, seconds: int, seed: int) -> dict[str, Any]:
    """Send `rate` spans a second; return what the senders saw."""
    flags = {
        "--target": server.otlp_grpc,
        "--spans": seconds * rate,
        "--rate": rate,
        "--seed": seed,
    }
    words = [str(word) for flag in flags.items() for word in flag]
    sent = subprocess.run([str(LOADGEN), *words], check=True, stdout=PIPE)
    answer: dict[str, Any] = json.loads(sent.stdout)
    return answer


def merge_latency(options: argparse.Namespace) -> dict[str, Any]:
    """Time to an acknowledgement under a steady load, with nothing to merge and with much.

    Blocks of the default size are full segments, which are never merged; blocks of a megabyte are
    cut many times a second, and merged all the time.
    """
    result: dict[str, Any] = {"bench": "merge_latency", "rate": options.rate}
    for name, block_bytes in (("merging_idle", 52_428_800), ("merging_busy", 1_000_000)):
        ingester = f"{{max_block_bytes: {block_bytes}, trace_idle_period: 1s}}"
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-", dir=options.directory) as home:
            server = Server(Path(home) / "data", f"ingester: {ingester}\n")
            server.data.mkdir()
            with query_bench.ended(server.start()):
                paced_load(server, options.rate, 5, seed=1)  # Until everything runs that will.
                before = merges(server)
                sent = paced_load(server, options.rate, options.seconds, seed=2)
                result[name] = {
                    "p50_ms": sent["p50_ms"],
                    "p99_ms": sent["p99_ms"],
                    "max_ms": sent["max_ms"],
                    "spans_per_s": round(sent["spans_per_s"]),
                    "merges": merges(server) - before,
                }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    benches = parser.add_subparsers(dest="name", required=True)
    parse = benches.add_parser("ingest", help=ingest.__doc__)
    parse.add_argument("--spans", type=int, default=1_000_000)
    parse.add_argument("--shape", choices=["default", "wide"], default="default")
    parse.set_defaults(run=ingest)
    parse = benches.add_parser("cap", help=cap.__doc__)
    parse.add_argument("--max-bytes", type=int, default=200_000_000)
    parse.add_argument("--spans", type=int, default=11_000_000)
    parse.add_argument("--part", type=int, default=1_000_000, help="spans of one load")
    parse.set_defaults(run=cap)
    parse = benches.add_parser("merge_latency", help="acknowledgements while segments are merged")
    parse.add_argument("--rate", type=int, default=50_000, help="spans a second")
    parse.add_argument("--seconds", type=int, default=30)
    parse.set_defaults(run=merge_latency)
    for parse in benches.choices.values():
        parse.add_argument("--directory", help="where the data directory is made (a real disk)")
        parse.add_argument("--json", type=Path, help="write the object to this file as well")
    query_bench.add_benches(benches)
    promql_bench.add_benches(benches)
    faults_bench.add_benches(benches)
    envelope_bench.add_benches(benches)
    rules_bench.add_benches(benches)
    options = parser.parse_args()
    result = json.dumps(options.run(options))
    if options.json:
        options.json.write_text(result + "\n")
    print(result)


if __name__ == "__main__":
    main()
