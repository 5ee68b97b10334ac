#include "cpp/api/alertmanager_body.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "cpp/base/rfc3339.h"
#include "cpp/lib/json.h"
#include "cpp/routing/matcher.h"

namespace tocsin::api {
namespace {

using lib::Json;
using Type = lib::Json::Type;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// go-openapi's codes.
constexpr int kInvalidType = 601;
constexpr int kRequired = 602;
constexpr int kTooFewItems = 612;
constexpr int kUnprocessable = 422;

std::unexpected<SchemaError> Unprocessable(int code, std::string message) {
  return std::unexpected(SchemaError{kUnprocessable, code, std::move(message)});
}

std::unexpected<SchemaError> Missing(std::string_view what) {
  return Unprocessable(kRequired, std::string(what) + " in body is required");
}

/// Refuses a body for what stands in it. `body`: the name that the schema gives it.
std::unexpected<SchemaError> Unreadable(std::string_view body, std::string_view why) {
  return std::unexpected(SchemaError{
      400, 400,
      "parsing " + std::string(body) + " body from \"\" failed, because " + std::string(why)});
}

const Json* Member(const Json& object, std::string_view key) {
  const Json* value = object.Find(key);
  return value == nullptr || value->type == Type::kNull ? nullptr : value;
}

// Reads members of one object of a body; the first wrong one is remembered.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  const std::string& fault() const { return fault_; }

  std::optional<std::string> Text(std::string_view key) {
    const Json* value = Typed(key, Type::kString, "a string");
    return value == nullptr ? std::nullopt : std::optional(value->string);
  }
  std::optional<bool> Bool(std::string_view key) {
    const Json* value = Typed(key, Type::kBool, "true or false");
    return value == nullptr ? std::nullopt : std::optional(value->boolean);
  }
  /// Nullopt also for Go's zero time.
  std::optional<Nanos> Time(std::string_view key) {
    const std::optional<std::string> text = Text(key);
    if (!text.has_value()) return std::nullopt;
    const std::optional<Nanos> time = ParseRfc3339Nanos(*text);
    if (!time.has_value()) Blame(key, "\"" + *text + "\" is no RFC 3339 time");
    return time.value_or(0) == 0 ? std::nullopt : time;
  }
  std::optional<Pairs> Texts(std::string_view key) {
    const Json* value = Typed(key, Type::kObject, "an object");
    if (value == nullptr) return std::nullopt;
    Pairs pairs;
    for (const auto& [name, text] : value->object) {
      if (text.type != Type::kString) Blame(key, "the value of \"" + name + "\" is no string");
      pairs.emplace_back(name, text.string);
    }
    return pairs;
  }

 private:
  const Json* Typed(std::string_view key, Type type, std::string_view what) {
    const Json* value = Member(object_, key);
    if (value == nullptr || value->type == type) return value;
    Blame(key, "it is not " + std::string(what));
    return nullptr;
  }
  void Blame(std::string_view key, const std::string& why) {
    if (fault_.empty()) fault_ = std::string(key) + ": " + why;
  }

  const Json& object_;
  std::string fault_;
};

// As Go's url.ParseRequestURI, as far as it matters: an absolute URL or an absolute path.
bool IsUri(std::string_view text) {
  const auto odd = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
  if (text.empty() || text.front() == '/') return std::ranges::none_of(text, odd);
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto of_scheme = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
  };
  return std::isalpha(static_cast<unsigned char>(text.front())) != 0 &&
         std::ranges::all_of(text.substr(0, colon), of_scheme) && std::ranges::none_of(text, odd);
}

bool HasEmptyName(const Pairs& pairs) {
  return std::ranges::any_of(pairs, [](const auto& pair) { return pair.first.empty(); });
}

// What makes the alert one that cannot be; "" for nothing. As Alertmanager says it.
std::string FaultOf(const Alert& alert, bool unnamed_label, bool unnamed_annotation) {
  if (alert.starts_at > alert.ends_at) return "start time must be before end time";
  if (unnamed_label) return "invalid label set: invalid name \"\"";
  if (alert.labels.empty()) return "at least one label pair required";
  if (unnamed_annotation) return "invalid annotations: invalid name \"\"";
  return {};
}

Annotations AnnotationsOf(Pairs pairs) {
  // Of two of one name the later one counts, as in Go's maps.
  std::ranges::stable_sort(pairs, {}, &Pairs::value_type::first);
  Annotations annotations;
  for (auto& pair : pairs) {
    if (!annotations.empty() && annotations.back().first == pair.first) annotations.pop_back();
    annotations.push_back(std::move(pair));
  }
  return annotations;
}

void FillIn(std::optional<Nanos> starts_at, std::optional<Nanos> ends_at, Nanos now,
            Nanos resolve_timeout, Alert* alert) {
  alert->updated_at = now;
  alert->starts_at = starts_at.value_or(ends_at.value_or(now));
  alert->ends_at = ends_at.value_or(now + resolve_timeout);
  alert->is_timeout = !ends_at.has_value();
}

struct Matched {
  routing::Matchers matchers;
  std::string fault;  ///< Of the first that cannot be.
};

