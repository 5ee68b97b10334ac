#include "cpp/traceql/metrics_series.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "cpp/traceql/metrics_groups.h"

namespace tocsin::traceql {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kName = "__name__";

bool LabelBefore(const MetricsLabel& a, const MetricsLabel& b) {
  const auto key = [](const MetricsLabel& label) {
    const Value& value = label.value;
    return std::tie(label.name, value.type, value.text, value.integer);
  };
  if (key(a) != key(b)) return key(a) < key(b);
  return std::strong_order(a.value.number, b.value.number) < 0;  // NaN has its place, too.
}

bool LabelsBefore(const std::vector<MetricsLabel>& a, const std::vector<MetricsLabel>& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), LabelBefore);
}

// Equal for series that are partners in arithmetic.
std::string MatchKey(const MetricsSeries& series) {
  std::vector<std::string> parts;
  for (const MetricsLabel& label : series.labels) {
    if (label.name == kName) continue;
    const std::string value = ValueKey(label.value);
    parts.push_back(std::to_string(label.name.size()) + ":" + label.name +
                    std::to_string(value.size()) + ":" + value);
  }
  std::sort(parts.begin(), parts.end());
  return std::accumulate(parts.begin(), parts.end(), std::string());
}

const std::string* NameOf(const MetricsSeries& series) {
  for (const MetricsLabel& label : series.labels) {
    if (label.name == kName) return &label.value.text;
  }
  return nullptr;
}

double Apply(Op op, double left, double right) {
  switch (op) {
    case Op::kAdd:
      return left + right;
    case Op::kSubtract:
      return left - right;
    case Op::kMultiply:
      return left * right;
    default:
      return right == 0 ? kNone : left / right;
  }
}

// The labels of the side that has any; `(rate / count_over_time)` as the name where both had one.
std::vector<MetricsLabel> MergeLabels(Op op, const MetricsSeries& left,
                                      const MetricsSeries& right) {
  const std::string* left_name = NameOf(left);
  const std::string* right_name = NameOf(right);
  std::vector<MetricsLabel> labels;
  for (const MetricsSeries* side : {&left, &right}) {
    if (!labels.empty()) break;
    for (const MetricsLabel& label : side->labels) {
      if (label.name != kName) labels.push_back(label);
    }
  }
  if (left_name != nullptr && right_name != nullptr) {
    MetricsLabel name{std::string(kName), {}};
    name.value.type = ValueType::kString;
    name.value.text = "(" + *left_name + " " + std::string(OpText(op)) + " " + *right_name + ")";
    labels.push_back(std::move(name));
  }
  return labels;
}

MetricsSeries CombinePair(Op op, const MetricsSeries& left, const MetricsSeries& right) {
  MetricsSeries out;
  out.labels = MergeLabels(op, left, right);
  out.values.resize(std::min(left.values.size(), right.values.size()));
  for (size_t i = 0; i < out.values.size(); ++i) {
    out.values[i] = Apply(op, left.values[i], right.values[i]);
  }
  out.exemplars = left.exemplars;
  out.exemplars.insert(out.exemplars.end(), right.exemplars.begin(), right.exemplars.end());
  std::stable_sort(out.exemplars.begin(), out.exemplars.end(),
                   [](const MetricsExemplar& a, const MetricsExemplar& b) {
                     return a.timestamp_ms < b.timestamp_ms;
                   });
  for (MetricsExemplar& exemplar : out.exemplars) exemplar.value = kNone;
  return out;
}

bool Holds(Op op, double value, double number) {
  switch (op) {
    case Op::kEqual:
      return value == number;
    case Op::kNotEqual:
      return value != number;
    case Op::kLess:
      return value < number;
    case Op::kLessEqual:
      return value <= number;
    case Op::kGreater:
      return value > number;
    default:
      return value >= number;
  }
}

}  // namespace

void SortSeries(SeriesSet* series) {
  std::sort(series->begin(), series->end(), [](const MetricsSeries& a, const MetricsSeries& b) {
    return LabelsBefore(a.labels, b.labels);
  });
}

void DropEmptySeries(SeriesSet* series) {
  std::erase_if(*series, [](const MetricsSeries& one) {
    return std::all_of(one.values.begin(), one.values.end(),
                       [](double value) { return std::isnan(value); });
  });
}

