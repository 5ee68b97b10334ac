"""Traces in, alert out: rules, their states over restarts, and both ways of delivery."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
from harness import (
    ROOT,
    Server,
    WebhookReceiver,
    free_port,
    request,
    running,
    span,
    wait_until,
)
from peers import alertmanager

if TYPE_CHECKING:
    from pathlib import Path

SEED_RULES = ROOT / "rules/tempo-alerts.yaml"


def rules_with_short_for(directory: Path, hold: str = "5s") -> Path:
    """Copy the seed's file; its `for: 5m` becomes `hold`, its interval two seconds."""
    text = SEED_RULES.read_text()
    assert text.count("for: 5m") == 3
    assert text.count("interval: 30s") == 1
    path = directory / "rules.yaml"
    path.write_text(
        text.replace("for: 5m", f"for: {hold}").replace("interval: 30s", "interval: 2s")
    )
    return path


def config(rules: Path, hook: WebhookReceiver, extra: str = "") -> str:
    return f"""
rule_files: [{rules}]
metrics_generator: {{collection_interval: 1s}}
alertmanager:
  route:
    receiver: hook
    group_by: [alertname]
    group_wait: 1s
    group_interval: 2s
    repeat_interval: 1h
  receivers: [{{name: hook, webhook_configs: [{{url: "{hook.url}", send_resolved: true}}]}}]
{extra}
"""


class Traffic:
    """Sends spans of a service in the background, one in ten with an error."""

    def __init__(self, server: Server, service: str, duration: int = 5_000_000) -> None:
        self.errors = True
        self._stop = threading.Event()

        def run() -> None:
            while not self._stop.wait(0.2):
                batch = [span(error=self.errors and i == 0, duration=duration) for i in range(10)]
                server.send(*batch, service=service)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def test_rules_of_the_seed_fire_and_resolve_at_the_webhook(
    tmp_path: Path, hook: WebhookReceiver
) -> None:
    """RUL-01, RUL-06, RUL-07, RUL-14, ALM-06, PAPI-09, PAPI-11."""
    with running(config(rules_with_short_for(tmp_path), hook)) as server:
        traffic = Traffic(server, "shop", duration=1_500_000_000)
        wait_until(lambda: hook.alerts("HighErrorRate", "firing"), "HighErrorRate", 60)
        wait_until(lambda: hook.alerts("HighLatency", "firing"), "HighLatency", 60)

        alert = hook.alerts("HighErrorRate", "firing")[0]
        assert alert["labels"] == {
            "alertname": "HighErrorRate",
            "service_name": "shop",
            "severity": "warning",
        }
        assert alert["annotations"]["summary"] == "High error rate in shop"
        rate = alert["annotations"]["description"].removeprefix("Error rate is ")
        assert rate.endswith("%")
        assert float(rate[:-1]) == pytest.approx(10, abs=4)
        assert alert["endsAt"] == "0001-01-01T00:00:00Z"
        assert len(alert["fingerprint"]) == 16
        latency = hook.alerts("HighLatency", "firing")[0]["annotations"]["description"]
        assert latency.startswith("P95 latency is ")
        assert latency.endswith("ms")
        payload = next(p for p in hook.payloads if p["alerts"][0]["labels"] == alert["labels"])
        assert payload["version"] == "4"
        assert payload["receiver"] == "hook"
        assert payload["status"] == "firing"
        assert payload["groupLabels"] == {"alertname": "HighErrorRate"}
        assert payload["groupKey"] == '{}:{alertname="HighErrorRate"}'
        assert payload["truncatedAlerts"] == 0

        group = server.get("/api/v1/rules").json["data"]["groups"][0]
        assert group["name"] == "tracing"
        rules = {rule["name"]: rule for rule in group["rules"]}
        assert set(rules) == {"HighErrorRate", "HighLatency", "TempoDown"}
        assert rules["HighErrorRate"]["state"] == "firing"
        assert rules["HighErrorRate"]["health"] == "ok"
        assert rules["HighErrorRate"]["duration"] == 5
        assert rules["TempoDown"]["state"] == "inactive"
        alerts = server.get("/api/v1/alerts").json["data"]["alerts"]
        assert {a["labels"]["alertname"] for a in alerts} == {"HighErrorRate", "HighLatency"}
        assert all(a["state"] == "firing" and float(a["value"]) > 0 for a in alerts)
        assert server.promql('ALERTS{alertname="HighErrorRate", alertstate="firing"}')
        traffic.stop()


def test_an_alert_resolves(tmp_path: Path, hook: WebhookReceiver) -> None:
    """A threshold that is passed and then no longer: firing, then resolved, at the webhook."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("""
groups:
- name: g
  interval: 1s
  rules:
  - alert: Busy
    expr: 'sum(rate(traces_spanmetrics_calls_total{service="shop"}[10s])) > 1'
    for: 2s
