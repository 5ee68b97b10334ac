"""An alertmanager.yml is taken or refused as `amtool check-config` does it (ALM-01, 02, 07, 13)."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from harness import tocsin_text

if TYPE_CHECKING:
    from pathlib import Path

RECEIVERS = "receivers: [{name: a}, {name: b, webhook_configs: [{url: 'http://x/y'}]}]\n"


def route(text: str) -> str:
    """Of the root route, beside its receiver."""
    return f"route: {{receiver: a, {text}}}\n{RECEIVERS}"


def child(text: str) -> str:
    return route(f"routes: [{{{text}}}]")


def interval(text: str) -> str:
    return route("") + f"time_intervals: [{{name: x, time_intervals: [{{{text}}}]}}]\n"


def webhook(text: str) -> str:
    return f"route: {{receiver: a}}\nreceivers: [{{name: a, webhook_configs: [{{{text}}}]}}]\n"


def inhibit(text: str) -> str:
    return route("") + f"inhibit_rules: [{{{text}}}]\n"


GOOD = {
    "least": "route: {receiver: a}\nreceivers: [{name: a}]\n",
    "global": "global: {resolve_timeout: 1m}\n" + route(""),
    "empty global": "global:\n" + route(""),
    "smtp": "global: {smtp_smarthost: 'h:25', smtp_from: a@b, smtp_require_tls: false}\n"
    + route(""),
    "templates": "templates: ['nothing/*.tmpl']\n" + route(""),
    "group_by": route("group_by: [x, y]"),
    "group_by all": route("group_by: ['...']"),
    "group_by none": route("group_by: []"),
    "waits": route("group_wait: 0s, group_interval: 1m30s, repeat_interval: 1w"),
    "matchers": child("matchers: ['a=b', 'c!=d,e=~f', '{g!~\"h.*\"}']"),
    "no matchers": child("receiver: b"),
    "empty matcher": child("matchers: ['']"),
    "bare": child("matchers: ['a=b c', 'd=~e{2},']"),
    "escapes": child('matchers: [\'a="\\d\\""\']'),
    "match": child("match: {a: b, c: 1}"),
    "match_re": child("match_re: {a: 'b|c'}"),
    "continue": child("continue: true, receiver: b"),
    "deep": child("routes: [{routes: [{receiver: b}]}]"),
    "muted": child("mute_time_intervals: [x]") + "mute_time_intervals: [{name: x}]\n",
    "active": child("active_time_intervals: [x]") + "time_intervals: [{name: x}]\n",
    "inhibit": inhibit("source_matchers: [a=b], target_matchers: [c=d], equal: [e]"),
    "inhibit match": inhibit("source_match: {a: b}, target_match_re: {c: d}"),
    "inhibit nothing": inhibit(""),
    "times": interval("times: [{start_time: '09:00', end_time: '24:00'}]"),
    "weekdays": interval("weekdays: ['monday:Friday', sunday]"),
    "days": interval("days_of_month: ['1:5', '-3:-1', '1:-1', 31]"),
    "months": interval("months: ['may:august', 12, '1:3']"),
    "years": interval("years: [2026, '2027:2030']"),
    "location": interval("location: Europe/Berlin"),
    "location of the machine": interval("location: Local"),
    "webhook": webhook("url: 'https://x:1/y', send_resolved: false, max_alerts: 3"),
    "http_config": webhook(
        "url: 'http://x', http_config: {basic_auth: {username: a, password: b}}"
    ),
    "bearer": webhook("url: 'http://x', http_config: {authorization: {credentials: c}}"),
    "oauth2": webhook(
        "url: 'http://x', "
        "http_config: {oauth2: {client_id: a, client_secret: b, token_url: 'http://t'}}"
    ),
    "tls": webhook("url: 'http://x', http_config: {tls_config: {insecure_skip_verify: true}}"),
    "no other kind": "route: {receiver: a}\nreceivers: [{name: a, slack_configs: []}]\n",
}

BAD = {
    "empty": "",
    "no map": "[]\n",
    "no YAML": "route: [\n",
    "two keys": "route: {receiver: a}\nroute: {receiver: a}\n" + RECEIVERS,
    "unknown key": route("") + "nope: 1\n",
    "no route": RECEIVERS,
    "no receiver": "route: {}\n" + RECEIVERS,
    "no receivers": "route: {receiver: a}\n",
    "undefined receiver": "route: {receiver: c}\n" + RECEIVERS,
    "undefined receiver of a child": child("receiver: c"),
    "receiver twice": "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]\n",
    "receiver without name": "route: {receiver: a}\nreceivers: [{name: a}, {}]\n",
    "root with matchers": route("matchers: [a=b]"),
    "root with match": route("match: {a: b}"),
    "root with match_re": route("match_re: {a: b}"),
    "root continues": route("continue: true"),
    "root muted": route("mute_time_intervals: [x]") + "time_intervals: [{name: x}]\n",
    "root active": route("active_time_intervals: [x]") + "time_intervals: [{name: x}]\n",
    "group_by twice": route("group_by: [x, x]"),
    "group_by all and more": route("group_by: [x, '...']"),
    "group_by empty": route("group_by: ['']"),
    "group_by no list": route("group_by: x"),
    "group_interval 0": route("group_interval: 0s"),
    "repeat_interval 0": route("repeat_interval: 0s"),
    "fraction": route("group_wait: 1.5h"),
    "negative": route("group_wait: -1s"),
    "no unit": route("group_wait: 10"),
    "unknown key of a route": route("recevier: b"),
    "bad matcher": child("matchers: [a]"),
    "bad operator": child("matchers: ['a~b']"),
    "bad pattern": child("matchers: ['a=~\"(\"']"),
    "quote": child("matchers: ['a=\"b']"),
    "quote inside": child("matchers: ['a=b\"c']"),
    "matchers no list": child("matchers: a=b"),
    "bad name of match": child("match: {a-b: c}"),
    "bad name of match_re": child("match_re: {a-b: c}"),
    "bad match_re": child("match_re: {a: '('}"),
    "match_re of nothing": child("match_re: {a: }"),
    "undefined interval": child("mute_time_intervals: [x]"),
    "undefined active interval": child("active_time_intervals: [x]"),
    "interval twice": route("") + "time_intervals: [{name: x}, {name: x}]\n",
    "interval in both lists": route("")
    + "time_intervals: [{name: x}]\nmute_time_intervals: [{name: x}]\n",
    "interval without name": route("") + "time_intervals: [{time_intervals: []}]\n",
    "inhibit bad matcher": inhibit("source_matchers: [a]"),
    "inhibit bad name": inhibit("target_match: {a-b: c}"),
    "inhibit bad pattern": inhibit("source_match_re: {a: '('}"),
    "inhibit empty equal": inhibit("equal: ['']"),
    "inhibit unknown key": inhibit("sources: []"),
    "times without end": interval("times: [{start_time: '09:00'}]"),
    "times in reverse": interval("times: [{start_time: '10:00', end_time: '09:00'}]"),
    "times without zero": interval("times: [{start_time: '9:00', end_time: '10:00'}]"),
    "weekday": interval("weekdays: [mon]"),
    "weekdays in reverse": interval("weekdays: ['friday:monday']"),
    "day 0": interval("days_of_month: [0]"),
    "day 32": interval("days_of_month: ['1:32']"),
    "days in reverse": interval("days_of_month: ['5:1']"),
    "days over the end": interval("days_of_month: ['-1:5']"),
    "month": interval("months: [jan]"),
    "months in reverse": interval("months: ['may:april']"),
    "years in reverse": interval("years: ['2030:2026']"),
    "location unknown": interval("location: Mars"),
    "location outside": interval("location: ../etc/passwd"),
    "webhook without url": webhook("send_resolved: true"),
    "webhook of ftp": webhook("url: 'ftp://x'"),
    "webhook without host": webhook("url: 'http://'"),
    "webhook unknown key": webhook("url: 'http://x', urls: []"),
    "max_alerts": webhook("url: 'http://x', max_alerts: -1"),
    "two ways": webhook(
        "url: 'http://x', http_config: {bearer_token: a, basic_auth: {username: b}}"
    ),
    "slack url twice": "global: {slack_api_url: 'http://x', slack_api_url_file: y}\n" + route(""),
    "smarthost": "global: {smtp_smarthost: localhost}\n" + route(""),
    "opsgenie url": "global: {opsgenie_api_url: x}\n" + route(""),
    "resolve_timeout": "global: {resolve_timeout: soon}\n" + route(""),
}

# Today's Alertmanager takes these; Debian's, 0.25, does not know them yet.
NEWER = {
    "UTF-8 name": child('matchers: [\'"a b"="c"\']'),
    "UTF-8 group_by": route("group_by: ['a b']"),
    "route labels": route("labels: {owner: ops}"),
    "webhook file": webhook("url_file: /etc/url"),
    "webhook timeout": webhook("url: 'http://x', timeout: 5s"),
    "webhook template": webhook("url: 'http://x/{{ .Status }}'"),
    "webhook payload": webhook("url: 'http://x', payload: {text: '{{ .Status }}'}"),
    "inhibit name": inhibit("name: x"),
    "http_headers": webhook("url: 'http://x', http_config: {http_headers: {X: {values: [y]}}}"),
}

# And these are for others to deliver: refused by name.
OTHER_KINDS = {
    "slack": "slack_configs: [{api_url: 'http://x', channel: c}]",
    "pagerduty": "pagerduty_configs: [{routing_key: x}]",
    "email": "email_configs: [{to: a@b, from: c@d, smarthost: 'h:25'}]",
    "telegram": "telegram_configs: [{bot_token: x, chat_id: 1}]",
}


def takes(config: str, folder: Path) -> tuple[bool, str]:
    (folder / "alertmanager.yml").write_text(config)
    (folder / "tocsin.yaml").write_text("alertmanager: alertmanager.yml\n")
    done = tocsin_text("config", "--config", folder / "tocsin.yaml")
    assert done.returncode in (0, 1, 2), done.stderr
    return done.returncode == 0, done.stderr


def amtool_takes(config: str, folder: Path) -> bool | None:
    """None: there is no amtool here."""
    amtool = shutil.which("amtool")
    if amtool is None:
        print("amtool is not installed: its verdict is not compared")
        return None
    (folder / "alertmanager.yml").write_text(config)
    done = subprocess.run(
        [amtool, "check-config", folder / "alertmanager.yml"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0


@pytest.mark.parametrize("name", GOOD)
def test_what_amtool_takes_is_taken(name: str, tmp_path: Path) -> None:
    taken, error = takes(GOOD[name], tmp_path)
    assert taken, error
    assert amtool_takes(GOOD[name], tmp_path) in (True, None)


@pytest.mark.parametrize("name", BAD)
def test_what_amtool_refuses_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    taken, error = takes(BAD[name], tmp_path)
    assert not taken
    assert "alertmanager.yml: line " in error
    assert amtool_takes(BAD[name], tmp_path) in (False, None)


@pytest.mark.parametrize("name", NEWER)
def test_what_is_newer_than_debians_amtool_is_taken(name: str, tmp_path: Path) -> None:
    taken, error = takes(NEWER[name], tmp_path)
    assert taken, error


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_receivers_of_other_kinds_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    config = f"route: {{receiver: a}}\nreceivers: [{{name: a, {OTHER_KINDS[kind]}}}]\n"
    taken, error = takes(config, tmp_path)
    assert not taken
    assert f"{kind}_configs" in error
    assert "Tocsin delivers to webhooks" in error
    assert amtool_takes(config, tmp_path) in (True, None)