SeriesSet Combine(Op op, const SeriesSet& left, const SeriesSet& right) {
  std::unordered_map<std::string, const MetricsSeries*> lefts;
  std::unordered_map<std::string, const MetricsSeries*> rights;
  for (const MetricsSeries& one : left) lefts.emplace(MatchKey(one), &one);
  for (const MetricsSeries& one : right) rights.emplace(MatchKey(one), &one);
  const auto partner = [](const auto& side, const std::string& key) -> const MetricsSeries* {
    if (const auto it = side.find(key); it != side.end()) return it->second;
    const auto unlabelled = side.find("");
    return unlabelled == side.end() ? nullptr : unlabelled->second;
  };
  // Of the side that may stand for many there is nothing to walk through.
  const auto& walked = rights.contains("") ? lefts : rights;
  SeriesSet out;
  for (const auto& [key, one] : walked) {
    const MetricsSeries* a = partner(lefts, key);
    const MetricsSeries* b = partner(rights, key);
    if (a != nullptr && b != nullptr) out.push_back(CombinePair(op, *a, *b));
  }
  SortSeries(&out);
  return out;
}

SeriesSet CombineWithNumber(Op op, SeriesSet series, double number, bool number_is_left) {
  for (MetricsSeries& one : series) {
    for (double& value : one.values) {
      value = number_is_left ? Apply(op, number, value) : Apply(op, value, number);
    }
    for (MetricsExemplar& exemplar : one.exemplars) exemplar.value = kNone;
  }
  return series;
}

void KeepTop(int64_t k, bool greatest, SeriesSet* series) {
  SortSeries(series);
  const size_t points = series->empty() ? 0 : series->front().values.size();
  std::vector<size_t> present;
  for (size_t i = 0; i < points; ++i) {
    present.clear();
    for (size_t s = 0; s < series->size(); ++s) {
      if (!std::isnan((*series)[s].values[i])) present.push_back(s);
    }
    if (present.size() <= static_cast<size_t>(k)) continue;
    const auto before = [&](size_t a, size_t b) {
      const double x = (*series)[a].values[i];
      const double y = (*series)[b].values[i];
      if (x != y) return greatest ? x > y : x < y;
      return a < b;
    };
    std::nth_element(present.begin(), present.begin() + k, present.end(), before);
    for (auto it = present.begin() + k; it != present.end(); ++it) {
      (*series)[*it].values[i] = kNone;
    }
  }
}

void KeepWhere(Op op, double number, SeriesSet* series) {
  for (MetricsSeries& one : *series) {
    for (double& value : one.values) {
      if (!Holds(op, value, number)) value = kNone;
    }
  }
}

void PlaceExemplars(std::span<const int64_t> timestamps_ms, SeriesSet* series) {
  for (MetricsSeries& one : *series) {
    const auto sample = [&](const MetricsExemplar& exemplar) {
      const auto at =
          std::lower_bound(timestamps_ms.begin(), timestamps_ms.end(), exemplar.timestamp_ms);
      return at == timestamps_ms.end()
                 ? kNone
                 : one.values[static_cast<size_t>(at - timestamps_ms.begin())];
    };
    std::erase_if(one.exemplars, [&](MetricsExemplar& exemplar) {
      const double value = sample(exemplar);
      if (std::isnan(exemplar.value)) exemplar.value = value;
      return std::isnan(value);
    });
  }
}

void KeepLargest(size_t limit, SeriesSet* series) {
  if (series->size() <= limit) return;
  std::vector<std::pair<double, size_t>> ranked;
  for (size_t s = 0; s < series->size(); ++s) {
    double sum = 0;
    for (const double value : (*series)[s].values) sum += std::isfinite(value) ? value : 0;
    ranked.emplace_back(-sum, s);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<uint8_t> kept(series->size(), 0);
  for (size_t r = 0; r < limit; ++r) kept[ranked[r].second] = 1;
  size_t next = 0;
  for (size_t s = 0; s < kept.size(); ++s) {
    if (kept[s] == 0) continue;
    if (next != s) (*series)[next] = std::move((*series)[s]);
    ++next;
  }
  series->resize(next);
}

}  // namespace tocsin::traceql
