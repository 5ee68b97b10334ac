/// Calls as plain values, so that handlers and their tests know nothing of gRPC.

#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::rpc {

struct Call {
  std::string_view method;  ///< "/package.Service/Method".
  std::string_view body;    ///< The request message, whole and decompressed.
  /// The caller's metadata, names in lower case, in no particular order.
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
  std::string_view peer;            ///< "ipv4:127.0.0.1:54321".
  std::function<bool()> cancelled;  ///< Set by the server; a test need not.

  /// The first value of that name, or "".
  std::string_view Metadata(std::string_view lower_case_name) const;
  /// Whether nobody waits for the answer any more.
  bool Cancelled() const { return cancelled && cancelled(); }
};

/// What a call fails with. The code of `status` becomes gRPC's as docs/errors.md says.
struct CallError {
  Status status = {};  ///< Not OK.
  /// A serialised google.rpc.Status for `grpc-status-details-bin`; empty for none.
  std::string details = {};
};

/// Returns the serialised response message. Called from several threads at once; may block. What
/// `call` views is gone when the handler returns.
using UnaryHandler = std::function<std::expected<std::string, CallError>(const Call& call)>;

/// Hands one serialised message to the caller. Waits while the caller reads more slowly than that;
/// false once nobody reads any more.
using SendMessage = std::function<bool(std::string message)>;

/// Sends any number of messages and returns how it ended. As for UnaryHandler otherwise; `send` may
/// be called from one thread at a time.
using StreamHandler =
    std::function<std::expected<void, CallError>(const Call& call, const SendMessage& send)>;

/// The number that gRPC has for a code: 3 for kInvalidArgument.
int GrpcCode(StatusCode code);

}  // namespace tocsin::rpc
