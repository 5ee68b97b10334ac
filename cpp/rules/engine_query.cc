#include "cpp/rules/engine_query.h"

#include <utility>
#include <variant>

namespace tocsin::rules {

QueryFunction EngineQuery(const promql::Engine& engine, const promql::SeriesSource& source) {
  return [&engine, &source](const promql::Expr& expr, std::string_view text,
                            Millis at) -> Result<std::vector<QuerySample>> {
    TOCSIN_ASSIGN_OR_RETURN(promql::QueryResult result, engine.QueryParsed(expr, text, source, at));
    std::vector<QuerySample> samples;
    if (auto* vector = std::get_if<promql::VectorValue>(&result.value)) {
      samples.reserve(vector->samples.size());
      for (promql::VectorSample& entry : vector->samples) {
        samples.push_back({std::move(entry.labels), entry.sample.v});
      }
    } else if (const auto* scalar = std::get_if<promql::ScalarValue>(&result.value)) {
      samples.push_back({Labels(), scalar->sample.v});
    } else {
      return FailedPreconditionError("rule result is not a vector or scalar");
    }
    return samples;
  };
}

}  // namespace tocsin::rules
