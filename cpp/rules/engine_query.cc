#include "cpp/rules/engine_query.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace tocsin::rules {
namespace {

/// That nothing fires is no lack of data.
bool AsksForAlerts(std::span<const promql::Matcher> matchers) {
  return std::ranges::any_of(matchers, [](const promql::Matcher& matcher) {
    return matcher.name == kMetricName && matcher.op == promql::Matcher::Op::kEqual &&
           (matcher.value == "ALERTS" || matcher.value == "ALERTS_FOR_STATE");
  });
}

/// Passes everything on, and notes whether there was anything.
class WatchedSource final : public promql::SeriesSource {
 public:
  explicit WatchedSource(const promql::SeriesSource& source) : source_(source) {}

  Result<std::vector<promql::SeriesData>> Select(std::span<const promql::Matcher> matchers,
                                                 Millis from, Millis to) const override {
    asked_ = asked_ || !AsksForAlerts(matchers);
    Result<std::vector<promql::SeriesData>> series = source_.Select(matchers, from, to);
    found_ = found_ || (series.has_value() && !series->empty());
    return series;
  }

  Status Scan(const promql::SeriesRequest& request, const Scanner& scanner) const override {
    asked_ = asked_ || !AsksForAlerts(request.matchers);
    return source_.Scan(request, [this, &scanner](const promql::SeriesView& series) {
      found_ = true;
      return scanner(series);
    });
  }

  bool found_data() const { return found_ || !asked_; }

 private:
  const promql::SeriesSource& source_;
  // A query runs on one thread.
  mutable bool asked_ = false;
  mutable bool found_ = false;
};

}  // namespace

QueryFunction EngineQuery(const promql::Engine& engine, const promql::SeriesSource& source,
                          std::stop_token cancel) {
  promql::QueryOptions options;
  options.cancel = std::move(cancel);
  return [&engine, &source, options](const promql::Expr& expr, std::string_view text,
                                     Millis at) -> Result<QueryAnswer> {
    const WatchedSource watched(source);
    TOCSIN_ASSIGN_OR_RETURN(promql::QueryResult result,
                            engine.QueryParsed(expr, text, watched, at, options));
    QueryAnswer answer;
    if (auto* vector = std::get_if<promql::VectorValue>(&result.value)) {
      answer.samples.reserve(vector->samples.size());
      for (promql::VectorSample& entry : vector->samples) {
        if (entry.histogram != nullptr) {
          answer.histograms.push_back({std::move(entry.labels), std::move(entry.histogram)});
        } else {
          answer.samples.push_back({std::move(entry.labels), entry.sample.v});
        }
      }
    } else if (const auto* scalar = std::get_if<promql::ScalarValue>(&result.value)) {
      answer.samples.push_back({Labels(), scalar->sample.v});
    } else {
      return FailedPreconditionError("rule result is not a vector or scalar");
    }
    answer.found_data = watched.found_data();
    return answer;
  };
}

}  // namespace tocsin::rules
