// The only file that includes gRPC. Calls come through the generic callback service, so that a
// request stays the bytes that arrived: gRPC's own threads read and write, ours run the handlers.
//
// gRPC would inflate a compressed message before it looks at its size, and a megabyte can become a
// gigabyte. So its decompression is off, and messages are inflated here, up to the limit. A message
// that is compressed begins with the magic number of gzip, and no protobuf message can: 0x1f is a
// field of wire type 7, which does not exist.

#include "cpp/rpc/server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <grpc/support/log.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/log.h"
#include "cpp/base/thread_pool.h"
#include "cpp/lib/compression.h"

namespace tocsin::rpc {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kHealthCheck = "/grpc.health.v1.Health/Check";
constexpr int kMaxMetadataBytes = 64 << 10;
constexpr int kMaxStreams = 1000;  // Of one connection at once.
// For the connections themselves, a part of what calls may take.
constexpr size_t kTransportBytesLeast = 16 << 20;
constexpr size_t kTransportPart = 4;
constexpr int kKeepaliveMillis = 60'000;
constexpr int kKeepaliveTimeoutMillis = 20'000;

std::string_view View(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}
std::string_view View(const grpc::string_ref& text) { return {text.data(), text.size()}; }

grpc::Status ToGrpc(const CallError& error) {
  return {static_cast<grpc::StatusCode>(GrpcCode(error.status.code())),
          std::string(error.status.message()), error.details};
}

/// What is said by gRPC goes to our log.
void LogFromGrpc(gpr_log_func_args* args) {
  const log::Level level =
      args->severity == GPR_LOG_SEVERITY_ERROR ? log::Level::kWarn : log::Level::kDebug;
  log::Write(level, "grpc", {{"text", args->message}, {"file", args->file}, {"line", args->line}});
}

/// The `service` of a HealthCheckRequest; nullopt if it is not one.
std::optional<std::string_view> HealthService(std::string_view body) {
  std::string_view service;
  while (!body.empty()) {
    constexpr char kServiceTag = 0x0a;  // Field 1, length-delimited: the only one.
    if (body.front() != kServiceTag) return std::nullopt;
    body.remove_prefix(1);
    const std::optional<uint64_t> size = GetVarint64(&body);
    if (!size.has_value() || *size > body.size()) return std::nullopt;
    service = body.substr(0, *size);
    body.remove_prefix(*size);
  }
  return service;
}

struct Method {
  UnaryHandler handler;  ///< One of these two is set.
  StreamHandler stream;
  bool at_once = false;  ///< Runs on gRPC's thread and is never refused: it answers from memory.
};

/// What all calls share.
struct Shared {
  explicit Shared(const ServerOptions& o)
      : options(o),
        workers("grpc", options.handler_threads, options.max_calls_in_flight),
        streamers("grpc-stream", options.stream_threads,
                  options.stream_threads + options.more_stream_threads,
                  options.max_calls_in_flight) {}

  grpc::Status Refuse(std::string_view reason, std::string_view text) const {
    Telemetry& telemetry = options.telemetry == nullptr ? Telemetry::None() : *options.telemetry;
    telemetry
        .GetCounter("tocsin_grpc_calls_rejected_total",
                    "gRPC calls refused because a bound was reached.",
                    {{"reason", std::string(reason)}})
        .Add(1);
    return {grpc::StatusCode::UNAVAILABLE, std::string(text)};
  }

  const ServerOptions options;
  ThreadPool workers;
  ThreadPool streamers;
  std::map<std::string, Method, std::less<>> methods;  // Fixed by Start().
  std::atomic<size_t> calls = 0;
  std::atomic<size_t> bytes = 0;
};

/// One call, from its headers to its status. Deletes itself when all is said.
class ServedCall final : public grpc::ServerGenericBidiReactor {
 public:
  ServedCall(Shared* shared, grpc::GenericCallbackServerContext* context)
      : shared_(shared), context_(context), memory_(shared->options.memory) {
    const auto found = shared_->methods.find(context->method());
    if (found == shared_->methods.end()) {
      Finish({grpc::StatusCode::UNIMPLEMENTED, "unknown method " + context->method()});
      return;
    }
    method_ = &found->second;
    if (shared_->calls.fetch_add(1) >= shared_->options.max_calls_in_flight && !method_->at_once) {
      Finish(shared_->Refuse("calls", "too many calls in flight; try again"));
      return;
    }
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {  // gRPC has refused the message, and said so; or none came.
      Finish({grpc::StatusCode::INVALID_ARGUMENT, "the call has no request message"});
      return;
    }
    if (method_->at_once) return Run();
    if (!Charge()) {
      Finish(shared_->Refuse("bytes", "too many bytes of calls in flight; try again"));
    } else if (ThreadPool& pool = method_->stream ? shared_->streamers : shared_->workers;
               !pool.TrySubmit([this] { Run(); })) {
      Finish(shared_->Refuse("calls", "too many calls in flight; try again"));
    }
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    broken_ = broken_ || !ok;
    written_.notify_all();
  }

