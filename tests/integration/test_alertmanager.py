"""Alerts to real Alertmanagers; amtool, Grafana and others at our own Alertmanager API."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from harness import Answer, Server, WebhookReceiver, free_port, request, running, wait_until
from peers import alertmanager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Exposed:
    """A target to scrape: metric `load` of services, as the test says."""

    def __init__(self, **load: float) -> None:
        self.load = load
        exposed = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                lines = [f'load{{service="{name}"}} {v}' for name, v in exposed.load.items()]
                body = ("\n".join(lines) + "\n").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def exposed() -> Iterator[Exposed]:
    target = Exposed(a=0, b=0)
    yield target
    target.close()


RULES = """
groups:
- name: loads
  interval: 1s
  rules:
  - alert: Loaded
    expr: load > 1
    labels: {severity: page}
    annotations: {summary: "{{ $labels.service }} is loaded"}
"""


def config(directory: Path, exposed: Exposed, more: str) -> str:
    """Evaluate RULES over `exposed` each second and send alerts again each second."""
    rules = directory / "rules.yaml"
    rules.write_text(RULES)
    return f"""
rule_files: [{rules}]
rules: {{resend_delay: 1s}}
global: {{external_labels: {{replica: r1, cluster: c}}}}
scrape_configs:
- job_name: load
  scrape_interval: 1s
  static_configs: [{{targets: ["{exposed.address}"]}}]
{more}
"""


def route(hook: WebhookReceiver, **times: str) -> str:
    """Tell `hook` of everything, soon."""
    wanted = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"} | times
    keys = "".join(f", {key}: {value}" for key, value in wanted.items())
    return f"""
alertmanager:
  route: {{receiver: hook, group_by: [alertname]{keys}}}
  receivers: [{{name: hook, webhook_configs: [{{url: "{hook.url}"}}]}}]
"""


def at(url: str) -> str:
    return url.removeprefix("http://")


def alerts_at(url: str) -> list[Any]:
    answer = request(f"{url}/api/v2/alerts")
    assert answer.status == 200, answer.text
    return list(answer.json)


def services(alerts: list[Any]) -> set[str]:
    return {alert["labels"]["service"] for alert in alerts}


def test_a_real_alertmanager_receives_groups_and_resolves(
    tmp_path: Path, exposed: Exposed, hook: WebhookReceiver
) -> None:
    """NTF-01, NTF-02, NTF-03: relabelled alerts fire and resolve at the Alertmanager's webhook."""
    with alertmanager(route(hook).replace("alertmanager:", "").replace("\n  ", "\n")) as peer:
        alerting = f"""
alerting:
  alert_relabel_configs: [{{action: labeldrop, regex: replica}}]
  alertmanagers: [{{static_configs: [{{targets: ["{at(peer)}"]}}]}}]
"""
        with running(config(tmp_path, exposed, alerting)):
            exposed.load = {"a": 5, "b": 7}
            wait_until(lambda: services(hook.alerts("Loaded", "firing")) == {"a", "b"}, "firing")
            together = next(p for p in hook.payloads if len(p["alerts"]) == 2)
            assert together["groupLabels"] == {"alertname": "Loaded"}
            assert together["commonLabels"] == {
                "alertname": "Loaded",
                "severity": "page",
                "cluster": "c",
                "instance": exposed.address,
                "job": "load",
            }
            exposed.load = {"a": 0, "b": 7}
            wait_until(lambda: services(hook.alerts("Loaded", "resolved")) == {"a"}, "resolved")
            alert = next(a for a in alerts_at(peer) if a["labels"]["service"] == "b")
            assert alert["annotations"] == {"summary": "b is loaded"}
            # Four times the resend delay or the interval, from the evaluation on.
            ends = datetime.fromisoformat(alert["endsAt"].replace("Z", "+00:00"))
            left = ends - datetime.now(UTC)
            assert timedelta(0) < left <= timedelta(seconds=5)
            assert "/graph?g0.expr=" in alert["generatorURL"]


