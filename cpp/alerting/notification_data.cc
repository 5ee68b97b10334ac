// The types of Alertmanager's package template: KV, Pairs, Pair, Strings, Alerts, Alert, Data.

#include "cpp/alerting/notification_data.h"

#include <utility>

namespace tocsin::alerting {
namespace {

using tmpl::List;
using tmpl::Map;
using tmpl::NamedType;
using tmpl::Record;
using tmpl::Value;
using Arguments = std::span<const Value>;

constexpr std::string_view kAlertName = "alertname";

std::string TextField(const Value& record, size_t index) {
  return *record.AsRecord()->fields[index].second.AsString();
}

/// Field `index` of every record of a list.
Result<Value> Column(const Value& list, size_t index) {
  std::vector<std::string> texts;
  for (const Value& item : *list.AsList()) texts.push_back(TextField(item, index));
  return TextList(std::move(texts));
}

std::string PairsText(const Value& pairs) {
  std::string out;
  for (const Value& pair : *pairs.AsList()) {
    if (!out.empty()) out.append(", ");
    out.append(TextField(pair, 0)).append("=").append(TextField(pair, 1));
  }
  return out;
}

const NamedType& PairsType() {
  static const NamedType type{
      "template.Pairs",
      {{"Names", {0, [](const Value& pairs, Arguments) { return Column(pairs, 0); }}},
       {"Values", {0, [](const Value& pairs, Arguments) { return Column(pairs, 1); }}},
       {"String",
        {0,
         [](const Value& pairs, Arguments) -> Result<Value> { return Value(PairsText(pairs)); }}}},
      PairsText};
  return type;
}

/// By name, but the alert's own name first.
Value SortedPairs(const Value& set) {
  List pairs;
  for (const auto& [name, value] : set.AsMap()->entries) {
    Record pair;
    pair.type_name = "template.Pair";
    pair.fields = {{"Name", Value(name)}, {"Value", value}};
    const auto place = name == kAlertName ? pairs.begin() : pairs.end();
    pairs.insert(place, Value(std::move(pair)));
  }
  return {std::move(pairs), &PairsType()};
}

Value PairSet(Map entries);

Result<Value> Without(const Value& set, Arguments arguments) {
  std::vector<std::string> names;
  if (!AllTexts(arguments[0], &names)) {
    return InvalidArgumentError("expected a list of names; got " + arguments[0].TypeName());
  }
  Map rest = *set.AsMap();
  for (const std::string& name : names) rest.entries.erase(name);
  return PairSet(std::move(rest));
}

const NamedType& PairSetType() {
  static const NamedType type{
      "template.KV",
      {{"SortedPairs",
        {0, [](const Value& set, Arguments) -> Result<Value> { return SortedPairs(set); }}},
       {"Remove", {1, Without}},
       {"Names", {0, [](const Value& set, Arguments) { return Column(SortedPairs(set), 0); }}},
       {"Values", {0, [](const Value& set, Arguments) { return Column(SortedPairs(set), 1); }}},
       {"String",
        {0,
         [](const Value& set, Arguments) -> Result<Value> {
           return Value(PairsText(SortedPairs(set)));
         }}}},
      [](const Value& set) { return PairsText(SortedPairs(set)); }};
  return type;
}

Value PairSet(Map entries) {
  entries.of_strings = true;
  return {std::move(entries), &PairSetType()};
}

template <class Pairs>
Value PairSetOf(const Pairs& pairs) {
  Map map;
  for (const auto& [name, value] : pairs) map.entries.insert_or_assign(name, Value(value));
  return PairSet(std::move(map));
}

Result<Value> Join(const Value& list, Arguments arguments) {
  std::vector<std::string> texts;
  const std::string* separator = arguments[0].AsString();
  if (separator == nullptr || !AllTexts(list, &texts)) {
    return InvalidArgumentError("expected string; got " + arguments[0].TypeName());
  }
  std::string out;
  for (size_t i = 0; i < texts.size(); ++i) out.append(i > 0 ? *separator : "").append(texts[i]);
  return Value(std::move(out));
}

const NamedType& TextListType() {
  static const NamedType type{"template.Strings", {{"Join", {1, Join}}}, {}};
  return type;
}

/// The alerts of one status.
Result<Value> Those(const Value& alerts, std::string_view status) {
  List those;
  for (const Value& alert : *alerts.AsList()) {
    if (TextField(alert, 0) == status) those.push_back(alert);
  }
  return Value(std::move(those));
}

const NamedType& AlertsType() {
  static const NamedType type{
      "template.Alerts",
      {{"Firing", {0, [](const Value& alerts, Arguments) { return Those(alerts, "firing"); }}},
       {"Resolved", {0, [](const Value& alerts, Arguments) { return Those(alerts, "resolved"); }}}},
      {}};
  return type;
}

Value AlertValue(const Alert& alert, Nanos now) {
  const bool resolved = alert.ResolvedAt(now);
  Record record;
  record.type_name = "template.Alert";
  record.fields = {{"Status", Value(resolved ? "resolved" : "firing")},
                   {"Labels", PairSetOf(alert.labels)},
                   {"Annotations", PairSetOf(alert.annotations)},
                   {"StartsAt", Value(tmpl::Time{alert.starts_at})},
                   {"EndsAt", Value(tmpl::Time{resolved ? alert.ends_at : tmpl::kZeroTime})},
                   {"GeneratorURL", Value(alert.generator_url)},
                   {"Fingerprint", Value(FingerprintText(Fingerprint(alert.labels)))}};
  return Value(std::move(record));
}

}  // namespace

Value TextList(std::vector<std::string> texts) {
  List list;
  for (std::string& text : texts) list.emplace_back(std::move(text));
  return {std::move(list), &TextListType()};
}

bool AllTexts(const Value& value, std::vector<std::string>* texts) {
  const List* list = value.AsList();
  if (list == nullptr) return false;
  for (const Value& item : *list) {
    const std::string* text = item.AsString();
    if (text == nullptr) return false;
    texts->push_back(*text);
  }
  return true;
}

Value TemplateData(const GroupMessage& message) {
  List alerts;
  for (const Alert& alert : message.alerts) alerts.push_back(AlertValue(alert, message.now));
  Record data;
  data.type_name = "*template.Data";
  data.fields = {{"Receiver", Value(ReceiverText(message))},
                 {"Status", Value(StatusOf(message))},
                 {"Alerts", Value(std::move(alerts), &AlertsType())},
                 {"NotificationReason", Value(message.reason)},
                 {"GroupLabels", PairSetOf(message.group_labels)},
                 {"CommonLabels", PairSetOf(CommonLabels(message))},
                 {"CommonAnnotations", PairSetOf(CommonAnnotations(message))},
                 {"RouteLabels", PairSetOf(message.route_labels)},
                 {"ExternalURL", Value(message.external_url)}};
  return Value(std::move(data));
}

}  // namespace tocsin::alerting
