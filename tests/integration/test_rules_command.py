"""`tocsin rules check` and `tocsin rules test`: the shipped rules, and agreement with promtool."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from harness import ROOT, tocsin_text

if TYPE_CHECKING:
    from pathlib import Path

TESTS = sorted((ROOT / "rules/tests").glob("*.yaml"))
PLAIN_RULES = sorted([*(ROOT / "rules/plain").glob("*.yaml"), *(ROOT / "rules").glob("[!t]*.yaml")])

RULES = """groups:
- name: g
  labels: {team: a}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: page}
    annotations: {summary: "{{ $labels.instance }} of {{ $externalLabels.region }} is down"}
"""


def rules(*arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return tocsin_text("rules", *arguments, stdin=text)


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert shutil.which("promtool"), "promtool is missing: run ./dev setup"
    return subprocess.run(
        ["promtool", *map(str, arguments)],
        capture_output=True,
        timeout=300,
        check=False,
        text=True,
    )


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_shipped_rules_are_right() -> None:
    """RUL-30: manifests and plain files, by a glob that the shell has not seen."""
    done = rules("check", ROOT / "rules/*.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Checking {ROOT}/rules/tempo-alerts.yaml\n  SUCCESS: 3 rules found\n" in done.stdout


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_the_shipped_rules_do_what_their_tests_say(path: Path) -> None:
    """RUL-30."""
    done = rules("test", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Unit Testing:  {path}\n  SUCCESS\n\n"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_promtool_passes_the_same_files(path: Path) -> None:
    """RUL-30: the three rules of the seed among them."""
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_plain_rules() -> None:
    done = promtool("check", "rules", *PLAIN_RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_plain_form_is_that_of_the_manifest() -> None:
    """What promtool tests is what Tocsin is shipped with."""
    done = rules("check", "--print-plain", ROOT / "rules/tempo-alerts.yaml")
    assert done.returncode == 0
    assert done.stdout == (ROOT / "rules/plain/tempo-alerts.yaml").read_text()


def test_a_manifest_is_tested_as_it_is(tmp_path: Path) -> None:
    text = (ROOT / "rules/tests/tempo-alerts_test.yaml").read_text()
    manifest = str(ROOT / "rules/tempo-alerts.yaml")
    path = write(tmp_path / "t.yaml", text.replace("../plain/tempo-alerts.yaml", manifest))
    assert manifest in path.read_text()
    assert rules("test", path).returncode == 0


def altered(text: str) -> list[str]:
    """Return the text with one expectation changed, once for each."""
    texts = []
    patterns = [r"summary: \S", r"description: \S", r"severity: [wc]", r"            value: (?=\d)"]
    for match in re.finditer("|".join(patterns), text):
        end = match.end()
        added = "9" if match.group().endswith("value: ") else "x"
        texts.append(text[:end] + added + text[end:])
    return texts


def test_altered_expectations_fail(tmp_path: Path) -> None:
    """RUL-30: each of the seed's."""
    text = (ROOT / "rules/tests/tempo-alerts_test.yaml").read_text()
    text = text.replace("../plain", str(ROOT / "rules/plain"))
    cases = altered(text)
    assert len(cases) >= 10
    for number, case in enumerate(cases):
        path = write(tmp_path / f"{number}.yaml", case)
        done = rules("test", path)
        assert done.returncode == 1, case
        assert "exp:" in done.stderr
        assert promtool("test", "rules", path).returncode == 1, case


BROKEN = """rule_files: [r.yaml]
tests:
- name: down
  external_labels: {region: eu}
  input_series:
  - {series: 'up{instance="a"}', values: 1 0x5}
  alert_rule_test:
  - eval_time: 4m
    alertname: Down
    exp_alerts:
    - exp_labels: {severity: page, instance: b, team: a}
      exp_annotations: {summary: a of eu is down}
  promql_expr_test:
  - {expr: sum(up), eval_time: 4m, exp_samples: [{value: 1}]}
- name: fine
  promql_expr_test:
  - {expr: "1", exp_samples: [{value: 1}]}
"""


