#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpp/config/read_sections.h"

namespace tocsin::config {
namespace {

// Nullopt if its action is not known.
std::optional<relabel::Rule> ReadRule(Section* entry) {
  relabel::Rule rule;
  entry->Texts("source_labels", &rule.source_labels);
  entry->Text("separator", &rule.separator);
  entry->Text("regex", &rule.regex);
  entry->Count64("modulus", &rule.modulus);
  entry->Text("target_label", &rule.target_label);
  entry->Text("replacement", &rule.replacement);
  std::string action(relabel::ActionName(rule.action));
  entry->Text("action", &action);
  const Result<relabel::Action> known = relabel::ParseAction(action);
  if (known.has_value()) {
    rule.action = *known;
  } else {
    entry->Fail("action", known.error().message());
  }
  entry->Done();
  if (!known.has_value()) return std::nullopt;
  return rule;
}

}  // namespace

relabel::Rules ReadRelabelRules(Section* section, std::string_view key) {
  std::vector<relabel::Rule> rules;
  for (Section& entry : section->Maps(key)) {
    std::optional<relabel::Rule> rule = ReadRule(&entry);
    if (!rule.has_value()) continue;
    // Each by itself, so that the error stands where the rule does.
    const Result<relabel::Rules> alone = relabel::Rules::Compile({*rule});
    if (alone.has_value()) {
      rules.push_back(*std::move(rule));
    } else {
      section->reading().Error(*entry.node(), alone.error().message());
    }
  }
  Result<relabel::Rules> compiled = relabel::Rules::Compile(std::move(rules));
  return compiled.has_value() ? *std::move(compiled) : relabel::Rules();
}

}  // namespace tocsin::config
