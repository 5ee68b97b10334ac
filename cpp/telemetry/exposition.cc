#include "cpp/telemetry/exposition.h"

#include <array>
#include <string_view>

#include "cpp/base/exposition_text.h"
#include "cpp/base/format.h"

namespace tocsin::telemetry {
namespace {

constexpr std::string_view kTotal = "_total";

std::string_view WithoutTotal(std::string_view name) {
  if (name.ends_with(kTotal)) name.remove_suffix(kTotal.size());
  return name;
}

// The unit that a name ends with, as OpenMetrics demands of a family that tells one.
std::string_view UnitOf(std::string_view family) {
  constexpr std::array<std::string_view, 3> kUnits = {"seconds", "bytes", "ratio"};
  for (const std::string_view unit : kUnits) {
    if (family.size() > unit.size() && family.ends_with(unit) &&
        family[family.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

class Writer {
 public:
  Writer(const Family& family, Format format, std::string* out)
      : family_(family), open_metrics_(format == Format::kOpenMetrics), out_(*out) {}

  void Write() {
    WriteHead();
    for (const Metric& metric : family_.metrics) {
      if (family_.kind == MetricKind::kHistogram) {
        WriteHistogram(metric);
      } else if (family_.kind == MetricKind::kSummary) {
        WriteSummary(metric);
      } else {
        Sample("", metric.labels);
        Number(metric.value);
        out_ += '\n';
      }
      if (open_metrics_ && metric.created > 0 && HasCreated()) WriteCreated(metric);
    }
  }

 private:
  bool IsCounter() const {
    return family_.kind == MetricKind::kCounter && family_.name.ends_with(kTotal);
  }
  bool HasCreated() const {
    return IsCounter() || family_.kind == MetricKind::kHistogram ||
           family_.kind == MetricKind::kSummary;
  }

  // In OpenMetrics the family of a counter is named without the suffix.
  std::string_view FamilyName() const {
    return open_metrics_ && IsCounter() ? WithoutTotal(family_.name) : family_.name;
  }

  std::string_view Type() const {
    switch (family_.kind) {
      case MetricKind::kCounter:
        if (IsCounter()) return "counter";
        return open_metrics_ ? "unknown" : "untyped";
      case MetricKind::kGauge:
        return "gauge";
      case MetricKind::kHistogram:
        return "histogram";
      case MetricKind::kSummary:
        return "summary";
    }
    return {};
  }

  void WriteHead() {
    out_.append("# HELP ").append(FamilyName()).append(" ");
    AppendEscaped(family_.help, open_metrics_, &out_);
    out_.append("\n# TYPE ").append(FamilyName()).append(" ").append(Type()).append("\n");
    const std::string_view unit = UnitOf(FamilyName());
    if (open_metrics_ && !unit.empty()) {
      out_.append("# UNIT ").append(FamilyName()).append(" ").append(unit).append("\n");
    }
  }

  void WriteHistogram(const Metric& metric) {
    for (const Bucket& bucket : metric.buckets) {
      Sample("_bucket", metric.labels, "le", NumberText(bucket.upper_bound));
      out_ += std::to_string(bucket.cumulative_count);
      if (open_metrics_ && bucket.exemplar) WriteExemplar(*bucket.exemplar);
      out_ += '\n';
    }
    WriteSum(metric, metric.buckets.empty() ? 0 : metric.buckets.back().cumulative_count);
  }

  void WriteSummary(const Metric& metric) {
    for (const Quantile& quantile : metric.quantiles) {
      Sample("", metric.labels, "quantile", NumberText(quantile.quantile));
      Number(quantile.value);
      out_ += '\n';
    }
    WriteSum(metric, metric.count);
  }

  void WriteSum(const Metric& metric, uint64_t count) {
    Sample("_sum", metric.labels);
    Number(metric.value);
    out_ += '\n';
    Sample("_count", metric.labels);
    out_ += std::to_string(count);
    out_ += '\n';
  }

  void WriteExemplar(const Exemplar& exemplar) {
    out_.append(" # {trace_id=\"");
    AppendEscaped(exemplar.trace_id, true, &out_);
    out_.append("\"} ");
    Number(exemplar.value);
    out_ += ' ';
    out_ += FormatGoFixed(exemplar.time, 3);
  }

  void WriteCreated(const Metric& metric) {
    out_.append(IsCounter() ? WithoutTotal(family_.name) : family_.name).append("_created");
    Labels(metric.labels);
    out_ += ' ';
    out_ += FormatGoFixed(metric.created, 3);
    out_ += '\n';
  }

  /// `last`: the name of a label of the sample alone, if it has one.
  void Sample(std::string_view suffix, const Telemetry::MetricLabels& labels,
              std::string_view last = {}, std::string_view last_value = {}) {
    out_.append(family_.name).append(suffix);
    Labels(labels, last, last_value);
    out_ += ' ';
  }

  void Labels(const Telemetry::MetricLabels& labels, std::string_view last = {},
              std::string_view last_value = {}) {
    if (labels.empty() && last.empty()) return;
    char before = '{';
    const auto add = [&](std::string_view name, std::string_view value) {
      out_ += before;
      before = ',';
      out_.append(name).append("=\"");
      AppendEscaped(value, true, &out_);
      out_ += '"';
    };
    for (const auto& [name, value] : labels) add(name, value);
    if (!last.empty()) add(last, last_value);
    out_ += '}';
  }

  std::string NumberText(double value) const {
    return open_metrics_ ? FormatOpenMetricsFloat(value) : FormatGoFloat(value);
  }
  void Number(double value) { out_ += NumberText(value); }

  const Family& family_;
  const bool open_metrics_;
  std::string& out_;
};

}  // namespace

std::string Expose(const std::vector<Family>& families, Format format) {
  std::string out;
  for (const Family& family : families) Writer(family, format, &out).Write();
  if (format == Format::kOpenMetrics) out.append("# EOF\n");
  return out;
}

}  // namespace tocsin::telemetry
