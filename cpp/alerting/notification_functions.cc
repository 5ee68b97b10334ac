#include "cpp/alerting/notification_functions.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cpp/alerting/notification_data.h"
#include "cpp/alerting/webhook_payload.h"
#include "cpp/base/base64.h"
#include "cpp/base/civil_time.h"
#include "cpp/base/format.h"
#include "cpp/base/rfc3339.h"
#include "cpp/base/url.h"
#include "cpp/base/utf8.h"
#include "cpp/routing/time_zone.h"
#include "cpp/template/alert_functions.h"
#include "cpp/template/time_format.h"
#include "cpp/template/time_parse.h"

namespace tocsin::alerting {
namespace {

using tmpl::Function;
using tmpl::List;
using tmpl::Map;
using tmpl::Record;
using tmpl::Value;
using Arguments = std::span<const Value>;

constexpr size_t kAny = std::numeric_limits<size_t>::max();

Failure Unfit(std::string_view wanted, const Value& value) {
  return InvalidArgumentError("wrong type for value; expected " + std::string(wanted) + "; got " +
                              value.TypeName());
}

Result<std::string_view> TextOf(const Value& value) {
  if (const std::string* text = value.AsString()) return std::string_view(*text);
  return Unfit("string", value);
}

Result<tmpl::Time> TimeOf(const Value& value) {
  if (const tmpl::Time* time = value.AsTime()) return *time;
  return Unfit("time.Time", value);
}

/// A function of one text, which may find it unfit.
Function OfText(std::function<Result<std::string>(std::string_view)> call) {
  return {1, 1, [call = std::move(call)](Arguments arguments) -> Result<Value> {
            TOCSIN_ASSIGN_OR_RETURN(const std::string_view text, TextOf(arguments[0]));
            TOCSIN_ASSIGN_OR_RETURN(std::string answer, call(text));
            return Value(std::move(answer));
          }};
}

Result<std::string> Trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return std::string();
  return std::string(text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin));
}

/// Each word begins with a capital and goes on in small letters.
Result<std::string> Title(std::string_view text) { return ToTitle(ToLower(text)); }

Result<Value> Join(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view separator, TextOf(arguments[0]));
  std::vector<std::string> texts;
  if (!AllTexts(arguments[1], &texts)) return Unfit("[]string", arguments[1]);
  std::string out;
  for (size_t i = 0; i < texts.size(); ++i) out.append(i > 0 ? separator : "").append(texts[i]);
  return Value(std::move(out));
}

Result<Value> StringSlice(Arguments arguments) {
  std::vector<std::string> texts;
  for (const Value& argument : arguments) {
    TOCSIN_ASSIGN_OR_RETURN(const std::string_view text, TextOf(argument));
    texts.emplace_back(text);
  }
  return TextList(std::move(texts));
}

Result<Value> Date(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view layout, TextOf(arguments[0]));
  TOCSIN_ASSIGN_OR_RETURN(const tmpl::Time time, TimeOf(arguments[1]));
  return Value(FormatTime(time, layout));
}

/// Of a layout and a text; times without a zone are UTC.
Result<tmpl::Time> Moment(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view layout, TextOf(arguments[0]));
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view text, TextOf(arguments[1]));
  return tmpl::ParseTime(layout, text);
}

Result<Value> MustToDate(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const tmpl::Time time, Moment(arguments));
  return Value(time);
}

Result<Value> ToDate(Arguments arguments) {
  return Value(Moment(arguments).value_or(tmpl::Time{tmpl::kZeroTime}));
}

Result<Value> InZone(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string_view name, TextOf(arguments[0]));
  TOCSIN_ASSIGN_OR_RETURN(tmpl::Time time, TimeOf(arguments[1]));
  TOCSIN_ASSIGN_OR_RETURN(const auto zone, routing::FindZone(name));
  const routing::ZoneOffset& local = zone->At(FloorDivide(time.unix_nanos, kSecond));
  time.offset_seconds = static_cast<int32_t>(local.east);
  time.zone = local.name;  // Zones are kept for as long as the process lives.
  return Value(time);
}

Result<std::string> Encoded(std::string_view text) {
  std::string out = Base64(text);
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

Result<std::string> Decoded(std::string_view text) {
  std::optional<std::string> plain = FromBase64(text);
  if (!plain) return InvalidArgumentError("illegal base64 data");
  return *std::move(plain);
}

Result<std::string> Unescaped(std::string_view text) {
  std::optional<std::string> plain = UnescapeQuery(text);
  if (!plain) return InvalidArgumentError("invalid URL escape");
  return *std::move(plain);
}

Result<Value> MakeList(Arguments arguments) {
  return Value(List(arguments.begin(), arguments.end()));
}

Result<Value> Append(Arguments arguments) {
  const List* list = arguments[0].AsList();
  if (list == nullptr) return Unfit("list", arguments[0]);
  List longer = *list;
  longer.insert(longer.end(), arguments.begin() + 1, arguments.end());
  return Value(std::move(longer));
}

Result<Value> MakeDict(Arguments arguments) {
  if (arguments.size() % 2 != 0) {
    return InvalidArgumentError("dict requires an even number of arguments");
  }
  Map map;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    const std::string* key = arguments[i].AsString();
    if (key == nullptr) return InvalidArgumentError("dict keys must be strings");
    map.entries.insert_or_assign(*key, arguments[i + 1]);
  }
  return Value(std::move(map));
}

