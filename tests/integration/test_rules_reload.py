"""Rule files that change while the server runs, and alerts over a crash: the real process."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

from harness import Server, running, wait_until

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
groups:
- name: kept
  interval: 1s
  rules:
  - {alert: Waiting, expr: vector(1), for: 1h}
- name: edited
  interval: 1s
  rules:
  - {record: old, expr: vector(1)}
"""


def config(file: Path, extra: str = "") -> str:
    return f"rule_files: ['{file}']\nrules: {{watch_interval: 1s{extra}}}\n"


def rules_of(server: Server) -> dict[str, Any]:
    groups = server.get("/api/v1/rules").json["data"]["groups"]
    return {rule["name"]: rule for group in groups for rule in group["rules"]}


def active_at(server: Server) -> list[str]:
    alerts = server.get("/api/v1/alerts").json["data"]["alerts"]
    return [a["activeAt"] for a in alerts if a["labels"]["alertname"] == "Waiting"]


def test_a_changed_file_is_loaded_without_being_asked_for(tmp_path: Path) -> None:
    """RUL-02: by itself; other groups' alerts wait on; a bad file leaves what is there."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    with running(config(file)) as server:
        before = wait_until(lambda: active_at(server), "the alert to wait", 20)
        file.write_text(RULES.replace("old", "new"))
        wait_until(lambda: "new" in rules_of(server), "the new rule", 20)
        wait_until(lambda: server.promql("new"), "its series", 20)
        assert not server.promql("old"), "the series of a rule that is gone ends at once"
        assert active_at(server) == before
        file.write_text(RULES.replace("expr", "exbr"))
        wait_until(
            lambda: server.metric("tocsin_rule_files_last_load_successful") == 0, "the fault", 20
        )
        assert "new" in rules_of(server)
        time.sleep(3)
        assert server.log.count("changed rule files were not loaded") == 1, "told once"
        assert "rules.yaml:6:22: " in server.log
        file.write_text(RULES)
        wait_until(lambda: "old" in rules_of(server), "the old rule again", 20)
        assert server.metric("tocsin_rule_files_last_load_successful") == 1
        assert active_at(server) == before


def test_a_new_file_that_a_glob_matches_is_found(tmp_path: Path) -> None:
    """RUL-02: globs are looked through again; a file that is gone takes its rules along."""
    with running(config(tmp_path / "*.yaml")) as server:
        assert rules_of(server) == {}
        (tmp_path / "a.yaml").write_text(RULES)
        wait_until(lambda: "old" in rules_of(server), "the rules", 20)
        (tmp_path / "a.yaml").unlink()
        wait_until(lambda: rules_of(server) == {}, "no rules", 20)


def test_a_hang_up_reloads_rules_and_keeps_states(tmp_path: Path) -> None:
    """RUL-02: SIGHUP, also with settings that reach every group."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    with running(config(file)) as server:
        before = wait_until(lambda: active_at(server), "the alert to wait", 20)
        path = server.data.parent / f"{server.data.name}.yaml"
        path.write_text(path.read_text() + "global: {evaluation_interval: 7s}\n")
        file.write_text(RULES.replace("old", "new").replace("interval: 1s", "limit: 0", 1))
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)

        def intervals() -> list[float]:
            groups = server.get("/api/v1/rules").json["data"]["groups"]
            return [group["interval"] for group in groups]

        wait_until(lambda: intervals() == [7, 1], "the new interval", 20)
        assert "new" in rules_of(server)
        assert active_at(server) == before


def test_states_over_a_crash_are_exact_unless_told_otherwise(tmp_path: Path) -> None:
    """RUL-22, RUL-23: --rules.restore."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    with running(config(file)) as server:
        before = wait_until(lambda: active_at(server), "the alert to wait", 20)
        server.kill()
        server.start()
        assert active_at(server) == before, "before the first evaluation"
        time.sleep(3)
        assert active_at(server) == before, "and after it"
        server.kill()
        server.config = config(file, ", restore: prometheus, for_grace_period: 2h")
        server.start()
        assert active_at(server) == []
        wait_until(lambda: active_at(server), "the alert to wait again", 20)
        assert active_at(server) > before


def test_a_rule_about_nothing_says_so(tmp_path: Path) -> None:
    """RUL-32: no data is not all being well."""
    file = tmp_path / "rules.yaml"
    file.write_text(
        "groups: [{name: g, interval: 1s, rules: [{alert: Typo, expr: traces_spanmetric_calls > 1},"
        " {alert: Fine, expr: up > 1}]}]"
    )
    with running(config(file) + "global: {scrape_interval: 1s}\n") as server:
        wait_until(lambda: rules_of(server)["Fine"]["health"] == "ok", "a scrape", 30)
        typo = rules_of(server)["Typo"]
        assert typo["health"] == "nodata"
        assert typo["state"] == "inactive"
        assert typo["lastError"] == "no selector of the expression finds any series"
