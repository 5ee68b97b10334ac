#include "cpp/api/name_match.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "cpp/base/utf8.h"

namespace tocsin::api {
namespace {

using Algorithm = NameMatchOptions::Algorithm;

std::u32string Decode(std::string_view text) {
  std::u32string runes;
  runes.reserve(text.size());
  while (!text.empty()) {
    uint32_t rune = 0xfffd;
    const size_t length = DecodeRune(text, &rune);
    runes.push_back(length == 0 ? U'\ufffd' : static_cast<char32_t>(rune));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return runes;
}

// From 1 at the front down to 0.1 at the end; nullopt if the term is not in the name.
std::optional<double> SubstringScore(std::u32string_view term, std::u32string_view name) {
  constexpr double kSpread = 0.9;
  const size_t at = name.find(term);
  if (at == std::u32string_view::npos) return std::nullopt;
  if (at == 0) return 1;
  return 1 - kSpread * static_cast<double>(at) / static_cast<double>(name.size() - term.size());
}

// What the term gets when its first character is taken at `start` and each later one where it comes
// next: the squares of its runs, less the share of the name that is before, between and (half)
// behind them. nullopt if the name ends before the term.
std::optional<double> ScoreFrom(size_t start, std::u32string_view term, std::u32string_view name) {
  const auto length = static_cast<double>(name.size());
  double score = 0;
  size_t behind = 0;  // Where the last run has ended.
  size_t at = start;
  for (size_t taken = 0; taken < term.size();) {
    at = name.find(term[taken], at);
    if (at == std::u32string_view::npos) return std::nullopt;
    const size_t begin = at;
    while (taken < term.size() && at < name.size() && name[at] == term[taken]) ++at, ++taken;
    const auto run = static_cast<double>(at - begin);
    score += run * run - static_cast<double>(begin - behind) / length;
    behind = at;
  }
  return score - static_cast<double>(name.size() - behind) / length / 2;
}

// In [0, 1]; 0 if the term is no subsequence. Tries every start, but each greedily.
double SubsequenceScore(std::u32string_view term, std::u32string_view name) {
  constexpr double kNotExact = 0.999;  // So that only the name itself, and its prefixes, get 1.
  if (name.starts_with(term)) return 1;
  double best = 0;
  for (size_t start = name.find(term.front()); start != std::u32string_view::npos;
       start = name.find(term.front(), start + 1)) {
    const std::optional<double> score = ScoreFrom(start, term, name);
    if (!score) break;  // Nor does it fit into what is left behind a later start.
    best = std::max(best, *score);
  }
  const auto length = static_cast<double>(term.size());
  return kNotExact * best / (length * length);
}

double JaroScore(std::u32string_view shorter, std::u32string_view longer) {
  const size_t reach = std::max<size_t>(longer.size() / 2, 1) - 1;
  std::u32string common;  // The characters that both have, in the order of the shorter one.
  std::vector<bool> used(longer.size());
  for (size_t i = 0; i < shorter.size(); ++i) {
    const size_t end = std::min(i + reach + 1, longer.size());
    for (size_t j = i - std::min(i, reach); j < end; ++j) {
      if (used[j] || longer[j] != shorter[i]) continue;
      used[j] = true;
      common.push_back(shorter[i]);
      break;
    }
  }
  if (common.empty()) return 0;
  size_t displaced = 0;
  for (size_t j = 0, k = 0; j < longer.size(); ++j) {
    if (used[j] && longer[j] != common[k++]) ++displaced;
  }
  const auto matches = static_cast<double>(common.size());
  return (matches / static_cast<double>(shorter.size()) +
          matches / static_cast<double>(longer.size()) +
          (matches - static_cast<double>(displaced) / 2) / matches) /
         3;
}

// In [0, 1]. A common beginning counts in favour.
double JaroWinklerScore(std::u32string_view term, std::u32string_view name) {
  constexpr size_t kLongestPrefix = 4;
  constexpr double kPrefixWeight = 0.1;
  if (term.size() > name.size()) std::swap(term, name);
  const double jaro = JaroScore(term, name);
  size_t prefix = 0;
  while (prefix < std::min(kLongestPrefix, term.size()) && term[prefix] == name[prefix]) ++prefix;
  return jaro + static_cast<double>(prefix) * kPrefixWeight * (1 - jaro);
}

}  // namespace

NameMatch::NameMatch(std::span<const std::string_view> terms, NameMatchOptions options)
    : options_(options) {
  for (const std::string_view term : terms) {
    if (term.empty()) continue;
    terms_.push_back(Decode(options_.case_sensitive ? std::string(term) : ToLower(term)));
  }
}

std::optional<double> NameMatch::Score(std::string_view name) const {
  if (terms_.empty()) return 1;
  const std::u32string runes = options_.case_sensitive ? Decode(name) : Decode(ToLower(name));
  std::optional<double> best;
  for (const std::u32string& term : terms_) {
    best = std::max(best, ScoreOf(term, runes));  // nullopt is below every score.
    if (best == 1.0) break;
  }
  return best;
}

std::optional<double> NameMatch::ScoreOf(std::u32string_view term, std::u32string_view name) const {
  double score = 0;
  if (options_.algorithm == Algorithm::kSubsequence) {
    score = SubsequenceScore(term, name);
  } else if (const auto found = SubstringScore(term, name)) {
    return found;
  } else if (options_.threshold > 0 && !name.empty()) {
    score = JaroWinklerScore(term, name);
  }
  if (score <= 0 || score < options_.threshold) return std::nullopt;
  return score;
}

}  // namespace tocsin::api
