/// From the text of a template to its tree. Private to this folder.

#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/template/ast.h"
#include "cpp/template/template.h"

namespace tocsin::tmpl::internal {

/// As Template::Parse.
Result<std::shared_ptr<const Program>> ParseProgram(std::string_view text,
                                                    const Functions& functions,
                                                    std::span<const std::string_view> variables);

/// Whether the language itself has a function of that name.
bool IsBuiltin(std::string_view name);

}  // namespace tocsin::tmpl::internal