def test_a_failure_shows_what_was_expected_and_what_came(tmp_path: Path) -> None:
    write(tmp_path / "r.yaml", RULES)
    path = write(tmp_path / "t.yaml", BROKEN)
    done = rules("test", path)
    assert done.returncode == 1
    assert done.stdout == f"Unit Testing:  {path}\n"
    alert = '{{alertname="Down", instance="{}", severity="page", team="a"}}'
    assert (
        done.stderr
        == f"""  FAILED:
    at {path}:8:5
    name: down,
    alertname: Down, time: 4m,{" "}
        exp:[
            0:
              Labels:{alert.format("b")}
              Annotations:{{summary="a of eu is down"}}
            ],{" "}
        got:[
            0:
              Labels:{alert.format("a")}
              Annotations:{{summary="a of eu is down"}}
            ]

    at {path}:14:5
    name: down,
    expr: "sum(up)", time: 4m,
        exp: {{}} 1E+00
        got: {{}} 0E+00

"""
    )
    diff = rules("test", "--diff", path).stderr
    assert f"            -   Labels:{alert.format('b')}\n" in diff
    assert f"            +   Labels:{alert.format('a')}\n" in diff


def test_only_some_tests_are_run(tmp_path: Path) -> None:
    write(tmp_path / "r.yaml", RULES)
    path = write(tmp_path / "t.yaml", BROKEN)
    assert rules("test", "--run", "^fine$", path).returncode == 0
    assert rules("test", "--run", "nothing", "--run=do", path).returncode == 1
    bad = rules("test", "--run", "(", path)
    assert bad.returncode == 2
    assert "--run" in bad.stderr


def test_junit_and_debug(tmp_path: Path) -> None:
    write(tmp_path / "r.yaml", RULES)
    path = write(tmp_path / "t.yaml", BROKEN)
    xml = tmp_path / "out.xml"
    done = rules("test", "--debug", "--junit", xml, path, tmp_path / "missing.yaml")
    assert done.returncode == 1
    assert "DEBUG: Starting test down" in done.stderr
    assert 'ALERTS{alertname="Down", alertstate="pending"' in done.stderr
    suites = ET.fromstring(xml.read_text()).findall("testsuite")
    assert [suite.get("name") for suite in suites] == [str(path), str(tmp_path / "missing.yaml")]
    first, second = suites
    assert (first.get("tests"), first.get("failures"), first.get("errors")) == ("2", "2", "0")
    assert [case.get("name") for case in first.findall("testcase")] == ["down", "fine"]
    failure = first.findtext("testcase/failure")
    assert failure is not None
    assert "alertname: Down" in failure
    assert second.get("errors") == "1"
    assert "missing.yaml" in (second.findtext("testcase/error") or "")


def test_a_test_file_that_cannot_be_read_says_where(tmp_path: Path) -> None:
    path = write(tmp_path / "t.yaml", "tests:\n- alert_rule_tests: []\n")
    done = rules("test", path)
    assert done.returncode == 1
    assert f'{path}:2:3: unknown key "alert_rule_tests" in a test' in done.stderr
    bad_rules = write(tmp_path / "r.yaml", RULES.replace("up == 0", "up === 0"))
    path = write(tmp_path / "t2.yaml", "rule_files: ['r*.yaml', none.yaml]\ntests: []\n")
    done = rules("test", path)
    assert done.returncode == 1
    assert f"WARNING: no file match pattern {tmp_path}/none.yaml" in done.stderr
    assert f"{bad_rules}:8:" in done.stderr
    assert rules("test").returncode == 2
    assert rules("tests", path).returncode == 2


