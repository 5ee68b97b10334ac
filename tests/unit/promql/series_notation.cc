#include "tests/unit/promql/series_notation.h"

#include <cctype>
#include <cstdlib>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/promql/parser.h"

namespace tocsin::promql {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

// The selector at the front of the line: a name, labels in braces, or both.
std::string_view TakeSelector(std::string_view* line) {
  size_t end = 0;
  while (end < line->size() && !IsSpace((*line)[end]) && (*line)[end] != '{') ++end;
  if (end < line->size() && (*line)[end] == '{') {
    char quote = '\0';
    for (; end < line->size(); ++end) {
      const char c = (*line)[end];
      if (quote != '\0') {
        if (c == '\\') {
          ++end;
        } else if (c == quote) {
          quote = '\0';
        }
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '}') {
        ++end;
        break;
      }
    }
  }
  const std::string_view selector = line->substr(0, end);
  line->remove_prefix(end);
  return selector;
}

// The next item; spaces inside of {{ }} belong to it.
std::string_view TakeItem(std::string_view* line) {
  while (!line->empty() && IsSpace(line->front())) line->remove_prefix(1);
  size_t end = 0;
  while (end < line->size() && !IsSpace((*line)[end])) {
    end = line->substr(end).starts_with("{{") ? line->find("}}", end) : end + 1;
    if (end == std::string_view::npos) end = line->size();
  }
  const std::string_view item = line->substr(0, end);
  line->remove_prefix(end);
  return item;
}

// A number with an optional sign at the front of `text`; leaves the rest.
Result<double> TakeNumber(std::string_view* text) {
  size_t end = 0;
  const auto at = [text](size_t i) { return i < text->size() ? (*text)[i] : '\0'; };
  if (at(end) == '+' || at(end) == '-') ++end;
  if (std::isalpha(static_cast<unsigned char>(at(end))) != 0) {
    end += 3;  // inf, nan
  } else {
    while (std::isdigit(static_cast<unsigned char>(at(end))) != 0 || at(end) == '.') ++end;
    if (at(end) == 'e' || at(end) == 'E') {
      ++end;
      if (at(end) == '+' || at(end) == '-') ++end;
      while (std::isdigit(static_cast<unsigned char>(at(end))) != 0) ++end;
    }
  }
  const std::optional<double> value = ParseGoFloat(text->substr(0, end));
  if (!value) return InvalidArgumentError("not a number: " + std::string(*text));
  text->remove_prefix(end);
  return *value;
}

Result<size_t> TakeTimes(std::string_view* text) {
  text->remove_prefix(1);  // The x.
  size_t times = 0;
  while (!text->empty() && text->front() >= '0' && text->front() <= '9') {
    times = times * 10 + static_cast<size_t>(text->front() - '0');
    text->remove_prefix(1);
  }
  if (!text->empty()) return InvalidArgumentError("left over: " + std::string(*text));
  return times;
}

Status AddNative(std::string_view item, std::vector<Point>* points) {
  const size_t times_at = item.rfind("}}x");
  size_t times = 0;
  if (times_at != std::string_view::npos) {
    std::string_view rest = item.substr(times_at + 2);
    TOCSIN_ASSIGN_OR_RETURN(times, TakeTimes(&rest));
  }
  points->insert(points->end(), times + 1, Point{Point::Kind::kNative, 0});
  return Status();
}

Status AddItem(std::string_view item, std::vector<Point>* points) {
  if (item.starts_with("{{")) return AddNative(item, points);
  if (item.starts_with("_")) {
    std::string_view rest = item.substr(1);
    size_t times = 1;
    if (!rest.empty()) {
      TOCSIN_ASSIGN_OR_RETURN(times, TakeTimes(&rest));
    }
    points->insert(points->end(), times, Point{});
    return Status();
  }
  if (item == "stale") {
    points->push_back({Point::Kind::kFloat, StaleNan()});
    return Status();
  }
  std::string_view rest = item;
  TOCSIN_ASSIGN_OR_RETURN(double value, TakeNumber(&rest));
  double increment = 0;
  if (!rest.empty() && rest.front() != 'x') {
    TOCSIN_ASSIGN_OR_RETURN(increment, TakeNumber(&rest));
  }
  size_t times = 0;
  if (!rest.empty()) {
    TOCSIN_ASSIGN_OR_RETURN(times, TakeTimes(&rest));
  }
  for (size_t i = 0; i <= times; ++i) {
    points->push_back({Point::Kind::kFloat, value});
    value += increment;
  }
  return Status();
}

}  // namespace

Result<NotedSeries> ParseSeriesNotation(std::string_view line) {
  NotedSeries series;
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<Matcher> matchers, ParseSelector(TakeSelector(&line)));
  for (const Matcher& matcher : matchers) series.labels.Set(matcher.name, matcher.value);
  for (std::string_view item = TakeItem(&line); !item.empty(); item = TakeItem(&line)) {
    TOCSIN_RETURN_IF_ERROR(AddItem(item, &series.points));
  }
  return series;
}

}  // namespace tocsin::promql
