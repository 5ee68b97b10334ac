/// What a notification template sees of a message. Private to this folder.

#pragma once

#include <string>
#include <vector>

#include "cpp/alerting/webhook_payload.h"
#include "cpp/template/value.h"

namespace tocsin::alerting {

/// The dot of a template.
tmpl::Value TemplateData(const GroupMessage& message);

/// A list of texts: what .Names and .Values and the function stringSlice give; has .Join.
tmpl::Value TextList(std::vector<std::string> texts);

/// Whether it is a list of texts and nothing else, which are then given.
bool AllTexts(const tmpl::Value& value, std::vector<std::string>* texts);

}  // namespace tocsin::alerting
