"""The same samples and the same questions to a real Prometheus and to us: the same answers.

Debian's Prometheus is 2.42. Where 3.x means something else, the questions keep away from the
difference: no sample lies on the left edge of a range (3.x ranges are open there), counters
stand so high that no rate is cut at zero (3.x decides that by other thresholds), and nobody asks
for atan2 (which kept the name of the metric).

TOCSIN_DIFFERENTIAL_SEED and TOCSIN_DIFFERENTIAL_COUNT ask other and more questions.
"""

from __future__ import annotations

import math
import os
import random
import struct
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any

from harness import request, running
from peers import prometheus
from remote_write_messages import V1, sample, series_v1, snappy

SEED = int(os.environ.get("TOCSIN_DIFFERENTIAL_SEED", "1"))
COUNT = int(os.environ.get("TOCSIN_DIFFERENTIAL_COUNT", "300"))
STALE = struct.unpack("<d", bytes.fromhex("020000000000f07f"))[0]

INTERVAL = 15_000
SPAN = 3_600_000
BOUNDS = ("0.1", "0.5", "1", "5", "+Inf")
LABELS = ("job", "zone", "code")


def dataset(rng: random.Random, start: int) -> bytes:
    """Return a write request: counters with resets, gauges, a histogram; gaps and endings."""
    out = b""
    for job in ("api", "web", "db"):
        for zone in ("a", "b"):
            for code in ("200", "500"):
                labels = {"__name__": "requests_total", "job": job, "zone": zone, "code": code}
                out += series_v1(labels, *counter(rng, start))
            labels = {"__name__": "temperature", "job": job, "zone": zone}
            out += series_v1(labels, *gauge(rng, start))
        out += histogram_of(rng, start, job)
    return out + series_v1({"__name__": "weight", "job": "api"}, *gauge(rng, start))


def times(rng: random.Random, start: int) -> list[int]:
    """Return scrape times, off every whole second, some of them missing."""
    jitter = rng.randrange(1, 997)
    all_times = range(start + jitter, start + SPAN, INTERVAL)
    gap = rng.randrange(start, start + SPAN)
    return [t for t in all_times if not gap <= t < gap + 400_000 and rng.random() > 0.03]


def counter(rng: random.Random, start: int) -> list[bytes]:
    value, samples = rng.uniform(5_000, 9_000), []
    for t in times(rng, start):
        value = rng.uniform(4_000, 5_000) if rng.random() < 0.01 else value + rng.uniform(0, 9)
        samples.append(sample(t, value))
    return samples


def gauge(rng: random.Random, start: int) -> list[bytes]:
    samples = []
    for t in times(rng, start):
        # No infinities: sums that lose them and regressions over them have changed.
        value = rng.choice((rng.gauss(20, 15), rng.gauss(0, 1), math.nan))
        if rng.random() < 0.95 and not math.isfinite(value):
            value = rng.gauss(5, 5)
        samples.append(sample(t, STALE if rng.random() < 0.02 else value))
    return samples


def histogram_of(rng: random.Random, start: int, job: str) -> bytes:
    counts = [float(rng.randrange(4_000, 5_000) * (i + 1)) for i in range(len(BOUNDS))]
    rows: list[list[bytes]] = [[] for _ in BOUNDS]
    for t in range(start + 333, start + SPAN, INTERVAL):
        more = 0
        for i in range(len(BOUNDS)):
            more += rng.randrange(0, 5)
            counts[i] += more
            rows[i].append(sample(t, counts[i]))
    return b"".join(
        series_v1({"__name__": "latency_bucket", "job": job, "le": bound}, *row)
        for bound, row in zip(BOUNDS, rows, strict=True)
    )


