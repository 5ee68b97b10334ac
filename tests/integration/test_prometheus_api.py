"""The metrics half of the API as Prometheus's clients and Grafana call it, on real samples."""

from __future__ import annotations

import json
import signal
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from harness import Server, request, running, span, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLS = "traces_spanmetrics_calls_total"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Server]:
    """A server with span metrics of two services, scraping itself."""
    config = """
metrics_generator: {collection_interval: 1s}
global: {scrape_interval: 1s}
web: {enable_admin_api: true, enable_lifecycle: true, enable_search_api: true}
"""
    with running(config) as server:
        for service in ("frontend", "payment"):
            server.send(span("GET /", duration=250_000_000), service=service)
        wait_until(lambda: len(data(server, f"query?query={CALLS}")["result"]) == 2, "the metrics")
        scraped = "query?query=count_over_time(up[1m])%3E1"
        wait_until(lambda: data(server, scraped)["result"], "two scrapes, as a rate needs")
        yield server


def data(server: Server, call: str) -> Any:
    """The data of a successful answer."""
    answer = server.get("/api/v1/" + call)
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json["status"] == "success"
    return answer.json["data"]


def post(server: Server, path: str, **form: object) -> Any:
    pairs = [(name.replace("match", "match[]"), value) for name, value in form.items()]
    return request(
        server.url + path,
        method="POST",
        body=urllib.parse.urlencode(pairs).encode(),
        headers=FORM,
    )


def test_what_grafana_calls(prometheus: Server) -> None:
    """PAPI-01, PAPI-03..08: the calls of Grafana's Prometheus data source, in its words."""
    now = time.time()
    health = post(prometheus, "/api/v1/query", query="1+1", time=4).json
    assert health["data"] == {"resultType": "scalar", "result": [4, "2"]}
    ranged = post(
        prometheus,
        "/api/v1/query_range",
        query=f"sum by (service) (rate({CALLS}[21600s]))",
        start=f"{now - 60:.3f}",
        end=f"{now:.3f}",
        step="15",
    ).json
    assert ranged["data"]["resultType"] == "matrix"
    probe = data(
        prometheus,
        f"query_exemplars?query=test&start={int(now * 1000) - 3600000}&end={int(now * 1000)}",
    )
    assert probe == []
    assert data(prometheus, "rules") == {"groups": []}
    metadata = data(prometheus, "metadata?limit=40000")
    assert metadata["tempo_build_info"][0]["type"] == "gauge"
    window = {"start": f"{now - 3600:.3f}", "end": f"{now + 60:.3f}"}
    names = post(prometheus, "/api/v1/labels", limit=40000, **window).json["data"]
    assert {"__name__", "service"} <= set(names)
    assert names == sorted(names)
    values = data(prometheus, f"label/__name__/values?limit=40000&start={window['start']}")
    assert CALLS in values
    series = post(prometheus, "/api/v1/series", match=CALLS, **window).json["data"]
    assert {one["service"] for one in series} == {"frontend", "payment"}
    everything = post(prometheus, "/api/v1/series", match='{__name__!=""}', **window).json["data"]
    assert len(everything) > len(series)
    assert data(prometheus, "label/U__service/values") == ["frontend", "payment"]


def test_exemplars_lead_to_traces(prometheus: Server) -> None:
    """PAPI-05: an exemplar of a span metric names a trace that is there."""
    now = time.time()
    query = urllib.parse.quote("histogram_quantile(0.9, traces_spanmetrics_latency_bucket)")
    found = data(prometheus, f"query_exemplars?query={query}&start={now - 600}&end={now + 60}")
    assert {one["seriesLabels"]["service"] for one in found} == {"frontend", "payment"}
    exemplar = found[0]["exemplars"][0]
    assert float(exemplar["value"]) > 0
    assert abs(exemplar["timestamp"] - now) < 600
    trace = prometheus.get("/api/traces/" + exemplar["labels"]["traceID"])
    assert trace.status == 200


def test_errors_have_types_and_statuses(prometheus: Server) -> None:
    """PAPI-02, PQL-17."""
    for call, status, kind in (
        ("query?query=sum(", 400, "bad_data"),
        ("query", 400, "bad_data"),
        ("query_range?query=up&start=10&end=5&step=1", 400, "bad_data"),
        ("query_range?query=up&start=0&end=5&step=0", 400, "bad_data"),
        ("query_range?query=up&start=0&end=100000&step=1", 400, "bad_data"),
        ("query?query=up&time=yesterday", 400, "bad_data"),
        ("query?query=label_replace(up,'a','$1','b','(')", 422, "execution"),
        ("query?query=up%20*%20on()%20up%20*%20on()%20scrape_duration_seconds&timeout=x", 400, ""),
        ("series", 400, "bad_data"),
        ("label/a/values?match[]=up{", 400, "bad_data"),
    ):
        answer = prometheus.get("/api/v1/" + call)
        assert answer.status == status, (call, answer.text)
        assert answer.json["status"] == "error"
        assert answer.json["errorType"] == (kind or "bad_data"), call
        assert answer.json["error"]


