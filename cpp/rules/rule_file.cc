#include "cpp/rules/rule_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <span>

#include "cpp/base/duration.h"
#include "cpp/base/utf8.h"
#include "cpp/lib/yaml.h"
#include "cpp/rules/text_position.h"
#include "cpp/rules/yaml_number.h"

namespace tocsin::rules {
namespace {

using lib::Yaml;

constexpr size_t kComplaintsMax = 20;

/// Names may be of any UTF-8, as in Prometheus 3.
bool IsName(std::string_view name) { return !name.empty() && IsValidUtf8(name); }

bool SameTexts(const std::vector<TemplatedText>& a, const std::vector<TemplatedText>& b) {
  return std::ranges::equal(a, b, [](const TemplatedText& x, const TemplatedText& y) {
    return x.name == y.name && x.text == y.text;
  });
}

bool SameRule(const RuleSpec& a, const RuleSpec& b) {
  return a.alerting == b.alerting && a.name == b.name && a.expr_text == b.expr_text &&
         a.hold == b.hold && a.keep_firing_for == b.keep_firing_for &&
         SameTexts(a.labels, b.labels) && SameTexts(a.annotations, b.annotations);
}

/// A member that says something: null and "" are as if it were not there.
const Yaml* NonEmpty(const Yaml& map, std::string_view key) {
  const Yaml* value = map.Find(key);
  const bool empty =
      value == nullptr || value->IsNull() || (value->IsScalar() && value->scalar.empty());
  return empty ? nullptr : value;
}

/// Reads one file. Complaints are collected, and reading goes on behind each as far as that makes
/// sense, so that a user sees all of them at once.
class Reader {
 public:
  Reader(std::string_view path, std::string_view text, const promql::ParserOptions& options)
      : text_(text), options_(options) {
    file_.path = path;
  }

  Result<RuleFile> Read();
  Result<RuleFile> ReadGroup();

 private:
  /// What was read, or what there is to complain about.
  Result<RuleFile> Outcome();
  bool HasControls();
  void Document(const Yaml& document, bool only_one);
  void Resource(const Yaml& resource, bool only_one);
  void Items(const Yaml& list);
  void Groups(const Yaml& groups, const std::string& resource);
  void Group(const Yaml& group, const std::string& resource);
  void Rule(const Yaml& rule, const std::vector<TemplatedText>& group_labels, GroupSpec* group);
  void AlertingOnly(const Yaml& rule, bool alerting, RuleSpec* spec);
  void CheckRecord(const Yaml& name);
  void Expression(const Yaml& rule, RuleSpec* spec);
  void Texts(const Yaml* map, std::string_view what, bool templated,
             std::vector<TemplatedText>* texts);

  /// Complains about keys that are not in `known`.
  void KnownKeys(const Yaml& map, std::string_view what, std::span<const std::string_view> known);
  /// The text of a member, nullptr if it is absent or, with a complaint, no scalar.
  const Yaml* Scalar(const Yaml& map, std::string_view key);
  std::optional<Nanos> DurationOf(const Yaml& map, std::string_view key);
  size_t Limit(const Yaml& group);
  void WarnOfRepeated(std::span<const Yaml* const> rules, const GroupSpec& group);

  void Warn(const Yaml& at, const std::string& message) {
    file_.warnings.push_back(Where({at.line, at.column}) + context_ + message);
  }
  void Complain(const Yaml& at, std::string_view message) {
    Complain({at.line, at.column}, message);
  }
  void Complain(TextPosition at, std::string_view message);
  /// Complaints that begin with a place within the scalar.
  void ComplainInside(const Yaml& scalar, std::string_view context, std::string_view message);
  std::string Where(TextPosition at) const;

