#include "cpp/promql/annotations.h"

#include <algorithm>
#include <utility>

#include "cpp/base/civil_time.h"
#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/base/rfc3339.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {

namespace {

std::string TimeText(Millis t) { return FormatRfc3339Seconds(FloorDivide(t, 1000)); }

}  // namespace

Annotations::Entry& Annotations::Add(PosRange pos, bool is_warning, std::string_view text) {
  if (const auto it = by_text_.find(text); it != by_text_.end()) return entries_[it->second];
  by_text_.emplace(std::string(text), entries_.size());
  Entry entry;
  entry.pos = pos;
  entry.is_warning = is_warning;
  entry.text = text;
  return entries_.emplace_back(std::move(entry));
}

void Annotations::InfoForcedMonotonicity(PosRange pos, std::string_view metric_name, Millis t,
                                         const ForcedMonotonicity& forced) {
  Entry& entry = Add(pos, false,
                     "input to histogram_quantile needed to be fixed for monotonicity (see "
                     "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                     "#histogram_quantile)" +
                         ForMetricName(metric_name));
  if (entry.merged++ == 0) {
    entry.forced = forced;
    entry.min_time = entry.max_time = t;
    return;
  }
  entry.forced.min_bucket = std::min(entry.forced.min_bucket, forced.min_bucket);
  entry.forced.max_bucket = std::max(entry.forced.max_bucket, forced.max_bucket);
  entry.forced.max_diff = std::max(entry.forced.max_diff, forced.max_diff);
  entry.min_time = std::min(entry.min_time, t);
  entry.max_time = std::max(entry.max_time, t);
}

std::vector<std::string> Annotations::Render(std::string_view query, bool warnings) const {
  std::vector<std::string> texts;
  for (const Entry& entry : entries_) {
    if (entry.is_warning != warnings) continue;
    std::string text = warnings ? "PromQL warning: " : "PromQL info: ";
    text.append(entry.text);
    if (entry.merged > 0) {
      text.append(", from buckets ").append(FormatGoFloat(entry.forced.min_bucket));
      text.append(" to ").append(FormatGoFloat(entry.forced.max_bucket));
      text.append(", with a max diff of ").append(FormatGoGeneral(entry.forced.max_diff, 2));
      text.append(", over ").append(std::to_string(entry.merged));
      text.append(" samples from ").append(TimeText(entry.min_time));
      text.append(" to ").append(TimeText(entry.max_time));
    }
    if (entry.count > 1) {
      text.append(" (").append(std::to_string(entry.count)).append(" occurrences)");
    }
    texts.push_back(text.append(" (").append(PositionText(query, entry.pos.start)).append(")"));
  }
  return texts;
}

std::string HistogramIgnoredText(AggregateOp op) {
  return "ignored histogram in " + std::string(AggregateOpName(op)) + " aggregation";
}

std::string ForMetricName(std::string_view metric_name) {
  if (metric_name.empty()) return "";
  return " for metric name " + QuoteGo(metric_name);
}

}  // namespace tocsin::promql
