"""The Tempo-compatible and Prometheus-compatible API on port 3200, through the real binary."""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.parse

import pytest
from harness import Server, request, running, span, tocsin_text, wait_until
from opentelemetry.proto.trace.v1 import trace_pb2


@pytest.fixture(scope="module")
def checkout(server: Server) -> bytes:
    """A trace of three spans and two services: frontend -> payment (error), and an event."""
    trace_id = os.urandom(16)
    start = time.time_ns()
    root = span(
        "POST /api/users",
        trace_id=trace_id,
        start=start,
        duration=1_500_000_000,
        http__method="POST",
        http__status_code=500,
    )
    local = span(
        "render",
        trace_id=trace_id,
        parent_id=root.span_id,
        start=start + 1_000,
        kind=trace_pb2.Span.SPAN_KIND_INTERNAL,
        cache__hit=True,
        ratio=0.5,
    )
    remote = span(
        "charge",
        trace_id=trace_id,
        parent_id=root.span_id,
        start=start + 2_000_000,
        duration=700_000_000,
        error=True,
        http__status_code=503,
    )
    remote.events.add(name="exception", time_unix_nano=start + 3_000_000)
    server.send(root, local, service="frontend", cluster="app-cluster", k8s__namespace__name="shop")
    server.send(remote, service="payment", cluster="app-cluster", k8s__namespace__name="shop")
    return trace_id


def found(server: Server, query: str, trace_id: bytes) -> list[str]:
    """Return the ids of the spans of one trace that a query finds."""
    return [
        one["spanID"]
        for trace in server.search(query, limit=1000, spss=100)
        if trace["traceID"].rjust(32, "0") == trace_id.hex()
        for one in trace["spanSets"][0]["spans"]
    ]


def test_ready_echo_and_buildinfo(server: Server) -> None:
    """API-03, API-05, API-46."""
    ready = server.get("/ready")
    assert (ready.status, ready.text.strip()) == (200, "ready")
    echo = server.get("/api/echo")
    assert (echo.status, echo.text.strip()) == (200, "echo")
    for path in ("/api/status/buildinfo", "/status/buildinfo"):
        bare = server.get(path).json
        assert bare["version"]
        assert "goVersion" in bare
    wrapped = server.get("/api/v1/status/buildinfo").json
    assert wrapped["status"] == "success"
    version, revision = wrapped["data"]["version"], wrapped["data"]["revision"]
    assert (bare["version"], bare["revision"]) == (version, revision)
    assert json.loads((server.data / "server.json").read_text())["version"] == version
    assert tocsin_text("--version").stdout.strip() == f"tocsin {version} {revision}".strip()
    assert "features" not in wrapped["data"]


def test_every_api_is_on_one_port(server: Server) -> None:
    """API-01, API-02, MTN-09: Tempo's, Prometheus's and our own, all on 3200."""
    for path in (
        "/ready",
        "/metrics",
        "/api/echo",
        "/api/search",
        "/api/v1/query?query=1",
        "/api/v1/rules",
        "/api/v1/alerts",
    ):
        assert server.get(path).status == 200, path


def test_metrics_are_in_the_text_format(server: Server) -> None:
    """API-04."""
    answer = server.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert any(line.startswith("# TYPE ") for line in lines)
    for line in lines:
        if not line.startswith("#"):
            float(line.rpartition(" ")[2])


def test_trace_by_id_in_protobuf(server: Server, checkout: bytes) -> None:
    """API-06, API-07: OTLP's TracesData."""
    answer = server.get(f"/api/traces/{checkout.hex()}", Accept="application/protobuf")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/protobuf"
    trace = trace_pb2.TracesData.FromString(answer.body)
    services = {
        r.resource.attributes[0].value.string_value: [s.name for s in r.scope_spans[0].spans]
        for r in trace.resource_spans
    }
    assert services == {"frontend": ["POST /api/users", "render"], "payment": ["charge"]}
    charge = trace.resource_spans[-1].scope_spans[0].spans[0]
    assert charge.events[0].name == "exception"
    assert charge.status.code == trace_pb2.Status.STATUS_CODE_ERROR


def test_trace_by_id_in_json(server: Server, checkout: bytes) -> None:
    """API-07, API-08: `batches`, ids in base64, enums by name, 64-bit numbers as strings."""
    answer = server.get(f"/api/traces/{checkout.hex()}")
    assert answer.headers["Content-Type"].startswith("application/json")
    one = answer.json["batches"][0]["scopeSpans"][0]["spans"][0]
    assert base64.b64decode(one["traceId"]) == checkout
    assert len(base64.b64decode(one["spanId"])) == 8
    assert "parentSpanId" not in one
    assert one["kind"] == "SPAN_KIND_SERVER"
    assert isinstance(one["startTimeUnixNano"], str)
    values = {a["key"]: a["value"] for a in one["attributes"]}
    assert values["http.status_code"] == {"intValue": "500"}


