#include "cpp/promql/source.h"

#include <algorithm>
#include <utility>

namespace tocsin::promql {

Result<Matcher> Matcher::Make(Op op, std::string_view name, std::string_view value) {
  Matcher matcher{op, std::string(name), std::string(value), std::nullopt};
  if (op == Op::kEqual || op == Op::kNotEqual) return matcher;
  TOCSIN_ASSIGN_OR_RETURN(lib::Regex regex, lib::Regex::Compile(value));
  if (value.find('.') != std::string_view::npos) {
    // In Prometheus a dot matches a line break too. The pattern was compiled by itself first: an
    // unbalanced parenthesis in it must not be balanced by ours.
    TOCSIN_ASSIGN_OR_RETURN(regex, lib::Regex::Compile("(?s:" + std::string(value) + ")"));
  }
  matcher.regex = std::move(regex);
  return matcher;
}

bool Matcher::Matches(std::string_view label_value) const {
  switch (op) {
    case Op::kEqual:
      return label_value == value;
    case Op::kNotEqual:
      return label_value != value;
    case Op::kRegex:
      return regex->FullMatch(label_value);
    case Op::kNotRegex:
      return !regex->FullMatch(label_value);
  }
  return false;
}

bool MatchesAll(std::span<const Matcher> matchers, const Labels& labels) {
  return std::ranges::all_of(matchers, [&labels](const Matcher& matcher) {
    return matcher.Matches(labels.Get(matcher.name));
  });
}

Status SeriesSource::Scan(const SeriesRequest& request, const Scanner& scanner) const {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<SeriesData> all,
                          Select(request.matchers, request.from, request.to));
  std::vector<LabelView> labels;
  for (const SeriesData& series : all) {
    labels.clear();
    for (const auto& [name, value] : series.labels) labels.push_back({name, value});
    TOCSIN_RETURN_IF_ERROR(scanner({labels, series.samples, series.histograms, series.starts}));
  }
  return Status();
}

}  // namespace tocsin::promql
