"""Rules that clients change over HTTP, as mimirtool and Grafana do: the real process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from harness import Answer, Server, request, running, wait_until

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "/prometheus/config/v1/rules"
CONFIG = "rules: {api: true}\n"
WAITING = "{name: kept, interval: 1s, rules: [{alert: Waiting, expr: vector(1), for: 1h}]}"
RECORDING = "{name: edited, interval: 1s, rules: [{record: NAME, expr: vector(1)}]}"


def change(server: Server, method: str, path: str, body: str = "") -> Answer:
    return request(server.url + PREFIX + path, method=method, body=body.encode())


def rules_of(server: Server) -> dict[str, Any]:
    groups = server.get("/api/v1/rules").json["data"]["groups"]
    return {rule["name"]: group["file"] for group in groups for rule in group["rules"]}


def active_at(server: Server) -> list[str]:
    alerts = server.get("/api/v1/alerts").json["data"]["alerts"]
    return [a["activeAt"] for a in alerts if a["labels"]["alertname"] == "Waiting"]


def test_groups_that_clients_set_are_evaluated_and_survive_kills(tmp_path: Path) -> None:
    """RUL-33: set, shown, evaluated beside files, kept over kill -9, replaced, deleted."""
    file = tmp_path / "rules.yaml"
    file.write_text("groups: [{name: g, rules: [{record: of_file, expr: vector(1)}]}]")
    with running(f"{CONFIG}rule_files: ['{file}']\n") as server:
        assert change(server, "GET", "").text == "{}\n"
        answer = change(server, "POST", "/team", WAITING)
        assert answer.status == 202
        assert answer.json["status"] == "success"
        assert change(server, "POST", "/team", RECORDING.replace("NAME", "old")).status == 202
        assert rules_of(server) == {"of_file": str(file), "Waiting": "team", "old": "team"}
        before = wait_until(lambda: active_at(server), "the alert to wait", 20)
        wait_until(lambda: server.promql("old"), "the recorded series", 20)
        shown = change(server, "GET", "").text

        server.kill()
        server.start()
        assert change(server, "GET", "").text == shown
        assert active_at(server) == before, "nothing has been lost"

        assert change(server, "POST", "/team", RECORDING.replace("NAME", "new")).status == 202
        wait_until(lambda: server.promql("new"), "the new series", 20)
        assert not server.promql("old"), "the series of a rule that is gone ends at once"
        assert active_at(server) == before, "the other group is left alone"
        assert change(server, "DELETE", "/team/edited").status == 202
        assert "new" not in rules_of(server)
        assert change(server, "GET", "/team/edited").status == 404
        assert change(server, "DELETE", "/team").status == 202
        assert change(server, "GET", "/team").text == "{}\n"
        assert rules_of(server) == {"of_file": str(file)}
        server.kill()
        server.start()
        assert rules_of(server) == {"of_file": str(file)}


def test_files_and_groups_of_clients_do_not_disturb_each_other(tmp_path: Path) -> None:
    """RUL-33: a file that changes leaves them alone; the same group twice is refused."""
    file = tmp_path / "rules.yaml"
    file.write_text("groups: [{name: g, rules: [{record: first, expr: vector(1)}]}]")
    config = (
        f"rules: {{api: true, watch_interval: 1s}}\nrule_files: ['{file}']\n"
        "web: {enable_lifecycle: true}\n"
    )
    with running(config) as server:
        assert change(server, "POST", "/team", WAITING).status == 202
        before = wait_until(lambda: active_at(server), "the alert to wait", 20)
        file.write_text("groups: [{name: g, rules: [{record: second, expr: vector(1)}]}]")
        wait_until(lambda: "second" in rules_of(server), "the changed file", 20)
        assert active_at(server) == before
        assert request(server.url + "/-/reload", method="POST", body=b"").status == 200
        time.sleep(2)
        assert active_at(server) == before
        quoted = str(file).replace("/", "%2F")
        twice = change(server, "POST", f"/{quoted}", "{name: g, rules: [{record: r, expr: x}]}")
        assert twice.status == 409
        assert "is loaded twice" in twice.text
        assert set(rules_of(server)) == {"second", "Waiting"}


def test_what_is_wrong_is_refused_whole() -> None:
    """RUL-33: positions, names, and nothing kept of it."""
    with running(CONFIG) as server:
        bad = change(server, "POST", "/team", "name: g\nrules:\n- {record: r, expr: 'sum('}\n")
        assert bad.status == 400
        assert bad.text.startswith("team:3:"), bad.text
        assert 'group "g", rule 1, "r": could not parse expression' in bad.text
        assert change(server, "POST", "/%2e%2e%2fetc", WAITING).status == 400
        assert change(server, "POST", "/team", "name: [").status == 400
        assert change(server, "GET", "/test/test").status == 404
        assert "group does not exist" in change(server, "GET", "/test/test").text
        assert change(server, "GET", "").text == "{}\n"


def test_nobody_changes_rules_unless_the_configuration_says_so() -> None:
    """RUL-33: off by default, and then Grafana takes us for what we are."""
    with running() as server:
        assert change(server, "GET", "").status == 404
        assert change(server, "POST", "/team", WAITING).status == 404
        assert "features" not in server.get("/api/v1/status/buildinfo").json["data"]
    with running(CONFIG) as server:
        features = server.get("/api/v1/status/buildinfo").json["data"]["features"]
        assert features == {"ruler_config_api": "true"}
