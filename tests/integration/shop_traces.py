"""Traces of a small shop, as its instrumented services would send them."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import attribute, export_request, request, span
from opentelemetry.proto.trace.v1 import trace_pb2

if TYPE_CHECKING:
    from harness import Server

SERVER = trace_pb2.Span.SPAN_KIND_SERVER
CLIENT = trace_pb2.Span.SPAN_KIND_CLIENT
INTERNAL = trace_pb2.Span.SPAN_KIND_INTERNAL
MILLISECOND = 1_000_000


@dataclass
class Call:
    """One operation of a service and what it calls, one after the other or side by side."""

    service: str
    name: str
    kind: int = SERVER
    own_ms: float = 2
    calls: tuple[Call, ...] = ()
    side_by_side: bool = False
    fails: float = 0


def store(name: str, own_ms: float) -> Call:
    return Call("postgres", name, SERVER, own_ms)


CHECKOUT = Call(
    "frontend",
    "POST /checkout",
    calls=(
        Call("session", "Authenticate", own_ms=1.5, calls=(store("SELECT sessions", 0.8),)),
        Call(
            "checkout",
            "PlaceOrder",
            own_ms=6,
            calls=(
                Call(
                    "checkout",
                    "prepare order",
                    INTERNAL,
                    1,
                    (
                        Call("cart", "GetCart", own_ms=1.2, calls=(store("SELECT carts", 2.5),)),
                        Call(
                            "catalog", "GetProducts", own_ms=2, calls=(store("SELECT products", 4),)
                        ),
                        Call("currency", "Convert", own_ms=0.7),
                    ),
                    side_by_side=True,
                ),
                Call("payment", "Charge", own_ms=18, fails=0.09),
                Call("shipping", "ShipOrder", own_ms=5, calls=(store("INSERT shipments", 3),)),
                Call("email", "SendConfirmation", own_ms=7, fails=0.02),
            ),
        ),
    ),
)
BROWSE = Call(
    "frontend",
    "GET /products",
    calls=(
        Call("catalog", "ListProducts", own_ms=3, calls=(store("SELECT products", 5),)),
        Call(
            "recommendation",
            "Recommend",
            own_ms=9,
            calls=(Call("catalog", "GetProducts", own_ms=2),),
        ),
    ),
    side_by_side=True,
)
CART = Call(
    "frontend",
    "GET /cart",
    calls=(Call("cart", "GetCart", own_ms=1.5, calls=(store("SELECT carts", 2),), fails=0.01),),
)


class Recorder:
    """Collects the spans of calls by service and sends them."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)
        self.spans: dict[str, list[trace_pb2.Span]] = {}

    def record(self, call: Call, begin: int) -> bytes:
        """Record one trace of `call` that began at that time; return its id."""
        trace_id = os.urandom(16)
        self._walk(call, trace_id, b"", begin)
        return trace_id

    def _walk(self, call: Call, trace_id: bytes, parent: bytes, begin: int) -> tuple[int, bool]:
        own = int(call.own_ms * MILLISECOND * self.random.lognormvariate(0, 0.5))
        span_id = os.urandom(8)
        now = begin + own // 2
        end = now
        failed = self.random.random() < call.fails
        for inner in call.calls:
            done, inner_failed = self._walk(inner, trace_id, span_id, now)
            failed = failed or (inner_failed and call.kind == SERVER)
            end = max(end, done)
            if not call.side_by_side:
                now = done + 40_000
        end = max(end, now) + own // 2
        made = span(
            call.name,
            trace_id=trace_id,
            span_id=span_id,
            parent_id=parent,
            start=begin,
            duration=end - begin,
            kind=call.kind,
            error=failed,
            **self._attributes(call, failed),
        )
        if failed and not call.calls:
            made.status.message = "upstream said no"
            made.events.add(
                time_unix_nano=end - 50_000,
                name="exception",
                attributes=[
                    attribute("exception.type", "Declined"),
                    attribute("exception.message", "card declined: insufficient funds"),
                ],
            )
        self.spans.setdefault(call.service, []).append(made)
        return end, failed

    def _attributes(self, call: Call, failed: bool) -> dict[str, str | bool | float]:
        if call.service == "payment":  # Nearly all that fail are of one card.
            cards = ["elm"] * 9 + ["oak"] if failed else ["elm", "oak", "oak", "yew"]
            return {"rpc__method": call.name, "card__brand": self.random.choice(cards)}
        if call.service == "postgres":
            verb, table = call.name.split()
            return {
                "db__system": "postgresql",
                "db__statement": f"{verb} * FROM {table} WHERE id = $1",
            }
        if call.name.startswith(("GET", "POST")):
            method, route = call.name.split()
            return {
                "http__request__method": method,
                "http__route": route,
                "http__response__status_code": 200,
                "user__id": f"u-{self.random.randrange(500)}",
            }
        return {"rpc__method": call.name, "rpc__system": "grpc"}

    def send(self, server: Server) -> None:
        """Send what was recorded, a request for each service, and forget it."""
        for service, spans in self.spans.items():
            body = export_request(
                *spans,
                service=service,
                service__version="1.4.2",
                deployment__environment__name="production",
                host__name=f"node-{len(service) % 3}",
            ).SerializeToString()
            answer = request(
                server.otlp_http + "/v1/traces",
                body=body,
                headers={"Content-Type": "application/x-protobuf"},
            )
            assert answer.status == 200, answer.text
        self.spans = {}


def send_shop(server: Server, traces: int = 60, over_seconds: float = 900) -> bytes:
    """Send traces of the shop, spread evenly until now; return the id of a checkout."""
    recorder = Recorder()
    now = time.time_ns()
    checkout = b""
    for i in range(traces):
        begin = now - int((over_seconds * (traces - i) / traces) * 1e9) - 200 * MILLISECOND
        call = (CHECKOUT, BROWSE, CART)[i % 3]
        trace_id = recorder.record(call, begin)
        checkout = trace_id if call is CHECKOUT else checkout
    recorder.send(server)
    return checkout
