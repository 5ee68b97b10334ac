#include "cpp/backtest/rule_queries.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "cpp/rules/engine_query.h"

namespace tocsin::backtest {
namespace {

/// Long enough that the data which two neighbours both read is little, short enough for memory.
constexpr Millis kChunk = 6 * kHour / kMillisecond;
constexpr size_t kFewestTimes = 2;
constexpr size_t kMostTimes = 11'000;

}  // namespace

RuleQueries::RuleQueries(const promql::Engine& engine, const SourcePlan& plan,
                         const Options& options)
    : engine_(engine), options_(options) {
  for (const PlannedRule& rule : plan.rules()) {
    State& state = states_[rule.expr.get()];
    state.rule = &rule;
    state.instant = rules::EngineQuery(engine, *rule.source);
    if (!rule.independent || options.step_by_step) continue;
    const Millis step = rule.interval / kMillisecond;
    const Millis chunk = std::max(kChunk, rule.facts.reach.value_or(0));
    const auto times = static_cast<size_t>(chunk / std::max<Millis>(step, 1));
    state.most_times = std::clamp(times, kFewestTimes, kMostTimes);
    state.next_times = state.most_times;
  }
}

uint64_t RuleQueries::CountOf(const promql::Expr& expr) const {
  const auto found = states_.find(&expr);
  return found == states_.end() ? 0 : found->second.queries;
}

bool RuleQueries::Answers::Has(Millis at) const {
  return at >= first && (at - first) % step == 0 &&
         static_cast<size_t>((at - first) / step) < times;
}

rules::QueryAnswer RuleQueries::Answers::At(Millis at) const {
  const auto time = static_cast<size_t>((at - first) / step);
  rules::QueryAnswer answer;
  for (size_t i = begin[time]; i < begin[time + 1]; ++i) {
    answer.samples.push_back({labels[values[i].first], values[i].second});
  }
  for (size_t i = histogram_begin[time]; i < histogram_begin[time + 1]; ++i) {
    answer.histograms.push_back({labels[histograms[i].first], histograms[i].second});
  }
  return answer;
}

Result<rules::QueryAnswer> RuleQueries::Ask(const promql::Expr& expr, std::string_view text,
                                            Millis at) {
  if (options_.interrupted && interrupted_.ok()) interrupted_ = options_.interrupted();
  if (!interrupted_.ok()) return Failure(interrupted_);
  const auto found = states_.find(&expr);
  if (found != states_.end()) last_ = &found->second;
  if (last_ == nullptr) return InternalError("a query outside of every rule");
  if (found == states_.end()) return AskOnce(last_, text, expr, at);
  State& state = found->second;
  if (state.most_times > 0 && (state.answers.Has(at) || AskAhead(&state, at))) {
    return state.answers.At(at);
  }
  ++state.queries;
  return AskOnce(&state, text, expr, at);
}

Result<rules::QueryAnswer> RuleQueries::AskOnce(State* state, std::string_view text,
                                                const promql::Expr& expr, Millis at) {
  return state->instant(expr, text, at);
}

bool RuleQueries::AskAhead(State* state, Millis at) {
  const PlannedRule& rule = *state->rule;
  const Millis step = rule.interval / kMillisecond;
  const Millis last = (options_.to - rule.query_offset) / kMillisecond;
  promql::QueryOptions query;
  query.interrupted = options_.interrupted;
  for (size_t times = state->next_times; times >= kFewestTimes; times /= 2) {
    const auto left = static_cast<size_t>(std::max<Millis>(last - at, 0) / step) + 1;
    if (left < kFewestTimes) return false;
    times = std::min(times, left);
    const promql::TimeRange range{at, at + static_cast<Millis>(times - 1) * step, step};
    ++state->queries;
    Result<promql::QueryResult> result = engine_.QueryRange(rule.text, *rule.source, range, query);
    if (result.has_value()) {
      state->answers = MakeAnswers(std::get<promql::MatrixValue>(std::move(result->value)), range);
      state->next_times = std::min(2 * times, state->most_times);
      return true;
    }
    // One of the times fails, or all of them together take too much: fewer, and at last the one,
    // whose error is then what a live rule would have.
    state->next_times = kFewestTimes;
  }
  return false;
}

RuleQueries::Answers RuleQueries::MakeAnswers(promql::MatrixValue matrix,
                                              const promql::TimeRange& range) {
  Answers answers;
  answers.first = range.start;
  answers.step = range.step;
  answers.times = static_cast<size_t>((range.end - range.start) / range.step) + 1;
  const auto time_of = [&range](Millis t) {
    return static_cast<size_t>((t - range.start) / range.step);
  };
  answers.begin.assign(answers.times + 1, 0);
  answers.histogram_begin.assign(answers.times + 1, 0);
  for (const promql::SeriesData& series : matrix.series) {
    for (const Sample& sample : series.samples) ++answers.begin[time_of(sample.t) + 1];
    for (const auto& entry : series.histograms) ++answers.histogram_begin[time_of(entry.t) + 1];
  }
  for (size_t time = 0; time < answers.times; ++time) {
    answers.begin[time + 1] += answers.begin[time];
    answers.histogram_begin[time + 1] += answers.histogram_begin[time];
  }
  answers.values.resize(answers.begin.back());
  answers.histograms.resize(answers.histogram_begin.back());
  std::vector<size_t> next = answers.begin;
  std::vector<size_t> next_histogram = answers.histogram_begin;
  for (promql::SeriesData& series : matrix.series) {
    const auto index = static_cast<uint32_t>(answers.labels.size());
    answers.labels.push_back(std::move(series.labels));
    for (const Sample& sample : series.samples) {
      answers.values[next[time_of(sample.t)]++] = {index, sample.v};
    }
    for (HistogramSample& entry : series.histograms) {
      answers.histograms[next_histogram[time_of(entry.t)]++] = {index, std::move(entry.histogram)};
    }
  }
  return answers;
}

}  // namespace tocsin::backtest
