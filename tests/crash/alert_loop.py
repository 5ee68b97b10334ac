"""Kill the server between evaluation and delivery, take its webhook away; count notifications.

Used by test_alert_faults.py with few kills, and by `./dev bench faults`; by hand:
`python tests/crash/alert_loop.py --kills 20`.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from harness import Server, wait_until

# Every so many seconds another alert fires, and the one before is resolved.
CYCLE = 4
RULES = f"""
groups:
  - name: blink
    interval: 1s
    rules:
      - alert: Blink
        expr: floor(vector(time()) / {CYCLE})
        labels:
          cycle: "{{{{ printf \\"%.0f\\" $value }}}}"
"""
ROUTER = """
alertmanager:
  route:
    receiver: hook
    group_by: [cycle]
    group_wait: 0s
    group_interval: 1s
    repeat_interval: 1h
  receivers:
    - name: hook
      webhook_configs:
        - url: {url}
rule_files: [{rules}]
scrape_configs: []
"""


@dataclass
class Arrival:
    """One POST that was read, whether or not it was acknowledged."""

    key: str
    body: bytes
    acknowledged: bool

    @property
    def told(self) -> list[tuple[str, str]]:
        """Return cycle and status of each alert in it."""
        return [(a["labels"]["cycle"], a["status"]) for a in json.loads(self.body)["alerts"]]


class Hook:
    """A webhook that can be away (503), and on which a test can act before it answers."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.refused = 0
        self.away = False
        self.before_answer: threading.Event | None = None
        self.go_on = threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with contextlib.suppress(OSError):
                    self.answer(hook.take(self.headers["Idempotency-Key"], body))

            def answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, key: str, body: bytes) -> int:
        if self.away:
            self.refused += 1
            return 503
        arrived, self.before_answer = self.before_answer, None
        self.arrivals.append(Arrival(key, body, acknowledged=arrived is None))
        if arrived is not None:
            arrived.set()
            self.go_on.wait(30)
        return 200

    def hold_next(self) -> threading.Event:
        """Return an event that is set when the next message was read; its answer waits."""
        self.go_on.clear()
        event = self.before_answer = threading.Event()
        return event

    def close(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


def kill_and_start(server: Server, hook: Hook, chance: random.Random, at_delivery: bool) -> bool:
    """Kill when a message was read and not answered, or at any moment; whether it was the first."""
    caught = False
    if at_delivery:
        event = hook.hold_next()
        caught = event.wait(3 * CYCLE)
        hook.before_answer = None
    else:
        time.sleep(chance.uniform(0, CYCLE))
    server.kill()
    hook.go_on.set()
    server.start()
    return caught


def first_and_last(arrivals: list[Arrival]) -> dict[str, list[str]]:
    """Return what was told about each cycle, in order, copies of one message once."""
    seen = set()
    told: dict[str, list[str]] = {}
    for arrival in arrivals:
        if arrival.key in seen:
            continue
        seen.add(arrival.key)
        for cycle, status in arrival.told:
            told.setdefault(cycle, []).append(status)
    return told


def judge(arrivals: list[Arrival], whole: range, away: range, possible: range) -> dict[str, int]:
    """Count what is wrong.

    The beginning and the end of `whole` cycles must have been told, but of those while the hook
    was `away` only the end; only `possible` ones may be told at all.
    """
    told = first_and_last(arrivals)
    lost = sum("resolved" not in told.get(str(cycle), []) for cycle in whole)
    lost += sum("firing" not in told.get(str(cycle), []) for cycle in whole if cycle not in away)
    invented = sum(int(cycle) not in possible for cycle in told)
    # Each cycle has one beginning and one end, in this order, each in one message.
    invented += sum(len(statuses) - len(set(statuses)) for statuses in told.values())
    invented += sum(statuses == ["resolved", "firing"] for statuses in told.values())
    copies = Counter(arrival.key for arrival in arrivals)
    bodies: dict[str, set[bytes]] = {}
    for arrival in arrivals:
        bodies.setdefault(arrival.key, set()).add(arrival.body)
    return {
        "notifications": len(copies),
        "lost": lost,
        "invented": invented,
        "duplicates": sum(count - 1 for count in copies.values()),
        "copies_of_one": max(copies.values()),
        "changed_under_one_key": sum(len(of_key) > 1 for of_key in bodies.values()),
    }


def run(home: Path, kills: int, outage: float, seed: int) -> dict[str, Any]:
    """Kill so often, half of the times in the middle of a delivery; then an outage of the hook."""
    chance = random.Random(seed)
    print(f"seed {seed}")
    hook = Hook()
    rules = home / "rules.yml"
    rules.write_text(RULES)
    server = Server(home / "data", ROUTER.format(url=hook.url, rules=rules))
    server.data.mkdir()
    begin = int(time.time()) // CYCLE
    server.start()
    wait_until(lambda: hook.arrivals, "the first notification")
    first_whole = int(time.time()) // CYCLE + 1
    in_delivery = sum(
        kill_and_start(server, hook, chance, at_delivery=number % 2 == 0) for number in range(kills)
    )
    away_from = int(time.time()) // CYCLE
    hook.away = True
    time.sleep(outage)
    hook.away = False
    away = range(away_from, int(time.time()) // CYCLE + 1)
    last_whole = away.stop
    wait_until(
        lambda: "resolved" in first_and_last(list(hook.arrivals)).get(str(last_whole), []),
        "the end of the last cycle",
        60,
    )
    # What is a second late or told twice has come by then.
    time.sleep(2)
    assert server.stop() == 0
    report = judge(
        hook.arrivals,
        range(first_whole, last_whole + 1),
        away,
        range(begin, int(time.time()) // CYCLE + 1),
    )
    hook.close()
    return {"kills": kills, "in_delivery": in_delivery, "refused": hook.refused} | report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--outage", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-alerts-") as home:
        print(json.dumps(run(Path(home), options.kills, options.outage, options.seed)))


if __name__ == "__main__":
    main()
