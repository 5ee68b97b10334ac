#include "cpp/scrape/protobuf_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "cpp/scrape/client_metrics.h"
#include "cpp/wire/utf8.h"

namespace tocsin::scrape {
namespace {

// Types of MetricFamily, by their number.
constexpr std::array kTypes{MetricType::kCounter,   MetricType::kGauge,
                            MetricType::kSummary,   MetricType::kUnknown,
                            MetricType::kHistogram, MetricType::kGaugeHistogram};

/// The field of a Metric that has the value of its type.
uint32_t ValueField(MetricType type) {
  switch (type) {
    case MetricType::kGauge:
      return 2;
    case MetricType::kCounter:
      return 3;
    case MetricType::kSummary:
      return 4;
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram:
      return 7;
    default:
      return 5;
  }
}

constexpr uint32_t kLabelField = 1;
constexpr uint32_t kTimestampField = 6;

}  // namespace

Failure ProtobufReader::Wrong(std::string_view what) const {
  std::string text = "metric family at byte " + std::to_string(family_at_);
  if (!family_.empty()) text.append(" (\"").append(family_).append("\")");
  return InvalidArgumentError(text.append(": ").append(what));
}

Result<ExpositionReader::Item> ProtobufReader::Next() {
  while (true) {
    if (!told_.empty()) {
      metadata_ = told_.back();
      told_.pop_back();
      return Item::kMetadata;
    }
    if (!parts_.empty()) {
      ShowPart();
      return Item::kSample;
    }
    if (!metrics_.empty()) {
      TOCSIN_RETURN_IF_ERROR(NextMetric());
    } else if (at_ < body_.size()) {
      TOCSIN_RETURN_IF_ERROR(NextFamily());
    } else {
      return Item::kEnd;
    }
  }
}

Status ProtobufReader::NextFamily() {
  family_at_ = at_;
  family_.clear();
  std::string_view message;
  const char* const end = body_.data() + body_.size();
  const char* const behind = wire::ReadBytes(body_.data() + at_, end, &message);
  if (behind == nullptr) return Wrong("it is cut short");
  at_ = static_cast<size_t>(behind - body_.data());
  ExposedMetadata help{.part = MetadataPart::kHelp};
  ExposedMetadata unit{.part = MetadataPart::kUnit};
  uint64_t type = 0;
  const bool good = ForEachField(message, [&](const WireField& field) {
    if (field.number == 1) family_ = field.bytes;
    if (field.number == 2) help.text = field.bytes;
    if (field.number == 3) type = field.bits;
    if (field.number == 4) metrics_.push_back(field.bytes);
    if (field.number == 5) unit.text = field.bytes;
    return true;
  });
  if (!good) return Wrong("it is malformed");
  if (family_.empty() || !wire::IsUtf8(family_)) return Wrong("invalid metric name");
  if (!wire::IsUtf8(help.text) || !wire::IsUtf8(unit.text)) return Wrong("invalid help or unit");
  if (type >= kTypes.size()) return Wrong("unknown metric type " + std::to_string(type));
  family_type_ = kTypes[type];
  if (metrics_.empty()) return {};
  std::ranges::reverse(metrics_);
  help.family = unit.family = family_;
  if (!unit.text.empty()) told_.push_back(unit);
  told_.push_back({MetadataPart::kType, family_, family_type_, {}});
  told_.push_back(help);
  return {};
}

Status ProtobufReader::NextMetric() {
  const std::string_view metric = metrics_.back();
  metrics_.pop_back();
  labels_.clear();
  sample_.timestamp.reset();
  sample_.start = 0;
  std::optional<std::string_view> value;
  const bool good = ForEachField(metric, [&](const WireField& field) {
    if (field.number == kLabelField) labels_.push_back(field.bytes);
    if (field.number == ValueField(family_type_)) value = field.bytes;
    if (field.number == kTimestampField && field.bits != 0) {
      sample_.timestamp = static_cast<Millis>(field.bits);
    }
    return true;
  });
  if (!good) return Wrong("a metric is malformed");
  const std::string_view message = value.value_or(std::string_view());
  bool read = false;
  switch (family_type_) {
    case MetricType::kSummary:
      read = ReadSummary(message, &parts_, &sample_.start);
      break;
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram:
      read = ReadHistogram(message, family_type_ == MetricType::kGaugeHistogram, options_, &parts_,
                           &sample_.start);
      break;
    default:
      read = ReadSimple(message, &parts_, &sample_.start);
      break;
  }
  if (!read) return Wrong("the value of a metric is malformed");
  std::ranges::reverse(parts_);
  return {};
}

void ProtobufReader::ShowPart() {
  part_ = std::move(parts_.back());
  parts_.pop_back();
  series_.assign(family_).append(part_.suffix).append(1, '\xff').append(part_.bound);
  for (const std::string_view label : labels_) series_.append(1, '\xff').append(label);
  // The same name is a series of floats for one part and of histograms for another.
  if (part_.histogram != nullptr) series_.append(1, '\xfe');
  sample_.series = series_;
  sample_.value = part_.value;
  sample_.histogram = part_.histogram;
  sample_.exemplars = part_.exemplars;
}

Result<std::vector<Labels::Pair>> ProtobufReader::ReadLabels() {
  std::vector<Labels::Pair> labels;
  labels.emplace_back(kMetricName, family_ + std::string(part_.suffix));
  for (const std::string_view message : labels_) {
    std::optional<Labels::Pair> label = ReadLabelPair(message);
    if (!label.has_value()) return Wrong("a label is malformed");
    if (std::ranges::find(labels, label->first, &Labels::Pair::first) != labels.end()) {
      return Wrong("label \"" + label->first + "\" is given twice");
    }
    labels.push_back(*std::move(label));
  }
  if (!part_.label.empty()) labels.emplace_back(part_.label, part_.bound);
  return labels;
}

}  // namespace tocsin::scrape
