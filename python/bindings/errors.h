/// The one place where a Status becomes a Python exception.

#pragma once

#include <exception>
#include <string>
#include <utility>

#include <pybind11/pybind11.h>

#include "cpp/base/status.h"

namespace tocsin::python {

/// Carries a Status through pybind11 up to the translator. Never seen outside python/bindings/.
class StatusError : public std::exception {
 public:
  explicit StatusError(const Status& status)
      : code_(status.code()), what_(std::string(status.message())) {}
  const char* what() const noexcept override { return what_.c_str(); }
  StatusCode code() const { return code_; }

 private:
  StatusCode code_;
  std::string what_;
};

template <class T>
T ValueOrThrow(Result<T> result) {
  if (!result) throw StatusError(result.error());
  return *std::move(result);
}

inline void ThrowIfError(const Status& status) {
  if (!status.ok()) throw StatusError(status);
}

/// Adds the exception classes to `m` and installs the translator.
void BindErrors(pybind11::module_& m);

}  // namespace tocsin::python
