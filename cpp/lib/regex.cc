#include "cpp/lib/regex.h"

#include <re2/re2.h>

namespace tocsin::lib {
namespace {

// The memory one compiled pattern may take, program and caches together.
constexpr int64_t kMaxMemory = 8 << 20;

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

// RE2 names groups \1 where Go names them $1, ${1} or ${name}; `$$` is a dollar sign.
std::string ExpandReplacement(const re2::RE2& re, const std::vector<re2::StringPiece>& groups,
                              std::string_view replacement) {
  std::string out;
  for (size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '$' || i + 1 == replacement.size()) {
      out.push_back(replacement[i]);
      continue;
    }
    if (replacement[i + 1] == '$') {
      out.push_back('$');
      ++i;
      continue;
    }
    const bool braced = replacement[i + 1] == '{';
    const size_t begin = i + (braced ? 2 : 1);
    size_t end = begin;
    while (end < replacement.size() &&
           (std::isalnum(static_cast<unsigned char>(replacement[end])) != 0 ||
            replacement[end] == '_')) {
      ++end;
    }
    const std::string name(replacement.substr(begin, end - begin));
    if (name.empty() || (braced && (end == replacement.size() || replacement[end] != '}'))) {
      out.push_back('$');  // Malformed: stands for itself, as in Go.
      continue;
    }
    size_t group = groups.size();
    if (name.find_first_not_of("0123456789") == std::string::npos && name.size() < 4) {
      group = static_cast<size_t>(std::stoi(name));
    } else if (const auto it = re.NamedCapturingGroups().find(name);
               it != re.NamedCapturingGroups().end()) {
      group = static_cast<size_t>(it->second);
    }
    if (group < groups.size()) out.append(groups[group].data(), groups[group].size());
    i = braced ? end : end - 1;
  }
  return out;
}

}  // namespace

struct Regex::Rep {
  Rep(std::string_view p, const re2::RE2::Options& options) : text(p), re(Piece(p), options) {}
  std::string text;
  re2::RE2 re;
};

Result<Regex> Regex::Compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  options.set_dot_nl(true);  // As Prometheus and Tempo compile: label values may hold newlines.
  auto rep = std::make_shared<const Rep>(pattern, options);
  if (!rep->re.ok()) {
    return InvalidArgumentError("bad regular expression \"" + std::string(pattern) +
                                "\": " + rep->re.error());
  }
  Regex regex;
  regex.rep_ = std::move(rep);
  return regex;
}

bool Regex::FullMatch(std::string_view text) const {
  return re2::RE2::FullMatch(Piece(text), rep_->re);
}

bool Regex::PartialMatch(std::string_view text) const {
  return re2::RE2::PartialMatch(Piece(text), rep_->re);
}

std::string Regex::ReplaceAll(std::string_view text, std::string_view replacement) const {
  const re2::RE2& re = rep_->re;
  std::vector<re2::StringPiece> groups(static_cast<size_t>(re.NumberOfCapturingGroups()) + 1);
  std::string out;
  size_t at = 0;
  while (at <= text.size() && re.Match(Piece(text), at, text.size(), re2::RE2::UNANCHORED,
                                       groups.data(), static_cast<int>(groups.size()))) {
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    out.append(text.substr(at, begin - at));
    out.append(ExpandReplacement(re, groups, replacement));
    at = begin + groups[0].size();
    if (groups[0].empty()) {  // Step over one character, or the empty match repeats for ever.
      if (at < text.size()) out.push_back(text[at]);
      ++at;
    }
  }
  if (at < text.size()) out.append(text.substr(at));
  return out;
}

const std::string& Regex::pattern() const { return rep_->text; }

}  // namespace tocsin::lib