@dataclass
class Questions:
    """Random expressions of what both know."""

    rng: random.Random
    in_subquery: bool = False

    def pick(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def selector(self) -> str:
        name = self.pick("requests_total", "temperature", "latency_bucket", "weight", "nothing")
        matchers = self.pick(
            "", "", '{job="api"}', '{zone!="a"}', '{job=~"a.*|web"}', '{code!~"5.."}', '{zone=""}'
        )
        return name + matchers

    def duration(self) -> str:
        return self.pick("1m", "2m30s", "5m", "17m", "40m")

    def shift(self) -> str:
        return self.pick("", "", "", " offset 7m", " offset -3m")

    def window(self) -> str:
        # The steps of a subquery inside of another one would lie on its edges.
        if self.rng.random() < 0.15 and not self.in_subquery:
            self.in_subquery = True
            inner = self.vector(1)
            self.in_subquery = False
            return f"{inner}[{self.duration()}:{self.pick('1m', '30s')}]{self.shift()}"
        return f"{self.selector()}[{self.duration()}]{self.shift()}"

    def over_time(self) -> str:
        name = self.pick(
            "rate", "increase", "delta", "irate", "idelta", "changes", "resets", "deriv",
            "avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time",
            "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time",
            "absent_over_time", "quantile_over_time", "predict_linear",
        )  # fmt: skip
        if name in {"rate", "increase"}:
            # Of counters only: how far a rate may reach to zero has changed.
            counted = self.pick("requests_total", 'latency_bucket{job=~"a.*|web"}')
            return f"{name}({counted}[{self.duration()}]{self.shift()})"
        if name == "quantile_over_time":
            return f"{name}({self.pick('0', '0.3', '0.95', '1', '2')}, {self.window()})"
        if name == "predict_linear":
            return f"{name}({self.window()}, {self.pick('60', '3600')})"
        return f"{name}({self.window()})"

    def function(self, depth: int) -> str:
        name = self.pick(
            "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos",
            "atan", "tanh", "deg", "rad", "round", "timestamp", "absent", "sort", "minute", "hour",
            "day_of_week", "month", "clamp_min", "clamp_max", "clamp", "label_replace",
            "label_join", "histogram_quantile",
        )  # fmt: skip
        inner = self.vector(depth - 1)
        if name in {"minute", "hour", "day_of_week", "month"}:
            # Infinite times are whatever the processor makes of them.
            return f"{name}({self.pick('requests_total', 'timestamp(temperature)')} * 1e4)"
        if name in {"clamp_min", "clamp_max"}:
            return f"{name}({inner}, {self.pick('-1', '3.5')})"
        if name == "clamp":
            return f"clamp({inner}, 0, 10)"
        if name == "round":
            return f"round({inner}, {self.pick('1', '0.5', '10')})"
        if name == "label_replace":
            return f'label_replace({inner}, "zone", "$1-x", "job", "(a|w).*")'
        if name == "label_join":
            return f'label_join({inner}, "joined", "/", "job", "zone")'
        if name == "histogram_quantile":
            by = self.pick("le", "le, job")
            rate = f"rate(latency_bucket[{self.pick('2m', '5m')}])"
            return f"histogram_quantile({self.pick('0.5', '0.9', '0.99')}, sum by ({by}) ({rate}))"
        return f"{name}({inner})"

    def aggregation(self, depth: int) -> str:
        name = self.pick("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar",
                         "quantile", "topk", "bottomk", "count_values")  # fmt: skip
        clause = self.pick("", " by (job)", " by (job, zone)", " without (code)", " without (le)")
        inner = self.vector(depth - 1)
        if name == "quantile":
            return f"quantile{clause} ({self.pick('0.5', '0.9', '-1')}, {inner})"
        if name in {"topk", "bottomk"}:
            # Of distinct values only: which of equal ones is taken is nobody's promise.
            return f"{name}{clause} ({self.pick('1', '2')}, {self.selector()})"
        if name in {"stddev", "stdvar"}:
            # Of finite values only: 2.42 takes the deviation of one infinite value for 0.
            return f"{name}{clause} (rate(requests_total[{self.duration()}]))"
        if name == "count_values":
            # Of plain values: the last digit of exp() is the library's.
            return f'count_values{clause} ("n", round({self.selector()}, 5))'
        return f"{name}{clause} ({inner})"

    def binary(self, depth: int) -> str:
        op = self.pick("+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=",
                       "and", "or", "unless")  # fmt: skip
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        if op in {"and", "or", "unless"}:
            return f"({left}) {op} {self.pick('', 'on (job)', 'ignoring (code)')} ({right})"
        if op in {"==", "!=", ">", "<", ">=", "<="} and self.rng.random() < 0.4:
            op += " bool"
        if self.rng.random() < 0.5:
            number = self.pick("2", "0", "-1.5", "1e3", "time()")
            return (
                f"({left}) {op} {number}" if self.rng.random() < 0.5 else f"{number} {op} ({left})"
            )
        match = self.pick("", "on (job, zone)", "ignoring (code)", "on (job) group_left",
                          "on (job) group_right (zone)")  # fmt: skip
        return f"({left}) {op} {match} ({right})"

    def vector(self, depth: int) -> str:
        if depth <= 0:
            return self.rng.choice((self.selector() + self.shift(), self.over_time()))
        kind = self.rng.randrange(6)
        if kind == 0:
            return self.function(depth)
        if kind == 1:
            return self.aggregation(depth)
        if kind == 2:
            return self.binary(depth)
        if kind == 3:
            return f"-({self.vector(depth - 1)})"
        return self.vector(0)


def ask(url: str, call: str, **parameters: object) -> Any:
    body = urllib.parse.urlencode(parameters).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return request(f"{url}/api/v1/{call}", method="POST", body=body, headers=form).json


def points(answer: Any) -> dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]:
    """Return the values by label set, whatever the order of the series."""
    out = {}
    for series in answer["data"]["result"]:
        values = series.get("values") or [series["value"]]
        out[tuple(sorted(series["metric"].items()))] = [(t, float(v)) for t, v in values]
    return out


