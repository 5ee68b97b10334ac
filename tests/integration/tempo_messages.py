"""The messages of tempopb.StreamingQuerier, from their published field numbers, and a client.

Nothing of it comes from the code under test.
"""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.common.v1 import common_pb2

ANY_VALUE = ".opentelemetry.proto.common.v1.KeyValue"

# name: {field: (number, type)}; "+" repeats it, a capital letter begins a message's name.
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "TagsEntry": {"key": (1, "string"), "value": (2, "string")},
    "SearchRequest": {
        "tags": (1, "+TagsEntry"),
        "min_duration_ms": (2, "uint32"),
        "max_duration_ms": (3, "uint32"),
        "limit": (4, "uint32"),
        "start": (5, "uint32"),
        "end": (6, "uint32"),
        "query": (8, "string"),
        "spans_per_span_set": (9, "uint32"),
    },
    "ServiceStats": {"span_count": (1, "uint32"), "error_count": (2, "uint32")},
    "ServiceStatsEntry": {"key": (1, "string"), "value": (2, "ServiceStats")},
    "Span": {
        "span_id": (1, "string"),
        "name": (2, "string"),
        "start_time_unix_nano": (3, "uint64"),
        "duration_nanos": (4, "uint64"),
        "attributes": (5, "+" + ANY_VALUE),
    },
    "SpanSet": {
        "spans": (1, "+Span"),
        "matched": (2, "uint32"),
        "attributes": (3, "+" + ANY_VALUE),
    },
    "TraceSearchMetadata": {
        "trace_id": (1, "string"),
        "root_service_name": (2, "string"),
        "root_trace_name": (3, "string"),
        "start_time_unix_nano": (4, "uint64"),
        "duration_ms": (5, "uint32"),
        "span_set": (6, "SpanSet"),
        "span_sets": (7, "+SpanSet"),
        "service_stats": (8, "+ServiceStatsEntry"),
    },
    "SearchMetrics": {
        "inspected_traces": (1, "uint32"),
        "inspected_bytes": (2, "uint64"),
        "total_blocks": (3, "uint32"),
        "completed_jobs": (4, "uint32"),
        "total_jobs": (5, "uint32"),
        "inspected_spans": (7, "uint64"),
    },
    "SearchResponse": {"traces": (1, "+TraceSearchMetadata"), "metrics": (2, "SearchMetrics")},
    "SearchTagsRequest": {
        "scope": (1, "string"),
        "query": (2, "string"),
        "start": (3, "uint32"),
        "end": (4, "uint32"),
        "max_tags_per_scope": (5, "uint32"),
    },
    "MetadataMetrics": {
        "inspected_bytes": (1, "uint64"),
        "total_jobs": (2, "uint32"),
        "completed_jobs": (3, "uint32"),
        "total_blocks": (4, "uint32"),
    },
    "SearchTagsResponse": {"tag_names": (1, "+string"), "metrics": (2, "MetadataMetrics")},
    "SearchTagsV2Scope": {"name": (1, "string"), "tags": (2, "+string")},
    "SearchTagsV2Response": {
        "scopes": (1, "+SearchTagsV2Scope"),
        "metrics": (2, "MetadataMetrics"),
    },
    "SearchTagValuesRequest": {
        "tag_name": (1, "string"),
        "query": (2, "string"),
        "start": (4, "uint32"),
        "end": (5, "uint32"),
        "max_tag_values": (6, "uint32"),
    },
    "SearchTagValuesResponse": {"tag_values": (1, "+string"), "metrics": (2, "MetadataMetrics")},
    "TagValue": {"type": (1, "string"), "value": (2, "string")},
    "SearchTagValuesV2Response": {
        "tag_values": (1, "+TagValue"),
        "metrics": (2, "MetadataMetrics"),
    },
    "QueryRangeRequest": {
        "query": (1, "string"),
        "start": (2, "uint64"),
        "end": (3, "uint64"),
        "step": (4, "uint64"),
        "exemplars": (16, "uint32"),
        "max_series": (17, "uint32"),
    },
    "Sample": {"value": (1, "double"), "timestamp_ms": (2, "int64")},
    "TimeSeries": {"labels": (1, "+" + ANY_VALUE), "samples": (2, "+Sample")},
    "QueryRangeResponse": {"series": (1, "+TimeSeries"), "metrics": (2, "SearchMetrics")},
    "QueryInstantRequest": {"query": (1, "string"), "start": (2, "uint64"), "end": (3, "uint64")},
    "InstantSeries": {"labels": (1, "+" + ANY_VALUE), "value": (2, "double")},
    "QueryInstantResponse": {"series": (1, "+InstantSeries"), "metrics": (2, "SearchMetrics")},
}

ANSWERS = {
    "Search": "Search",
    "SearchTags": "SearchTags",
    "SearchTagsV2": "SearchTags",
    "SearchTagValues": "SearchTagValues",
    "SearchTagValuesV2": "SearchTagValues",
    "MetricsQueryRange": "QueryRange",
    "MetricsQueryInstant": "QueryInstant",
}


def _messages() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="tests/tempo_messages.proto",
        package="tests.tempopb",
        syntax="proto3",
        dependency=[common_pb2.DESCRIPTOR.name],
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            repeated = kind.startswith("+")
            kind = kind.removeprefix("+")
            made = message.field.add(
                name=field,
                number=number,
                label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL,
            )
            if kind.startswith(".") or kind[0].isupper():
                made.type = kinds.TYPE_MESSAGE
                made.type_name = kind if kind.startswith(".") else f".tests.tempopb.{kind}"
            else:
                made.type = getattr(kinds, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.Default()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tests.tempopb.{name}"))
        for name in MESSAGES
    }


CLASSES = _messages()


class Client:
    """A client of the streaming API; every call returns the messages as they come."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address)

    def call(self, method: str, timeout: float | None = 30, **fields: Any) -> Any:
        """Begin a call and return gRPC's iterator, which can also be cancelled."""
        request = CLASSES[ANSWERS[method] + "Request"](**fields)
        response = "QueryRange" if method == "MetricsQueryRange" else method
        response = "QueryInstant" if method == "MetricsQueryInstant" else response
        stub = self.channel.unary_stream(
            f"/tempopb.StreamingQuerier/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=CLASSES[response + "Response"].FromString,
        )
        return stub(request, timeout=timeout)

    def messages(self, method: str, **fields: Any) -> list[Any]:
        return list(self.call(method, **fields))

    def close(self) -> None:
        self.channel.close()
