"""Remote write to a real Prometheus: samples and exemplars, also after it was down."""

from __future__ import annotations

import signal
import time
import urllib.parse
from typing import Any

from harness import Server, free_port, request, running, span, wait_until
from peers import prometheus
from remote_write_messages import V1, sample, series_v1, snappy
from write_receiver import V2, WriteReceiver, Written


def query(url: str, expr: str) -> Any:
    text = urllib.parse.urlencode({"query": expr})
    return request(f"{url}/api/v1/query?{text}").json["data"]["result"]


def exemplars(url: str, expr: str) -> Any:
    now = time.time()
    text = urllib.parse.urlencode({"query": expr, "start": now - 3600, "end": now + 60})
    return request(f"{url}/api/v1/query_exemplars?{text}").json["data"]


def config(url: str) -> str:
    return f"""
metrics_generator: {{collection_interval: 1s}}
global: {{external_labels: {{origin: tocsin}}}}
remote_write: [{{url: "{url}/api/v1/write", send_exemplars: true}}]
"""


def test_samples_and_exemplars_reach_prometheus() -> None:
    """RWR-01, RWR-02, RWR-07, GEN-27: the same series, and an exemplar whose trace is here."""
    with prometheus() as peer, running(config(peer)) as server:
        server.send(*[span(duration=30_000_000) for _ in range(10)], service="shop")
        calls = 'traces_spanmetrics_calls_total{service_name="shop", origin="tocsin"}'
        wait_until(lambda: query(peer, calls), "the series at Prometheus", 60)
        wait_until(lambda: query(peer, calls)[0]["value"][1] == "10", "its value", 30)
        bucket = 'traces_spanmetrics_latency_bucket{service_name="shop"}'
        found = wait_until(lambda: exemplars(peer, bucket), "an exemplar", 60)
        trace_id = found[0]["exemplars"][0]["labels"]["traceID"]
        assert len(trace_id) == 32
        assert server.get(f"/api/traces/{trace_id}").status == 200


def test_what_was_written_while_prometheus_was_down_arrives() -> None:
    """RWR-04, RWR-06: retried until it is taken, also by a process that was started again."""
    port = free_port()
    with running(config(f"http://127.0.0.1:{port}")) as server:
        server.send(span(), service="patient")
        wait_until(
            lambda: server.promql('traces_spanmetrics_calls_total{service="patient"}'),
            "the span metrics",
            40,
        )
        time.sleep(2)
        server.restart()
        with prometheus(port) as peer:
            expr = 'count_over_time(traces_spanmetrics_calls_total{service_name="patient"}[5m])'
            wait_until(lambda: query(peer, expr), "the old samples at Prometheus", 60)


def times(receiver: WriteReceiver, service: str) -> list[int]:
    """Return the sample times of the service's call counter, in the order in which they came."""
    found: list[int] = []
    for labels, samples in receiver.samples("traces_spanmetrics_calls_total").items():
        if ("service", service) in labels or ("service_name", service) in labels:
            found += [t for t, _ in samples]
    return found


def target(receiver: WriteReceiver, more: str = "") -> str:
    return f"""
metrics_generator: {{collection_interval: 1s}}
remote_write:
- url: "{receiver.url}"
  name: here
  queue_config: {{batch_send_deadline: 500ms, min_backoff: 10ms, max_backoff: 100ms}}
{more}"""


def test_version_2_with_types_and_an_orderly_sequence() -> None:
    """RWR-03, RWR-05: symbols, metadata inline, each series in its order; metrics of the sender."""
    with WriteReceiver() as receiver:
        more = "  protobuf_message: io.prometheus.write.v2.Request\n"
        with running(target(receiver, more)) as server:
            server.send(span(), service="second")
            wait_until(lambda: len(times(receiver, "second")) >= 3, "three samples", 60)
            assert server.metric("prometheus_remote_storage_samples_total") > 0
            assert server.metric("prometheus_remote_storage_samples_failed_total") == 0
            assert server.metric("prometheus_remote_storage_shards") == 1
            assert 'remote_name="here"' in server.get("/metrics").text
        got = times(receiver, "second")
        assert got == sorted(set(got))
        for written in receiver.requests:
            assert written.headers["x-prometheus-remote-write-version"] == "2.0.0"
            assert written.headers["user-agent"].startswith("Tocsin/")