  void OnCancel() override { cancelled_ = true; }

  void OnDone() override {
    shared_->bytes.fetch_sub(charged_);
    if (method_ != nullptr) shared_->calls.fetch_sub(1);
    delete this;
  }

  bool Charge() {
    charged_ = request_.Length();
    const size_t before = shared_->bytes.fetch_add(charged_);
    return before + charged_ <= shared_->options.max_bytes_in_flight && memory_.Take(charged_);
  }

  void Run() {
    std::string response;
    const std::expected<void, CallError> done = Handle(&response);
    if (!done.has_value()) {
      Finish(ToGrpc(done.error()));
    } else if (method_->stream) {
      Finish(grpc::Status::OK);
    } else {
      const grpc::Slice slice(response);
      response_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
    }
  }

  std::expected<void, CallError> Handle(std::string* response) {
    grpc::Slice slice;
    if (!request_.DumpToSingleSlice(&slice).ok()) {
      return std::unexpected(CallError{InternalError("the message cannot be read"), {}});
    }
    request_.Clear();
    Call call;
    call.method = context_->method();
    call.body = View(slice);
    std::string inflated;
    if (call.body.starts_with(kGzipMagic)) {
      Result<std::string> plain = lib::Gunzip(call.body, shared_->options.max_message_bytes);
      if (!plain.has_value()) return std::unexpected(BadMessage(plain.error()));
      inflated = *std::move(plain);
      slice = grpc::Slice();
      call.body = inflated;
    }
    for (const auto& [name, value] : context_->client_metadata()) {
      call.metadata.emplace_back(View(name), View(value));
    }
    const std::string peer = context_->peer();
    call.peer = peer;
    call.cancelled = [this] { return cancelled_.load(); };
    if (method_->stream) {
      const std::expected<void, CallError> done =
          method_->stream(call, [this](const std::string& message) { return Send(message); });
      AwaitWrite();  // The last message, which response_ holds, is still on its way.
      return done;
    }
    std::expected<std::string, CallError> answer = method_->handler(call);
    if (!answer.has_value()) return std::unexpected(std::move(answer).error());
    *response = *std::move(answer);
    return {};
  }

  /// On a worker. One message is on its way at a time; the handler makes the next one meanwhile.
  bool Send(const std::string& message) {
    if (!AwaitWrite()) return false;
    const grpc::Slice slice(message);
    response_ = grpc::ByteBuffer(&slice, 1);
    {
      const std::lock_guard lock(mutex_);
      writing_ = true;
    }
    StartWrite(&response_);
    return true;
  }

  /// False if the caller has gone, or is made to go because it does not read.
  bool AwaitWrite() {
    std::unique_lock lock(mutex_);
    const auto written = [this] { return !writing_; };
    const std::chrono::nanoseconds patience(shared_->options.stream_stall_timeout);
    if (!written_.wait_for(lock, patience, written)) {
      lock.unlock();
      context_->TryCancel();  // Ends the write, and with it this wait.
      lock.lock();
      written_.wait(lock, written);
      broken_ = true;
    }
    return !broken_ && !cancelled_;
  }

  static CallError BadMessage(const Status& error) {
    if (error.code() == StatusCode::kResourceExhausted) {
      return {ResourceExhaustedError("the message is larger than the limit when decompressed"), {}};
    }
    return {InvalidArgumentError("the message is damaged: " + std::string(error.message())), {}};
  }