def test_queries_say_what_they_cost(prometheus: Server) -> None:
    """PAPI-03: stats; PQL-16: annotations."""
    costs = data(prometheus, "query?query=up&stats=all")["stats"]
    assert costs["samples"]["totalQueryableSamples"] == 1
    assert len(costs["samples"]["totalQueryableSamplesPerStep"]) == 1
    assert costs["timings"]["execTotalTime"] > 0
    hint = prometheus.get("/api/v1/query?query=rate(up[1m])").json
    assert "might not be a counter" in hint["infos"][0]
    cut = prometheus.get(f"/api/v1/query?query={CALLS}&limit=1").json
    assert len(cut["data"]["result"]) == 1
    assert cut["warnings"] == ["results truncated due to limit"]


def test_expressions_are_formatted_and_parsed(prometheus: Server) -> None:
    """PAPI-16."""
    assert data(prometheus, "format_query?query=sum(up)by(job)") == "sum by (job) (up)"
    tree = data(prometheus, "parse_query?query=rate(up%5B5m%5D)%20%3E%200")
    assert (tree["type"], tree["op"]) == ("binaryExpr", ">")
    assert tree["lhs"]["func"]["name"] == "rate"
    assert tree["lhs"]["args"][0]["range"] == 300_000
    assert data(prometheus, "features")["promql_functions"]["rate"] is True
    assert data(prometheus, "notifications") == []


def test_targets(prometheus: Server) -> None:
    """PAPI-13: the self-scrape."""
    targets = data(prometheus, "targets")
    (own,) = targets["activeTargets"]
    assert (own["health"], own["scrapePool"], own["labels"]["job"]) == ("up", "tempo", "tempo")
    assert own["scrapeInterval"] == "1s"
    assert own["lastError"] == ""
    assert targets["droppedTargets"] == []
    assert data(prometheus, "targets?state=dropped")["activeTargets"] == []
    assert data(prometheus, "scrape_pools") == {"scrapePools": ["tempo"]}
    (help_line,) = data(prometheus, "targets/metadata?metric=tempo_build_info")
    assert help_line["type"] == "gauge"
    assert "metric" not in help_line


def test_status_of_process_and_store(prometheus: Server) -> None:
    """PAPI-12, PAPI-14."""
    head = data(prometheus, "status/tsdb?limit=3")
    assert head["headStats"]["numSeries"] > 10
    assert len(head["seriesCountByMetricName"]) == 3
    assert "collection_interval: 1s" in data(prometheus, "status/config")["yaml"]
    assert data(prometheus, "status/flags")["web.enable-admin-api"] == "true"
    assert data(prometheus, "status/runtimeinfo")["reloadConfigSuccess"] is True
    assert data(prometheus, "status/walreplay")["state"] == "done"
    assert "blocks" in data(prometheus, "status/tsdb/blocks")
    assert "features" not in data(prometheus, "status/buildinfo")
    own = data(prometheus, "status/self_metrics?metric_name_pattern=process_.*_seconds_total")
    assert [family["name"] for family in own] == ["process_cpu_seconds_total"]
    assert own[0]["type"] == "COUNTER"
    assert own[0]["metric"][0]["counter"]["value"] > 0
    refused = prometheus.get("/api/v1/status/self_metrics?metric_name_pattern=(")
    assert (refused.status, refused.json["errorType"]) == (400, "bad_data")
    assert data(prometheus, "alertmanagers") == {
        "activeAlertmanagers": [],
        "droppedAlertmanagers": [],
    }


