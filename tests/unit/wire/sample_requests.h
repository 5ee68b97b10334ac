/// OTLP requests for tests, made with protobuf's own classes.

#pragma once

#include <random>
#include <string>

#include "cpp/wire/proto/otlp.pb.h"

namespace tocsin::wire {

using ExportRequest = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;

/// Two spans of one resource and scope; the first has every field of every message set, and
/// attributes of every type.
ExportRequest FullRequest();

/// Any shape at all: fields set or not, ids valid or not, values nested, texts short and long.
ExportRequest RandomRequest(std::mt19937_64* random);

/// `encoded` after one to four random changes: bits flipped, bytes replaced, ranges cut out,
/// repeated or moved.
std::string Mutate(std::string encoded, std::mt19937_64* random);

}  // namespace tocsin::wire