def test_a_receiver_of_version_1_is_found_out() -> None:
    """RWR-03: 415 to 2.0 makes it 1.0."""
    with WriteReceiver(lambda w: 415 if w.headers["content-type"] == V2 else 204) as receiver:
        more = "  protobuf_message: io.prometheus.write.v2.Request\n"
        with running(target(receiver, more)) as server:
            server.send(span(), service="old")
            wait_until(lambda: times(receiver, "old"), "samples as 1.0", 60)
        assert receiver.statuses.count(415) == 1
        versions = {w.headers["x-prometheus-remote-write-version"] for w in receiver.requests}
        assert versions == {"0.1.0"}


def test_a_restart_in_the_middle_of_an_outage_leaves_no_gap() -> None:
    """RWR-04, RWR-06: every sample of every second arrives, in order, over outage and kill -9."""
    status = [204]
    with WriteReceiver(lambda _: status[0]) as receiver, running(target(receiver)) as server:
        server.send(span(), service="steady")
        wait_until(lambda: times(receiver, "steady"), "the first samples", 60)
        status[0] = 503
        time.sleep(3)
        server.kill()
        server.start()
        server.send(span(), service="steady")
        time.sleep(3)
        status[0] = 204
        newest = int(time.time() * 1000)
        wait_until(lambda: max(times(receiver, "steady")) > newest, "what is new", 60)
        expr = "traces_spanmetrics_calls_total"
        text = urllib.parse.urlencode({"query": f'{expr}{{service_name="steady"}}[1m]'})
        here = server.get(f"/api/v1/query?{text}").json["data"]["result"][0]["values"]
        kept = [round(t * 1000) for t, _ in here]
        got = times(receiver, "steady")
        assert set(kept) - {t for t in kept if t > max(got)} <= set(got)
        assert 503 in receiver.statuses


def test_refusals_do_not_wedge_the_queue() -> None:
    """RWR-12: what is refused is dropped and counted, never sent again; what follows arrives."""
    refused: list[tuple[str, str, int]] = []

    def judge(written: Written) -> int:
        if not written.samples or len(refused) > 10:
            return 204
        refused.extend((name, str(labels), t) for name, labels, t, _ in written.samples)
        return 400

    with WriteReceiver(judge) as receiver, running(target(receiver)) as server:
        server.send(span(), service="good")
        wait_until(lambda: len(times(receiver, "good")) >= 3, "the later samples", 60)
        taken = {
            (name, str(labels), t) for w in receiver.requests for name, labels, t, _ in w.samples
        }
        assert not taken.intersection(refused)
        failed = server.metric("prometheus_remote_storage_samples_failed_total")
        assert failed == len(refused)


def write(server: Server, begin: int, count: int) -> None:
    """Write samples of those seconds to 20 series, one request a second."""
    for t in range(begin, begin + count):
        series = [series_v1({"__name__": "m", "n": str(n)}, sample(t * 1000, n)) for n in range(20)]
        answer = request(
            f"{server.url}/api/v1/write",
            body=snappy(b"".join(series)),
            headers={"Content-Type": V1, "Content-Encoding": "snappy"},
        )
        assert answer.status == 204, answer.text


def dropped(text: str) -> dict[str, float]:
    """Return the samples that were never sent, by reason."""
    name = "prometheus_remote_storage_samples_dropped_total{"
    found = {}
    for line in text.splitlines():
        if line.startswith(name):
            labels, value = line.rsplit(" ", 1)
            found[labels.split('reason="')[1].split('"')[0]] = float(value)
    return found