# Rules of the shapes that promtool's own tests have, and whether they pass there.
SHAPES = {
    "values": (
        True,
        """
        tests:
          - interval: 1m
            input_series:
              - {series: full, values: 0 0}
              - {series: repeat, values: 1x2}
              - {series: grows, values: 1+1x2}
              - {series: falls, values: 4-1x3}
              - {series: ends, values: 0 stale}
              - {series: gaps, values: 0 _ _ _ _ _ _ 0}
              - {series: blanks, values: 1 _x3 5}
            promql_expr_test:
              - {expr: timestamp(full), eval_time: 2m, exp_samples: [{value: 60}]}
              - {expr: repeat, eval_time: 2m, exp_samples: [{labels: repeat, value: 1}]}
              - {expr: grows, eval_time: 2m, exp_samples: [{labels: grows, value: 3}]}
              - {expr: falls, eval_time: 3m, exp_samples: [{labels: falls, value: 1}]}
              - {expr: ends, eval_time: 59s, exp_samples: [{labels: ends, value: 0}]}
              - {expr: ends, eval_time: 1m, exp_samples: []}
              - {expr: timestamp(gaps), eval_time: 4m59s, exp_samples: [{value: 0}]}
              - {expr: blanks, eval_time: 4m, exp_samples: [{labels: blanks, value: 5}]}
        """,
    ),
    "rules without input": (
        True,
        """
        rule_files: [r.yaml]
        tests:
          - promql_expr_test:
              - {expr: 'count_over_time(fixed[59m30s])', eval_time: 1h, exp_samples: [{value: 60}]}
              - {expr: timestamp(fixed), eval_time: 1h, exp_samples: [{value: 3600}]}
        """,
    ),
    "intervals": (
        True,
        """
        rule_files: [r.yaml]
        evaluation_interval: 1m
        tests:
          - interval: 1s
            input_series: [{series: 'test{job="a"}', values: 0+1x120}]
            promql_expr_test:
              - expr: recorded
                eval_time: 1m59s
                exp_samples: [{labels: 'recorded{job="a"}', value: 60}]
              - expr: timestamp(recorded)
                eval_time: 2m59s999ms
                exp_samples: [{labels: '{job="a"}', value: 120}]
        """,
    ),
    "alerts": (
        True,
        """
        rule_files: [r.yaml]
        tests:
          - input_series: [{series: 'up{job="a"}', values: 0x20}]
            alert_rule_test:
              - {eval_time: 0, alertname: Always, exp_alerts: [{}]}
              - {eval_time: 4m, alertname: Down, exp_alerts: []}
              - {eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: a}}]}
            promql_expr_test:
              - expr: count by (alertname, alertstate) (ALERTS)
                eval_time: 4m
                exp_samples:
                  - {labels: '{alertname="Always",alertstate="firing"}', value: 1}
                  - {labels: '{alertname="Down",alertstate="pending"}', value: 1}
        """,
    ),
    "an alert too many": (
        False,
        """
        rule_files: [r.yaml]
        tests:
          - alert_rule_test: [{eval_time: 5m, alertname: Always, exp_alerts: []}]
        """,
    ),
    "no alertname": (False, "{tests: [{alert_rule_test: [{eval_time: 5m}]}]}"),
    "bad series": (
        False,
        """
        tests:
          - input_series: [{series: 'up{job="a"', values: 0+0x1440}]
        """,
    ),
    "bad expression": (
        False,
        "{tests: [{promql_expr_test: [{expr: 'sum(', eval_time: 1m}]}]}",
    ),
    "a rule that fails": (
        False,
        """
        rule_files: [bad.yaml]
        tests:
          - input_series:
              - {series: 'a{i="1"}', values: 1}
              - {series: 'b{i="2"}', values: 1}
              - {series: 'b{i="3"}', values: 1}
        """,
    ),
    "groups in the wrong order named twice": (False, "{group_eval_order: [a, a], tests: []}"),
    "an unknown key": (False, "{test: []}"),
    "no tests": (True, "{tests: []}"),
}

SHAPES_RULES = """groups:
- name: g
  rules:
  - {record: fixed, expr: "1"}
  - {record: recorded, expr: "sum without (instance) (count_over_time(test[1m] offset 1ms))"}
  - {alert: Always, expr: "1"}
  - {alert: Down, expr: up == 0, for: 5m}
"""