def test_the_api_describes_itself(prometheus: Server) -> None:
    """PAPI-16: every path and method of the OpenAPI document is there, and the form is right."""
    answer = prometheus.get("/api/v1/openapi.yaml")
    assert answer.headers["Content-Type"].startswith("application/yaml")
    assert answer.text.startswith("openapi: 3.1.0\n")
    assert prometheus.get("/api/v1/openapi.yaml?openapi_version=3.2").text.startswith(
        "openapi: 3.2.0\n"
    )
    path, described = "", 0
    for line in answer.text.splitlines():
        if line.startswith("  /"):
            path = line.strip(" :").replace("{name}", "job")
        elif line.startswith("    ") and line.strip() in {"get:", "post:", "put:"}:
            method = line.strip(" :").upper()
            if path == "/notifications/live":
                continue  # It has no end; it has a test of its own.
            body = None if method == "GET" else b"\xff"
            found = request(f"{prometheus.url}/api/v1{path}", method=method, body=body)
            assert found.status not in {404, 405}, (method, path)
            described += 1
    assert described > 40


def search(server: Server, call: str) -> tuple[list[Any], bool]:
    """The results of a search, and whether there are more."""
    answer = server.get("/api/v1/search/" + call)
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    *batches, last = [json.loads(line) for line in answer.text.splitlines()]
    assert last["status"] == "success"
    return [result for batch in batches for result in batch["results"]], last["has_more"]


def test_what_is_typed_is_searched(prometheus: Server) -> None:
    """PAPI-16: /api/v1/search, which is on because the configuration says so."""
    names, more = search(prometheus, "metric_names?search[]=spanmetrics_calls&include_score=true")
    assert [name["name"] for name in names] == [CALLS]
    assert 0 < names[0]["score"] < 1
    assert not more
    assert search(
        prometheus, "metric_names?search[]=UP&case_sensitive=false&sort_by=score&limit=1"
    ) == (
        [{"name": "up"}],
        True,
    )
    services, more = search(
        prometheus, "label_values?label=service&match[]=" + CALLS + "&batch_size=1"
    )
    assert (services, more) == ([{"value": "frontend"}, {"value": "payment"}], False)
    names, more = search(prometheus, "label_names?search[]=servce")
    assert {"name": "service"} in names
    refused = prometheus.get("/api/v1/search/metric_names?limit=10001")
    assert (refused.status, refused.json["errorType"]) == (400, "bad_data")
    assert data(prometheus, "features")["api"]["search"] is True


def test_notifications_come_live(tmp_path: Any) -> None:
    """PAPI-16: a failed reload and the stop; listeners are bounded and hold up no shutdown."""
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: []\n")
    web = "{enable_lifecycle: true, max_notifications_subscribers: 1}"
    failed = "Configuration reload has failed."
    with running(f"rule_files: [{rules}]\nweb: {web}\n") as server:
        assert data(server, "notifications") == []
        live = urllib.request.urlopen(server.url + "/api/v1/notifications/live", timeout=30)
        assert live.headers["Content-Type"] == "text/event-stream"
        assert server.get("/api/v1/notifications/live").status == 204

        def heard() -> tuple[str, bool]:
            line = live.readline()
            assert line.startswith(b"data: ")
            assert live.readline() == b"\n"
            event = json.loads(line.removeprefix(b"data: "))
            return event["text"], event["active"]

        rules.write_text("groups: [{name: g, rules: [{record: one, expr: 'sum('}]}]\n")
        assert post(server, "/-/reload").status == 500
        assert heard() == (failed, True)
        assert [one["text"] for one in data(server, "notifications")] == [failed]
        rules.write_text("groups: []\n")
        assert post(server, "/-/reload").status == 200
        assert heard() == (failed, False)
        assert data(server, "notifications") == []

        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        text, active = heard()
        assert text.startswith("Tocsin is stopping")
        assert active
        assert live.read() == b""  # Its end, and not broken off.
        assert server.process.wait(30) == 0
        server.process = None


def test_the_place_of_a_listener_who_leaves_is_free() -> None:
    """PAPI-16: without anything having been said in between."""
    with running("web: {max_notifications_subscribers: 1}\n") as server:
        url = server.url + "/api/v1/notifications/live"
        with urllib.request.urlopen(url, timeout=30):
            assert server.get("/api/v1/notifications/live").status == 204

        def listens() -> bool:
            with urllib.request.urlopen(url, timeout=30) as live:
                return bool(live.status == 200)

        wait_until(listens, "a free place")


def test_federation(prometheus: Server) -> None:
    """PAPI-17."""
    page = prometheus.get("/federate?match[]=" + urllib.parse.quote('{__name__=~"up|scrape_.*"}'))
    assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE up untyped\n" in page.text
    (up,) = [line for line in page.text.splitlines() if line.startswith("up{")]
    assert 'job="tempo"' in up
    assert up.split()[-2] == "1"


