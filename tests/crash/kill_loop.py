"""Kill the server at random moments of a load; say what became of the acknowledged spans.

Used by test_kill.py with few kills; by hand: `python tests/crash/kill_loop.py --kills 20`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from harness import LOADGEN, Server, connection_to, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1 import trace_pb2


def spans_by_trace(server: Server, trace_ids: list[str]) -> Iterator[list[trace_pb2.Span]]:
    """Read every trace over one connection."""
    from opentelemetry.proto.trace.v1 import trace_pb2

    connection = connection_to(server.url)
    for trace_id in trace_ids:
        connection.request(
            "GET", f"/api/traces/{trace_id}", headers={"Accept": "application/protobuf"}
        )
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 404:
            yield []
            continue
        assert answer.status == 200, body
        trace = trace_pb2.TracesData.FromString(body)
        yield [s for r in trace.resource_spans for scope in r.scope_spans for s in scope.spans]
    connection.close()


def run(home: Path, kills: int, spans: int, seed: int) -> dict[str, Any]:
    """Send `spans` while killing `kills` times; count what is missing, doubled, miscounted."""
    chance = random.Random(seed)
    print(f"seed {seed}")
    server = Server(
        home / "data",
        "metrics_generator: {collection_interval: 1s}\n",
        # A fixed port, so that the load finds the server again; blocks are cut often, so that
        # kills hit sealing as well.
        {
            "receivers.otlp.protocols.grpc.endpoint": f"127.0.0.1:{free_port()}",
            "ingester.max_block_duration": "1s",
            "ingester.trace_idle_period": "500ms",
        },
    )
    server.data.mkdir()
    server.start()
    flags = ["--seed", str(seed), "--spans", str(spans), "--connections", "2"]
    load = subprocess.Popen(
        [str(LOADGEN), "--target", server.otlp_grpc, "--acked", str(home / "acked"), *flags],
        stdout=subprocess.PIPE,
    )
    recoveries = []
    for _ in range(kills):
        time.sleep(chance.uniform(0.1, 1.2))
        server.kill()
        begin = time.monotonic()
        server.start()
        recoveries.append(time.monotonic() - begin)
    out, _ = load.communicate(timeout=600)
    sent = json.loads(out)
    assert load.returncode == 0, sent
    server.kill()
    server.start()

    subprocess.run([str(LOADGEN), "--traces", str(home / "traces"), *flags], check=True)
    expected = {
        line.split()[0]: int(line.split()[1]) for line in (home / "traces").read_text().splitlines()
    }
    missing = doubled = 0
    for count, found in zip(expected.values(), spans_by_trace(server, list(expected)), strict=True):
        distinct = len({s.span_id for s in found})
        missing += count - distinct
        doubled += len(found) - distinct

    def counted() -> float:
        result = server.promql("sum(traces_spanmetrics_calls_total)")
        return float(result[0]["value"][1]) if result else 0

    wait_until(lambda: counted() >= spans, "the span metrics", 40)
    time.sleep(2)
    report = {
        "kills": kills,
        "spans": spans,
        "repeated_requests": sent["repeats"],
        "missing": missing,
        "doubled": doubled,
        "counted": counted(),
        "slowest_recovery_s": round(max(recoveries), 2),
    }
    assert server.stop() == 0
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-kill-") as home:
        print(json.dumps(run(Path(home), options.kills, options.spans, options.seed)))


if __name__ == "__main__":
    main()
