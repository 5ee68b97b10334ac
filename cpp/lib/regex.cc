#include "cpp/lib/regex.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <re2/re2.h>

#include "cpp/base/utf8.h"

namespace tocsin::lib {
namespace {

// The memory one compiled pattern may take, program and caches together.
constexpr int64_t kMaxMemory = 8 << 20;

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

// The number of the group that a replacement names, or one that the pattern does not have.
size_t GroupOf(const re2::RE2& re, const std::string& name) {
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  if (name.find_first_not_of("0123456789") == std::string::npos) {
    return name.size() < 4 ? static_cast<size_t>(std::stoi(name)) : kNone;
  }
  const auto it = re.NamedCapturingGroups().find(name);
  return it == re.NamedCapturingGroups().end() ? kNone : static_cast<size_t>(it->second);
}

bool IsNameByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Appends the replacement of one match. RE2 names groups \1 where Go names them $1, ${1} or
// ${name}; `$$` is a dollar sign. False once `out` is longer than `bytes_max`.
bool AppendReplacement(std::string* out, const re2::RE2& re,
                       const std::vector<re2::StringPiece>& groups, std::string_view replacement,
                       size_t bytes_max) {
  for (size_t i = 0; i < replacement.size() && out->size() <= bytes_max; ++i) {
    if (replacement[i] != '$' || i + 1 == replacement.size()) {
      out->push_back(replacement[i]);
      continue;
    }
    if (replacement[i + 1] == '$') {
      out->push_back('$');
      ++i;
      continue;
    }
    const bool braced = replacement[i + 1] == '{';
    const size_t begin = i + (braced ? 2 : 1);
    size_t end = begin;
    while (end < replacement.size() && IsNameByte(replacement[end])) ++end;
    if (end == begin || (braced && (end == replacement.size() || replacement[end] != '}'))) {
      out->push_back('$');  // Malformed: stands for itself, as in Go.
      continue;
    }
    const size_t group = GroupOf(re, std::string(replacement.substr(begin, end - begin)));
    if (group < groups.size()) out->append(groups[group].data(), groups[group].size());
    i = braced ? end : end - 1;
  }
  return out->size() <= bytes_max;
}

// Bytes of the character at `at`; 1 at the end of the text.
size_t StepAt(std::string_view text, size_t at) {
  if (at >= text.size()) return 1;
  uint32_t rune = 0;
  return std::max<size_t>(DecodeRune(text.substr(at), &rune), 1);
}

}  // namespace

struct Regex::Rep {
  Rep(std::string_view p, const re2::RE2::Options& options) : text(p), re(Piece(p), options) {}
  std::string text;
  re2::RE2 re;
};

Result<Regex> Regex::Compile(std::string_view pattern, Dot dot) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxMemory);
  options.set_dot_nl(dot == Dot::kAny);
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
  uint64_t scanned = 0;
  return *ReplaceAll(text, replacement, ReplaceBounds{}, &scanned);
}

std::optional<std::string> Regex::ReplaceAll(std::string_view text, std::string_view replacement,
                                             const ReplaceBounds& bounds, uint64_t* scanned) const {
  const re2::RE2& re = rep_->re;
  std::vector<re2::StringPiece> groups(static_cast<size_t>(re.NumberOfCapturingGroups()) + 1);
  std::string out;
  size_t copied = 0;  // What stands before it is in `out`, or was replaced.
  size_t search = 0;
  const auto find = [&] {
    *scanned += text.size() - search;
    return re.Match(Piece(text), search, text.size(), re2::RE2::UNANCHORED, groups.data(),
                    static_cast<int>(groups.size()));
  };
  while (search <= text.size() && find()) {
    if (*scanned > bounds.scanned_max) return std::nullopt;
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = begin + groups[0].size();
    out.append(text.substr(copied, begin - copied));
    // An empty match right behind another one does not count.
    if (end > copied || begin == 0) {
      *scanned += replacement.size();
      if (!AppendReplacement(&out, re, groups, replacement, bounds.bytes_max)) return std::nullopt;
    }
    copied = end;
    search = end > search ? end : search + StepAt(text, search);
  }
  out.append(text.substr(copied));
  if (out.size() > bounds.bytes_max) return std::nullopt;
  return out;
}

const std::string& Regex::pattern() const { return rep_->text; }

size_t Regex::program_size() const {
  return static_cast<size_t>(std::max(rep_->re.ProgramSize(), 1));
}

}  // namespace tocsin::lib
