/// The functions that Prometheus adds to the language.

#pragma once

#include "cpp/template/alert_template.h"
#include "cpp/template/template.h"

namespace tocsin::tmpl {

/// `environment` must outlive the table.
Functions AlertFunctions(const AlertEnvironment& environment);

/// What an element is worth: a number, or a histogram as PromQL prints it.
Value NumberOf(const QuerySample& sample);

/// Those that ask nothing of their environment: all but query, externalURL, pathPrefix, now...
const Functions& PureAlertFunctions();

}  // namespace tocsin::tmpl
