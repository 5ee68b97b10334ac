#include "cpp/scrape/classic_converter.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include "cpp/scrape/text_reader.h"

namespace tocsin::scrape {
namespace {

std::string_view ValueOf(const std::vector<Labels::Pair>& labels, std::string_view name) {
  const auto found = std::ranges::find(labels, name, &Labels::Pair::first);
  return found == labels.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

Result<ExpositionReader::Item> ClassicConverter::Next() {
  while (true) {
    Item item = Item::kEnd;
    bool taken = false;
    if (held_.has_value()) {
      item = *held_;
      taken = taken_;
      held_.reset();
    } else {
      TOCSIN_ASSIGN_OR_RETURN(item, inner_->Next());
      std::optional<Collecting> ended;
      if (item == Item::kSample && inner_->family_type() == MetricType::kHistogram) {
        TOCSIN_ASSIGN_OR_RETURN(const std::vector<Labels::Pair> labels, inner_->ReadLabels());
        taken = TakePart(labels, &ended);
      }
      if (!taken) ended = std::exchange(collecting_, std::nullopt);
      if (ended.has_value() && Show(*std::move(ended))) {
        held_ = item;
        taken_ = taken;
        return Item::kSample;
      }
    }
    if (!taken || keep_classic_) return ShowInner(item);
  }
}

bool ClassicConverter::TakePart(const std::vector<Labels::Pair>& labels,
                                std::optional<Collecting>* before) {
  const std::string_view name = labels.front().second;
  const std::string_view family = inner_->family();
  if (!name.starts_with(family)) return false;
  const std::string_view suffix = name.substr(family.size());
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const double bound =
      suffix == "_bucket" ? ParseNumber(ValueOf(labels, "le")).value_or(kNone) : kNone;
  const bool bucket = !std::isnan(bound);
  if (!bucket && suffix != "_count" && suffix != "_sum") return false;

  // The first byte keeps it apart from whatever can stand in a text.
  std::string series = std::string(1, '\x01').append(family);
  for (const auto& [label, value] : labels) {
    if (label == kMetricName || label == "le") continue;
    series.append(1, '\xff').append(label).append(1, '\xfe').append(value);
  }
  if (!collecting_.has_value() || collecting_->series != series) {
    *before = std::exchange(collecting_, Collecting());
    collecting_->series = std::move(series);
    std::ranges::copy_if(labels, std::back_inserter(collecting_->labels),
                         [](const Labels::Pair& label) { return label.first != "le"; });
    collecting_->labels.front().second = family;
  }
  const ExposedSample& part = inner_->sample();
  if (bucket) {
    collecting_->histogram.SetBucket(bound, part.value);
  } else if (suffix == "_count") {
    collecting_->histogram.SetCount(part.value);
  } else {
    collecting_->histogram.SetSum(part.value);
  }
  collecting_->last.timestamp = part.timestamp;
  std::ranges::copy(part.exemplars, std::back_inserter(collecting_->last.exemplars));
  return true;
}

bool ClassicConverter::Show(Collecting ended) {
  HistogramPtr histogram = ended.histogram.Converted();
  if (histogram == nullptr) return false;
  series_ = std::move(ended.series);
  labels_ = std::move(ended.labels);
  sample_ = std::move(ended.last);
  sample_.series = series_;
  sample_.histogram = std::move(histogram);
  return true;
}

ExpositionReader::Item ClassicConverter::ShowInner(Item item) {
  if (item == Item::kSample) sample_ = inner_->sample();
  if (item == Item::kMetadata) metadata_ = inner_->metadata();
  family_ = inner_->family();
  family_type_ = inner_->family_type();
  return item;
}

Result<std::vector<Labels::Pair>> ClassicConverter::ReadLabels() {
  if (sample_.histogram != nullptr) return labels_;
  return inner_->ReadLabels();
}

}  // namespace tocsin::scrape