def test_an_alertmanager_that_was_away_is_sent_them_again(tmp_path: Path, exposed: Exposed) -> None:
    """NTF-04, NTF-05, NTF-06: what failed is dropped and counted, and repaired by the next one."""
    port = free_port()
    alerting = f"""
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""
    with running(config(tmp_path, exposed, alerting)) as server:
        exposed.load = {"a": 5}

        def metric(name: str) -> float:
            return server.metric(f"prometheus_notifications_{name}")

        wait_until(lambda: metric("errors_total") > 0, "a failed delivery")
        assert metric("dropped_total") > 0
        assert metric("sent_total") == 0
        assert metric("queue_capacity") == 10_000
        assert metric("queue_length") == 0
        assert metric("alertmanagers_discovered") == 1
        with alertmanager(port=port) as peer:
            wait_until(lambda: services(alerts_at(peer)) == {"a"}, "the alert")
            assert metric("sent_total") > 0
            assert metric("latency_histogram_seconds_count") > 0


def test_alertmanagers_are_discovered_and_the_configuration_is_read_again(
    tmp_path: Path, exposed: Exposed
) -> None:
    """NTF-01, PAPI-12: file discovery, relabelling of Alertmanagers, SIGHUP, and a bad file."""
    with alertmanager() as first, alertmanager() as second:
        targets = tmp_path / "alertmanagers.json"
        targets.write_text("[]")

        def alerting(more: str = "") -> str:
            return f"""
alerting:
  alertmanagers:
  - file_sd_configs: [{{files: ["{targets}"]}}]
    relabel_configs:
    - {{source_labels: [use], regex: "no", action: drop}}
  {more}
