#include "tests/unit/http/tls_server.h"

#include <array>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/http/raw_socket.h"

namespace tocsin::http {
namespace {

std::string ToText(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_ctrl(bio, BIO_CTRL_INFO, 0, static_cast<void*>(&data));
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

std::string ToPem(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  return ToText(bio);
}

std::string ToPem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return ToText(bio);
}

EVP_PKEY* MakeKey() { return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"); }

X509* Unsigned(const std::string& name, EVP_PKEY* key, long serial) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* ReadCertificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

void UseCertified(SSL_CTX* context, const Certified& certified) {
  X509* certificate = ReadCertificate(certified.cert);
  BIO* bio = BIO_new_mem_buf(certified.key.data(), static_cast<int>(certified.key.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

class Peer final : public TlsPeer {
 public:
  explicit Peer(SSL* ssl) : ssl_(ssl) {}

  std::string ReadUntil(std::string_view end) override {
    std::string received;
    char next = 0;
    while (!received.ends_with(end) && SSL_read(ssl_, &next, 1) == 1) received.push_back(next);
    return received;
  }
  void Send(std::string_view bytes) override {
    SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string asked_name() const override {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  std::string version() const override { return SSL_get_version(ssl_); }

 private:
  SSL* const ssl_;
};

}  // namespace

struct Authority::Keys {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

Authority::Authority(const std::string& name) : keys_(std::make_unique<Keys>()) {
  keys_->key = MakeKey();
  keys_->certificate = Unsigned(name, keys_->key, 1);
  X509_set_issuer_name(keys_->certificate, X509_get_subject_name(keys_->certificate));
  AddExtension(keys_->certificate, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(keys_->certificate, keys_->key, EVP_sha256());
  cert_ = ToPem(keys_->certificate);
}

Authority::~Authority() {
  X509_free(keys_->certificate);
  EVP_PKEY_free(keys_->key);
}

Certified Authority::Issue(const std::string& subject_alternative) const {
  EVP_PKEY* key = MakeKey();
  X509* certificate = Unsigned("a test", key, 2);
  X509_set_issuer_name(certificate, X509_get_subject_name(keys_->certificate));
  AddExtension(certificate, NID_subject_alt_name, subject_alternative);
  X509_sign(certificate, keys_->key, EVP_sha256());
  Certified certified{ToPem(certificate), ToPem(key)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return certified;
}

TlsServer::TlsServer(TlsServerOptions options, std::function<void(TlsPeer&)> serve) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SocketAddress address = Resolve({"127.0.0.1", 0})->front();
  EXPECT_EQ(bind(fd, address.get(), address.length), 0);
  EXPECT_EQ(listen(fd, 8), 0);
  EXPECT_EQ(getsockname(fd, address.get(), &address.length), 0);
  address_ = address.ToString();
  thread_ = std::thread([this, fd, options = std::move(options), serve = std::move(serve)] {
    Run(fd, options, serve);
  });
}

TlsServer::~TlsServer() { thread_.join(); }

void TlsServer::Run(int listener, const TlsServerOptions& options,
                    const std::function<void(TlsPeer&)>& serve) {
  const RawSocket socket(listener);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  UseCertified(context, options.certified);
  SSL_CTX_set_max_proto_version(context, options.max_version);
  if (!options.client_ca.empty()) {
    X509* ca = ReadCertificate(options.client_ca);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
    X509_free(ca);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  for (int i = 0; i < options.connections; ++i) {
    const RawSocket connection(accept(socket.fd(), nullptr, nullptr));
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, connection.fd());
    if (SSL_accept(ssl) == 1) {
      Peer peer(ssl);
      serve(peer);
      SSL_shutdown(ssl);
    }
    SSL_free(ssl);
  }
  SSL_CTX_free(context);
}

}  // namespace tocsin::http
