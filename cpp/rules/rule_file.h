/// Rule files: PrometheusRule resources as Kubernetes holds them (several documents, `List` kinds)
/// and plain files with `groups:`, in one file if need be.
///
/// A file is taken whole or not at all. Every complaint names its place, "rules/a.yaml:12:9: ...",
/// also inside an expression or a template; one message holds up to twenty, a line each.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/promql/ast.h"
#include "cpp/promql/parser.h"
#include "cpp/template/alert_template.h"

namespace tocsin::rules {

/// A label or annotation of a rule: its text, and what alerting rules expand.
struct TemplatedText {
  std::string name;
  std::string text;
  tmpl::AlertTemplate parsed;
};

struct RuleSpec {
  bool alerting = false;
  std::string name;       ///< Of the alert, or of the series that a recording rule makes.
  std::string expr_text;  ///< As written.
  std::shared_ptr<const promql::Expr> expr;
  Nanos hold = 0;             ///< `for`.
  Nanos keep_firing_for = 0;  ///< 0: not at all.
  /// Sorted by name; those of the group included. Only alerting rules expand them.
  std::vector<TemplatedText> labels;
  std::vector<TemplatedText> annotations;  ///< Sorted by name.
  int line = 0;                            ///< Where the rule begins.
};

struct GroupSpec {
  std::string file;      ///< The path given to ParseRuleFile.
  std::string resource;  ///< "namespace/name" of a PrometheusRule, "" in a plain file.
  std::string name;
  std::optional<Nanos> interval;  ///< Unset: the global evaluation interval.
  std::optional<Nanos> query_offset;
  size_t limit = 0;  ///< Of series or alerts that one rule may give; 0 is no limit.
  std::vector<RuleSpec> rules;

  /// What tells this group from every other.
  std::string Identity() const { return file + ";" + resource + ";" + name; }
};

/// Whether the two say the same, wherever in their files they stand.
bool SameGroup(const GroupSpec& a, const GroupSpec& b);

struct RuleFile {
  std::string path;
  std::vector<GroupSpec> groups;
  /// With their place: documents of kinds that hold no rules, fields without effect, rules that
  /// others of their group repeat.
  std::vector<std::string> warnings;
};

/// `path` is only used to name the file. kInvalidArgument with the complaints.
Result<RuleFile> ParseRuleFile(std::string_view path, std::string_view text,
                               const promql::ParserOptions& options = {});

/// The same for a text that is one group, an item of `groups`.
Result<RuleFile> ParseRuleGroup(std::string_view path, std::string_view text,
                                const promql::ParserOptions& options = {});

}  // namespace tocsin::rules