def test_an_outage_beyond_the_bounds_of_the_log_is_counted_to_the_sample() -> None:
    """RWR-06: what arrived and what was dropped is what was written, also over a kill -9."""
    status = [503]
    bound = "capacity: 40, max_samples_per_send: 40, max_shards: 1, wal_max_bytes: 1, "
    begin = int(time.time()) - 600
    with WriteReceiver(lambda _: status[0]) as receiver:
        # Nothing but what is written below.
        alone = "metrics_generator: {enabled: false}\nscrape_configs: []\n"
        config = alone + target(receiver).split("\n", 2)[2]
        config = config.replace("queue_config: {", "queue_config: {" + bound)
        with running(config) as server:
            write(server, begin, 30)
            wait_until(lambda: receiver.statuses, "a request that is refused", 60)
            time.sleep(1.5)  # Until the place of the writer is saved.
            server.flush()
            write(server, begin + 30, 30)
            server.flush()
            server.kill()
            server.start()
            write(server, begin + 60, 30)
            server.flush()
            write(server, begin + 90, 30)
            status[0] = 204

            def arrived() -> set[tuple[str, int]]:
                requests = list(receiver.requests)
                return {(labels["n"], t) for w in requests for _, labels, t, _ in w.samples}

            def accounted() -> bool:
                lost = dropped(server.get("/metrics").text)
                return len(arrived()) + sum(lost.values()) >= 20 * 120

            wait_until(accounted, "every sample, as one that arrived or one that was dropped", 60)
            time.sleep(2)
            lost = dropped(server.get("/metrics").text)
            assert len(arrived()) + sum(lost.values()) == 20 * 120, lost
            assert sum(lost.values()) == lost["lost_in_wal"] >= 20 * 30


def test_headers_credentials_and_relabelling() -> None:
    """RWR-09, RWR-10: what the file says of a target is what it is sent."""
    more = """  headers: {X-Scope-OrgID: team}
  basic_auth: {username: me, password: hunter2}
  http_headers: {X-More: {values: [one]}}
  write_relabel_configs:
  - {source_labels: [__name__], regex: traces_spanmetrics_calls_total, action: keep}
  - {source_labels: [service_name], target_label: origin}
"""
    with WriteReceiver() as receiver, running(target(receiver, more)) as server:
        server.send(span(), service="named")
        wait_until(lambda: times(receiver, "named"), "samples", 60)
        with_samples = [w for w in receiver.requests if w.samples]
        headers = with_samples[0].headers
        assert headers["x-scope-orgid"] == "team"
        assert headers["x-more"] == "one"
        assert headers["authorization"] == "Basic bWU6aHVudGVyMg=="
        names = {name for w in with_samples for name, _, _, _ in w.samples}
        assert names == {"traces_spanmetrics_calls_total"}
        series = receiver.samples("traces_spanmetrics_calls_total")
        assert any(("origin", "named") in labels for labels in series)
        shown = server.get("/status/config").text
        assert "hunter2" not in shown


def test_stopping_is_quick_when_the_receiver_is_gone() -> None:
    """RWR-06: nothing waits at shutdown for what the next start can send."""
    with WriteReceiver(lambda _: 503) as receiver, running(target(receiver)) as server:
        server.send(span(), service="late")
        wait_until(lambda: receiver.statuses, "a request", 60)
        begin = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin < 15
        server.start()


def test_a_target_is_added_while_it_runs() -> None:
    """RWR-11: SIGHUP; the first target goes on undisturbed."""
    with WriteReceiver() as first, WriteReceiver() as second, running(target(first)) as server:
        server.send(span(), service="both")
        wait_until(lambda: times(first, "both"), "samples at the first", 60)
        both = server.config.rstrip() + f'\n- url: "{second.url}"\n  name: added\n'
        (server.data.parent / f"{server.data.name}.yaml").write_text(both)
        assert server.process is not None
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: times(second, "both"), "samples at the second", 60)
        seen = len(times(first, "both"))
        wait_until(lambda: len(times(first, "both")) > seen, "more at the first", 60)