def close(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    # Sums of large numbers that cancel leave noise.
    return a == b or math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-6)


def differences(theirs: Any, ours: Any) -> str:
    """Say how two answers differ; nothing if they do not."""
    if "multiple matches for labels" in ours.get("error", ""):
        return ""  # 2.42 looks for them only behind the filter of a comparison.
    if theirs["status"] != ours["status"]:
        return f"{theirs.get('error', 'an answer')} against {ours.get('error', 'an answer')}"
    if theirs["status"] == "error":
        return ""
    if theirs["data"]["resultType"] != ours["data"]["resultType"]:
        return "another type"
    if theirs["data"]["resultType"] == "scalar":
        return ""
    want, got = points(theirs), points(ours)
    if want.keys() != got.keys():
        return (
            f"missing {sorted(want.keys() - got.keys())}, extra {sorted(got.keys() - want.keys())}"
        )
    for labels, values in want.items():
        if [t for t, _ in values] != [t for t, _ in got[labels]]:
            return f"{labels}: at other times"
        for (t, a), (_, b) in zip(values, got[labels], strict=True):
            if not close(a, b):
                return f"{labels} at {t}: {a} against {b}"
    return ""


def test_prometheus_and_we_agree() -> None:
    """PQL-01..12: random expressions at an instant and over a range."""
    rng = random.Random(SEED)
    end = int(time.time()) // 60 * 60
    data = dataset(rng, (end - 3600) * 1000)
    with prometheus() as peer, running("metrics_generator: {enabled: false}\n") as server:
        for url in (peer, server.url):
            answer = request(
                f"{url}/api/v1/write",
                body=snappy(data),
                headers={
                    "Content-Type": V1,
                    "Content-Encoding": "snappy",
                    "X-Prometheus-Remote-Write-Version": "0.1.0",
                },
            )
            assert answer.status in {200, 204}, (url, answer.text)
        questions = Questions(rng)
        failures, answered = [], 0
        for _ in range(COUNT):
            query = questions.vector(rng.randrange(4))
            # Off the minute, so that steps of subqueries stay off the edges too.
            moment = {"query": query, "time": end - rng.randrange(300, 2400) // 60 * 60 + 13}
            window = {"query": query, "start": end - 1787, "end": end - 287, "step": 60}
            for call, parameters in (("query", moment), ("query_range", window)):
                theirs = ask(peer, call, **parameters)
                ours = ask(server.url, call, **parameters)
                answered += theirs["status"] == "success" and bool(theirs["data"]["result"])
                if said := differences(theirs, ours):
                    failures.append(f"{call} {parameters}: {said}")
        assert not failures, f"{len(failures)} differences:\n" + "\n".join(failures[:20])
        # Questions that nobody answers would prove nothing.
        assert answered > COUNT
