"""TraceQL metrics through the real binary: what Grafana's panels and Traces Drilldown ask."""

from __future__ import annotations

import time
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from harness import Server, running, span

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000
STEP = 10
# Five minutes ago, at a multiple of every step used here.
BASE = (int(time.time()) - 300) // 60 * 60


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serve 30 s of spans: ten a step of `shop`, five a step of `pay`, of which one failed."""
    with running() as own:
        for step in range(3):
            at = (BASE + step * STEP) * SECOND + 1
            own.send(
                *[span("buy", start=at + i, duration=2 * SECOND, code=200) for i in range(10)],
                service="shop",
            )
            own.send(
                *[
                    span("charge", start=at + i, duration=SECOND // 2, error=i == 0, code="200")
                    for i in range(5)
                ],
                service="pay",
            )
        yield own


def ask(server: Server, path: str, **params: object) -> Any:
    text = urllib.parse.urlencode(params)
    answer = server.get(f"/api/metrics/{path}?{text}")
    assert answer.status == 200, answer.text
    return answer.json


def query_range(server: Server, query: str, **params: object) -> Any:
    defaults: dict[str, object] = {"start": BASE, "end": BASE + 3 * STEP, "step": STEP}
    return ask(server, "query_range", **({"q": query} | defaults | params))


def labels(series: Any) -> dict[str, Any]:
    return {label["key"]: next(iter(label["value"].values())) for label in series["labels"]}


def samples(series: Any) -> list[tuple[int, float]]:
    return [(int(s["timestampMs"]) // 1000 - BASE, s.get("value", 0)) for s in series["samples"]]


def test_rate_by_service(server: Server) -> None:
    """API-37, API-40, TQM-01, TQM-02: intervals end at their label; one stands before the range."""
    for flushed in (False, True):
        if flushed:
            server.flush()
        answer = query_range(server, "{ } | rate() by (resource.service.name)")
        found = {labels(s)["resource.service.name"]: samples(s) for s in answer["series"]}
        assert found == {
            "shop": [(0, 0), (10, 1), (20, 1), (30, 1)],
            "pay": [(0, 0), (10, 0.5), (20, 0.5), (30, 0.5)],
        }
        assert isinstance(answer["metrics"], dict)
        assert "status" not in answer


def test_seconds_nanoseconds_and_dates(server: Server) -> None:
    """API-37."""
    query = "{ } | count_over_time()"
    expected = query_range(server, query)["series"]
    forms = {
        "seconds": (BASE, BASE + 30),
        "nanoseconds": (BASE * SECOND, (BASE + 30) * SECOND),
        "fractions": (f"{BASE}.0", f"{BASE + 30}.0"),
        "dates": tuple(
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (BASE, BASE + 30)
        ),
    }
    for name, (start, end) in forms.items():
        for step in (STEP, "10s", "10.0"):
            answer = query_range(server, query, start=start, end=end, step=step, exemplars=0)
            for series in expected:
                series.pop("exemplars", None)
            assert answer["series"] == expected, name
    text = urllib.parse.urlencode({"query": query, "since": "1h"})
    assert server.get(f"/api/metrics/query_range?{text}").status == 200


def test_durations_quantiles_and_histograms(server: Server) -> None:
    """TQM-03, TQM-04, TQM-05: seconds, `p` and `__bucket`."""
    series = query_range(server, "{ } | max_over_time(duration)")["series"]
    assert samples(series[0]) == [(10, 2), (20, 2), (30, 2)]
    series = query_range(server, "{ } | quantile_over_time(duration, .5, .99)")["series"]
    assert [labels(s)["p"] for s in series] == [0.5, 0.99]
    assert 1 < samples(series[1])[1][1] <= 2.2
    series = query_range(server, "{ } | histogram_over_time(duration)")["series"]
    counts = {round(labels(s)["__bucket"], 3): [v for _, v in samples(s)] for s in series}
    assert counts == {0.537: [0, 5, 5, 5], 2.147: [0, 10, 10, 10]}


def test_labels_have_types(server: Server) -> None:
    """TQM-06: a number and the same digits as text are two series."""
    series = query_range(server, "{ } | count_over_time() by (span.code)")["series"]
    values = [s["labels"][0]["value"] for s in series]
    assert values == [{"stringValue": "200"}, {"intValue": "200"}]
    series = query_range(server, "{ } | count_over_time() by (span.nowhere)")["series"]
    assert labels(series[0]) == {"span.nowhere": "nil"}


def test_error_ratio_and_second_stages(server: Server) -> None:
    """TQM-08, TQM-09."""
    ratio = (
        "({ status = error } | rate() by (resource.service.name)) / "
        "({ } | rate() by (resource.service.name))"
    )
    series = query_range(server, ratio)["series"]
    assert [labels(s) for s in series] == [{"resource.service.name": "pay"}]
    assert samples(series[0]) == [(10, 0.2), (20, 0.2), (30, 0.2)]
    top = query_range(server, "{ } | rate() by (resource.service.name) | topk(1) > 0.5")["series"]
    assert [labels(s)["resource.service.name"] for s in top] == ["shop"]
    assert [at for at, _ in samples(top[0])] == [10, 20, 30]


def test_exemplars_lead_to_traces(server: Server) -> None:
    """TQM-10: each exemplar's `trace:id` can be opened."""
    series = query_range(server, "{ } | rate()", exemplars=4)["series"]
    exemplars = series[0]["exemplars"]
    assert 0 < len(exemplars) <= 4
    for exemplar in exemplars:
        trace_id = labels(exemplar)["trace:id"]
        assert server.get(f"/api/traces/{trace_id}").status == 200
        assert BASE * 1000 <= int(exemplar["timestampMs"]) <= (BASE + 30) * 1000
    assert "exemplars" not in query_range(server, "{ } | rate()", exemplars=0)["series"][0]


