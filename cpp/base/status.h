/// Status and Result<T>: how every fallible function in this repository reports failure.
///
/// A Status is OK or carries a code and a sentence for a human. A Result<T> holds either a T or a
/// Status that is not OK. Neither may be dropped on the floor: both are [[nodiscard]], and the
/// build treats that warning as an error.
///
/// Errors come from outside (the network, the disk, a user's query). A broken invariant of our own
/// is not an error but a bug: use TOCSIN_CHECK, which stops the process. Nothing under cpp/ or
/// storage/ throws; exceptions from third-party code are caught in the one module that wraps it.
///
///     Result<Segment> Open(int number) {
///       if (number < 0) return InvalidArgumentError("a segment number is not negative");
///       TOCSIN_ASSIGN_OR_RETURN(std::string bytes, Read(number));
///       TOCSIN_RETURN_IF_ERROR(Verify(bytes));
///       return Segment(bytes);
///     }

#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/base/check.h"

namespace tocsin {

/// What went wrong, as the caller must act on it. docs/errors.md maps each code to one gRPC code,
/// one HTTP status and one Python exception; adding a code means adding a row there.
enum class StatusCode : uint8_t {
  kOk = 0,
  kInvalidArgument,     ///< The request can never succeed. Do not retry.
  kNotFound,            ///< The named trace, series, rule or tenant does not exist.
  kAlreadyExists,       ///< Something of that name is there, or a directory is in use.
  kFailedPrecondition,  ///< Refused in the present state; retrying alone does not help.
  kUnsupported,         ///< A media type, encoding or method that is not spoken here.
  kUnauthenticated,     ///< Nobody said who is asking: no tenant, no or bad credentials.
  kResourceExhausted,   ///< A limit or a full queue. Retry later, slower.
  kUnavailable,         ///< A peer or the disk is gone for now. Retry with backoff.
  kDeadlineExceeded,    ///< The caller's time ran out; the work was abandoned.
  kCancelled,           ///< The caller went away; the work was abandoned.
  kCorruption,          ///< Bytes on disk or on the wire fail their own checks.
  kInternal,            ///< A bug that was survivable. Always logged with its origin.
};

std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  /// An OK status. It holds no memory and costs one null pointer to copy.
  Status() = default;

  /// REQUIRES: code != StatusCode::kOk.
  Status(StatusCode code, std::string_view message);

  bool ok() const { return rep_ == nullptr; }
  StatusCode code() const { return ok() ? StatusCode::kOk : rep_->code; }

  /// The empty view when ok(). Valid for as long as this Status, or a copy of it, lives.
  std::string_view message() const { return ok() ? std::string_view() : rep_->message; }

  /// The same error, told from one level up: "opening segment 17: checksum mismatch".
  Status WithContext(std::string_view context) const;

  std::string ToString() const;

 private:
  struct Rep {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;  // Null if and only if OK.
};

/// Use `result.has_value()`, `*result`, `result->` and `result.error()` (a Status that is not OK).
template <class T>
using Result = std::expected<T, Status>;

/// A failure on its way out of a function: becomes a Status or any Result<T>.
class [[nodiscard]] Failure {
 public:
  explicit Failure(Status status) : status_(std::move(status)) { TOCSIN_CHECK(!status_.ok()); }
  Failure(StatusCode code, std::string_view message) : status_(code, message) {}

  operator Status() const { return status_; }  // NOLINT(google-explicit-constructor)
  template <class T>
  operator std::expected<T, Status>() const {  // NOLINT(google-explicit-constructor)
    return std::unexpected<Status>(status_);
  }

 private:
  Status status_;
};

inline Failure InvalidArgumentError(std::string_view message) {
  return {StatusCode::kInvalidArgument, message};
}
inline Failure NotFoundError(std::string_view message) { return {StatusCode::kNotFound, message}; }
inline Failure AlreadyExistsError(std::string_view message) {
  return {StatusCode::kAlreadyExists, message};
}
inline Failure FailedPreconditionError(std::string_view message) {
  return {StatusCode::kFailedPrecondition, message};
}
inline Failure UnsupportedError(std::string_view message) {
  return {StatusCode::kUnsupported, message};
}
inline Failure ResourceExhaustedError(std::string_view message) {
  return {StatusCode::kResourceExhausted, message};
}
inline Failure UnavailableError(std::string_view message) {
  return {StatusCode::kUnavailable, message};
}
inline Failure DeadlineExceededError(std::string_view message) {
  return {StatusCode::kDeadlineExceeded, message};
}
inline Failure CancelledError(std::string_view message) {
  return {StatusCode::kCancelled, message};
}
inline Failure CorruptionError(std::string_view message) {
  return {StatusCode::kCorruption, message};
}
inline Failure InternalError(std::string_view message) { return {StatusCode::kInternal, message}; }

}  // namespace tocsin

/// Returns from the enclosing function (of type Status or Result<T>) if `expr`, a Status, is not
/// OK.
#define TOCSIN_RETURN_IF_ERROR(expr)                                      \
  do {                                                                    \
    if (::tocsin::Status tocsin_status_ = (expr); !tocsin_status_.ok()) { \
      return ::tocsin::Failure(std::move(tocsin_status_));                \
    }                                                                     \
  } while (false)

#define TOCSIN_INTERNAL_CAT2(a, b) a##b
#define TOCSIN_INTERNAL_CAT(a, b) TOCSIN_INTERNAL_CAT2(a, b)
#define TOCSIN_INTERNAL_ASSIGN_OR_RETURN(result, lhs, expr)                     \
  auto result = (expr);                                                         \
  if (!result.has_value()) return ::tocsin::Failure(std::move(result).error()); \
  lhs = *std::move(result)

/// TOCSIN_ASSIGN_OR_RETURN(const Segment segment, reader.Open(id));
#define TOCSIN_ASSIGN_OR_RETURN(lhs, expr) \
  TOCSIN_INTERNAL_ASSIGN_OR_RETURN(TOCSIN_INTERNAL_CAT(tocsin_result_, __LINE__), lhs, expr)
