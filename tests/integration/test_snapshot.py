"""A snapshot, made while everything goes on, is served elsewhere and knows what was known."""

from __future__ import annotations

import json
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from harness import FREE_PORTS, Server, request, running, span, tocsin, wait_until, webhook

RULES = """
groups:
  - name: always
    interval: 1s
    rules:
      - {alert: Fires, expr: vector(1), labels: {severity: page}}
      - {alert: Waits, expr: vector(1), for: 1h}
      - {record: answer, expr: vector(42)}
"""


def config(rules: Path, hook: str) -> str:
    return f"""
rule_files: [{rules}]
metrics_generator: {{collection_interval: 1s}}
scrape_configs: []
alertmanager:
  route: {{receiver: hook, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
  receivers: [{{name: hook, webhook_configs: [{{url: "{hook}"}}]}}]
"""


class Writer:
    """Sends traces of two spans all the time and knows which of them were acknowledged.

    At most 2,000 a second, so that one search shows all of them.
    """

    def __init__(self, server: Server) -> None:
        self.sent: list[str] = []  # Also what may not have arrived.
        self.acknowledged: list[str] = []
        self._stop = threading.Event()

        def run() -> None:
            while not self._stop.is_set():
                batch = [span() for _ in range(20)]
                more = [span(trace_id=one.trace_id, parent_id=one.span_id) for one in batch]
                ids = [one.trace_id.hex() for one in batch]
                self.sent += ids
                server.send(*batch, *more)
                self.acknowledged += ids
                time.sleep(0.01)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def post(server: Server, path: str, body: object = None) -> Any:
    answer = request(
        server.url + path,
        method="POST",
        body=b"" if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status == 200, answer.text
    return answer.json


def silence(server: Server) -> str:
    now = datetime.now(UTC)
    made = post(
        server,
        "/api/v2/silences",
        {
            "matchers": [{"name": "alertname", "value": "Other", "isRegex": False}],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "me",
            "comment": "kept",
        },
    )
    return str(made["silenceID"])


def active_since(server: Server) -> dict[str, tuple[str, str]]:
    alerts = server.get("/api/v1/alerts").json["data"]["alerts"]
    return {a["labels"]["alertname"]: (a["state"], a["activeAt"]) for a in alerts}


CALLS = "traces_spanmetrics_calls_total"
SERIES = ("answer", "ALERTS", "ALERTS_FOR_STATE", CALLS, "traces_spanmetrics_latency_bucket")


def samples(server: Server, until: float) -> dict[str, str]:
    """Count the samples of series up to a moment."""
    counts = {
        name: server.promql(f"sum(count_over_time({name}[1h]))", time=until) for name in SERIES
    }
    return {name: result[0]["value"][1] for name, result in counts.items() if result}


def spans_of(server: Server) -> dict[str, int]:
    found = server.search("{}", limit=100_000)
    return {t["traceID"].rjust(32, "0"): t["spanSets"][0]["matched"] for t in found}


def test_a_snapshot_knows_all_that_was_known(tmp_path: Path) -> None:
    """STO-17: traces, samples, states of rules, silences, what was told to whom, pins."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    limits = {"query_frontend__search__max_result_limit": "100000"}
    with webhook() as hook, running(config(rules, hook.url), **limits) as own:
        writer = Writer(own)
        try:
            wait_until(lambda: hook.alerts("Fires", "firing"), "the alert to be told")
            wait_until(lambda: len(active_since(own)) == 2, "both alerts")
            silenced = silence(own)
            pinned = writer.acknowledged[0]
            assert request(f"{own.url}/api/traces/{pinned}/pin", method="PUT").status == 204
            own.flush()
            wait_until(lambda: len(samples(own, time.time() - 3)) == len(SERIES), "samples")
            until = time.time() - 3  # Nothing of so long ago is still to come.
            known = samples(own, until)
            before = list(writer.acknowledged)
            path = post(own, "/api/admin/snapshot?name=all")["path"]
            after = list(writer.sent)
            states = active_since(own)
        finally:
            writer.stop()
        assert set(known) == set(SERIES)
        told = len(hook.alerts("Fires", "firing"))
        assert own.stop() == 0

        assert tocsin("doctor", path).returncode == 0
        shutil.copytree(path, tmp_path / "elsewhere")
        settings = {name.replace("__", "."): value for name, value in limits.items()}
        restored = Server(tmp_path / "elsewhere", own.config, settings, {}, dict(FREE_PORTS))
        try:
            restored.start()
            has = spans_of(restored)
            assert set(before) <= set(has) <= set(after)
            assert all(matched == 2 for matched in has.values())
            assert samples(restored, until) == known
            wait_until(lambda: active_since(restored) == states, "the states of the alerts")
            (kept,) = restored.get("/api/v2/silences").json
            assert (kept["id"], kept["status"]["state"]) == (silenced, "active")
            assert restored.get("/api/admin/pins").json == {"traces": [pinned]}
            # The counters go on from what the spans in the copy say.
            total = f"sum({CALLS})"
            spans = str(sum(has.values()))
            wait_until(lambda: restored.promql(total)[0]["value"][1] == spans, "the counters")
            # It knows that this was told.
            time.sleep(3)
            assert len(hook.alerts("Fires", "firing")) == told
            one = span()
            restored.send(one)
            assert restored.get(f"/api/traces/{one.trace_id.hex()}").status == 200
            assert restored.stop() == 0
        finally:
            if restored.process is not None:
                restored.kill()


def test_a_snapshot_can_be_served_where_it_is() -> None:
    """STO-17: the original loses nothing by it, though they share files."""
    with running() as own:
        first = [span("first") for _ in range(50)]
        own.send(*first)
        own.flush()
        path = post(own, "/api/admin/snapshot?name=here")["path"]
        copy = Server(Path(path)).start()
        try:
            copy.send(*[span("second") for _ in range(50)])
            deleted = f"{copy.url}/api/admin/delete?q=%7Bname%3D%22first%22%7D"
            assert request(deleted, method="POST").json["traces"] == 50
            copy.flush()
            assert own.search('{ name = "second" }') == []
            assert len(own.search('{ name = "first" }', limit=100)) == 50
            assert copy.search('{ name = "first" }') == []
            assert len(copy.search('{ name = "second" }', limit=100)) == 50
        finally:
            copy.kill()
        own.restart()
        assert len(own.search('{ name = "first" }', limit=100)) == 50
