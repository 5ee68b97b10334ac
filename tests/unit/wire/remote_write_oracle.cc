#include "tests/unit/wire/remote_write_oracle.h"

#include <bit>
#include <cstdint>
#include <sstream>
#include <vector>

#include "cpp/wire/proto/remote_write.pb.h"
#include "cpp/wire/proto/remote_write_v2.pb.h"

namespace tocsin::wire {
namespace {

namespace v2 = io::prometheus::write::v2;

// Both sides write what they understood as text, one thing a line.
using Lines = std::ostringstream;

void Put(Lines* lines, double value) { *lines << std::bit_cast<uint64_t>(value) << ' '; }

std::string Quoted(std::string_view text) {
  return std::to_string(text.size()) + ':' + std::string(text) + ' ';
}

// ---- Ours

void PutLabels(const WriteRequest& request, const WriteRequest::LabelsRef& ref, bool* ok,
               Lines* lines) {
  std::vector<LabelView> labels;
  const Status status = request.Labels(ref, &labels);
  if (status.code() == StatusCode::kInvalidArgument) *ok = false;
  if (status.code() == StatusCode::kNotFound) {
    *lines << " no labels\n";
    return;
  }
  for (const LabelView& label : labels) *lines << Quoted(label.name) << Quoted(label.value);
  *lines << '\n';
}

void PutBuckets(const std::vector<HistogramSpan>& spans, const std::vector<double>& buckets,
                Lines* lines) {
  for (const HistogramSpan& span : spans) *lines << span.offset << '+' << span.length << ' ';
  *lines << "| ";
  for (const double bucket : buckets) Put(lines, bucket);
  *lines << "| ";
}

void PutHistogram(const WireHistogram& wire, bool shown, Lines* lines) {
  *lines << "histogram " << wire.t << ' ' << wire.start << ' ';
  if (shown) {
    const NativeHistogram& histogram = *wire.histogram;
    *lines << histogram.schema << ' ' << static_cast<int>(histogram.counter_reset) << ' ';
    Put(lines, histogram.count);
    Put(lines, histogram.sum);
    Put(lines, histogram.zero_threshold);
    Put(lines, histogram.zero_count);
    PutBuckets(histogram.positive_spans, histogram.positive_buckets, lines);
    PutBuckets(histogram.negative_spans, histogram.negative_buckets, lines);
    for (const double bound : histogram.custom_values) Put(lines, bound);
  }
  *lines << '\n';
}

// Histograms that are refused, or made coarser, are judged by tests of their own.
bool IsKeptAsItIs(const WireHistogram& wire, int32_t schema) {
  return wire.histogram != nullptr && wire.histogram->schema == schema;
}

// The schemas that protobuf has seen, in order.
std::string Ours(const WriteRequest& request, const std::vector<int32_t>& schemas, bool* ok) {
  Lines lines;
  size_t next = 0;
  for (const WriteRequest::Series& series : request.series()) {
    lines << "series ";
    PutLabels(request, series.labels, ok, &lines);
    for (const auto& [sample, start] : series.samples) {
      lines << "sample " << sample.t << ' ' << start << ' ';
      Put(&lines, sample.v);
      lines << '\n';
    }
    for (const WireHistogram& histogram : series.histograms) {
      const bool shown = next < schemas.size() && IsKeptAsItIs(histogram, schemas[next]);
      ++next;
      PutHistogram(histogram, shown, &lines);
    }
    for (const WriteRequest::WriteExemplar& exemplar : series.exemplars) {
      lines << "exemplar " << exemplar.t << ' ';
      Put(&lines, exemplar.value);
      PutLabels(request, exemplar.labels, ok, &lines);
    }
    lines << "is " << static_cast<int>(series.type) << ' ' << series.help_ref << ' '
          << series.unit_ref << '\n';
  }
  for (const MetricMetadata& metadata : request.metadata()) {
    lines << "family " << MetricTypeName(metadata.type) << ' ' << Quoted(metadata.family)
          << Quoted(metadata.help) << Quoted(metadata.unit) << '\n';
  }
  return lines.str();
}

// ---- Protobuf's

// Numbers that no version knows mean unknown.
MetricType TypeOf(int number) {
  constexpr MetricType kTypes[] = {
      MetricType::kUnknown,        MetricType::kCounter, MetricType::kGauge, MetricType::kHistogram,
      MetricType::kGaugeHistogram, MetricType::kSummary, MetricType::kInfo,  MetricType::kStateSet};
  return number >= 0 && number < 8 ? kTypes[number] : MetricType::kUnknown;
}

template <class Spans, class Deltas, class Counts>
void PutSide(const Spans& spans, const Deltas& deltas, const Counts& counts, bool whole,
             Lines* lines) {
  std::vector<HistogramSpan> ours;
  for (const auto& span : spans) ours.push_back({span.offset(), span.length()});
  std::vector<double> buckets(counts.begin(), counts.end());
  if (whole) {
    buckets.clear();
    uint64_t count = 0;
    for (const int64_t delta : deltas) {
      count += static_cast<uint64_t>(delta);
      buckets.push_back(static_cast<double>(count));
    }
  }
  PutBuckets(ours, buckets, lines);
}

template <class Histogram>
void PutProtoHistogram(const Histogram& histogram, int64_t start, bool shown, Lines* lines) {
  *lines << "histogram " << histogram.timestamp() << ' ' << start << ' ';
  if (shown) {
    const bool whole = histogram.count_case() != Histogram::kCountFloat;
    const int hint = histogram.reset_hint();
    *lines << histogram.schema() << ' ' << (hint >= 0 && hint < 4 ? hint : 0) << ' ';
    Put(lines, whole ? static_cast<double>(histogram.count_int()) : histogram.count_float());
    Put(lines, histogram.sum());
    Put(lines, histogram.zero_threshold());
    Put(lines,
        whole ? static_cast<double>(histogram.zero_count_int()) : histogram.zero_count_float());
    PutSide(histogram.positive_spans(), histogram.positive_deltas(), histogram.positive_counts(),
            whole, lines);
    PutSide(histogram.negative_spans(), histogram.negative_deltas(), histogram.negative_counts(),
            whole, lines);
    for (const double bound : histogram.custom_values()) Put(lines, bound);
  }
  *lines << '\n';
}

template <class Message>
void PutProtoLabels(const Message& message, Lines* lines) {
  for (const auto& label : message.labels())
    *lines << Quoted(label.name()) << Quoted(label.value());
  *lines << '\n';
}

template <class Refs>
void PutSymbols(const v2::Request& request, const Refs& refs, Lines* lines) {
  bool known = refs.size() % 2 == 0;
  for (const uint32_t ref : refs)
    known = known && static_cast<int64_t>(ref) < request.symbols_size();
  if (!known) {
    *lines << " no labels\n";
    return;
  }
  for (const uint32_t ref : refs) *lines << Quoted(request.symbols(static_cast<int>(ref)));
  *lines << '\n';
}

std::string Theirs(const prometheus::WriteRequest& request, const std::vector<bool>& shown) {
  Lines lines;
  size_t next = 0;
  for (const auto& series : request.timeseries()) {
    lines << "series ";
    PutProtoLabels(series, &lines);
    for (const auto& sample : series.samples()) {
      lines << "sample " << sample.timestamp() << " 0 ";
      Put(&lines, sample.value());
      lines << '\n';
    }
    for (const auto& histogram : series.histograms()) {
      PutProtoHistogram(histogram, 0, shown[next++], &lines);
    }
    for (const auto& exemplar : series.exemplars()) {
      lines << "exemplar " << exemplar.timestamp() << ' ';
      Put(&lines, exemplar.value());
      PutProtoLabels(exemplar, &lines);
    }
    lines << "is 0 0 0\n";
  }
  for (const auto& metadata : request.metadata()) {
    lines << "family " << MetricTypeName(TypeOf(metadata.type())) << ' '
          << Quoted(metadata.metric_family_name()) << Quoted(metadata.help())
          << Quoted(metadata.unit()) << '\n';
  }
  return lines.str();
}

std::string Theirs(const v2::Request& request, const std::vector<bool>& shown) {
  Lines lines;
  size_t next = 0;
  for (const auto& series : request.timeseries()) {
    const int64_t created = series.created_timestamp();
    lines << "series ";
    PutSymbols(request, series.labels_refs(), &lines);
    for (const auto& sample : series.samples()) {
      const int64_t start = sample.start_timestamp();
      lines << "sample " << sample.timestamp() << ' ' << (start == 0 ? created : start) << ' ';
      Put(&lines, sample.value());
      lines << '\n';
    }
    for (const auto& histogram : series.histograms()) {
      const int64_t start = histogram.start_timestamp();
      PutProtoHistogram(histogram, start == 0 ? created : start, shown[next++], &lines);
    }
    for (const auto& exemplar : series.exemplars()) {
      lines << "exemplar " << exemplar.timestamp() << ' ';
      Put(&lines, exemplar.value());
      PutSymbols(request, exemplar.labels_refs(), &lines);
    }
    lines << "is " << static_cast<int>(TypeOf(series.metadata().type())) << ' '
          << series.metadata().help_ref() << ' ' << series.metadata().unit_ref() << '\n';
  }
  return lines.str();
}

template <class Message>
std::string Compare(std::string_view body, WriteMessage message) {
  Message parsed;
  const bool accepted = parsed.ParseFromArray(body.data(), static_cast<int>(body.size()));
  const Result<WriteRequest> decoded = WriteRequest::Parse(std::string(body), message, {});
  std::string ours;
  std::vector<bool> shown;
  bool ok = decoded.has_value();
  if (ok) {
    std::vector<int32_t> schemas;
    for (const auto& series : parsed.timeseries()) {
      for (const auto& histogram : series.histograms()) schemas.push_back(histogram.schema());
    }
    ours = Ours(*decoded, schemas, &ok);
    size_t next = 0;
    for (const WriteRequest::Series& series : decoded->series()) {
      for (const WireHistogram& histogram : series.histograms) {
        shown.push_back(next < schemas.size() && IsKeptAsItIs(histogram, schemas[next]));
        ++next;
      }
    }
    shown.resize(schemas.size());
  }
  if (accepted != ok) {
    if (ok) return "only we accept";
    return "only protobuf accepts" + (decoded ? "" : ": " + decoded.error().ToString());
  }
  if (!ok) return "";
  const std::string theirs = Theirs(parsed, shown);
  return ours == theirs ? "" : "decoded\n" + ours + "but protobuf parsed\n" + theirs;
}

}  // namespace

std::string WriteDisagreement(std::string_view body, WriteMessage message) {
  return message == WriteMessage::kV1 ? Compare<prometheus::WriteRequest>(body, message)
                                      : Compare<v2::Request>(body, message);
}

}  // namespace tocsin::wire
