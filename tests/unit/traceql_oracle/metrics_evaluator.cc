#include "tests/unit/traceql_oracle/metrics_evaluator.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

#include "tests/unit/traceql_oracle/evaluator.h"

namespace tocsin::oracle {
namespace {

struct Label {
  std::string name;
  Datum value;
};
using Labels = std::vector<Label>;
using Points = std::map<uint64_t, double>;  // By the right end of the interval.

struct Series {
  Labels labels;
  Points points;
};

// Orders labels by name, then type, then value.
auto KeyOf(const Label& label) {
  const Datum& value = label.value;
  int type = 9;
  std::string text;
  double number = 0;
  if (const auto* string = std::get_if<std::string>(&value)) {
    type = 0;
    text = *string;
  } else if (const auto* truth = std::get_if<bool>(&value)) {
    type = 1;
    number = *truth ? 1 : 0;
  } else if (const auto* whole = std::get_if<int64_t>(&value)) {
    type = 2;
    number = static_cast<double>(*whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    type = 3;
    number = *real;
  } else {
    text = Describe(value);
  }
  return std::tuple(label.name, type, text, number);
}

auto KeyOf(const Labels& labels) {
  std::vector<decltype(KeyOf(Label()))> keys;
  for (const Label& label : labels) keys.push_back(KeyOf(label));
  return keys;
}

bool IsElapsed(const Node& field) {
  return field.is == Node::Is::kIntrinsic &&
         (field.name == "duration" || field.name == "traceDuration" ||
          field.name == "event:timeSinceStart");
}

// The power of two that is the least at or above a value, in the units of the value.
std::optional<double> BucketOf(const Datum& value) {
  const double number = Number(value).value_or(0);
  if (!std::holds_alternative<double>(value) && number < 2) return std::nullopt;
  if (number <= 0) return std::nullopt;
  double bound = 1;
  while (bound < number) bound *= 2;
  while (bound / 2 >= number) bound /= 2;
  return bound;
}

// As many values as q asks for, from the least on, and at least one: where the last of them lies in
// its bucket, on a scale of logarithms from the bound of the bucket before.
double Quantile(double q, const std::map<double, double>& counts) {
  double total = 0;
  for (const auto& [bound, count] : counts) total += count;
  if (total == 0) return 0;
  double wanted = std::max(1.0, std::ceil(q * total));
  double before = counts.begin()->first / 2;
  for (const auto& [bound, count] : counts) {
    if (wanted == count) return bound;
    if (wanted < count) return before * std::pow(bound / before, wanted / count);
    wanted -= count;
    before = bound;
  }
  return before;
}

// How a word or an elapsed time reads as a label.
Datum LabelValue(const Datum& value) {
  if (const auto* word = std::get_if<Word>(&value)) return word->word;
  return value;
}

class Evaluator {
 public:
  Evaluator(const std::vector<Span>& spans, const MetricsRange& range)
      : traces_(TracesOf(spans)), range_(range) {
    if (range_.instant) {
      ends_ = {range_.end};
      return;
    }
    const uint64_t step = range_.step;
    for (uint64_t t = range_.start / step * step;; t += step) {
      ends_.push_back(t);
      if (t >= range_.end) break;
    }
  }

  std::vector<Series> Run(const Metric& metric) const {
    std::vector<Series> series = metric.op.empty() ? Leaf(metric) : Arithmetic(metric);
    std::sort(series.begin(), series.end(),
              [](const Series& a, const Series& b) { return KeyOf(a.labels) < KeyOf(b.labels); });
    for (const SecondStage& second : metric.second) Apply(second, &series);
    return series;
  }

 private:
  struct Grouped {
    Labels labels;
    std::map<uint64_t, std::vector<Data>> values;  // Of the argument, one Data a span.
  };

  std::optional<uint64_t> IntervalOf(uint64_t start) const {
    if (range_.instant) {
      if (start < range_.start || start > range_.end) return std::nullopt;
      return range_.end;
    }
    for (const uint64_t end : ends_) {
      if (start <= end && start + range_.step > end) return end;
    }
    return std::nullopt;
  }

  Labels LabelsOf(const Judge& judge, const Metric& metric, const Span& span) const {
    Labels labels;
    for (const Node& field : metric.by) {
      const Data values = judge.Values(field, span);
      if (!values.empty()) labels.push_back({Print(field), LabelValue(values[0])});
    }
    if (labels.empty() && !metric.by.empty()) {
      labels.push_back({Print(metric.by[0]), std::string("nil")});
    }
    return labels;
  }

  std::vector<Grouped> GroupsOf(const Metric& metric) const {
    std::map<std::vector<decltype(KeyOf(Label()))>, Grouped> groups;
    for (const Trace& trace : traces_) {
      const Judge judge(trace);
      for (const Group& group : judge.Run(metric.pipeline)) {
        for (const Span* span : group.spans) {
          const auto interval = IntervalOf(span->start);
          if (!interval) continue;
          const Labels labels = LabelsOf(judge, metric, *span);
          Grouped& grouped = groups[KeyOf(labels)];
          grouped.labels = labels;
          Data values;
          if (!metric.argument.empty()) values = judge.Values(metric.argument[0], *span);
          grouped.values[*interval].push_back(values);
        }
      }
    }
    std::vector<Grouped> out;
    for (auto& [key, grouped] : groups) out.push_back(std::move(grouped));
    return out;
  }

  std::vector<Series> Leaf(const Metric& metric) const {
    const bool counts = metric.function == "rate" || metric.function == "count_over_time";
    std::vector<Grouped> groups = GroupsOf(metric);
    if (counts && metric.by.empty() && groups.empty()) groups.emplace_back();
    std::vector<Series> out;
    for (const Grouped& group : groups) {
      if (metric.function == "histogram_over_time" || metric.function == "quantile_over_time") {
        for (Series& series : OfBuckets(metric, group)) out.push_back(std::move(series));
        continue;
      }
      Series series;
      series.labels = group.labels;
      if (series.labels.empty()) series.labels = {{"__name__", metric.function}};
      for (const uint64_t end : ends_) {
        const auto it = group.values.find(end);
        if (counts) {
          const double count =
              it == group.values.end() ? 0 : static_cast<double>(it->second.size());
          series.points[end] = metric.function == "rate" ? count / Seconds() : count;
        } else if (it != group.values.end()) {
          const auto value = OverTime(metric, it->second);
          if (value) series.points[end] = *value;
        }
      }
      out.push_back(std::move(series));
    }
    return out;
  }

  double Seconds() const {
    const uint64_t length = range_.instant ? range_.end - range_.start : range_.step;
    return static_cast<double>(length) / 1e9;
  }

  static std::optional<double> OverTime(const Metric& metric, const std::vector<Data>& spans) {
    std::vector<double> numbers;
    for (const Data& values : spans) {
      const auto number = values.empty() ? std::nullopt : Number(values[0]);
      if (number) numbers.push_back(IsElapsed(metric.argument[0]) ? *number / 1e9 : *number);
    }
    if (numbers.empty()) return std::nullopt;
    const double sum = std::accumulate(numbers.begin(), numbers.end(), 0.0);
    if (metric.function == "sum_over_time") return sum;
    if (metric.function == "avg_over_time") return sum / static_cast<double>(numbers.size());
    if (metric.function == "min_over_time")
      return *std::min_element(numbers.begin(), numbers.end());
    return *std::max_element(numbers.begin(), numbers.end());
  }

  // A series for each bucket, or for each quantile.
  std::vector<Series> OfBuckets(const Metric& metric, const Grouped& group) const {
    const double unit = IsElapsed(metric.argument[0]) ? 1e9 : 1;
    std::map<uint64_t, std::map<double, double>> counts;  // By interval, by bound.
    std::map<double, bool> bounds;
    for (const auto& [end, spans] : group.values) {
      for (const Data& values : spans) {
        const auto bound = values.empty() ? std::nullopt : BucketOf(values[0]);
        if (!bound) continue;
        ++counts[end][*bound / unit];
        bounds[*bound / unit] = true;
      }
    }
    std::vector<Series> out;
    if (metric.function == "histogram_over_time") {
      for (const auto& [bound, yes] : bounds) {
        Series series{group.labels, {}};
        series.labels.push_back({"__bucket", bound});
        for (const uint64_t end : ends_) series.points[end] = counts[end][bound];
        out.push_back(std::move(series));
      }
      return out;
    }
    for (const double q : metric.quantiles) {
      if (bounds.empty()) break;
      Series series{group.labels, {}};
      series.labels.push_back({"p", q});
      for (const uint64_t end : ends_) series.points[end] = Quantile(q, counts[end]);
      out.push_back(std::move(series));
    }
    return out;
  }

  static std::optional<double> Calculate(const std::string& op, double a, double b) {
    if (op == "+") return a + b;
    if (op == "-") return a - b;
    if (op == "*") return a * b;
    if (b == 0) return std::nullopt;
    return a / b;
  }

  static const Label* NameOf(const Labels& labels) {
    return labels.size() == 1 && labels[0].name == "__name__" ? &labels[0] : nullptr;
  }
  static bool IsUnlabelled(const Labels& labels) {
    return labels.empty() || NameOf(labels) != nullptr;
  }

  std::vector<Series> Arithmetic(const Metric& metric) const {
    if (metric.args[0].op == "number" || metric.args[1].op == "number") return WithNumber(metric);
    const std::vector<Series> lefts = Run(metric.args[0]);
    const std::vector<Series> rights = Run(metric.args[1]);
    std::vector<Series> out;
    for (const Series& left : lefts) {
      for (const Series& right : rights) {
        const bool broadcast = IsUnlabelled(left.labels) || IsUnlabelled(right.labels);
        if (!broadcast && KeyOf(left.labels) != KeyOf(right.labels)) continue;
        Series series;
        series.labels = IsUnlabelled(left.labels) ? right.labels : left.labels;
        const Label* left_name = NameOf(left.labels);
        const Label* right_name = NameOf(right.labels);
        if (IsUnlabelled(series.labels)) series.labels.clear();
        if (left_name != nullptr && right_name != nullptr) {
          series.labels = {{"__name__", "(" + std::get<std::string>(left_name->value) + " " +
                                            metric.op + " " +
                                            std::get<std::string>(right_name->value) + ")"}};
        }
        for (const auto& [end, value] : left.points) {
          const auto other = right.points.find(end);
          if (other == right.points.end()) continue;
          const auto result = Calculate(metric.op, value, other->second);
          if (result) series.points[end] = *result;
        }
        out.push_back(std::move(series));
      }
    }
    return out;
  }

  std::vector<Series> WithNumber(const Metric& metric) const {
    const bool is_left = metric.args[0].op == "number";
    const double number = metric.args[is_left ? 0 : 1].number;
    std::vector<Series> out = Run(metric.args[is_left ? 1 : 0]);
    for (Series& series : out) {
      Points points;
      for (const auto& [end, value] : series.points) {
        const auto result =
            is_left ? Calculate(metric.op, number, value) : Calculate(metric.op, value, number);
        if (result) points[end] = *result;
      }
      series.points = std::move(points);
    }
    return out;
  }

  void Apply(const SecondStage& second, std::vector<Series>* all) const {
    for (const uint64_t end : ends_) {
      std::vector<Series*> present;
      for (Series& series : *all) {
        if (series.points.contains(end)) present.push_back(&series);
      }
      if (second.op != "topk" && second.op != "bottomk") {
        for (Series* series : present) {
          const Datum value = series->points[end];
          if (!Compare(second.op, value, Datum(second.number))) series->points.erase(end);
        }
        continue;
      }
      std::stable_sort(present.begin(), present.end(), [&](const Series* a, const Series* b) {
        const double x = a->points.at(end);
        const double y = b->points.at(end);
        return second.op == "topk" ? x > y : x < y;
      });
      for (size_t i = static_cast<size_t>(second.number); i < present.size(); ++i) {
        present[i]->points.erase(end);
      }
    }
  }

  const std::vector<Trace> traces_;
  const MetricsRange range_;
  std::vector<uint64_t> ends_;
};

}  // namespace

std::string Metrics(const std::vector<Span>& spans, const Metric& metric,
                    const MetricsRange& range) {
  std::vector<std::string> texts;
  for (const Series& series : Evaluator(spans, range).Run(metric)) {
    std::vector<std::string> labels;
    for (const Label& label : series.labels) labels.push_back(ShowLabel(label.name, label.value));
    std::string points;
    for (const auto& [end, value] : series.points) {
      points += ShowPoint(static_cast<int64_t>(end / 1'000'000), value);
    }
    if (!points.empty()) texts.push_back(ShowSeries(labels, points));
  }
  std::sort(texts.begin(), texts.end());
  return std::accumulate(texts.begin(), texts.end(), std::string());
}

std::string ShowLabel(const std::string& name, const Datum& value) {
  return name + "=" + Describe(value);
}

std::string ShowPoint(int64_t timestamp_ms, double value) {
  char text[80];
  // Sums of floats depend on their order in the last digits.
  std::snprintf(text, sizeof(text), " %lld:%.9g", static_cast<long long>(timestamp_ms), value);
  return text;
}

std::string ShowSeries(const std::vector<std::string>& labels, const std::string& points) {
  std::string out = "series {";
  for (const std::string& label : labels) out += (out.ends_with('{') ? "" : ", ") + label;
  return out + "}" + points + "\n";
}

}  // namespace tocsin::oracle
