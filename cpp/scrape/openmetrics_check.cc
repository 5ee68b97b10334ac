#include "cpp/scrape/openmetrics_check.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/utf8.h"
#include "cpp/scrape/openmetrics_point.h"
#include "cpp/scrape/text_reader.h"

namespace tocsin::scrape {
namespace {

/// What a series' labels say, whatever their order.
std::string KeyOf(std::vector<Labels::Pair> labels, std::string_view without) {
  std::ranges::sort(labels);
  std::string key;
  for (const auto& [name, value] : labels) {
    if (name == kMetricName || name == without || value.empty()) continue;
    key.append(name).append(1, '\xfe').append(value).append(1, '\xff');
  }
  return key;
}

class Checker {
 public:
  explicit Checker(std::string_view text) : reader_(text, Format::kOpenMetrics) {}

  Status Run() {
    while (true) {
      TOCSIN_ASSIGN_OR_RETURN(const ExpositionReader::Item item, reader_.Next());
      const Status status = item == ExpositionReader::Item::kSample     ? OneSample()
                            : item == ExpositionReader::Item::kMetadata ? Metadata()
                                                                        : EndFamily();
      if (!status.ok()) return Failure(status.WithContext(reader_.Place()));
      if (item == ExpositionReader::Item::kEnd) return {};
    }
  }

 private:
  /// What is known of the family whose lines are being read.
  struct Family {
    std::string name;
    MetricType type = MetricType::kUnknown;
    std::string unit = {};
    std::set<MetadataPart> told = {};
    bool has_samples = false;
    std::set<std::string> ended_metrics = {};
  };
  /// The same of the metric in it.
  struct Metric {
    std::string key;
    OpenMetricsPoint point;
    std::optional<double> timestamp;
    std::set<std::string> samples = {};  // Of the point, where it has no timestamp.
  };

  Status Metadata() {
    const ExposedMetadata& told = reader_.metadata();
    if (!family_.has_value() || family_->name != told.family) {
      TOCSIN_RETURN_IF_ERROR(BeginFamily(std::string(told.family)));
    }
    if (family_->has_samples) return InvalidArgumentError("metadata stands behind samples");
    if (!family_->told.insert(told.part).second) {
      return InvalidArgumentError("metadata is told twice");
    }
    if (told.part == MetadataPart::kType) family_->type = told.type;
    if (told.part == MetadataPart::kUnit) family_->unit = told.text;
    const bool unitless =
        family_->type == MetricType::kInfo || family_->type == MetricType::kStateSet;
    if (unitless && !family_->unit.empty()) {
      return InvalidArgumentError("an info or a stateset has no unit");
    }
    return {};
  }

  Status BeginFamily(std::string name) {
    TOCSIN_RETURN_IF_ERROR(EndFamily());
    if (!families_.insert(name).second) {
      return InvalidArgumentError("family \"" + name + "\" stands in two places");
    }
    family_ = Family{.name = std::move(name)};
    return {};
  }

  Status EndFamily() {
    TOCSIN_RETURN_IF_ERROR(EndMetric());
    if (!family_.has_value()) return {};
    for (const std::string_view suffix : SuffixesOf(family_->type)) {
      const std::string name = family_->name + std::string(suffix);
      if (!sample_names_.insert(name).second) {
        return InvalidArgumentError("the name \"" + name + "\" belongs to two families");
      }
    }
    family_.reset();
    return {};
  }

  Status EndMetric() {
    if (!metric_.has_value()) return {};
    TOCSIN_RETURN_IF_ERROR(metric_->point.End());
    family_->ended_metrics.insert(std::move(metric_->key));
    metric_.reset();
    return {};
  }

  /// The suffix behind the family's name; nullopt if the sample is not of this family.
  std::optional<std::string_view> SuffixOf(std::string_view name) const {
    if (!family_.has_value() || !name.starts_with(family_->name)) return std::nullopt;
    const std::string_view suffix = name.substr(family_->name.size());
    const std::vector<std::string_view> known = SuffixesOf(family_->type);
    if (std::ranges::find(known, suffix) == known.end()) return std::nullopt;
    return suffix;
  }

  Status OneSample() {
    TOCSIN_ASSIGN_OR_RETURN(const std::vector<Labels::Pair> labels, reader_.WrittenLabels());
    const std::string& name = labels.front().second;
    std::optional<std::string_view> suffix = SuffixOf(name);
    if (!suffix.has_value()) {
      TOCSIN_RETURN_IF_ERROR(BeginFamily(name));
      suffix = "";
    }
    family_->has_samples = true;
    TOCSIN_RETURN_IF_ERROR(CheckExemplar());
    TOCSIN_RETURN_IF_ERROR(
        MoveToPoint(KeyOf(labels, PartLabel(family_->type, *suffix, family_->name))));
    if (!metric_->timestamp.has_value() &&
        !metric_->samples.insert(std::string(*suffix) + KeyOf(labels, "")).second) {
      return InvalidArgumentError("the same sample stands twice");
    }
    return metric_->point.Add({.suffix = *suffix,
                               .labels = labels,
                               .value = reader_.sample().value,
                               .has_exemplar = !reader_.sample().exemplars.empty()});
  }

  Status CheckExemplar() const {
    constexpr size_t kMaxCharacters = 128;
    for (const ExposedExemplar& exemplar : reader_.sample().exemplars) {
      size_t characters = 0;
      for (const auto& [name, value] : exemplar.labels) {
        characters += RuneCount(name) + RuneCount(value);
      }
      if (characters > kMaxCharacters) {
        return InvalidArgumentError("the labels of an exemplar have more than 128 characters");
      }
    }
    return {};
  }

  /// To the metric with this key, and in it to the point at the sample's time.
  Status MoveToPoint(std::string key) {
    const std::optional<double> timestamp = reader_.written_timestamp();
    if (!metric_.has_value() || metric_->key != key) {
      TOCSIN_RETURN_IF_ERROR(EndMetric());
      if (family_->ended_metrics.contains(key)) {
        return InvalidArgumentError("the samples of a metric do not stand together");
      }
      metric_.emplace(Metric{.key = std::move(key),
                             .point = OpenMetricsPoint(family_->type, family_->name),
                             .timestamp = timestamp});
      return {};
    }
    if (timestamp.has_value() != metric_->timestamp.has_value()) {
      return InvalidArgumentError("some samples of a metric have a timestamp and some have none");
    }
    if (timestamp == metric_->timestamp) return {};
    if (*timestamp < *metric_->timestamp) return InvalidArgumentError("timestamps go back");
    TOCSIN_RETURN_IF_ERROR(metric_->point.End());
    metric_->point = OpenMetricsPoint(family_->type, family_->name);
    metric_->timestamp = timestamp;
    return {};
  }

  TextReader reader_;
  std::optional<Family> family_;
  std::optional<Metric> metric_;
  std::set<std::string> families_;
  std::set<std::string> sample_names_;
};

}  // namespace

Status CheckOpenMetrics(std::string_view text) { return Checker(text).Run(); }

}  // namespace tocsin::scrape