"""

        with running(config(tmp_path, exposed, alerting())) as server:
            exposed.load = {"a": 5}

            def known(kind: str) -> list[str]:
                listed = server.get("/api/v1/alertmanagers").json["data"][f"{kind}Alertmanagers"]
                return [entry["url"] for entry in listed]

            assert known("active") == []
            targets.write_text(
                json.dumps(
                    [
                        {"targets": [at(first)]},
                        {"targets": ["127.0.0.1:1"], "labels": {"use": "no"}},
                    ]
                )
            )
            wait_until(lambda: known("active") == [f"{first}/api/v2/alerts"], "discovery")
            assert known("dropped") == ["http://127.0.0.1:1/api/v2/alerts"]
            wait_until(lambda: services(alerts_at(first)) == {"a"}, "the alert at the first")

            config_file = server.data.parent / f"{server.data.name}.yaml"
            good = config(
                tmp_path,
                exposed,
                alerting(f'- static_configs: [{{targets: ["{at(second)}"]}}]'),
            )
            assert server.process is not None
            # Alertmanagers would change, but the route is to nobody: nothing changes.
            config_file.write_text(good + "alertmanager: {route: {receiver: x}, receivers: []}\n")
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "stays as it was" in server.log, "the refusal")
            assert known("active") == [f"{first}/api/v2/alerts"]
            config_file.write_text(good)
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(known("active")) == 2, "two Alertmanagers")
            wait_until(lambda: services(alerts_at(second)) == {"a"}, "the alert at the second")


def amtool(server: Server, *arguments: str) -> str:
    done = subprocess.run(
        [shutil.which("amtool") or "amtool", f"--alertmanager.url={server.url}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_amtool(tmp_path: Path, exposed: Exposed, hook: WebhookReceiver) -> None:
    """ALM-10, ALM-11: alerts are listed and added, silences made, listed and expired."""
    with running(config(tmp_path, exposed, route(hook))) as server:
        exposed.load = {"a": 5, "b": 5}
        wait_until(lambda: len(hook.alerts("Loaded", "firing")) >= 2, "both alerts")
        assert "is loaded" in amtool(server, "alert", "query", "-o", "extended")
        listed = json.loads(amtool(server, "alert", "query", "service=~a|x", "-o", "json"))
        assert services(listed) == {"a"}
        assert listed[0]["receivers"] == [{"name": "hook"}]
        assert listed[0]["status"]["state"] == "active"

        silence = amtool(
            server, "silence", "add", "alertname=Loaded", "service=a", "-c", "known", "-a", "me"
        ).strip()
        assert silence in amtool(server, "silence", "query", "alertname=Loaded")
        listed = json.loads(amtool(server, "alert", "query", "-o", "json"))
        assert services(listed) == {"b"}
        listed = json.loads(amtool(server, "alert", "query", "--silenced", "-o", "json"))
        assert services(listed) == {"a"}
        assert listed[0]["status"]["silencedBy"] == [silence]
        assert listed[0]["status"]["state"] == "suppressed"

        # It outlives the process.
        server.restart()
        assert silence in amtool(server, "silence", "query", "-q")
        amtool(server, "silence", "update", silence, "-d", "3h")
        longer = amtool(server, "silence", "query", "-q").strip()
        amtool(server, "silence", "expire", longer)
        assert amtool(server, "silence", "query", "-q").strip() == ""
        assert longer in amtool(server, "silence", "query", "--expired", "-q")
        wait_until(
            lambda: (
                services(json.loads(amtool(server, "alert", "query", "-o", "json"))) == {"a", "b"}
            ),
            "both without silence",
        )

        amtool(server, "alert", "add", "alertname=Posted", "service=z", "--annotation=x=y")
        wait_until(lambda: hook.alerts("Posted", "firing"), "the posted alert")
        assert hook.alerts("Posted", "firing")[0]["annotations"] == {"x": "y"}
        assert "receiver: hook" in amtool(server, "config", "show")


def test_a_silenced_alert_is_not_told(
    tmp_path: Path, exposed: Exposed, hook: WebhookReceiver
) -> None:
    """ALM-10, ALM-15: the group says why it is silent, and when it is looked at next."""
    with running(config(tmp_path, exposed, route(hook))) as server:
        amtool(server, "silence", "add", "service=a", "-c", "known", "-a", "me")
        exposed.load = {"a": 5}

        def group() -> Any:
            groups = server.get("/api/v2/alerts/groups").json
            return groups[0] if groups and "silentBecause" in groups[0] else None

        silent = wait_until(group, "a silent group")
        assert "silence" in silent["silentBecause"]
        assert silent["labels"] == {"alertname": "Loaded"}
        assert silent["receiver"] == {"name": "hook"}
        assert "nextFlushAt" in silent
        assert "lastNotifiedAt" not in silent
        time.sleep(2)  # Two group intervals.
        assert hook.payloads == []
        [silence] = server.get("/api/v2/silences").json
        answer = request(f"{server.url}/api/v2/silence/{silence['id']}", method="DELETE")
        assert answer.status == 200
        wait_until(lambda: hook.alerts("Loaded", "firing"), "the alert after the silence")


class Matrix:
    """Requests, each of which our server and a real Alertmanager are to answer alike."""

    NOW: ClassVar[datetime] = datetime.now(UTC)

    @staticmethod
    def time(minutes: int) -> str:
        return (Matrix.NOW + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.250Z")

    @staticmethod
    def silence(**members: object) -> dict[str, object]:
        return {
            "matchers": [{"name": "a", "value": "b", "isRegex": False}],
            "startsAt": Matrix.time(0),
            "endsAt": Matrix.time(60),
            "createdBy": "me",
            "comment": "",
        } | members

    @staticmethod
    def alerts() -> list[object]:
        named = {"labels": {"alertname": "A", "empty": ""}}
        return [
            [named],
            [named | {"startsAt": Matrix.time(-5)}],
            [named | {"startsAt": Matrix.time(-5), "endsAt": Matrix.time(5)}],
            [{"labels": {"alertname": "over"}, "endsAt": Matrix.time(-5)}],
            [{"labels": {"alertname": "B"}, "annotations": {"x": "y", "empty": ""}}],
            [{"labels": {"alertname": "C"}, "generatorURL": "http://x/y?z=1"}],
            [{"labels": {}}, {"labels": {"alertname": "D"}}],
            [{"labels": {"only": ""}}],
            [named | {"startsAt": Matrix.time(5), "endsAt": Matrix.time(-5)}],
            [named | {"startsAt": Matrix.time(30)}],
            [named | {"annotations": {"": "x"}}],
            [named | {"generatorURL": "x y"}],
            [named | {"startsAt": "yesterday"}],
            [{"labels": {"a": 1}}],
            [{"labelz": {}}],
            [{"labels": None}],
            {"a": 1},
            [1],
            [],
            None,
        ]

    @staticmethod
    def silences() -> list[object]:
        regex = [{"name": "a", "value": "b.*", "isRegex": True, "isEqual": False}]
        return [
            Matrix.silence(),
            Matrix.silence(matchers=[*regex, {"name": "c", "value": "d", "isRegex": False}]),
            Matrix.silence(startsAt=Matrix.time(10)),
            Matrix.silence(startsAt=Matrix.time(120)),
            Matrix.silence(startsAt=Matrix.time(-120), endsAt=Matrix.time(-60)),
            Matrix.silence(matchers=[]),
            Matrix.silence(matchers=[{"name": "a", "value": "", "isRegex": False}]),
            Matrix.silence(matchers=[{"name": "a", "value": "(", "isRegex": True}]),
            Matrix.silence(matchers=[{"name": "a", "value": "b"}]),
            Matrix.silence(id="4b6f5fde-0000-4000-8000-000000000000"),
            {key: value for key, value in Matrix.silence().items() if key != "comment"},
            {},
            [],
        ]


def shape(answer: Answer) -> tuple[object, ...]:
    """Return what is to be alike: the status, and of a refusal its form and code."""
    content = answer.headers.get("Content-Type", "")
    if not answer.body:
        return (answer.status, "")
    body = answer.json
    if isinstance(body, dict) and "code" in body:
        return (answer.status, content, body["code"])
    return (answer.status, content, type(body).__name__)


def without_times(alert: Any) -> Any:
    alert = alert | {"status": {k: v for k, v in alert["status"].items() if k != "mutedBy"}}
    for key in ("updatedAt", "receivers"):
        alert.pop(key)
    for key in ("startsAt", "endsAt"):
        alert[key] = alert[key][:16]
    return alert


def test_the_api_answers_as_alertmanager_does(own_server: Server) -> None:
    """ALM-10, ALM-11, ALM-12: the same requests to both, among them many that are wrong."""
    with alertmanager() as peer:

        def both(path: str, method: str = "GET", body: object = ..., kind: str = "json") -> None:
            sent = None if body is ... else json.dumps(body).encode()
            headers = {} if body is ... else {"Content-Type": f"application/{kind}"}
            answers = [
                request(f"{url}/api/v2{path}", method=method, body=sent, headers=headers)
                for url in (own_server.url, peer)
            ]
            ours, theirs = (shape(answer) for answer in answers)
            assert ours == theirs, (path, body, [answer.text for answer in answers])

        for alerts in Matrix.alerts():
            both("/alerts", "POST", alerts)
        for silence in Matrix.silences():
            both("/silences", "POST", silence)
        both("/alerts", "POST", [], "x-www-form-urlencoded")
        for query in (
            "",
            "?active=false",
            "?silenced=false&inhibited=false",
            "?filter=alertname%3DB",
            "?filter=alertname%3D~%22B%7CC%22&filter=x%21%3Dy",
            "?filter=nonsense",
            "?filter=a%3D~(",
            "?receiver=(",
            "?receiver=nobody",
        ):
            both(f"/alerts{query}")
            both(f"/alerts/groups{query}")
        both("/silences?filter=a%3Db")
        both("/silences?filter=nonsense")
        both("/receivers")
        both("/status")
        both("/silence/x")
        both("/silence/4b6f5fde-0000-4000-8000-000000000000")
        both("/silence/x", "DELETE")

        def listed(url: str) -> list[Any]:
            alerts = [without_times(alert) for alert in alerts_at(url)]
            return sorted(alerts, key=lambda alert: str(alert["fingerprint"]))

        wait_until(lambda: len(listed(peer)) == 4, "the peer to have the alerts")
        assert listed(own_server.url) == listed(peer)


def test_calls_of_grafana(own_server: Server) -> None:
    """ALM-11: the Alertmanager data source, implementation prometheus, beside that of Tempo."""
    url = own_server.url
    body = [{"labels": {"alertname": "X", "severity": "page"}, "annotations": {"summary": "s"}}]
    answer = request(
        f"{url}/api/v2/alerts",
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status == 200
    status = own_server.get("/api/v2/status").json
    assert status["cluster"]["status"] == "disabled"
    assert status["config"]["original"]
    assert status["versionInfo"]["version"]
    assert own_server.get("/api/v2/receivers").status == 200
    query = urllib.parse.urlencode(
        {"silenced": "true", "active": "true", "inhibited": "true", "filter": 'severity="page"'}
    )
    [alert] = own_server.get(f"/api/v2/alerts?{query}").json
    assert alert["labels"] == {"alertname": "X", "severity": "page"}
    [group] = own_server.get(f"/api/v2/alerts/groups?{query}").json
    assert group["alerts"][0]["fingerprint"] == alert["fingerprint"]
    assert own_server.get("/api/v2/silences").json == []
    # The same prefix is Tempo's.
    assert own_server.get("/api/v2/search/tags").status == 200
    assert own_server.get("/api/v2/traces/" + "0" * 31 + "1").status in (200, 404)


def test_the_heartbeat_stops_with_the_process(hook: WebhookReceiver) -> None:
    """A dead man's switch: while the process does not run, nothing is heard."""
    beat = f"heartbeat: {{interval: 200ms, webhook: {{url: '{hook.url}'}}}}"
    with running(beat) as server:
        wait_until(lambda: len(hook.payloads) >= 3, "beats")
        assert hook.payloads[0]["status"] == "alive"
        assert hook.payloads[0]["instance"] == server.url
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # What was under way has arrived.
        heard = len(hook.payloads)
        time.sleep(1)
        assert len(hook.payloads) == heard
        server.process.send_signal(signal.SIGCONT)
        wait_until(lambda: len(hook.payloads) >= heard + 3, "beats again")
        counted = server.get("/metrics").text
        assert 'tocsin_heartbeats_total{result="sent"}' in counted


def test_a_peer_is_watched(hook: WebhookReceiver) -> None:
    """PeerDown fires through our own router while the peer is away, and resolves."""
    with running(server__http_listen_port=str(free_port())) as peer:
        watching = f"""
peers: [{{url: "{peer.url}", interval: 200ms, for: 1s, labels: {{severity: page}}}}]
{route(hook)}
"""
        with running(watching) as server:
            up = f'tocsin_peer_up{{peer="{at(peer.url)}"}}'
            wait_until(lambda: f"{up} 1" in server.get("/metrics").text, "the peer to be seen")
            peer.kill()
            firing = wait_until(lambda: hook.alerts("PeerDown", "firing"), "PeerDown")[0]
            assert firing["labels"] == {
                "alertname": "PeerDown",
                "instance": at(peer.url),
                "severity": "page",
            }
            assert f"{up} 0" in server.get("/metrics").text
            peer.start()
            wait_until(lambda: hook.alerts("PeerDown", "resolved"), "the end of it")