def test_a_series_is_deleted(prometheus: Server) -> None:
    """PAPI-15: and comes back with its next sample only."""
    before = data(prometheus, "query?query=count_over_time(up%5B1h%5D)")["result"]
    assert int(before[0]["value"][1]) > 1
    deleted = post(prometheus, "/api/v1/admin/tsdb/delete_series", match="up")
    assert (deleted.status, deleted.body) == (204, b"")
    left = data(prometheus, "query?query=count_over_time(up%5B1h%5D)")["result"]
    assert not left or int(left[0]["value"][1]) < int(before[0]["value"][1])
    assert post(prometheus, "/api/v1/admin/tsdb/clean_tombstones").status == 204
    name = post(prometheus, "/api/v1/admin/tsdb/snapshot").json["data"]["name"]
    assert (prometheus.data / "series" / "snapshots" / name).is_dir()


def test_health_and_the_page_of_alerts(prometheus: Server) -> None:
    """PAPI-17, PAPI-18."""
    assert prometheus.get("/-/healthy").status == 200
    assert prometheus.get("/-/ready").status == 200
    page = prometheus.get("/graph?g0.expr=up&g0.tab=1")
    assert page.status == 200
    assert "text/html" in page.headers["Content-Type"]


def test_what_is_not_enabled_refuses() -> None:
    """PAPI-15, PAPI-17: gates are shut by default."""
    with running() as server:
        assert post(server, "/api/v1/admin/tsdb/snapshot").status == 500
        assert post(server, "/-/reload").status == 403
        assert post(server, "/-/quit").status == 403
        assert server.get("/api/v1/search/label_names").status == 500
        assert "search" not in data(server, "features")["api"]


def test_the_configuration_is_read_again(tmp_path: Any) -> None:
    """PAPI-17: by request and by SIGHUP; a bad file changes nothing."""
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, rules: [{record: one, expr: 'max_of(1, 2)'}]}]\n")
    config = f"rule_files: [{rules}]\nweb: {{enable_lifecycle: true}}\n"

    def groups(server: Server) -> list[str]:
        return [group["name"] for group in data(server, "rules")["groups"]]

    with running(config) as server:
        assert groups(server) == ["g"]
        rules.write_text("groups: [{name: h, rules: [{record: two, expr: '2'}]}]\n")
        assert post(server, "/-/reload").status == 200
        assert groups(server) == ["h"]
        rules.write_text("groups: [{name: i, rules: [{record: two, expr: 'sum('}]}]\n")
        refused = post(server, "/-/reload")
        assert refused.status == 500
        assert str(rules) in refused.text
        assert groups(server) == ["h"]
        assert data(server, "status/runtimeinfo")["reloadConfigSuccess"] is False
        rules.write_text("groups: [{name: j, rules: [{record: two, expr: '2'}]}]\n")
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: groups(server) == ["j"], "the new rules")
        assert data(server, "status/runtimeinfo")["reloadConfigSuccess"] is True
        assert post(server, "/-/quit").status == 200
        assert server.process.wait(30) == 0
        server.process = None


def test_rules_are_listed_page_by_page(tmp_path: Any) -> None:
    """PAPI-09, PAPI-10: the filters of /api/v1/rules."""
    rules = tmp_path / "rules.yml"
    group = {"rules": [{"alert": "A", "expr": "up == 0", "labels": {"team": "x"}}]}
    named = [{"name": name, **group} for name in ("a", "b", "c")]
    rules.write_text(json.dumps({"groups": named}))
    with running(f"rule_files: [{rules}]\n") as server:

        def names(query: str) -> list[str]:
            return [group["name"] for group in data(server, "rules?" + query)["groups"]]

        assert names("") == ["a", "b", "c"]
        assert names("rule_group[]=b") == ["b"]
        assert names("file[]=" + urllib.parse.quote(str(rules))) == ["a", "b", "c"]
        assert names("file[]=other") == []
        assert names("match[]=" + urllib.parse.quote('{team="x"}')) == ["a", "b", "c"]
        assert names("match[]=" + urllib.parse.quote('{team="y"}')) == []
        assert names("type=record") == []
        page = data(server, "rules?group_limit=2")
        assert [group["name"] for group in page["groups"]] == ["a", "b"]
        assert names(f"group_limit=2&group_next_token={page['groupNextToken']}") == ["c"]
        assert server.get("/api/v1/rules?group_next_token=x").status == 400
        assert server.get("/api/v1/rules?group_limit=2&group_next_token=x").status == 400
        rule = data(server, "rules?exclude_alerts=true")["groups"][0]["rules"][0]
        assert rule["state"] in {"unknown", "inactive"}
