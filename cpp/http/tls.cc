#include "cpp/http/tls.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include "cpp/http/secret.h"

namespace tocsin::http {
namespace {

constexpr size_t kReadBytes = 64 << 10;
// Of ALPN: the length, and the one protocol that is spoken here.
constexpr std::string_view kAlpn = "\x08http/1.1";

struct Free {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using SslPtr = std::unique_ptr<SSL, Free>;
using BioPtr = std::unique_ptr<BIO, Free>;
using CertificatePtr = std::unique_ptr<X509, Free>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free>;

// The oldest error of this thread; it takes all of them away.
std::string LastError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL: a closed connection would end the process.

int SocketOf(BIO* bio) { return static_cast<const Descriptor*>(BIO_get_data(bio))->get(); }

int BioWrite(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = send(SocketOf(bio), data, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int BioRead(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t received = recv(SocketOf(bio), data, static_cast<size_t>(size), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(received);
}

long BioControl(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int BioCreate(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* SocketMethod() {
  static BIO_METHOD* const socket_method = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tocsin socket");
    BIO_meth_set_write(method, &BioWrite);
    BIO_meth_set_read(method, &BioRead);
    BIO_meth_set_ctrl(method, &BioControl);
    BIO_meth_set_create(method, &BioCreate);
    return method;
  }();
  return socket_method;
}

class Encrypted final : public Stream {
 public:
  Encrypted(Descriptor socket, SslPtr ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {
    BIO* bio = BIO_new(SocketMethod());
    BIO_set_data(bio, &socket_);
    SSL_set_bio(ssl_.get(), bio, bio);
  }

  ~Encrypted() override {
    ERR_clear_error();
    if (whole_) SSL_shutdown(ssl_.get());  // Says good-bye, and does not wait for the answer.
    ERR_clear_error();
  }

  Status Handshake(const Patience& patience) {
    const auto step = [&] { return SSL_connect(ssl_.get()); };
    TOCSIN_ASSIGN_OR_RETURN(const int done, Drive(step, "the TLS handshake", patience));
    if (done == 0) return patience.Broken("the TLS handshake", "the connection was closed");
    whole_ = true;
    return {};
  }

  Status Write(std::string_view bytes, const Patience& patience) override {
    while (!bytes.empty()) {
      size_t written = 0;
      const auto step = [&] {
        return SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written);
      };
      Result<int> done = Drive(step, "sending the request", patience);
      // The answer to what was read so far may be there.
      if (!done.has_value() && (errno == EPIPE || errno == ECONNRESET)) return {};
      if (!done.has_value()) return done.error();
      if (*done == 0) return {};
      bytes.remove_prefix(written);
    }
    return {};
  }

  Result<bool> Read(std::string* buffer, const Patience& patience) override {
    std::array<char, kReadBytes> chunk;
    size_t received = 0;
    const auto step = [&] {
      return SSL_read_ex(ssl_.get(), chunk.data(), chunk.size(), &received);
    };
    TOCSIN_ASSIGN_OR_RETURN(const int done, Drive(step, "waiting for the response", patience));
    buffer->append(chunk.data(), received);
    return done > 0;
  }

  bool IsQuiet() override {
    // Records that carry no data, such as session tickets, are taken on the way.
    ERR_clear_error();
    char next = 0;
    size_t seen = 0;
    const int done = SSL_peek_ex(ssl_.get(), &next, 1, &seen);
    const bool quiet = done <= 0 && SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return quiet;
  }

 private:
  // Runs a step of OpenSSL until it is done, waiting when it must. 0: the other side has said that
  // it is finished.
  template <class Step>
  Result<int> Drive(Step step, std::string_view name, const Patience& patience) {
    while (true) {
      ERR_clear_error();
      errno = 0;
      const int done = step();
      if (done > 0) return done;
      switch (SSL_get_error(ssl_.get(), done)) {
        case SSL_ERROR_WANT_READ:
          TOCSIN_RETURN_IF_ERROR(patience.WaitFor(socket_.get(), POLLIN, name));
          break;
        case SSL_ERROR_WANT_WRITE:
          TOCSIN_RETURN_IF_ERROR(patience.WaitFor(socket_.get(), POLLOUT, name));
          break;
        case SSL_ERROR_ZERO_RETURN:
          return 0;
        default:
          whole_ = false;
          return Failed(name, patience);
      }
    }
  }

  Failure Failed(std::string_view name, const Patience& patience) {
    const int broken = errno;
    const long verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK) {
      ERR_clear_error();
      return patience.Broken(name, "the certificate is not accepted: " +
                                       std::string(X509_verify_cert_error_string(verified)));
    }
    if (broken != 0) {
      ERR_clear_error();
      errno = broken;
      Failure failure = patience.Broken(name);
      errno = broken;
      return failure;
    }
    return patience.Broken(name, LastError());
  }

  Descriptor socket_;  // SocketOf reads it where it is.
  const SslPtr ssl_;
  bool whole_ = false;  // Shaken hands, and not broken since.
};

int VersionOf(TlsVersion version, int otherwise) {
  switch (version) {
    case TlsVersion::kDefault:
      return otherwise;
    case TlsVersion::kTls10:
      return TLS1_VERSION;
    case TlsVersion::kTls11:
      return TLS1_1_VERSION;
    case TlsVersion::kTls12:
      return TLS1_2_VERSION;
    case TlsVersion::kTls13:
      return TLS1_3_VERSION;
  }
  return otherwise;
}

Failure BadPem(std::string_view what, std::string_view file) {
  return InvalidArgumentError("TLS: the " + std::string(what) +
                              (file.empty() ? "" : " of " + std::string(file)) +
                              " cannot be used: " + LastError());
}

BioPtr Reading(const std::string& pem) {
  return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

Status UseCa(SSL_CTX* context, const std::string& pem, const std::string& file) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  const BioPtr bio = Reading(pem);
  int count = 0;
  while (
      const CertificatePtr certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return BadPem("CA", file);
    ++count;
  }
  if (count == 0) return BadPem("CA", file);
  ERR_clear_error();  // The end of the text is noted as an error.
  return {};
}

Status UseCertificate(SSL_CTX* context, const std::string& pem, const std::string& file) {
  const BioPtr bio = Reading(pem);
  const CertificatePtr own{PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)};
  if (own == nullptr || SSL_CTX_use_certificate(context, own.get()) != 1) {
    return BadPem("certificate", file);
  }
  while (const CertificatePtr link{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(context, link.get()) != 1) return BadPem("certificate", file);
  }
  ERR_clear_error();
  return {};
}

Status UseKey(SSL_CTX* context, const std::string& pem, const std::string& file) {
  const BioPtr bio = Reading(pem);
  const KeyPtr key{PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr)};
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return BadPem("key", file);
  return {};
}

bool IsAddress(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

// Whose certificate it must be, and which name is asked for.
bool Expect(SSL* ssl, const std::string& name) {
  if (IsAddress(name)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
  // Not by its macro, which has a cast of the old style.
  const long asked = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                              const_cast<char*>(name.c_str()));
  return SSL_set1_host(ssl, name.c_str()) == 1 && asked == 1;
}

// What the options name, read now.
struct Texts {
  std::string ca;
  std::string cert;
  std::string key;

  friend bool operator==(const Texts&, const Texts&) = default;
};

Result<Texts> ReadTexts(const TlsOptions& options) {
  Texts texts;
  TOCSIN_ASSIGN_OR_RETURN(texts.ca, ReadSecret({options.ca, options.ca_file}));
  TOCSIN_ASSIGN_OR_RETURN(texts.cert, ReadSecret({options.cert, options.cert_file}));
  TOCSIN_ASSIGN_OR_RETURN(texts.key, ReadSecret(options.key));
  return texts;
}

}  // namespace

struct TlsContext::Context {
  explicit Context(Texts of) : texts(std::move(of)), handle(SSL_CTX_new(TLS_client_method())) {}
  ~Context() { SSL_CTX_free(handle); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Status Apply(const TlsOptions& options) const {
    SSL_CTX_set_mode(handle, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_min_proto_version(handle, VersionOf(options.min_version, TLS1_2_VERSION));
    SSL_CTX_set_max_proto_version(handle, VersionOf(options.max_version, 0));
    // The old versions need signatures that OpenSSL 3 leaves out by default.
    if (VersionOf(options.min_version, TLS1_2_VERSION) < TLS1_2_VERSION) {
      SSL_CTX_set_security_level(handle, 0);
    }
    SSL_CTX_set_alpn_protos(handle, reinterpret_cast<const unsigned char*>(kAlpn.data()),
                            static_cast<unsigned>(kAlpn.size()));
    SSL_CTX_set_verify(handle, options.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       nullptr);
    if (texts.ca.empty()) {
      SSL_CTX_set_default_verify_paths(handle);
    } else {
      TOCSIN_RETURN_IF_ERROR(UseCa(handle, texts.ca, options.ca_file));
    }
    if (texts.cert.empty()) return {};
    TOCSIN_RETURN_IF_ERROR(UseCertificate(handle, texts.cert, options.cert_file));
    TOCSIN_RETURN_IF_ERROR(UseKey(handle, texts.key, options.key.file));
    if (SSL_CTX_check_private_key(handle) != 1) return BadPem("key", options.key.file);
    return {};
  }

  const Texts texts;
  SSL_CTX* const handle;
};

TlsContext::TlsContext(TlsOptions options) : options_(std::move(options)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext::Context>> TlsContext::Current() {
  TOCSIN_ASSIGN_OR_RETURN(Texts texts, ReadTexts(options_));
  const std::lock_guard lock(mutex_);
  if (context_ != nullptr && context_->texts == texts) return context_;
  ERR_clear_error();
  auto context = std::make_shared<Context>(std::move(texts));
  if (context->handle == nullptr) return InternalError("TLS: " + LastError());
  TOCSIN_RETURN_IF_ERROR(context->Apply(options_));
  context_ = std::move(context);
  return context_;
}

Status TlsContext::Check() {
  const auto context = Current();
  return context.has_value() ? Status() : Status(context.error());
}

Result<std::unique_ptr<Stream>> TlsContext::Connect(Descriptor socket, const std::string& host,
                                                    const Patience& patience) {
  TOCSIN_ASSIGN_OR_RETURN(const std::shared_ptr<Context> context, Current());
  SslPtr ssl(SSL_new(context->handle));
  const std::string& name = options_.server_name.empty() ? host : options_.server_name;
  if (ssl == nullptr || !Expect(ssl.get(), name)) {
    return patience.Broken("the TLS handshake", LastError());
  }
  auto stream = std::make_unique<Encrypted>(std::move(socket), std::move(ssl));
  TOCSIN_RETURN_IF_ERROR(stream->Handshake(patience));
  return stream;
}

}  // namespace tocsin::http