""")
    with running(config(rules, hook)) as server:
        traffic = Traffic(server, "shop")
        wait_until(lambda: hook.alerts("Busy", "firing"), "firing", 60)
        traffic.stop()
        wait_until(lambda: hook.alerts("Busy", "resolved"), "resolved", 60)
        resolved = hook.alerts("Busy", "resolved")[0]
        assert resolved["endsAt"] > resolved["startsAt"]


def test_tempo_down_fires_for_a_closed_port(tmp_path: Path, hook: WebhookReceiver) -> None:
    """RUL-08, RWR-16: a dead target of job tempo is `up` 0 and TempoDown at the webhook."""
    scrape = f"""
scrape_configs:
- job_name: tempo
  scrape_interval: 1s
  scrape_timeout: 1s
  static_configs: [{{targets: ["127.0.0.1:{free_port()}"]}}]
"""
    with running(config(rules_with_short_for(tmp_path), hook, scrape)):
        alert = wait_until(lambda: hook.alerts("TempoDown", "firing"), "TempoDown", 60)[0]
        assert alert["labels"]["severity"] == "critical"
        assert alert["annotations"]["summary"] == "Tempo is down"


def test_alert_state_is_kept_over_a_restart(tmp_path: Path, hook: WebhookReceiver) -> None:
    """RUL-22, RUL-23, ALM-05: firing stays firing, and is not told again."""
    with running(config(rules_with_short_for(tmp_path), hook)) as server:
        traffic = Traffic(server, "shop")
        wait_until(lambda: hook.alerts("HighErrorRate", "firing"), "HighErrorRate", 60)
        traffic.stop()

        def state() -> tuple[str, str]:
            alerts = server.get("/api/v1/alerts").json["data"]["alerts"]
            one = next(a for a in alerts if a["labels"]["alertname"] == "HighErrorRate")
            return one["state"], one["activeAt"]

        before = state()
        server.restart()
        assert state() == before
        time.sleep(6)  # Three group intervals: what would be told again is told by now.
        assert len(hook.alerts("HighErrorRate", "firing")) == 1
        assert not hook.alerts("HighErrorRate", "resolved")
        assert state() == before


def test_pending_time_is_kept_over_a_restart(tmp_path: Path, hook: WebhookReceiver) -> None:
    """RUL-22: the `for` clock goes on where it was."""
    with running(config(rules_with_short_for(tmp_path, "1h"), hook)) as server:
        traffic = Traffic(server, "shop")

        def pending() -> list[str]:
            alerts = server.get("/api/v1/alerts").json["data"]["alerts"]
            return [a["activeAt"] for a in alerts if a["labels"]["alertname"] == "HighErrorRate"]

        before = wait_until(pending, "pending", 60)
        traffic.stop()
        server.kill()
        server.start()
        assert pending() == before


def test_delivery_to_a_webhook_that_fails_at_first(tmp_path: Path) -> None:
    """ALM-08: 500 is retried until it is taken."""
    receiver = WebhookReceiver(refuse=3)
    with running(config(rules_with_short_for(tmp_path), receiver)) as server:
        traffic = Traffic(server, "shop")
        wait_until(lambda: receiver.alerts("HighErrorRate", "firing"), "HighErrorRate", 90)
        traffic.stop()
    receiver.close()


def test_delivery_to_alertmanager(tmp_path: Path, hook: WebhookReceiver) -> None:
    """NTF-01, NTF-02: a real Alertmanager lists the alert as active."""
    with alertmanager() as peer:
        target = peer.removeprefix("http://")
        alerting = f"""
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{target}"]}}]}}]}}
global: {{external_labels: {{replica: a}}}}
"""
        with running(config(rules_with_short_for(tmp_path), hook, alerting)) as server:
            traffic = Traffic(server, "shop")

            def active() -> list[dict[str, object]]:
                alerts = request(f"{peer}/api/v2/alerts").json
                return [a for a in alerts if a["labels"]["alertname"] == "HighErrorRate"]

            alert = wait_until(active, "the alert at Alertmanager", 90)[0]
            traffic.stop()
            assert alert["labels"] == {
                "alertname": "HighErrorRate",
                "service_name": "shop",
                "severity": "warning",
                "replica": "a",
            }
            assert alert["annotations"]["summary"] == "High error rate in shop"
            assert "/graph?g0.expr=" in alert["generatorURL"]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'sum('}\n", ":4:"),
        ("groups:\n- name: g\n  rulez: []\n", ":3:"),
        ("groups: [\n", ":"),
    ],
)
def test_a_bad_rule_file_is_refused_with_its_position(
    tmp_path: Path, text: str, position: str
) -> None:
    """RUL-04: the server does not start with half of its rules."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(text)
    server = Server(tmp_path / "data", f"rule_files: [{rules}]\n")
    done = subprocess.run(server.command(), capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    assert f"{rules}{position}" in done.stderr.decode()
    assert not (tmp_path / "data/server.json").exists()
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


def test_rules_are_json(server: Server) -> None:
    assert json.loads(server.get("/api/v1/rules").body)["status"] == "success"