def test_compare(server: Server) -> None:
    """TQM-07."""
    series = query_range(server, "{ } | compare({ status = error })")["series"]
    found = {
        (labels(s)["__meta_type"], labels(s).get("resource.service.name")): sum(
            v for _, v in samples(s)
        )
        for s in series
        if "resource.service.name" in labels(s)
    }
    assert found == {
        ("baseline", "shop"): 30,
        ("baseline", "pay"): 12,
        ("baseline_total", "nil"): 42,
        ("selection", "pay"): 3,
        ("selection_total", "nil"): 3,
    }


def test_instant(server: Server) -> None:
    """API-41: one value a series, and nothing that an older client would not know."""
    answer = ask(server, "query", q="{ } | count_over_time() by (name)", start=BASE, end=BASE + 30)
    assert set(answer) == {"series", "metrics"}
    assert {labels(s)["name"]: s["value"] for s in answer["series"]} == {"buy": 30, "charge": 15}
    assert all(set(s) == {"labels", "value"} for s in answer["series"])
    answer = ask(server, "query", q="{ } | rate()", start=BASE, end=BASE + 30)
    assert answer["series"][0]["value"] == 1.5


def test_limits(server: Server) -> None:
    """API-39, TQM-13."""
    day = urllib.parse.urlencode({"q": "{ } | rate()", "start": BASE - 90_000, "end": BASE})
    for path in ("query_range", "query"):
        answer = server.get(f"/api/metrics/{path}?{day}")
        assert answer.status == 400
        assert "exceeds the maximum allowed duration" in answer.text
    answer = query_range(server, "{ } | rate() by (name)", maxSeries=1)
    assert answer["status"] == "PARTIAL"
    assert "maximum series limit of 1" in answer["message"]
    assert [labels(s) for s in answer["series"]] == [{"name": "buy"}]


BAD = [
    {"q": "{ } | rate("},
    {"q": "{ }"},
    {"q": "{ } | rate()", "step": "0"},
    {"q": "{ } | rate()", "start": "x"},
    {"q": "{ } | rate()", "start": BASE + 100, "end": BASE},
    {"q": ""},
    {"q": "{ } | rate()", "step": "1ms", "since": "3h"},
]


@pytest.mark.parametrize("params", BAD)
def test_bad_requests(server: Server, params: dict[str, object]) -> None:
    text = urllib.parse.urlencode(params)
    answer = server.get(f"/api/metrics/query_range?{text}")
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text


def test_a_bad_query_has_its_position(server: Server) -> None:
    text = urllib.parse.urlencode({"q": "{ name = } | rate()"})
    answer = server.get(f"/api/metrics/query?{text}")
    assert answer.status == 400
    assert answer.text.startswith("invalid TraceQL query: parse error at line 1, col 10:")


def test_new_spans_are_seen_at_once(server: Server) -> None:
    """TQM-17: asked again while spans arrive, an answer never falls back."""
    seen = 0.0
    for i in range(10):
        server.send(span("late", start=(BASE + 25) * SECOND + i), service="late")
        series = query_range(server, "{ name = `late` } | count_over_time()")["series"]
        count = sum(value for _, value in samples(series[0]))
        assert count == i + 1
        assert count > seen
        seen = count


def test_two_clusters() -> None:
    """TQM-14: the seed's own query."""
    with running() as own:
        at = (BASE + 5) * SECOND
        own.send(*[span(start=at + i) for i in range(50)], cluster="east")
        own.send(*[span(start=at + i) for i in range(100)], cluster="west")
        series = query_range(own, '{ cluster=~".*" } | rate() by (cluster)')["series"]
        rates = {next(iter(labels(s).values())): samples(s) for s in series}
        assert rates == {
            "east": [(0, 0), (10, 5), (20, 0), (30, 0)],
            "west": [(0, 0), (10, 10), (20, 0), (30, 0)],
        }
