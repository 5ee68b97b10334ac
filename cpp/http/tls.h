/// The client's side of TLS.

#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "cpp/base/http_options.h"
#include "cpp/base/status.h"
#include "cpp/http/stream.h"

namespace tocsin::http {

/// What connections to one kind of server have in common. Thread-safe.
class TlsContext {
 public:
  explicit TlsContext(TlsOptions options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// Can everything be read that the options name? kInvalidArgument or kNotFound says what cannot.
  Status Check();

  /// Makes a connected socket a connection to `host`, whose certificate is verified unless the
  /// options say otherwise. The files are read, and if they have changed, used anew. kUnavailable
  /// if the two sides do not come to terms; what Check says if the files cannot be used.
  Result<std::unique_ptr<Stream>> Connect(Descriptor socket, const std::string& host,
                                          const Patience& patience);

 private:
  struct Context;  // SSL_CTX.

  /// The context made of the files as they are now.
  Result<std::shared_ptr<Context>> Current();

  const TlsOptions options_;
  std::mutex mutex_;
  std::shared_ptr<Context> context_;  // Guarded by mutex_; null until the first use.
};

}  // namespace tocsin::http