def test_trace_by_id_v2(server: Server, checkout: bytes) -> None:
    """API-09: the trace under `trace`; unknown ids are 200 with an empty trace."""
    answer = server.get(f"/api/v2/traces/{checkout.hex()}")
    assert answer.status == 200
    spans = [
        s["name"]
        for r in answer.json["trace"]["resourceSpans"]
        for scope in r["scopeSpans"]
        for s in scope["spans"]
    ]
    assert sorted(spans) == ["POST /api/users", "charge", "render"]
    unknown = server.get(f"/api/v2/traces/{os.urandom(16).hex()}")
    assert unknown.status == 200
    assert not unknown.json.get("trace", {}).get("resourceSpans")
    binary = server.get(f"/api/v2/traces/{checkout.hex()}", Accept="application/protobuf")
    assert checkout in binary.body


def test_short_ids_are_padded(server: Server) -> None:
    """API-06: the seed's `abc123def456` is a valid id."""
    trace_id = bytes.fromhex("abc123def456".rjust(32, "0"))
    server.send(span(trace_id=trace_id))
    for text in ("abc123def456", "ABC123DEF456", "abc123def456".rjust(32, "0")):
        assert server.get(f"/api/traces/{text}").status == 200


def test_unknown_and_malformed_ids(server: Server) -> None:
    """API-06."""
    unknown = server.get(f"/api/traces/{os.urandom(16).hex()}")
    assert (unknown.status, unknown.body) == (404, b"")
    for bad in ("xyz", "0" * 33, "12-34"):
        assert server.get(f"/api/traces/{bad}").status == 400, bad


def test_by_id_time_window(server: Server, checkout: bytes) -> None:
    """API-10, API-11: seconds; outside the window 404; end before start 400; modes are checked."""
    now = int(time.time())
    path = f"/api/traces/{checkout.hex()}"
    assert server.get(f"{path}?start={now - 3600}&end={now + 3600}").status == 200
    assert server.get(f"{path}?start={now - 7200}&end={now - 3600}").status == 404
    assert server.get(f"{path}?start=200&end=100").status == 400
    assert server.get(f"{path}?start=x&end=100").status == 400
    assert server.get(f"{path}?mode=all").status == 200
    assert server.get(f"{path}?mode=nowhere").status == 400


SEED_QUERIES = {
    '{ cluster="app-cluster" }': 3,
    "{ status=error }": 1,
    '{ service.name="payment" }': 1,
    "{ duration > 1s }": 1,
    '{ k8s.namespace.name="shop" }': 3,
    "{ http.status_code >= 500 }": 2,
    '{ service.name="payment" && duration > 500ms }': 1,
    '{ status=error && name="charge" }': 1,
    '{ resource.cluster="app-cluster" && span.http.method="POST" }': 1,
}


@pytest.mark.parametrize("query", SEED_QUERIES)
def test_queries_of_the_seed(server: Server, checkout: bytes, query: str) -> None:
    """API-17, TQL-01, TQL-08, TQL-13: the basic queries as they are written there."""
    assert len(found(server, query, checkout)) == SEED_QUERIES[query]


COMPARISONS = {
    "{ span.http.status_code = 503 }": 1,
    "{ span.http.status_code != 503 }": 1,
    "{ span.http.status_code < 501 }": 1,
    "{ span.http.status_code <= 500 }": 1,
    "{ span.http.status_code > 500 }": 1,
    '{ name =~ "c.*" }': 1,
    '{ name !~ "c.*" }': 2,
    "{ span.cache.hit = true }": 1,
    "{ .ratio = 0.5 }": 1,
    "{ kind = internal }": 1,
    '{ event:name = "exception" }': 1,
    "{ }": 3,
    '{ name = "render" || status = error }': 2,
    '{ !(name = "render") }': 2,
    '{ trace:rootService = "frontend" && status = error }': 1,
}


@pytest.mark.parametrize("query", COMPARISONS)
def test_every_comparison(server: Server, checkout: bytes, query: str) -> None:
    assert len(found(server, query, checkout)) == COMPARISONS[query]