  const std::string_view text_;
  const promql::ParserOptions options_;
  RuleFile file_;
  std::set<std::string> identities_;
  std::vector<std::string> complaints_;
  std::string context_;  ///< "group \"a\", rule 2, \"b\": " while inside of one.
};

std::string Reader::Where(TextPosition at) const {
  if (at.line <= 0) return file_.path + ": ";
  return file_.path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
}

void Reader::Complain(TextPosition at, std::string_view message) {
  complaints_.push_back(Where(at) + context_ + std::string(message));
}

void Reader::ComplainInside(const Yaml& scalar, std::string_view context,
                            std::string_view message) {
  const LocatedMessage located = SplitPosition(message);
  Complain(PositionInside(text_, scalar, located.position), std::string(context) + located.message);
}

bool Reader::HasControls() {
  const std::optional<TextPosition> control = FindControl(text_);
  if (control) Complain(*control, "control characters are not allowed");
  return control.has_value();
}

Result<RuleFile> Reader::Read() {
  if (HasControls()) return Outcome();
  const Result<std::vector<Yaml>> documents = Yaml::ParseAll(text_);
  if (!documents.has_value()) {
    const LocatedMessage located = SplitPosition(documents.error().message());
    Complain(located.position, located.message);
  } else {
    for (const Yaml& document : *documents) Document(document, documents->size() == 1);
  }
  return Outcome();
}

Result<RuleFile> Reader::ReadGroup() {
  if (HasControls()) return Outcome();
  const Result<Yaml> group = Yaml::Parse(text_);
  if (!group.has_value()) {
    const LocatedMessage located = SplitPosition(group.error().message());
    Complain(located.position, located.message);
  } else {
    Group(*group, "");
  }
  return Outcome();
}

Result<RuleFile> Reader::Outcome() {
  if (complaints_.empty()) return std::move(file_);
  std::string message;
  const size_t shown = std::min(complaints_.size(), kComplaintsMax);
  for (size_t i = 0; i < shown; ++i) message.append(i == 0 ? "" : "\n").append(complaints_[i]);
  if (shown < complaints_.size()) {
    message.append("\n" + file_.path + ": " + std::to_string(complaints_.size() - shown) + " more");
  }
  return InvalidArgumentError(message);
}

void Reader::Document(const Yaml& document, bool only_one) {
  if (document.IsNull()) return;
  if (!document.IsMap()) return Complain(document, "a map with groups is expected here");
  const Yaml* kind = document.Find("kind");
  if (kind == nullptr) {
    constexpr std::array<std::string_view, 1> kKeys{"groups"};
    KnownKeys(document, "rule file", kKeys);
    if (const Yaml* groups = document.Find("groups")) Groups(*groups, "");
    return;
  }
  if (kind->scalar == "PrometheusRule") return Resource(document, only_one);
  if (kind->scalar == "List" || kind->scalar == "PrometheusRuleList") return Items(document);
  Warn(*kind, "a " + kind->scalar + " holds no rules and is skipped");
}

void Reader::Items(const Yaml& list) {
  const Yaml* items = list.Find("items");
  if (items == nullptr || items->IsNull()) return;
  if (!items->IsSequence()) return Complain(*items, "items is a list of resources");
  for (const Yaml& item : items->items) {
    const Yaml* kind = item.Find("kind");
    if (kind == nullptr) {
      Complain(item, "a resource with a kind is expected here");
    } else {
      Document(item, items->items.size() == 1);
    }
  }
}

void Reader::Resource(const Yaml& resource, bool only_one) {
  constexpr std::string_view kVersion = "monitoring.coreos.com/v1";
  const Yaml* version = resource.Find("apiVersion");
  if (version == nullptr || version->scalar != kVersion) {
    Complain(version == nullptr ? resource : *version,
             "a PrometheusRule is of apiVersion " + std::string(kVersion));
  }
  constexpr std::array<std::string_view, 5> kKeys{"apiVersion", "kind", "metadata", "spec",
                                                  "status"};
  KnownKeys(resource, "PrometheusRule", kKeys);
  std::string name;
  if (const Yaml* metadata = resource.Find("metadata")) {
    const Yaml* space = metadata->Find("namespace");
    const Yaml* own = metadata->Find("name");
    name = (space != nullptr ? space->scalar + "/" : "") + (own != nullptr ? own->scalar : "");
  }
  // Two resources of one file may have groups of one name, but only then does that have to show.
  const Yaml* spec = resource.Find("spec");
  if (spec == nullptr || !spec->IsMap()) {
    return Complain(spec == nullptr ? resource : *spec, "a PrometheusRule has a spec with groups");
  }
  constexpr std::array<std::string_view, 1> kSpecKeys{"groups"};
  KnownKeys(*spec, "spec", kSpecKeys);
  if (const Yaml* groups = spec->Find("groups")) Groups(*groups, only_one ? "" : name);
}

void Reader::Groups(const Yaml& groups, const std::string& resource) {
  if (groups.IsNull()) return;
  if (!groups.IsSequence()) return Complain(groups, "groups is a list");
  for (const Yaml& group : groups.items) {
    if (group.IsNull()) continue;
    context_.clear();
    Group(group, resource);
    context_.clear();
  }
}

void Reader::Group(const Yaml& group, const std::string& resource) {
  if (!group.IsMap()) return Complain(group, "a group is a map");
  constexpr std::array<std::string_view, 7> kKeys{
      "interval", "labels", "limit", "name", "partial_response_strategy", "query_offset", "rules"};
  GroupSpec spec;
  spec.file = file_.path;
  spec.resource = resource;
  const Yaml* name = Scalar(group, "name");
  if (name == nullptr || name->scalar.empty()) {
    Complain(name == nullptr ? group : *name, "a group must have a name");
  } else {
    spec.name = name->scalar;
    if (!identities_.insert(spec.Identity()).second) {
      Complain(*name, "group name \"" + spec.name + "\" is repeated in the same file");
    }
  }
  context_ = "group \"" + spec.name + "\": ";
  KnownKeys(group, "group", kKeys);
  if (const Yaml* strategy = group.Find("partial_response_strategy")) {
    Warn(*strategy, "partial_response_strategy has no effect: there are no partial responses");
  }
  spec.interval = DurationOf(group, "interval");
  if (spec.interval == 0) spec.interval.reset();
  spec.query_offset = DurationOf(group, "query_offset");
  spec.limit = Limit(group);
  const Yaml* rules = group.Find("rules");
  if (rules != nullptr && !rules->IsNull() && !rules->IsSequence()) {
    return Complain(*rules, "rules is a list");
  }
  std::vector<const Yaml*> given;
  for (const Yaml& rule : rules == nullptr ? std::span<const Yaml>() : rules->items) {
    if (!rule.IsNull()) given.push_back(&rule);
  }
  // Of recording rules they are no templates.
  const bool templated = std::ranges::any_of(
      given, [](const Yaml* rule) { return NonEmpty(*rule, "alert") != nullptr; });
  std::vector<TemplatedText> labels;
  Texts(group.Find("labels"), "label", templated, &labels);
  for (const Yaml* rule : given) Rule(*rule, labels, &spec);
  WarnOfRepeated(given, spec);
  file_.groups.push_back(std::move(spec));
}

/// Rules of one name and one set of labels, as promtool's lint has it: two recording rules then
/// write the same series, two alerts look like one.
void Reader::WarnOfRepeated(std::span<const Yaml* const> rules, const GroupSpec& group) {
  std::map<std::string, int> lines;
  for (size_t i = 0; i < group.rules.size(); ++i) {
    const RuleSpec& rule = group.rules[i];
    std::string key = std::string(rule.alerting ? "a" : "r") + rule.name;
    for (const TemplatedText& label : rule.labels) {
      key.append(1, '\0').append(label.name).append(1, '\0').append(label.text);
    }
    const auto [first, is_new] = lines.emplace(std::move(key), rule.line);
    if (is_new) continue;
    Warn(*rules[i], "rule " + std::to_string(i + 1) + ", \"" + rule.name +
                        "\", has the name and the labels of the one in line " +
                        std::to_string(first->second));
  }
}

size_t Reader::Limit(const Yaml& group) {
  const Yaml* limit = Scalar(group, "limit");
  if (limit == nullptr || limit->IsNull()) return 0;
  const std::optional<int64_t> value = limit->quoted ? std::nullopt : YamlWhole(limit->scalar);
  if (!value) Complain(*limit, "limit is a whole number, not \"" + limit->scalar + "\"");
  return static_cast<size_t>(std::max<int64_t>(value.value_or(0), 0));
}

void Reader::Rule(const Yaml& rule, const std::vector<TemplatedText>& group_labels,
                  GroupSpec* group) {
  const std::string group_context = context_;
  context_ = "group \"" + group->name + "\", rule " + std::to_string(group->rules.size() + 1);
  const Yaml* alert = NonEmpty(rule, "alert");
  const Yaml* record = NonEmpty(rule, "record");
  const Yaml* name = alert != nullptr ? alert : record;
  if (name != nullptr && !name->scalar.empty()) context_ += ", \"" + name->scalar + "\"";
  context_ += ": ";
  constexpr std::array<std::string_view, 7> kKeys{"alert",           "annotations", "expr",  "for",
                                                  "keep_firing_for", "labels",      "record"};
  RuleSpec spec;
  spec.line = rule.line;
  if (!rule.IsMap()) {
    Complain(rule, "a rule is a map");
  } else {
    KnownKeys(rule, "rule", kKeys);
    if (alert != nullptr && record != nullptr) {
      Complain(*record, "only one of 'record' and 'alert' must be set");
    } else if (name == nullptr || !name->IsScalar()) {
      Complain(name == nullptr ? rule : *name, "one of 'record' or 'alert' must be set");
    }
    spec.alerting = alert != nullptr;
    if (name != nullptr) spec.name = name->scalar;
    if (!spec.alerting && !spec.name.empty()) CheckRecord(*name);
    Expression(rule, &spec);
    AlertingOnly(rule, spec.alerting, &spec);
    spec.labels = group_labels;
    Texts(rule.Find("labels"), "label", spec.alerting, &spec.labels);
  }
  group->rules.push_back(std::move(spec));
  context_ = group_context;
}

void Reader::CheckRecord(const Yaml& name) {
  if (!IsValidUtf8(name.scalar)) {
    Complain(name, "invalid recording rule name: " + name.scalar);
  } else if (name.scalar.find_first_of("{}") != std::string::npos) {
    // A name may have them, but whoever writes them means an expression.
    Complain(name,
             "braces present in the recording rule name; should it be in expr?: " + name.scalar);
  }
}

void Reader::AlertingOnly(const Yaml& rule, bool alerting, RuleSpec* spec) {
  spec->hold = DurationOf(rule, "for").value_or(0);
  spec->keep_firing_for = DurationOf(rule, "keep_firing_for").value_or(0);
  Texts(rule.Find("annotations"), "annotation", true, &spec->annotations);
  if (alerting || NonEmpty(rule, "record") == nullptr) return;
  // What says nothing may stand there.
  const auto refuse = [this, &rule](std::string_view key, bool given) {
    if (!given) return;
    Complain(*rule.Find(key), "invalid field '" + std::string(key) + "' in recording rule");
  };
  refuse("for", spec->hold != 0);
  refuse("keep_firing_for", spec->keep_firing_for != 0);
  refuse("annotations", !spec->annotations.empty());
}

void Reader::Expression(const Yaml& rule, RuleSpec* spec) {
  const Yaml* expr = Scalar(rule, "expr");
  if (expr == nullptr || expr->scalar.empty()) {
    if (rule.Find("expr") == nullptr || expr != nullptr) {
      Complain(expr == nullptr ? rule : *expr, "field 'expr' must be set in rule");
    }
    return;
  }
  spec->expr_text = expr->scalar;
  Result<promql::Expr> parsed = promql::Parse(expr->scalar, options_);
  if (!parsed.has_value()) {
    return ComplainInside(*expr, "could not parse expression: ", parsed.error().message());
  }
  spec->expr = std::make_shared<const promql::Expr>(*std::move(parsed));
}

void Reader::Texts(const Yaml* map, std::string_view what, bool templated,
                   std::vector<TemplatedText>* texts) {
  if (map == nullptr || map->IsNull()) return;
  const std::string plural = std::string(what) + "s";
  if (!map->IsMap()) return Complain(*map, plural + " is a map of names to texts");
  for (const auto& [key, value] : map->members) {
    const std::string& name = key.scalar;
    if (!IsName(name) || (what == "label" && name == kMetricName)) {
      Complain(key, "invalid " + std::string(what) + " name: \"" + name + "\"");
    }
    if (!value.IsScalar() && !value.IsNull()) {
      Complain(value, std::string(what) + " \"" + name + "\" must be a text");
      continue;
    }
    if (!IsValidUtf8(value.scalar)) {
      Complain(value, "invalid " + std::string(what) + " value: " + value.scalar);
    }
    // Text without actions cannot fail, and what is not templated is never expanded.
    Result<tmpl::AlertTemplate> parsed = tmpl::AlertTemplate::Parse(templated ? value.scalar : "");
    if (!parsed.has_value()) {
      ComplainInside(value, std::string(what) + " \"" + name + "\": ", parsed.error().message());
      continue;
    }
    texts->push_back({name, value.scalar, *std::move(parsed)});
  }
  // Names are unique in a map: of two of one name the first is the group's, and the rule's counts.
  std::ranges::stable_sort(*texts, {}, &TemplatedText::name);
  const auto overridden =
      std::ranges::unique(texts->rbegin(), texts->rend(), {}, &TemplatedText::name);
  texts->erase(texts->begin(), overridden.begin().base());
}

void Reader::KnownKeys(const Yaml& map, std::string_view what,
                       std::span<const std::string_view> known) {
  for (const auto& [key, value] : map.members) {
    if (std::ranges::find(known, key.scalar) != known.end()) continue;
    std::string list;
    for (const std::string_view name : known) list.append(list.empty() ? "" : ", ").append(name);
    Complain(key, "unknown key \"" + key.scalar + "\" in " + std::string(what) +
                      " (known: " + list + ")");
  }
}

const Yaml* Reader::Scalar(const Yaml& map, std::string_view key) {
  const Yaml* value = map.Find(key);
  if (value == nullptr || value->IsNull() || value->IsScalar()) return value;
  Complain(*value, std::string(key) + " must be a plain value");
  return nullptr;
}

std::optional<Nanos> Reader::DurationOf(const Yaml& map, std::string_view key) {
  const Yaml* value = Scalar(map, key);
  if (value == nullptr || value->IsNull()) return std::nullopt;
  const Result<Nanos> duration = ParseDuration(value->scalar);
  if (duration.has_value()) return *duration;
  Complain(*value, std::string(key) + ": " + std::string(duration.error().message()));
  return std::nullopt;
}

}  // namespace

bool SameGroup(const GroupSpec& a, const GroupSpec& b) {
  return a.Identity() == b.Identity() && a.interval == b.interval &&
         a.query_offset == b.query_offset && a.limit == b.limit &&
         std::ranges::equal(a.rules, b.rules, SameRule);
}

Result<RuleFile> ParseRuleFile(std::string_view path, std::string_view text,
                               const promql::ParserOptions& options) {
  return Reader(path, text, options).Read();
}

Result<RuleFile> ParseRuleGroup(std::string_view path, std::string_view text,
                                const promql::ParserOptions& options) {
  return Reader(path, text, options).ReadGroup();
}

}  // namespace tocsin::rules
