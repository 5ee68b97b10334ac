#include "cpp/relabel/relabel.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cpp/base/utf8.h"
#include "cpp/lib/regex.h"
#include "cpp/relabel/md5.h"

namespace tocsin::relabel {
namespace {

constexpr std::array<std::string_view, 11> kActionNames{
    "replace",   "keep",      "drop",      "hashmod",   "labelmap", "labeldrop",
    "labelkeep", "lowercase", "uppercase", "keepequal", "dropequal"};

bool HasVariable(std::string_view text) { return text.find('$') != std::string_view::npos; }

bool IsLabelName(std::string_view name) {
  if (name.empty()) return false;
  uint32_t rune = 0;
  while (!name.empty()) {
    const size_t size = DecodeRune(name, &rune);
    if (size == 0) return false;
    name.remove_prefix(size);
  }
  return true;
}

Failure BadTarget(const Rule& rule) {
  return InvalidArgumentError("\"" + rule.target_label + "\" is invalid 'target_label' for " +
                              std::string(ActionName(rule.action)) + " action");
}

/// What each action needs and what it can not have.
Status Check(const Rule& rule) {
  const std::string action(ActionName(rule.action));
  const Rule defaults;
  const bool plain = rule.modulus == 0 && rule.separator == defaults.separator &&
                     rule.replacement == defaults.replacement;
  switch (rule.action) {
    case Action::kKeep:
    case Action::kDrop:
      return {};
    case Action::kLabelMap:
      if (IsLabelName(rule.replacement)) return {};
      return InvalidArgumentError("\"" + rule.replacement + "\" is invalid 'replacement' for " +
                                  action + " action");
    case Action::kLabelDrop:
    case Action::kLabelKeep:
      if (plain && rule.source_labels.empty() && rule.target_label.empty()) return {};
      return InvalidArgumentError(action + " action requires only 'regex', and no other fields");
    case Action::kHashMod:
      if (rule.modulus != 0) break;
      return InvalidArgumentError("relabel configuration for hashmod requires non-zero modulus");
    default:
      break;
  }
  if (rule.target_label.empty()) {
    return InvalidArgumentError("relabel configuration for " + action +
                                " action requires 'target_label' value");
  }
  if (!IsLabelName(rule.target_label)) return BadTarget(rule);
  if (rule.action == Action::kReplace || rule.action == Action::kHashMod) return {};
  if (rule.replacement != defaults.replacement) {
    return InvalidArgumentError("'replacement' can not be set for " + action + " action");
  }
  const bool compares = rule.action == Action::kKeepEqual || rule.action == Action::kDropEqual;
  if (compares && (!plain || rule.regex != defaults.regex)) {
    return InvalidArgumentError(
        action + " action requires only 'source_labels' and `target_label`, and no other fields");
  }
  return {};
}

struct Compiled {
  lib::Regex regex;
  bool matches_all = false;  // The default expression: every text is its first group.
};

/// `text` is what the expression matches as a whole, so there is one match to replace.
std::string Expand(const Compiled& compiled, const std::string& text, const std::string& form) {
  if (!HasVariable(form)) return form;
  if (compiled.matches_all && form == kDefaultReplacement) return text;
  return compiled.regex.ReplaceAll(text, form);
}

std::string JoinedValues(const Rule& rule, const Labels& labels) {
  std::string joined;
  for (size_t i = 0; i < rule.source_labels.size(); ++i) {
    if (i > 0) joined.append(rule.separator);
    joined.append(labels.Get(rule.source_labels[i]));
  }
  return joined;
}

uint64_t HashOf(std::string_view text) {
  const std::array<uint8_t, 16> digest = Md5(text);
  uint64_t hash = 0;
  for (size_t i = 8; i < digest.size(); ++i) hash = hash << 8 | digest[i];
  return hash;
}

bool Matches(const Compiled& compiled, std::string_view text) {
  return compiled.matches_all || compiled.regex.FullMatch(text);
}

void Replace(const Rule& rule, const Compiled& compiled, const std::string& value, Labels* labels) {
  if (!Matches(compiled, value)) return;
  const std::string target = Expand(compiled, value, rule.target_label);
  if (IsLabelName(target)) labels->Set(target, Expand(compiled, value, rule.replacement));
}

void Map(const Rule& rule, const Compiled& compiled, Labels* labels) {
  const Labels before = *labels;
  for (const auto& [name, value] : before) {
    if (!Matches(compiled, name)) continue;
    const std::string mapped = Expand(compiled, name, rule.replacement);
    if (!mapped.empty()) labels->Set(mapped, value);
  }
}

void Remove(const Compiled& compiled, bool matching, Labels* labels) {
  std::vector<Labels::Pair> kept;
  for (const Labels::Pair& label : *labels) {
    if (Matches(compiled, label.first) != matching) kept.push_back(label);
  }
  if (kept.size() != labels->size()) *labels = Labels(std::move(kept));
}

bool ApplyRule(const Rule& rule, const Compiled& compiled, Labels* labels) {
  const std::string value = JoinedValues(rule, *labels);
  switch (rule.action) {
    case Action::kReplace:
      Replace(rule, compiled, value, labels);
      return true;
    case Action::kKeep:
      return Matches(compiled, value);
    case Action::kDrop:
      return !Matches(compiled, value);
    case Action::kHashMod:
      labels->Set(rule.target_label, std::to_string(HashOf(value) % rule.modulus));
      return true;
    case Action::kLabelMap:
      Map(rule, compiled, labels);
      return true;
    case Action::kLabelDrop:
      Remove(compiled, true, labels);
      return true;
    case Action::kLabelKeep:
      Remove(compiled, false, labels);
      return true;
    case Action::kLowercase:
      labels->Set(rule.target_label, ToLower(value));
      return true;
    case Action::kUppercase:
      labels->Set(rule.target_label, ToUpper(value));
      return true;
    case Action::kKeepEqual:
      return labels->Get(rule.target_label) == value;
    case Action::kDropEqual:
      return labels->Get(rule.target_label) != value;
  }
  return true;
}

}  // namespace

struct Rules::Rep {
  std::vector<Rule> rules;
  std::vector<Compiled> compiled;
};

std::string_view ActionName(Action action) { return kActionNames[static_cast<size_t>(action)]; }

Result<Action> ParseAction(std::string_view name) {
  const std::string lower = ToLower(name);
  const auto* const found = std::ranges::find(kActionNames, lower);
  if (found == kActionNames.end()) {
    return InvalidArgumentError("unknown relabel action \"" + std::string(name) + "\"");
  }
  return static_cast<Action>(found - kActionNames.begin());
}

Result<Rules> Rules::Compile(std::vector<Rule> rules) {
  if (rules.empty()) return Rules();
  auto rep = std::make_shared<Rep>();
  for (const Rule& rule : rules) {
    TOCSIN_RETURN_IF_ERROR(Check(rule));
    TOCSIN_ASSIGN_OR_RETURN(lib::Regex regex, lib::Regex::Compile("^(?:" + rule.regex + ")$"));
    rep->compiled.push_back({std::move(regex), rule.regex == kDefaultRegex});
  }
  rep->rules = std::move(rules);
  Rules compiled;
  compiled.rep_ = std::move(rep);
  return compiled;
}

bool Rules::Apply(Labels* labels) const {
  for (size_t i = 0; i < rules().size(); ++i) {
    if (!ApplyOne(i, labels)) return false;
  }
  return true;
}

bool Rules::ApplyOne(size_t index, Labels* labels) const {
  return ApplyRule(rep_->rules[index], rep_->compiled[index], labels);
}

const std::vector<Rule>& Rules::rules() const {
  static const std::vector<Rule> none;
  return rep_ == nullptr ? none : rep_->rules;
}

}  // namespace tocsin::relabel