def test_search_response_shape(server: Server, checkout: bytes) -> None:
    """API-23, API-27."""
    text = urllib.parse.urlencode({"q": '{ service.name = "payment" && status = error }'})
    answer = server.get(f"/api/search?{text}").json
    trace = next(t for t in answer["traces"] if t["traceID"].rjust(32, "0") == checkout.hex())
    assert trace["rootServiceName"] == "frontend"
    assert trace["rootTraceName"] == "POST /api/users"
    assert isinstance(trace["startTimeUnixNano"], str)
    assert trace["durationMs"] == 1500
    assert trace["spanSets"][0] == trace["spanSet"]
    assert trace["spanSet"]["matched"] == 1
    one = trace["spanSet"]["spans"][0]
    assert len(one["spanID"]) == 16
    assert one["durationNanos"] == "700000000"
    attributes = {a["key"]: a["value"] for a in one["attributes"]}
    assert attributes["service.name"] == {"stringValue": "payment"}
    assert trace["serviceStats"]["frontend"] == {"spanCount": 2}
    assert trace["serviceStats"]["payment"] == {"spanCount": 1, "errorCount": 1}
    assert int(answer["metrics"]["inspectedTraces"]) >= 1
    assert isinstance(answer["metrics"]["inspectedBytes"], str)


def test_search_is_newest_first_and_limited() -> None:
    """API-19, API-26."""
    with running() as own:
        now = time.time_ns()
        ids = []
        for age in range(50):
            one = span(start=now - age * 1_000_000_000)
            ids.append(one.trace_id.hex())
            own.send(one)
        for limit in (1, 7, 20, 100):
            found_ids = [t["traceID"].rjust(32, "0") for t in own.search("{ }", limit=limit)]
            assert found_ids == ids[:limit]
        assert len(own.search("{ }")) == 20


def test_search_parameters_are_checked(server: Server) -> None:
    """API-18, API-19, API-21."""
    for bad in (
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=262145",
        "spss=101",
        "start=10",
        "start=20&end=10",
        "minDuration=2s&maxDuration=1s",
        "minDuration=x",
    ):
        assert server.get(f"/api/search?{bad}").status == 400, bad


def test_search_by_duration_and_time(server: Server, checkout: bytes) -> None:
    """API-17, API-18, API-21."""
    now = int(time.time())
    everything = {"limit": 1000}
    ids = {t["traceID"].rjust(32, "0") for t in server.search("{}", minDuration="1s", **everything)}
    assert checkout.hex() in ids
    ids = {t["traceID"].rjust(32, "0") for t in server.search("{}", maxDuration="1s", **everything)}
    assert checkout.hex() not in ids
    assert server.search("{}", start=now - 7200, end=now - 3600) == []


TAGS = {
    "service.name=PAY": True,
    "http.method=post http.status_code=500": True,
    'name="POST /api/users" k8s.namespace.name=shop': True,
    "error=true root.service.name=frontend": True,
    "cache.hit=true ratio=0.5": True,
    "service.name=payment http.method=post": False,  # Of two spans.
    "http.status_code=404": False,
}


@pytest.mark.parametrize("tags", TAGS)
def test_search_by_tags(server: Server, checkout: bytes, tags: str) -> None:
    """API-17: the logfmt list from before TraceQL; a value is found as a part, in any case."""
    answer = server.get("/api/search?" + urllib.parse.urlencode({"tags": tags, "limit": 1000}))
    assert answer.status == 200, answer.text
    ids = {trace["traceID"].rjust(32, "0") for trace in answer.json["traces"]}
    assert (checkout.hex() in ids) == TAGS[tags]


def test_bad_tags_are_refused(server: Server) -> None:
    """API-17."""
    answer = server.get("/api/search?tags=a%3Db+c")
    assert (answer.status, answer.text.strip()) == (
        400,
        "invalid tags at byte 4: expected key=value",
    )
    assert server.get("/api/search?tags=a%3Db&q=%7B%7D").status == 400


def test_a_bad_query_is_refused_with_its_position(server: Server) -> None:
    """API-29, TQL-36."""
    answer = server.get("/api/search?" + urllib.parse.urlencode({"q": "{ name = }"}))
    assert answer.status == 400
    assert answer.text.startswith("invalid TraceQL query: parse error at line 1, col 10:")


def test_rootless_traces(server: Server) -> None:
    """API-25."""
    one = span("orphan", parent_id=os.urandom(8))
    server.send(one)
    trace = server.search('{ name = "orphan" }')[0]
    assert trace["rootServiceName"] == "<root span not yet received>"


def test_unknown_paths(server: Server) -> None:
    assert server.get("/api/nowhere").status == 404


def test_instant_query(server: Server) -> None:
    """PAPI-01, PAPI-03: the envelope, and each type of result."""
    for method in ("GET", "POST"):
        form = urllib.parse.urlencode({"query": "1+1"}).encode()
        answer = (
            server.get("/api/v1/query?" + form.decode())
            if method == "GET"
            else request(server.url + "/api/v1/query", body=form)
        ).json
        assert answer["status"] == "success"
        assert answer["data"]["resultType"] == "scalar"
        assert answer["data"]["result"][1] == "2"
    assert server.get("/api/v1/query?query=vector(1)").json["data"]["resultType"] == "vector"
    text = urllib.parse.urlencode({"query": '"text"'})
    assert server.get(f"/api/v1/query?{text}").json["data"]["resultType"] == "string"
    assert server.get("/api/v1/query?query=1&time=4").status == 200
    assert server.get("/api/v1/query?query=1&time=2026-11-22T00:00:00Z").status == 200