@pytest.mark.parametrize("name", SHAPES)
def test_verdicts_are_those_of_promtool(name: str, tmp_path: Path) -> None:
    """RUL-30: files of the shapes of promtool's own tests."""
    passes, text = SHAPES[name]
    write(tmp_path / "r.yaml", SHAPES_RULES)
    write(
        tmp_path / "bad.yaml",
        "groups: [{name: g, rules: [{record: r, expr: 'a + on () b'}]}]\n",
    )
    path = write(tmp_path / "t.yaml", text)
    done = rules("test", path)
    assert done.returncode == (0 if passes else 1), done.stdout + done.stderr
    theirs = promtool("test", "rules", path)
    assert theirs.returncode == done.returncode, theirs.stdout + theirs.stderr


def test_check_tells_every_fault_with_its_place(tmp_path: Path) -> None:
    path = write(
        tmp_path / "r.yaml",
        RULES.replace("up == 0", "up ==== 0").replace("for: 2m", "for: two minutes"),
    )
    done = rules("check", path)
    assert done.returncode == 1
    assert done.stdout == f"Checking {path}\n"
    assert re.search(rf"^  FAILED:\n{re.escape(str(path))}:8:1\d: ", done.stderr), done.stderr
    assert f"\n{path}:9:10: " in done.stderr
    missing = rules("check", tmp_path / "none.yaml")
    assert missing.returncode == 1
    assert "none.yaml" in missing.stderr
    assert rules("check", tmp_path / "none*.yaml").returncode == 1


def test_check_reads_standard_input() -> None:
    done = rules("check", text=RULES)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Checking standard input\n  SUCCESS: 2 rules found\n\n"


def test_names_are_any_utf8(tmp_path: Path) -> None:
    text = RULES.replace("{severity: page}", '{"größe.x": page}')
    assert rules("check", write(tmp_path / "r.yaml", text)).returncode == 0


DUPLICATES = """groups:
- name: g
  rules:
  - {record: a, expr: "1", labels: {x: y}}
  - {record: a, expr: "2", labels: {x: y}}
  - {record: a, expr: "3"}
- name: h
  labels: {x: y}
  rules:
  - {record: a, expr: "4"}
"""


def test_rules_that_stand_there_twice(tmp_path: Path) -> None:
    """RUL-30: --lint and --lint-fatal, as promtool has them."""
    path = write(tmp_path / "r.yaml", DUPLICATES)
    done = rules("check", path)
    assert done.returncode == 0
    assert "FAILED" in done.stderr
    assert "1 duplicate rule(s) found.\nMetric: a\nLabel(s):\n\tx: y\n" in done.stderr
    for line in (4, 5, 10):
        assert f"\tat {path}:{line}\n" in done.stderr
    assert rules("check", "--lint-fatal", path).returncode == 3
    assert rules("check", "--lint=all", "--lint-fatal", path).returncode == 3
    unlinted = rules("check", "--lint", "none", "--lint-fatal", path)
    assert unlinted.returncode == 0
    assert "SUCCESS: 4 rules found" in unlinted.stdout
    assert rules("check", "--lint=everything", path).returncode == 2


def test_the_rules_ask_for_metrics_that_there_are() -> None:
    """Each name in rules/tocsin.yaml and rules/services.yaml stands in the sources."""
    text = "".join((ROOT / "rules" / name).read_text() for name in ("tocsin.yaml", "services.yaml"))
    names = set(
        re.findall(r"\b((?:prometheus|tempo|tocsin|alertmanager|process|traces)_\w+)[{\[]", text)
    )
    assert len(names) > 20
    paths = (path for folder in ("cpp", "storage") for path in (ROOT / folder).rglob("*.[ch]*"))
    sources = "".join(path.read_text() for path in paths if path.is_file())
    # Of an exposition in OpenMetrics: counters end in _total there.
    names.discard("tempo_receiver_refused_spans_total")
    for name in sorted(names):
        end = name.removeprefix("prometheus_remote_storage_")
        kind = re.sub(r"^samples_(\w+_total)$", r"_\1", end)
        assert any(f'"{part}"' in sources for part in (name, end, kind)), name
