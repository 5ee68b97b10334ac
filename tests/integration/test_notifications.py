"""What a webhook is sent: its URL, headers and body, as Alertmanager's configuration has them."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from typing import TYPE_CHECKING

from harness import request, running, wait_until

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
groups:
  - name: always
    interval: 1s
    rules:
      - alert: Always
        expr: vector(1)
        labels: {team: "a b", job: x}
        annotations: {summary: it is so}
"""
TEMPLATES = """
{{ define "line" -}}
{{ .CommonLabels.alertname | toUpper }}, {{ .CommonAnnotations.summary }}
{{- end }}
"""
ROUTER = """
web: {{enable_lifecycle: true}}
rule_files: [{home}/rules.yml]
scrape_configs: []
alertmanager:
  templates: [{home}/*.tmpl]
  route:
    receiver: templated
    group_by: [alertname]
    group_wait: 0s
    group_interval: 1s
    repeat_interval: 1h
    routes:
      - receiver: from.file
        matchers: [alertname="Always"]
        continue: true
      - receiver: templated
        labels: {{channel: "on-{{{{ .GroupLabels.alertname }}}}"}}
  receivers:
    - name: from.file
      webhook_configs:
        - url_file: {home}/url
          http_config:
            authorization: {{credentials: secret}}
    - name: templated
      webhook_configs:
        - url: '{url}/{{{{ .CommonLabels.team | urlquery }}}}'
          http_config:
            basic_auth: {{username: me, password: mine}}
            http_headers: {{X-Kind: {{values: [alert]}}}}
          payload:
            text: '{{{{ template "line" . }}}}'
            channel: '{{{{ routeLabels "channel" }}}}'
            count: '{{{{ len .Alerts.Firing }}}}'
            labels: '{{{{ toJson .CommonLabels }}}}'
            fixed: [1, true]
"""


class Recorder:
    """Keeps path, headers and body of each POST."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                recorder.posts.append((self.path, dict(self.headers.items()), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def post_to(self, path: str) -> tuple[dict[str, str], bytes]:
        def found() -> tuple[dict[str, str], bytes] | None:
            return next(((h, b) for p, h, b in self.posts if p == path), None)

        result: tuple[dict[str, str], bytes] = wait_until(found, f"a POST to {path}")
        return result


def configured(home: Path, hook: Recorder) -> str:
    """Write the files that the configuration names; return it."""
    (home / "rules.yml").write_text(RULES)
    (home / "own.tmpl").write_text(TEMPLATES)
    (home / "url").write_text(hook.url + '/{{ "FILE" | toLower }}\n')
    return ROUTER.format(home=home, url=hook.url)


def test_urls_headers_and_bodies_are_as_configured(tmp_path: Path) -> None:
    """ALM-02, ALM-06, ALM-07, ALM-14, ALM-15, ALM-17."""
    hook = Recorder()
    with running(configured(tmp_path, hook)) as server:
        headers, body = hook.post_to("/file")
        assert headers["Authorization"] == "Bearer secret"
        assert headers["Content-Type"] == "application/json"
        assert len(headers["Idempotency-Key"]) == 32
        payload = json.loads(body)
        assert list(payload) == [
            "receiver",
            "status",
            "alerts",
            "notification_reason",
            "groupLabels",
            "commonLabels",
            "commonAnnotations",
            "routeLabels",
            "externalURL",
            "version",
            "groupKey",
            "truncatedAlerts",
        ]
        assert payload["receiver"] == "from\\.file"
        assert payload["notification_reason"] == "first notification"
        assert payload["groupKey"] == '{}/{alertname="Always"}:{alertname="Always"}'

        headers, body = hook.post_to("/a+b")
        assert headers["Authorization"] == "Basic " + base64.b64encode(b"me:mine").decode()
        assert headers["X-Kind"] == "alert"
        assert json.loads(body) == {
            "channel": "on-Always",
            "count": 1,
            "fixed": [1, True],
            "labels": {"alertname": "Always", "job": "x", "team": "a b"},
            "text": "ALWAYS, it is so",
        }
        groups = server.get("/api/v2/alerts/groups").json
        assert [g["receiver"]["name"] for g in groups] == ["from.file", "templated"]
        sent = 'alertmanager_notifications_total{integration="webhook",receiver_name="templated"}'
        assert server.metric(sent) == 1
        assert server.metric('alertmanager_alerts{state="suppressed"}') == 0


def test_a_mistake_in_a_template_file_is_found_by_a_reload(tmp_path: Path) -> None:
    """ALM-14: file and position; what was there goes on."""
    hook = Recorder()
    with running(configured(tmp_path, hook)) as server:
        hook.post_to("/file")
        (tmp_path / "own.tmpl").write_text('{{ define "line" }}\n{{ nope }}{{ end }}')
        answer = request(server.url + "/-/reload", method="POST")
        assert answer.status == 500
        assert "own.tmpl: line 2, column 4" in answer.text
        (tmp_path / "own.tmpl").write_text(TEMPLATES)
        count = len(hook.posts)
        assert request(server.url + "/-/reload", method="POST").status == 200
        assert count == len(hook.posts) == 2
