#include "cpp/scrape/client_metrics.h"

#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/model/native_histogram_buckets.h"
#include "cpp/model/native_histogram_math.h"
#include "cpp/scrape/classic_histogram.h"
#include "cpp/wire/utf8.h"

namespace tocsin::scrape {
namespace {

constexpr Millis kMillisPerSecond = 1000;
constexpr int64_t kNanosPerMilli = 1'000'000;
// Seconds beyond these are no time of a metric, and would overflow as milliseconds.
constexpr int64_t kMaxSeconds = 9'000'000'000'000;

/// A google.protobuf.Timestamp.
bool ReadTimestamp(std::string_view message, std::optional<Millis>* millis) {
  int64_t seconds = 0;
  int64_t nanos = 0;
  const bool good = ForEachField(message, [&](const WireField& field) {
    if (field.number == 1) seconds = static_cast<int64_t>(field.bits);
    if (field.number == 2) nanos = static_cast<int32_t>(field.bits);
    return true;
  });
  if (!good || seconds > kMaxSeconds || seconds < -kMaxSeconds) return false;
  *millis = seconds * kMillisPerSecond + nanos / kNanosPerMilli;
  return true;
}

bool ReadStart(std::string_view message, Millis* start) {
  std::optional<Millis> time;
  if (!ReadTimestamp(message, &time)) return false;
  *start = time.value_or(0);
  return true;
}

bool ReadExemplar(std::string_view message, std::vector<ExposedExemplar>* exemplars) {
  ExposedExemplar exemplar;
  std::vector<Labels::Pair> labels;
  const bool good = ForEachField(message, [&](const WireField& field) {
    if (field.number == 1) {
      std::optional<Labels::Pair> label = ReadLabelPair(field.bytes);
      if (!label.has_value()) return false;
      labels.push_back(*std::move(label));
    } else if (field.number == 2) {
      exemplar.value = field.AsDouble();
    } else if (field.number == 3) {
      return ReadTimestamp(field.bytes, &exemplar.timestamp);
    }
    return true;
  });
  if (!good) return false;
  exemplar.labels = Labels(std::move(labels));
  exemplars->push_back(std::move(exemplar));
  return true;
}

/// Repeated numbers, packed or one by one.
template <class Add>
bool ReadNumbers(const WireField& field, bool fixed, const Add& add) {
  if (field.type != wire::WireType::kBytes) {
    add(field);
    return true;
  }
  const char* p = field.bytes.data();
  const char* const end = p + field.bytes.size();
  while (p != end) {
    WireField one{.number = field.number};
    p = fixed ? wire::ReadFixed64(p, end, &one.bits) : wire::ReadVarint(p, end, &one.bits);
    if (p == nullptr) return false;
    add(one);
  }
  return true;
}

struct WireBucket {
  double upper_bound = 0;
  double count = 0;
  std::vector<ExposedExemplar> exemplars;
};

struct WireSide {
  std::vector<HistogramSpan> spans;
  std::vector<int64_t> deltas;
  std::vector<double> counts;
};

struct WireHistogram {
  uint64_t count = 0;
  double count_float = 0;
  double sum = 0;
  std::vector<WireBucket> buckets;
  Millis start = 0;
  int32_t schema = 0;
  double zero_threshold = 0;
  uint64_t zero_count = 0;
  double zero_count_float = 0;
  WireSide negative;
  WireSide positive;
  std::vector<ExposedExemplar> exemplars;

