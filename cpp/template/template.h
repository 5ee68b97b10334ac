/// The template language of Go's package text/template, as Prometheus's annotations and
/// Alertmanager's notifications use it:
///
///     {{ range $i, $x := .Alerts }}{{ if gt $i 0 }}, {{ end }}{{ $x.Labels.instance }}{{ end }}
///
/// Actions with trim markers, pipelines, variables, if, range, with, break, continue, define,
/// template and block; the functions and, or, not, eq, ne, lt, le, gt, ge, len, index, slice,
/// print, printf, println, html, js, urlquery and call, and `tmpl`, which expands a template whose
/// name is computed. Numbers are int64 and float64 and are not mixed in comparisons, as in Go.
/// Other functions are given by the caller; methods exist for times and durations. Complex numbers
/// do not exist.

#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/template/value.h"
#include "cpp/template/work.h"

namespace tocsin::tmpl {

/// A function that templates may call.
struct Function {
  size_t arguments_min = 0;
  size_t arguments_max = std::numeric_limits<size_t>::max();
  std::function<Result<Value>(std::span<const Value>)> call;
  /// In place of `call` for what may take long or builds something large: charges the work.
  std::function<Result<Value>(std::span<const Value>, Work*)> working = {};
};

using Functions = std::map<std::string, Function, std::less<>>;

/// Values of variables that exist before the template begins: "$labels" and the like.
using Variables = std::vector<std::pair<std::string, Value>>;

namespace internal {
struct Program;
}

/// A parsed template. Immutable, cheap to copy, thread-safe.
class Template {
 public:
  /// Parses. Names of functions and variables are checked here; `functions` is only asked for
  /// names. kInvalidArgument: "line 1, column 14: ...", counted within `text`, columns in bytes.
  static Result<Template> Parse(std::string_view text, const Functions& functions,
                                std::span<const std::string_view> variables = {});

  /// A text that may use what another defines. `name`: the file that it comes from, which then
  /// stands before positions in errors ("x.tmpl: line 1, column 14: ..."); may be empty.
  static Result<Template> ParseWithLibrary(std::string_view text, std::string_view name,
                                           const Functions& functions, const Template& library);

  /// Expands with `data` as the dot. `functions` and `variables` hold at least the names that Parse
  /// was given. kInvalidArgument names the position, and what a function complained about.
  Result<std::string> Execute(const Value& data, const Functions& functions,
                              const Variables& variables = {}, const Limits& limits = {}) const;

 private:
  explicit Template(std::shared_ptr<const internal::Program> program)
      : program_(std::move(program)) {}
  std::shared_ptr<const internal::Program> program_;
};

}  // namespace tocsin::tmpl