def test_range_query(server: Server) -> None:
    """PAPI-04."""
    answer = server.get("/api/v1/query_range?query=vector(1)&start=0&end=60&step=15").json
    assert answer["data"]["resultType"] == "matrix"
    assert [v for _, v in answer["data"]["result"][0]["values"]] == ["1"] * 5
    for bad in ("start=60&end=0&step=15", "start=0&end=60&step=0", "start=x&end=60&step=15"):
        answer = server.get(f"/api/v1/query_range?query=1&{bad}")
        assert answer.status == 400, bad
        assert answer.json["errorType"] == "bad_data"


def test_promql_errors_have_positions(server: Server) -> None:
    """PAPI-01: the error envelope."""
    answer = server.get("/api/v1/query?" + urllib.parse.urlencode({"query": "sum("}))
    assert answer.status == 400
    assert answer.json["status"] == "error"
    assert answer.json["errorType"] == "bad_data"
    assert "1:" in answer.json["error"]


def test_span_metrics(own_server: Server) -> None:
    """GEN-01, GEN-02, GEN-04, STO-21: names, labels, milliseconds, in the store of our own."""
    own_server.send(
        *[span("GET /api/users", duration=1_500_000_000, error=i < 3) for i in range(10)],
        service="shop",
    )
    expr = 'traces_spanmetrics_calls_total{service="shop"}'
    series = wait_until(lambda: own_server.promql(expr), "the span metrics", 40)
    labels = {
        "__name__": "traces_spanmetrics_calls_total",
        "service": "shop",
        "service_name": "shop",
        "span_name": "GET /api/users",
        "span_kind": "SPAN_KIND_SERVER",
    }
    values = {s["metric"]["status_code"]: s["value"][1] for s in series}
    assert values == {"STATUS_CODE_ERROR": "3", "STATUS_CODE_UNSET": "7"}
    for one in series:
        assert one["metric"] == labels | {"status_code": one["metric"]["status_code"]}
    buckets = own_server.promql('sum by (le) (traces_spanmetrics_latency_bucket{service="shop"})')
    counts = {b["metric"]["le"]: b["value"][1] for b in buckets}
    assert counts["1024"] == "0"
    assert counts["2048"] == "10"
    assert counts["+Inf"] == "10"
    total = own_server.promql('sum(traces_spanmetrics_latency_sum{service="shop"})')
    assert float(total[0]["value"][1]) == pytest.approx(15_000)


def test_the_first_burst_counts() -> None:
    """GEN-30: a new series begins with 0, so that rate() and increase() see its first spans."""
    with running("metrics_generator: {collection_interval: 1s}") as server:
        server.send(*[span("first") for _ in range(10)], service="burst")
        selector = 'traces_spanmetrics_calls_total{service="burst"}'

        def samples() -> list[str]:
            found = server.promql(f"{selector}[5m]")
            return [value for _, value in found[0]["values"]] if found else []

        values = wait_until(lambda: len(samples()) > 10 and samples(), "ten collections")
        assert values == ["0", *["10"] * (len(values) - 1)]
        burst = server.promql(f"increase({selector}[5m])")
        assert float(burst[0]["value"][1]) == pytest.approx(10, rel=0.1)


def test_span_metric_sizes(own_server: Server) -> None:
    """GEN-03: the sum of the spans' serialised sizes."""
    spans = [span(f"op{i}", padding="x" * i) for i in range(20)]
    own_server.send(*spans, service="sizes")
    expr = 'sum(traces_spanmetrics_size_total{service="sizes"})'
    series = wait_until(lambda: own_server.promql(expr), "the span metrics", 40)
    assert int(series[0]["value"][1]) == sum(one.ByteSize() for one in spans)


def test_the_server_scrapes_itself(own_server: Server) -> None:
    """RWR-16: `up` of job tempo."""
    series = wait_until(lambda: own_server.promql('up{job="tempo"}'), "up", 90)
    assert series[0]["value"][1] == "1"
    assert own_server.promql('scrape_samples_scraped{job="tempo"}')


def test_json_answers_are_json(server: Server) -> None:
    assert json.loads(server.get("/api/v1/rules").body) == {
        "status": "success",
        "data": {"groups": []},
    }
    assert json.loads(server.get("/api/v1/alerts").body) == {
        "status": "success",
        "data": {"alerts": []},
    }