  Shared* const shared_;
  grpc::GenericCallbackServerContext* const context_;
  const Method* method_ = nullptr;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  size_t charged_ = 0;
  MemoryLease memory_;
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;  // Guards the next two, of a stream.
  std::condition_variable written_;
  bool writing_ = false;
  bool broken_ = false;
};

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(Shared* shared) : shared_(shared) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new ServedCall(shared_, context);
  }

 private:
  Shared* const shared_;
};

}  // namespace

class Server::Impl {
 public:
  explicit Impl(const ServerOptions& options) : shared_(options), service_(&shared_) {}
  ~Impl() { Shutdown(0); }

  void Handle(std::string method, Method how);
  Status Start();
  void Adopt(int fd);
  void Shutdown(Nanos grace);

 private:
  std::expected<std::string, CallError> CheckHealth(const Call& call) const;
  void Configure(grpc::ServerBuilder* builder) const;

  Shared shared_;
  Service service_;
  std::set<std::string, std::less<>> services_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::atomic<bool> serving_ = false;
  std::mutex adopting_;  // gRPC drops the descriptors that it gets after its shutdown.
  std::mutex shutdown_;
};

void Server::Impl::Handle(std::string method, Method how) {
  TOCSIN_CHECK(server_ == nullptr);
  const size_t slash = method.rfind('/');
  TOCSIN_CHECK(method.starts_with('/') && slash > 0);
  services_.insert(method.substr(1, slash - 1));
  const bool added = shared_.methods.emplace(std::move(method), std::move(how)).second;
  TOCSIN_CHECK(added);
}

std::expected<std::string, CallError> Server::Impl::CheckHealth(const Call& call) const {
  const std::optional<std::string_view> service = HealthService(call.body);
  if (!service.has_value()) {
    return std::unexpected(CallError{InvalidArgumentError("not a HealthCheckRequest")});
  }
  if (!service->empty() && !services_.contains(*service)) {
    return std::unexpected(CallError{NotFoundError("unknown service " + std::string(*service))});
  }
  return serving_ ? "\x08\x01" : "\x08\x02";  // HealthCheckResponse: SERVING or NOT_SERVING.
}

void Server::Impl::Configure(grpc::ServerBuilder* builder) const {
  const ServerOptions& options = shared_.options;
  builder->SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  // Clients ping as they like (agents, proxies and SDKs all do); the dead are found by our pings.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  grpc::ResourceQuota quota("tocsin");
  const size_t calls = options.max_bytes_in_flight;
  const size_t transport = std::max(kTransportBytesLeast, calls / kTransportPart);
  quota.Resize(transport + 2 * calls);  // Half is still being received.
  builder->SetResourceQuota(quota);
}

Status Server::Impl::Start() {
  TOCSIN_CHECK(server_ == nullptr);
  gpr_set_log_function(LogFromGrpc);
  shared_.methods.emplace(kHealthCheck,
                          Method{.handler = [this](const Call& call) { return CheckHealth(call); },
                                 .stream = nullptr,
                                 .at_once = true});
  grpc::ServerBuilder builder;
  Configure(&builder);
  builder.RegisterCallbackGenericService(&service_);
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) return InternalError("the gRPC server does not start");
  serving_ = true;
  return {};
}

void Server::Impl::Adopt(int fd) {
  const std::lock_guard lock(adopting_);
  if (!serving_) {
    close(fd);
    return;
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.fd = fd;
  acceptor_->HandleNewConnection(&connection);
}

void Server::Impl::Shutdown(Nanos grace) {
  const std::lock_guard lock(shutdown_);
  {
    const std::lock_guard no_adopting(adopting_);
    serving_ = false;
  }
  if (server_ != nullptr) {
    // Waits for every reactor's OnDone(), also beyond the deadline, at which calls are cancelled.
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::nanoseconds(grace));
  }
  shared_.workers.Stop();
  shared_.streamers.Stop();
}

Server::Server(const ServerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Server::~Server() = default;

void Server::Handle(std::string method, UnaryHandler handler) {
  impl_->Handle(std::move(method), {.handler = std::move(handler), .stream = nullptr});
}
void Server::HandleStream(std::string method, StreamHandler handler) {
  impl_->Handle(std::move(method), {.handler = nullptr, .stream = std::move(handler)});
}
Status Server::Start() { return impl_->Start(); }
void Server::Adopt(int fd) { impl_->Adopt(fd); }
void Server::Shutdown(Nanos grace) { impl_->Shutdown(grace); }

}  // namespace tocsin::rpc
