/// Certificates and a TLS server, made while a test runs.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace tocsin::http {

/// Both as PEM.
struct Certified {
  std::string cert = {};
  std::string key = {};
};

/// A certificate authority that signs what a test needs.
class Authority {
 public:
  explicit Authority(const std::string& name);
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  const std::string& cert() const { return cert_; }
  /// For `subject_alternative`: "DNS:shop.test" or "IP:127.0.0.1".
  Certified Issue(const std::string& subject_alternative) const;

 private:
  struct Keys;
  const std::unique_ptr<Keys> keys_;
  std::string cert_;
};

/// What the other side of a connection has said, and what it is told.
class TlsPeer {
 public:
  virtual ~TlsPeer() = default;
  /// Until `end` has arrived, or nothing more comes.
  virtual std::string ReadUntil(std::string_view end) = 0;
  virtual void Send(std::string_view bytes) = 0;
  /// The host name that was asked for; "" if none was.
  virtual std::string asked_name() const = 0;
  /// "TLSv1.3"
  virtual std::string version() const = 0;
};

struct TlsServerOptions {
  Certified certified = {};
  std::string client_ca = {};  ///< PEM; not empty: clients must have a certificate of it.
  int max_version = 0;         ///< As OpenSSL numbers them; 0: the newest.
  int connections = 1;         ///< Taken before it ends.
};

/// Takes its connections one after the other, on a thread; those that fail to shake hands are only
/// counted.
class TlsServer {
 public:
  TlsServer(TlsServerOptions options, std::function<void(TlsPeer&)> serve);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// "127.0.0.1:port".
  const std::string& address() const { return address_; }

 private:
  void Run(int listener, const TlsServerOptions& options,
           const std::function<void(TlsPeer&)>& serve);

  std::string address_;
  std::thread thread_;
};

}  // namespace tocsin::http