std::expected<Matched, SchemaError> ReadMatchers(const Json& list) {
  Matched out;
  for (size_t i = 0; i < list.array.size(); ++i) {
    const std::string place = "matchers." + std::to_string(i);
    if (list.array[i].type != Type::kObject) {
      return Unreadable("silence", place + ": it is no object");
    }
    Members members(list.array[i]);
    const std::optional<bool> regex = members.Bool("isRegex");
    const std::optional<std::string> name = members.Text("name");
    const std::optional<std::string> value = members.Text("value");
    const bool equal = members.Bool("isEqual").value_or(true);
    if (!members.fault().empty()) return Unreadable("silence", place + "." + members.fault());
    if (!regex.has_value()) return Missing(place + ".isRegex");
    if (!name.has_value()) return Missing(place + ".name");
    if (!value.has_value()) return Missing(place + ".value");
    using Op = routing::Matcher::Op;
    const Op op =
        *regex ? (equal ? Op::kRegex : Op::kNotRegex) : (equal ? Op::kEqual : Op::kNotEqual);
    Result<routing::Matcher> matcher = routing::Matcher::Make(op, *name, *value);
    if (matcher.has_value()) {
      out.matchers.push_back(*std::move(matcher));
    } else if (out.fault.empty()) {
      out.fault = "silence invalid: invalid label matcher " + std::to_string(i) + ": " +
                  std::string(matcher.error().message());
    }
  }
  return out;
}

}  // namespace

std::expected<PostedAlerts, SchemaError> ParsePostedAlerts(std::string_view body, Nanos now,
                                                           Nanos resolve_timeout) {
  if (body.empty()) return Missing("alerts");
  const Result<Json> list = Json::Parse(body);
  if (!list.has_value()) return Unreadable("alerts", list.error().message());
  if (list->type == Type::kNull) return PostedAlerts();
  if (list->type != Type::kArray) return Unreadable("alerts", "it is no array");
  PostedAlerts posted;
  for (size_t i = 0; i < list->array.size(); ++i) {
    const std::string place = std::to_string(i);
    if (list->array[i].type != Type::kObject) {
      return Unreadable("alerts", place + ": it is no object");
    }
    Members members(list->array[i]);
    std::optional<Pairs> labels = members.Texts("labels");
    Pairs annotations = members.Texts("annotations").value_or(Pairs());
    Alert alert;
    FillIn(members.Time("startsAt"), members.Time("endsAt"), now, resolve_timeout, &alert);
    alert.generator_url = members.Text("generatorURL").value_or("");
    if (!members.fault().empty()) return Unreadable("alerts", place + "." + members.fault());
    if (!labels.has_value()) return Missing(place + ".labels");
    if (!IsUri(alert.generator_url)) {
      return Unprocessable(kInvalidType, place + ".generatorURL in body must be of type uri: \"" +
                                             alert.generator_url + "\"");
    }
    std::erase_if(*labels, [](const auto& label) { return label.second.empty(); });
    const bool unnamed_label = HasEmptyName(*labels);
    const bool unnamed_annotation = HasEmptyName(annotations);
    alert.labels = Labels(*std::move(labels));
    alert.annotations = AnnotationsOf(std::move(annotations));
    std::string fault = FaultOf(alert, unnamed_label, unnamed_annotation);
    if (fault.empty()) {
      posted.valid.push_back(std::move(alert));
    } else {
      posted.faults.push_back(std::move(fault));
    }
  }
  return posted;
}

std::expected<alerting::Silence, SchemaError> ParsePostedSilence(std::string_view body) {
  if (body.empty()) return Missing("silence");
  const Result<Json> object = Json::Parse(body);
  if (!object.has_value()) return Unreadable("silence", object.error().message());
  if (object->type != Type::kObject) return Unreadable("silence", "it is no object");
  Members members(*object);
  alerting::Silence silence;
  silence.id = members.Text("id").value_or("");
  const std::optional<std::string> comment = members.Text("comment");
  const std::optional<std::string> creator = members.Text("createdBy");
  const std::optional<Nanos> ends_at = members.Time("endsAt");
  const std::optional<Nanos> starts_at = members.Time("startsAt");
  const Pairs annotations = members.Texts("annotations").value_or(Pairs());
  if (!members.fault().empty()) return Unreadable("silence", members.fault());
  const Json* matchers = Member(*object, "matchers");
  if (!comment.has_value()) return Missing("comment");
  if (!creator.has_value()) return Missing("createdBy");
  if (!ends_at.has_value()) return Missing("endsAt");
  if (matchers == nullptr) return Missing("matchers");
  if (matchers->type != Type::kArray) return Unreadable("silence", "matchers: it is no array");
  if (matchers->array.empty()) {
    return Unprocessable(kTooFewItems, "matchers in body should have at least 1 items");
  }
  if (Member(*object, "startsAt") == nullptr) return Missing("startsAt");
  std::expected<Matched, SchemaError> read = ReadMatchers(*matchers);
  if (!read.has_value()) return std::unexpected(std::move(read).error());
  if (!read->fault.empty()) return std::unexpected(SchemaError{400, 0, std::move(read->fault)});
  silence.matchers = std::move(read->matchers);
  silence.starts_at = starts_at.value_or(0);  // Of the past it begins now.
  silence.ends_at = *ends_at;
  silence.created_by = *creator;
  silence.comment = *comment;
  silence.annotations.insert(annotations.begin(), annotations.end());
  return silence;
}

bool IsUuid(std::string_view text) {
  constexpr size_t kLength = 36;
  if (text.size() != kLength) return false;
  for (size_t i = 0; i < kLength; ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) {
      return false;
    }
  }
  return true;
}

}  // namespace tocsin::api