  double Count() const { return count_float > 0 ? count_float : static_cast<double>(count); }
  /// Without observations only a span tells a native histogram, as Prometheus has it.
  bool IsNative() const {
    return !positive.spans.empty() || !negative.spans.empty() || zero_threshold > 0 ||
           zero_count > 0 || zero_count_float > 0;
  }
};

bool ReadBucket(std::string_view message, std::vector<WireBucket>* buckets) {
  WireBucket bucket;
  double whole = 0;
  const bool good = ForEachField(message, [&](const WireField& field) {
    switch (field.number) {
      case 1:
        whole = static_cast<double>(field.bits);
        return true;
      case 2:
        bucket.upper_bound = field.AsDouble();
        return true;
      case 3:
        return ReadExemplar(field.bytes, &bucket.exemplars);
      case 4:
        bucket.count = field.AsDouble();
        return true;
      default:
        return true;
    }
  });
  if (bucket.count == 0) bucket.count = whole;
  buckets->push_back(std::move(bucket));
  return good;
}

bool ReadSpan(std::string_view message, std::vector<HistogramSpan>* spans) {
  HistogramSpan span;
  const bool good = ForEachField(message, [&](const WireField& field) {
    if (field.number == 1) span.offset = static_cast<int32_t>(field.AsZigzag());
    if (field.number == 2) span.length = static_cast<uint32_t>(field.bits);
    return true;
  });
  spans->push_back(span);
  return good;
}

/// Fields 9 to 11 are the negative side, 12 to 14 the positive one.
bool ReadSideField(const WireField& field, WireHistogram* histogram) {
  constexpr uint32_t kFirstPositive = 12;
  WireSide& side = field.number < kFirstPositive ? histogram->negative : histogram->positive;
  switch (field.number % 3) {
    case 0:
      return ReadSpan(field.bytes, &side.spans);
    case 1:
      return ReadNumbers(field, false,
                         [&](const WireField& n) { side.deltas.push_back(n.AsZigzag()); });
    default:
      return ReadNumbers(field, true,
                         [&](const WireField& n) { side.counts.push_back(n.AsDouble()); });
  }
}

bool ReadHistogramField(const WireField& field, WireHistogram* histogram) {
  switch (field.number) {
    case 1:
      histogram->count = field.bits;
      return true;
    case 2:
      histogram->sum = field.AsDouble();
      return true;
    case 3:
      return ReadBucket(field.bytes, &histogram->buckets);
    case 4:
      histogram->count_float = field.AsDouble();
      return true;
    case 5:
      histogram->schema = static_cast<int32_t>(field.AsZigzag());
      return true;
    case 6:
      histogram->zero_threshold = field.AsDouble();
      return true;
    case 7:
      histogram->zero_count = field.bits;
      return true;
    case 8:
      histogram->zero_count_float = field.AsDouble();
      return true;
    case 15:
      return ReadStart(field.bytes, &histogram->start);
    case 16:
      return ReadExemplar(field.bytes, &histogram->exemplars);
    default:
      return field.number < 9 || field.number > 14 || ReadSideField(field, histogram);
  }
}

std::vector<double> CountsOf(const WireSide& side, bool floats) {
  return floats ? side.counts : CountsOfDeltas(side.deltas);
}

HistogramPtr NativeOf(const WireHistogram& wire, bool gauge) {
  const bool floats = wire.count_float > 0 || wire.zero_count_float > 0;
  auto native = std::make_shared<NativeHistogram>();
  if (gauge) native->counter_reset = CounterResetHint::kGauge;
  native->schema = wire.schema;
  native->zero_threshold = wire.zero_threshold;
  native->zero_count = floats ? wire.zero_count_float : static_cast<double>(wire.zero_count);
  native->count = floats ? wire.count_float : static_cast<double>(wire.count);
  native->sum = wire.sum;
  native->positive_spans = wire.positive.spans;
  native->negative_spans = wire.negative.spans;
  native->positive_buckets = CountsOf(wire.positive, floats);
  native->negative_buckets = CountsOf(wire.negative, floats);
  if (!ValidateHistogram(*native).ok()) return nullptr;
  CompactHistogram(native.get());
  return native;
}

void AddClassic(WireHistogram* wire, std::vector<MetricPart>* parts) {
  parts->push_back({.suffix = "_count", .value = wire->Count()});
  parts->push_back({.suffix = "_sum", .value = wire->sum});
  bool has_infinite = false;
  for (WireBucket& bucket : wire->buckets) {
    has_infinite = has_infinite || bucket.upper_bound == std::numeric_limits<double>::infinity();
    parts->push_back({.suffix = "_bucket",
                      .label = "le",
                      .bound = FormatOpenMetricsFloat(bucket.upper_bound),
                      .value = bucket.count,
                      .exemplars = std::move(bucket.exemplars)});
  }
  if (!has_infinite) {
    parts->push_back({.suffix = "_bucket", .label = "le", .bound = "+Inf", .value = wire->Count()});
  }
}

HistogramPtr ConvertedOf(const WireHistogram& wire) {
  ClassicHistogram classic;
  classic.SetCount(wire.Count());
  classic.SetSum(wire.sum);
  for (const WireBucket& bucket : wire.buckets) {
    classic.SetBucket(bucket.upper_bound, bucket.count);
  }
  return classic.Converted();
}

/// Of a native histogram: its own ones, or else those of its classic buckets.
std::vector<ExposedExemplar> ExemplarsOf(const WireHistogram& wire) {
  if (!wire.exemplars.empty()) return wire.exemplars;
  std::vector<ExposedExemplar> all;
  for (const WireBucket& bucket : wire.buckets) {
    all.insert(all.end(), bucket.exemplars.begin(), bucket.exemplars.end());
  }
  return all;
}

}  // namespace

std::optional<Labels::Pair> ReadLabelPair(std::string_view message) {
  Labels::Pair label;
  const bool good = ForEachField(message, [&](const WireField& field) {
    if (field.number == 1) label.first = field.bytes;
    if (field.number == 2) label.second = field.bytes;
    return true;
  });
  if (!good || label.first.empty() || !wire::IsUtf8(label.first) || !wire::IsUtf8(label.second)) {
    return std::nullopt;
  }
  return label;
}

bool ReadSimple(std::string_view message, std::vector<MetricPart>* parts, Millis* start) {
  MetricPart part;
  const bool good = ForEachField(message, [&](const WireField& field) {
    if (field.number == 1) part.value = field.AsDouble();
    if (field.number == 2) return ReadExemplar(field.bytes, &part.exemplars);
    if (field.number == 3) return ReadStart(field.bytes, start);
    return true;
  });
  parts->push_back(std::move(part));
  return good;
}

bool ReadSummary(std::string_view message, std::vector<MetricPart>* parts, Millis* start) {
  parts->push_back({.suffix = "_count"});
  parts->push_back({.suffix = "_sum"});
  return ForEachField(message, [&](const WireField& field) {
    if (field.number == 1) (*parts)[0].value = static_cast<double>(field.bits);
    if (field.number == 2) (*parts)[1].value = field.AsDouble();
    if (field.number == 4) return ReadStart(field.bytes, start);
    if (field.number != 3) return true;
    double quantile = 0;
    double value = 0;
    const bool good = ForEachField(field.bytes, [&](const WireField& inner) {
      if (inner.number == 1) quantile = inner.AsDouble();
      if (inner.number == 2) value = inner.AsDouble();
      return true;
    });
    parts->push_back(
        {.label = "quantile", .bound = FormatOpenMetricsFloat(quantile), .value = value});
    return good;
  });
}

bool ReadHistogram(std::string_view message, bool gauge, const ReaderOptions& options,
                   std::vector<MetricPart>* parts, Millis* start) {
  WireHistogram wire;
  const bool good = ForEachField(
      message, [&](const WireField& field) { return ReadHistogramField(field, &wire); });
  if (!good) return false;
  *start = wire.start;
  MetricPart native;
  if (options.native_histograms && wire.IsNative()) {
    native.histogram = NativeOf(wire, gauge);
    if (native.histogram == nullptr) return false;
  } else if (options.convert_classic) {
    native.histogram = ConvertedOf(wire);
    if (native.histogram == nullptr) return false;
    if (gauge) {
      auto copy = std::make_shared<NativeHistogram>(*native.histogram);
      copy->counter_reset = CounterResetHint::kGauge;
      native.histogram = std::move(copy);
    }
  }
  const bool is_native = native.histogram != nullptr;
  if (is_native) {
    native.exemplars = ExemplarsOf(wire);
    parts->push_back(std::move(native));
  }
  if (!is_native || (options.classic_histograms && !wire.buckets.empty())) {
    AddClassic(&wire, parts);
  }
  return true;
}

}  // namespace tocsin::scrape
