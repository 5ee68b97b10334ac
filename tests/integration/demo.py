"""./dev demo: traces of real SDKs in, a real alert out, on this machine.

Starts a Prometheus (as the receiver of remote write), a webhook receiver and Tocsin, sends traces
with the OpenTelemetry SDK of which more than 5 % fail, and shows on the way: a TraceQL answer, the
span metrics by PromQL, HighErrorRate of rules/tempo-alerts.yaml (unmodified: its five minutes are
really waited for) at the webhook, and the same series and an exemplar read back from Prometheus.
Stays up until Ctrl-C; with --once it exits after the checks, not with 0 if one failed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
import urllib.parse
from typing import Any

from harness import ROOT, Server, WebhookReceiver, request, running, wait_until, webhook
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from peers import prometheus


class Shop:
    """Two instrumented services that call each other; 7.5 % of the payments fail."""

    def __init__(self, server: Server) -> None:
        self.frontend = self._provider(
            "frontend", GrpcExporter(endpoint=server.otlp_grpc, insecure=True)
        )
        self.payment = self._provider(
            "payment", HttpExporter(endpoint=server.otlp_http + "/v1/traces")
        )
        self._random = random.Random(42)
        self._stop = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    @staticmethod
    def _provider(service: str, exporter: Any) -> TracerProvider:
        resource = Resource.create({"service.name": service, "cluster": "app-cluster"})
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        return provider

    def _run(self) -> None:
        frontend = self.frontend.get_tracer("demo")
        payment = self.payment.get_tracer("demo")
        while not self._stop.wait(0.05):
            with (
                frontend.start_as_current_span("POST /api/users", kind=SpanKind.SERVER) as root,
                payment.start_as_current_span("charge", kind=SpanKind.SERVER) as charge,
            ):
                root.set_attribute("http.method", "POST")
                if self._random.random() < 0.075:
                    charge.set_status(Status(StatusCode.ERROR, "card declined"))
                    charge.set_attribute("http.status_code", 500)

    def close(self) -> None:
        self._stop.set()
        self.frontend.shutdown()
        self.payment.shutdown()


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def show_traces(server: Server) -> None:
    query = '{ resource.service.name = "payment" && status = error }'
    found = wait_until(lambda: server.search(query, limit=3), "a failed payment", 60)
    say(f"TraceQL {query}")
    for trace in found:
        say(
            f"    {trace['traceID']}  {trace['rootServiceName']}: {trace['rootTraceName']}"
            f"  {trace.get('durationMs', 0)} ms"
        )


def show_metrics(server: Server) -> None:
    expr = "sum by (service_name, status_code) (traces_spanmetrics_calls_total)"
    series = wait_until(lambda: server.promql(expr), "the span metrics", 60)
    say(f"PromQL {expr}")
    for one in series:
        say(f"    {one['metric']} {one['value'][1]}")


def show_prometheus(server: Server, peer: str) -> None:
    def ask(path: str, **params: object) -> Any:
        return request(f"{peer}/api/v1/{path}?{urllib.parse.urlencode(params)}").json["data"]

    expr = 'sum(traces_spanmetrics_calls_total{service_name="payment"})'
    value = wait_until(lambda: ask("query", query=expr)["result"], "series at Prometheus", 90)
    say(f"Prometheus received {expr}: {value[0]['value'][1]}")

    def exemplar() -> Any:
        now = time.time()
        return ask(
            "query_exemplars",
            query='traces_spanmetrics_latency_bucket{service_name="payment"}',
            start=now - 3600,
            end=now + 60,
        )

    found = wait_until(exemplar, "an exemplar at Prometheus", 90)
    trace_id = found[0]["exemplars"][0]["labels"]["traceID"]
    answer = server.get(f"/api/traces/{trace_id}")
    assert answer.status == 200, "the exemplar's trace cannot be resolved"
    say(f"Prometheus received an exemplar; its trace {trace_id} is here")


def show_alert(server: Server, hook: WebhookReceiver) -> None:
    say("waiting for HighErrorRate: its expression must hold for five minutes")
    deadline = time.monotonic() + 600
    state = ""
    while time.monotonic() < deadline:
        fired = [
            a
            for a in hook.alerts("HighErrorRate", "firing")
            if a["labels"]["service_name"] == "payment"
        ]
        if fired:
            break
        alerts = server.get("/api/v1/alerts").json["data"]["alerts"]
        now = ", ".join(
            f"{a['labels']['alertname']} {a['state']} since {a['activeAt']}" for a in alerts
        )
        if now != state:
            state = now
            say(f"    alerts: {state or 'none'}")
        time.sleep(5)
    assert fired, "HighErrorRate did not arrive at the webhook"
    alert = fired[0]
    say("the webhook received:")
    for line in json.dumps(alert, indent=2).splitlines():
        say(f"    {line}")
    assert alert["labels"] == {
        "alertname": "HighErrorRate",
        "service_name": "payment",
        "severity": "warning",
    }
    assert alert["annotations"]["summary"] == "High error rate in payment"
    assert alert["annotations"]["description"].startswith("Error rate is ")
    assert alert["annotations"]["description"].endswith("%")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="exit after the checks")
    options = parser.parse_args()
    template = (ROOT / "deploy/examples/demo.yaml").read_text()
    with prometheus() as peer, webhook() as hook:
        config = (
            template.replace("${PROMETHEUS_URL}", peer)
            .replace("${WEBHOOK_URL}", hook.url)
            .replace("${RULES}", str(ROOT / "rules/tempo-alerts.yaml"))
        )
        with running(config) as server:
            say(f"Tocsin is up: pages {server.url}/ui/, API {server.url}, OTLP {server.otlp_grpc}")
            shop = Shop(server)
            say("two services send traces with the OpenTelemetry SDK, over gRPC and over HTTP")
            show_traces(server)
            show_metrics(server)
            show_prometheus(server, peer)
            show_alert(server, hook)
            say("all checks passed")
            if not options.once:
                say(f"open {server.url}/ui/ in a browser")
                say(f"try: curl '{server.url}/api/search?q=%7B%20status%20%3D%20error%20%7D'")
                say(f"try: curl '{server.url}/api/v1/alerts'")
                say(f"Prometheus: {peer}; OTLP: {server.otlp_grpc}; Ctrl-C ends it all")
                try:
                    threading.Event().wait()
                except KeyboardInterrupt:
                    say("bye")
            shop.close()
            assert server.stop() == 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
