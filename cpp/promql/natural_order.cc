#include "cpp/promql/natural_order.h"

#include <algorithm>
#include <cstddef>

namespace tocsin::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits, or the non-digits, at the front of `text`.
std::string_view TakeRun(std::string_view* text) {
  const bool digits = IsDigit(text->front());
  size_t size = 1;
  while (size < text->size() && IsDigit((*text)[size]) == digits) ++size;
  const std::string_view run = text->substr(0, size);
  text->remove_prefix(size);
  return run;
}

// Below zero, zero, above zero, as strcmp.
int CompareNumbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

}  // namespace

bool NaturallyBefore(std::string_view a, std::string_view b) {
  std::string_view rest_a = a;
  std::string_view rest_b = b;
  while (!rest_a.empty() && !rest_b.empty()) {
    const std::string_view run_a = TakeRun(&rest_a);
    const std::string_view run_b = TakeRun(&rest_b);
    const bool numbers = IsDigit(run_a.front()) && IsDigit(run_b.front());
    const int order = numbers ? CompareNumbers(run_a, run_b) : run_a.compare(run_b);
    if (order != 0) return order < 0;
  }
  if (rest_a.empty() != rest_b.empty()) return rest_a.empty();
  return a < b;  // 01 and 1.
}

}  // namespace tocsin::promql
