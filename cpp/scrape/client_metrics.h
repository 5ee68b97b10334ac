/// The messages of io.prometheus.client below a MetricFamily, read from their wire form.

#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cpp/model/labels.h"
#include "cpp/scrape/exposition.h"
#include "cpp/scrape/protobuf_reader.h"
#include "cpp/wire/proto_reader.h"

namespace tocsin::scrape {

/// One field of a message.
struct WireField {
  uint32_t number = 0;
  wire::WireType type = wire::WireType::kVarint;
  uint64_t bits = 0;            ///< Of varints and fixed ones.
  std::string_view bytes = {};  ///< Of kBytes.

  double AsDouble() const { return std::bit_cast<double>(bits); }
  int64_t AsZigzag() const {
    return static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
  }
};

/// Calls `take` for each field, in their order; it returns false if a value is malformed. False if
/// it did, or the message is malformed itself.
template <class Take>
bool ForEachField(std::string_view message, const Take& take) {
  const char* p = message.data();
  const char* const end = p + message.size();
  while (p != end) {
    uint32_t tag = 0;
    p = wire::ReadTag(p, end, &tag);
    if (p == nullptr) return false;
    WireField field{.number = tag >> 3, .type = static_cast<wire::WireType>(tag & 7U)};
    switch (field.type) {
      case wire::WireType::kVarint:
        p = wire::ReadVarint(p, end, &field.bits);
        break;
      case wire::WireType::kFixed64:
        p = wire::ReadFixed64(p, end, &field.bits);
        break;
      case wire::WireType::kBytes:
        p = wire::ReadBytes(p, end, &field.bytes);
        break;
      default:
        p = wire::SkipField(p, end, tag, wire::kDepthMax);
        break;
    }
    if (p == nullptr || field.number == 0 || !take(field)) return false;
  }
  return true;
}

/// A LabelPair. Nullopt if it is malformed, or no UTF-8.
std::optional<Labels::Pair> ReadLabelPair(std::string_view message);

/// The value of a Counter, a Gauge or an Untyped, with the exemplar of a counter. False if it is
/// malformed. `start` is in milliseconds.
bool ReadSimple(std::string_view message, std::vector<MetricPart>* parts, Millis* start);
/// A Summary.
bool ReadSummary(std::string_view message, std::vector<MetricPart>* parts, Millis* start);
/// A Histogram, in the forms that the options ask for. `gauge`: it goes up and down.
bool ReadHistogram(std::string_view message, bool gauge, const ReaderOptions& options,
                   std::vector<MetricPart>* parts, Millis* start);

}  // namespace tocsin::scrape
