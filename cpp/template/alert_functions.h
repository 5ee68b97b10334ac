/// The functions that Prometheus adds to the language. Private to this folder.

#pragma once

#include "cpp/template/alert_template.h"
#include "cpp/template/template.h"

namespace tocsin::tmpl {

/// `environment` must outlive the table.
Functions AlertFunctions(const AlertEnvironment& environment);

}  // namespace tocsin::tmpl
