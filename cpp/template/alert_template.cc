#include "cpp/template/alert_template.h"

#include <array>
#include <utility>

#include "cpp/template/alert_functions.h"

namespace tocsin::tmpl {
namespace {

constexpr std::array<std::string_view, 4> kVariables{"$labels", "$externalLabels", "$externalURL",
                                                     "$value"};

}  // namespace

Result<AlertTemplate> AlertTemplate::Parse(std::string_view text) {
  // Most labels are plain text; they need no machine.
  if (text.find("{{") == std::string_view::npos) return AlertTemplate(std::string(text), {});
  // Only the names are asked for here, so the environment may be an empty one.
  static const AlertEnvironment nowhere;
  static const Functions names = AlertFunctions(nowhere);
  TOCSIN_ASSIGN_OR_RETURN(Template parsed, Template::Parse(text, names, kVariables));
  return AlertTemplate({}, {std::move(parsed)});
}

Result<std::string> AlertTemplate::Expand(const AlertEnvironment& environment, const Labels& labels,
                                          double value) const {
  return Expand(environment, QuerySample{labels, value});
}

Result<std::string> AlertTemplate::Expand(const AlertEnvironment& environment,
                                          const QuerySample& sample) const {
  if (template_.empty()) return literal_;
  const Value label_map = StringMap(sample.labels);
  const Value value = NumberOf(sample);
  const Value external_map = StringMap(environment.external_labels);
  const Value url(environment.external_url);
  Record data;
  data.type_name = "struct";
  data.fields = {{"Labels", label_map},
                 {"ExternalLabels", external_map},
                 {"ExternalURL", url},
                 {"Value", value}};
  const Variables variables{{"$labels", label_map},
                            {"$externalLabels", external_map},
                            {"$externalURL", url},
                            {"$value", value}};
  return template_.front().Execute(Value(std::move(data)), AlertFunctions(environment), variables);
}

std::string AlertTemplate::ExpandOrExplain(const AlertEnvironment& environment,
                                           const QuerySample& sample, Status* error) const {
  Result<std::string> text = Expand(environment, sample);
  if (text.has_value()) return *std::move(text);
  *error = text.error();
  return "<error expanding template: " + std::string(text.error().message()) + ">";
}

}  // namespace tocsin::tmpl
