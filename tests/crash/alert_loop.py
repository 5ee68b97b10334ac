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
import socket
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
# Seconds in which the rules, every second, are evaluated for sure.
ENOUGH = 2.5
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
    life: int
    """How many processes had been killed when its connection was made."""

    @property
    def told(self) -> list[tuple[str, str]]:
        """Return cycle and status of each alert in it."""
        return [(a["labels"]["cycle"], a["status"]) for a in json.loads(self.body)["alerts"]]


class QuietServer(http.server.ThreadingHTTPServer):
    """Takes it that the other side is killed, and knows from which of its lives a call comes."""

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        super().__init__(address, handler)
        self.life = 0
        self.lives: dict[Any, int] = {}

    def verify_request(self, _: Any, client_address: Any) -> bool:
        """Note the life; unlike the handlers, this runs in the order of the connections."""
        self.lives[client_address] = self.life
        return True

    def next_life(self) -> None:
        """Count one more, once every connection that the killed process made has been accepted."""
        with socket.create_connection(("127.0.0.1", self.server_port)) as last:
            wait_until(lambda: last.getsockname() in self.lives, "the connections before this one")
        self.life += 1

    def handle_error(self, *_: object) -> None:
        """Say nothing on stderr."""


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
                    life = hook.server.lives[self.client_address]
                    self.answer(hook.take(self.headers["Idempotency-Key"], body, life))

            def answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, key: str, body: bytes, life: int) -> int:
        if self.away:
            self.refused += 1
            return 503
        arrived, self.before_answer = self.before_answer, None
        self.arrivals.append(Arrival(key, body, life))
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


def kill_and_start(server: Server, hook: Hook, chance: random.Random, life: Life) -> bool:
    """Kill when a message was read and not answered, or at any moment; whether it was the first."""
    since = time.time()
    caught = False
    if len(life.spans) % 2 == 0:
        event = hook.hold_next()
        caught = event.wait(3 * CYCLE)
        hook.before_answer = None
    else:
        time.sleep(chance.uniform(0, CYCLE))
    life.spans.append((since, time.time()))
    server.kill()
    hook.server.next_life()
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


@dataclass
class Life:
    """When the server was up, from ready to killed."""

    spans: list[tuple[float, float]]

    def saw(self, cycle: int) -> bool:
        """Whether it was up long enough, in one piece, to evaluate the rules in that cycle."""
        begin, end = cycle * CYCLE, (cycle + 1) * CYCLE
        return any(min(end, to) - max(begin, since) >= ENOUGH for since, to in self.spans)


def judge(arrivals: list[Arrival], life: Life, away: range, possible: range) -> dict[str, int]:
    """Count what is wrong.

    The beginning of each cycle that the server saw must have been told, unless the hook was `away`
    then; the end of each but the last, of which the beginning may have been told. Only `possible`
    ones may be told at all.
    """
    told = first_and_last(arrivals)
    seen = [cycle for cycle in possible if life.saw(cycle)]
    lost = sum("firing" not in told.get(str(cycle), []) for cycle in seen if cycle not in away)
    ended = {cycle for cycle in seen if cycle < possible.stop - 2}
    ended |= {int(cycle) for cycle in told if int(cycle) < possible.stop - 2}
    lost += sum("resolved" not in told.get(str(cycle), []) for cycle in ended)
    invented = sum(int(cycle) not in possible for cycle in told)
    # Each cycle has one beginning and one end, in this order, each in one message.
    invented += sum(len(statuses) - len(set(statuses)) for statuses in told.values())
    invented += sum(statuses == ["resolved", "firing"] for statuses in told.values())
    copies = Counter(arrival.key for arrival in arrivals)
    of_one_life = Counter((arrival.key, arrival.life) for arrival in arrivals)
    bodies: dict[str, set[bytes]] = {}
    for arrival in arrivals:
        bodies.setdefault(arrival.key, set()).add(arrival.body)
    return {
        "notifications": len(copies),
        "lost": lost,
        "invented": invented,
        "duplicates": sum(count - 1 for count in copies.values()),
        "copies_of_one": max(copies.values()),
        "repeated_without_a_crash": sum(count - 1 for count in of_one_life.values()),
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
    life = Life([])
    in_delivery = sum(kill_and_start(server, hook, chance, life) for _ in range(kills))
    since = time.time()
    away_from = int(since) // CYCLE
    hook.away = True
    time.sleep(outage)
    hook.away = False
    away = range(away_from, int(time.time()) // CYCLE + 1)
    wait_until(
        lambda: "resolved" in first_and_last(list(hook.arrivals)).get(str(away.stop), []),
        "the end of the first cycle behind the outage",
        60,
    )
    # What is a second late or told twice has come by then.
    time.sleep(2)
    life.spans.append((since, time.time()))
    assert server.stop() == 0
    possible = range(begin, int(time.time()) // CYCLE + 1)
    report = judge(hook.arrivals, life, away, possible)
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
