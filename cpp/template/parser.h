/// From the text of a template to its tree. Private to this folder.

#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "cpp/base/status.h"
#include "cpp/template/ast.h"
#include "cpp/template/template.h"

namespace tocsin::tmpl::internal {

/// What a program is made from besides its text.
struct Surroundings {
  std::string_view name;                   ///< Of its file; may be empty.
  std::shared_ptr<const Program> library;  ///< May be null.
};

/// As Template::Parse and ParseWithLibrary.
Result<std::shared_ptr<const Program>> ParseProgram(std::string_view text,
                                                    const Functions& functions,
                                                    std::span<const std::string_view> variables,
                                                    Surroundings surroundings = {});

/// Whether the language itself has a function of that name.
bool IsBuiltin(std::string_view name);

}  // namespace tocsin::tmpl::internal