/// The member that encoding/json makes of a field: the tags of Alertmanager's types.
std::string MemberName(const Record& record, const std::string& field) {
  if (record.type_name == "template.Pair") return field;
  if (field == "NotificationReason") return "notification_reason";
  std::string name = field;
  name[0] = static_cast<char>(name[0] - 'A' + 'a');
  return name;
}

void AppendJson(std::string* out, const Value& value);

template <class Members>
void AppendObject(std::string* out, const Members& members, const auto& name_of) {
  bool first = true;
  out->push_back('{');
  for (const auto& [name, member] : members) {
    if (!std::exchange(first, false)) out->push_back(',');
    AppendJsonText(out, name_of(name));
    out->push_back(':');
    AppendJson(out, member);
  }
  out->push_back('}');
}

/// As json.Marshal of Go.
void AppendJson(std::string* out, const Value& value) {
  if (const bool* boolean = value.AsBool()) {
    out->append(*boolean ? "true" : "false");
  } else if (const int64_t* integer = value.AsInt()) {
    out->append(std::to_string(*integer));
  } else if (const double* number = value.AsFloat()) {
    out->append(FormatGoFloat(*number));
  } else if (const std::string* text = value.AsString()) {
    AppendJsonText(out, *text);
  } else if (const tmpl::Time* time = value.AsTime()) {
    const bool zero = time->unix_nanos == tmpl::kZeroTime;
    AppendJsonText(out, FormatRfc3339(zero ? 0 : time->unix_nanos));
  } else if (const tmpl::Duration* duration = value.AsDuration()) {
    out->append(std::to_string(duration->nanos));
  } else if (const List* list = value.AsList()) {
    out->push_back('[');
    for (size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out->push_back(',');
      AppendJson(out, (*list)[i]);
    }
    out->push_back(']');
  } else if (const Map* map = value.AsMap()) {
    AppendObject(out, map->entries, [](const std::string& name) { return name; });
  } else if (const Record* record = value.AsRecord()) {
    AppendObject(out, record->fields,
                 [record](const std::string& field) { return MemberName(*record, field); });
  } else {
    out->append("null");
  }
}

Result<Value> ToJson(Arguments arguments) {
  std::string out;
  AppendJson(&out, arguments[0]);
  return Value(std::move(out));
}

tmpl::Functions PureFunctions() {
  tmpl::Functions table{
      {"title", OfText(Title)},
      {"trimSpace", OfText(Trimmed)},
      {"join", {2, 2, Join}},
      {"safeUrl", OfText([](std::string_view text) { return std::string(text); })},
      {"urlUnescape", OfText(Unescaped)},
      {"stringSlice", {0, kAny, StringSlice}},
      {"date", {2, 2, Date}},
      {"tz", {2, 2, InZone}},
      {"toDate", {2, 2, ToDate}},
      {"mustToDate", {2, 2, MustToDate}},
      {"toJson", {1, 1, ToJson}},
      {"base64encode", OfText(Encoded)},
      {"base64decode", OfText(Decoded)},
      {"list", {0, kAny, MakeList}},
      {"append", {1, kAny, Append}},
      {"dict", {0, kAny, MakeDict}},
  };
  // The same as in alert templates.
  for (const char* name :
       {"toUpper", "toLower", "match", "safeHtml", "reReplaceAll", "humanizeDuration"}) {
    table.emplace(name, tmpl::PureAlertFunctions().at(name));
  }
  return table;
}

}  // namespace

tmpl::Functions NotificationFunctions(const NotificationWorld& world) {
  static const tmpl::Functions pure = PureFunctions();
  tmpl::Functions table = pure;
  const NotificationWorld* w = &world;
  table["now"] = {0, 0, [w](Arguments) -> Result<Value> { return Value(tmpl::Time{w->now}); }};
  table["since"] = {1, 1, [w](Arguments arguments) -> Result<Value> {
                      TOCSIN_ASSIGN_OR_RETURN(const tmpl::Time time, TimeOf(arguments[0]));
                      Nanos since = 0;
                      // Go saturates as well.
                      const bool far = __builtin_sub_overflow(w->now, time.unix_nanos, &since);
                      if (far) since = INT64_MAX;
                      return Value(tmpl::Duration{since});
                    }};
  table["routeLabels"] = OfText([w](std::string_view name) -> Result<std::string> {
    if (!w->route_label) return std::string();
    return w->route_label(name);
  });
  return table;
}

}  // namespace tocsin::alerting
