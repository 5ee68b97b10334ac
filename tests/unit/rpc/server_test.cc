#include "cpp/rpc/server.h"

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "cpp/http/client.h"
#include "cpp/http/server.h"
#include "tests/unit/http/raw_socket.h"

namespace tocsin::rpc {
namespace {

using testing::HasSubstr;

struct Answer {
  grpc::Status status;
  std::string body;
};

/// A port as Tocsin opens it: gRPC behind a listener that peeks.
class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    router_.Handle("GET", "/",
                   [](const http::Request&) { return http::Response::Text(200, "plain"); });
  }

  void Start(ServerOptions options = {}) {
    server_ = std::make_unique<Server>(options);
    server_->Handle("/test.Echo/Echo", [](const Call& call) {
      return std::expected<std::string, CallError>(call.body);
    });
    server_->Handle("/test.Echo/Tenant", [](const Call& call) {
      return std::expected<std::string, CallError>(call.Metadata("x-scope-orgid"));
    });
    server_->Handle("/test.Echo/Fail", [](const Call&) -> std::expected<std::string, CallError> {
      return std::unexpected(CallError{ResourceExhaustedError("slower"), "the details"});
    });
    server_->Handle("/test.Echo/Wait", [this](const Call& call) {
      std::unique_lock lock(mutex_);
      ++waiting_;
      changed_.notify_all();
      while (!open_ && !call.Cancelled()) changed_.wait_for(lock, std::chrono::milliseconds(1));
      was_cancelled_ = call.Cancelled();
      return std::expected<std::string, CallError>("waited");
    });
    ASSERT_TRUE(server_->Start().ok());
    listener_ = std::make_unique<http::Server>(http::ServerOptions{});
    const auto address = listener_->Listen({.address = "127.0.0.1:0",
                                            .router = &router_,
                                            .adopt_http2 = [this](int fd) { server_->Adopt(fd); }});
    ASSERT_TRUE(address.has_value()) << address.error().ToString();
    address_ = *address;
    channel_ = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
  }
  ~ServerTest() override {
    Open();
    if (listener_ != nullptr) listener_->Shutdown(kSecond);
    if (server_ != nullptr) server_->Shutdown(kSecond);
  }

  std::future<Answer> Begin(const std::string& method, std::string_view body,
                            std::shared_ptr<grpc::ClientContext> context = nullptr) {
    if (context == nullptr) context = std::make_shared<grpc::ClientContext>();
    struct State {
      grpc::ByteBuffer request;
      grpc::ByteBuffer response;
      std::promise<Answer> promise;
      std::shared_ptr<grpc::ClientContext> context;
      std::unique_ptr<grpc::GenericStub> stub;
    };
    auto state = std::make_shared<State>();
    const grpc::Slice slice(body.data(), body.size());
    state->request = grpc::ByteBuffer(&slice, 1);
    state->context = context;
    state->stub = std::make_unique<grpc::GenericStub>(channel_);
    std::future<Answer> answer = state->promise.get_future();
    state->stub->UnaryCall(context.get(), method, grpc::StubOptions(), &state->request,
                           &state->response, [state](grpc::Status status) {
                             std::string text;
                             grpc::Slice whole;
                             if (status.ok() && state->response.DumpToSingleSlice(&whole).ok()) {
                               text.assign(reinterpret_cast<const char*>(whole.begin()),
                                           whole.size());
                             }
                             state->promise.set_value({std::move(status), std::move(text)});
                           });
    return answer;
  }
  Answer Ask(const std::string& method, std::string_view body,
             std::shared_ptr<grpc::ClientContext> context = nullptr) {
    return Begin(method, body, std::move(context)).get();
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void WaitForWaiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
  std::atomic<bool> was_cancelled_ = false;
  http::Router router_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<http::Server> listener_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string address_;
};

TEST_F(ServerTest, GetsTheBytesThatWereSent) {
  Start();
  std::string large;
  while (large.size() < (3U << 20)) large += std::to_string(large.size());
  for (const std::string& body :
       {std::string(), std::string("x"), std::string(1000, '\0'), large}) {
    const Answer answer = Ask("/test.Echo/Echo", body);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer.body, body);
  }
}

TEST_F(ServerTest, TheSamePortAnswersPlainHttp) {
  Start();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Ask("/test.Echo/Echo", "x").body, "x");
    const auto plain = http::Fetch({.url = "http://" + address_ + "/"});
    ASSERT_TRUE(plain.has_value()) << plain.error().ToString();
    EXPECT_EQ(plain->body, "plain");
  }
}

TEST_F(ServerTest, ManyCallsAtOnce) {
  Start();
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 200; ++i) {
    answers.push_back(
        Begin("/test.Echo/Echo", std::string(10'000, static_cast<char>('a' + i % 26))));
  }
  for (int i = 0; i < 200; ++i) {
    const Answer answer = answers[static_cast<size_t>(i)].get();
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer.body, std::string(10'000, static_cast<char>('a' + i % 26)));
  }
}

TEST_F(ServerTest, PassesMetadataOn) {
  Start();
  auto context = std::make_shared<grpc::ClientContext>();
  context->AddMetadata("x-scope-orgid", "team-a");
  EXPECT_EQ(Ask("/test.Echo/Tenant", "", context).body, "team-a");
}

TEST_F(ServerTest, ErrorsCarryCodeMessageAndDetails) {
  Start();
  const Answer answer = Ask("/test.Echo/Fail", "");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(answer.status.error_message(), "slower");
  EXPECT_EQ(answer.status.error_details(), "the details");
}

TEST_F(ServerTest, UnknownMethodsAreUnimplemented) {
  Start();
  for (const std::string method : {"/test.Echo/Other", "/", "/grpc.health.v1.Health/Watch"}) {
    EXPECT_EQ(Ask(method, "x").status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }
}

TEST_F(ServerTest, TakesGzip) {
  Start();
  auto context = std::make_shared<grpc::ClientContext>();
  context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  const std::string body(100'000, 'x');
  EXPECT_EQ(Ask("/test.Echo/Echo", body, context).body, body);
}

TEST_F(ServerTest, RefusesOtherCompressions) {
  Start();
  auto context = std::make_shared<grpc::ClientContext>();
  context->set_compression_algorithm(GRPC_COMPRESS_DEFLATE);
  EXPECT_EQ(Ask("/test.Echo/Echo", std::string(1000, 'x'), context).status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServerTest, TheSizeLimitHoldsBeforeAndAfterDecompression) {
  Start({.max_message_bytes = 1 << 20});
  EXPECT_TRUE(Ask("/test.Echo/Echo", std::string(1 << 20, 'x')).status.ok());
  EXPECT_EQ(Ask("/test.Echo/Echo", std::string((1 << 20) + 1, 'x')).status.error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  auto context = std::make_shared<grpc::ClientContext>();
  context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  const Answer bomb = Ask("/test.Echo/Echo", std::string(100 << 20, '\0'), context);
  EXPECT_EQ(bomb.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << bomb.status.error_message();
}

TEST_F(ServerTest, BoundsTheCallsInFlight) {
  Start({.handler_threads = 1, .max_calls_in_flight = 2});
  std::future<Answer> running = Begin("/test.Echo/Wait", "");
  WaitForWaiting(1);
  std::future<Answer> one = Begin("/test.Echo/Echo", "x");
  std::future<Answer> two = Begin("/test.Echo/Echo", "x");
  // One of them waits its turn, the other is refused; health is answered all the same.
  while (one.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready &&
         two.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
  }
  EXPECT_TRUE(Ask("/grpc.health.v1.Health/Check", "").status.ok());
  Open();
  const Answer first = one.get();
  const Answer second = two.get();
  EXPECT_NE(first.status.ok(), second.status.ok());
  EXPECT_EQ((first.status.ok() ? second : first).status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(running.get().body, "waited");
}

TEST_F(ServerTest, BoundsTheBytesInFlight) {
  Start({.handler_threads = 1, .max_bytes_in_flight = 1000});
  std::future<Answer> running = Begin("/test.Echo/Wait", std::string(600, 'x'));
  WaitForWaiting(1);
  EXPECT_EQ(Ask("/test.Echo/Echo", std::string(600, 'x')).status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
  Open();
  EXPECT_TRUE(running.get().status.ok());
  Answer after = Ask("/test.Echo/Echo", std::string(600, 'x'));
  while (!after.status.ok()) after = Ask("/test.Echo/Echo", std::string(600, 'x'));
}

TEST_F(ServerTest, CallsTakeOfTheMemoryThatServersShare) {
  MemoryPool memory(1000);
  Start({.memory = &memory});
  {
    MemoryLease other(&memory);
    ASSERT_TRUE(other.Take(600));
    EXPECT_EQ(Ask("/test.Echo/Echo", std::string(600, 'x')).status.error_code(),
              grpc::StatusCode::UNAVAILABLE);
  }
  EXPECT_TRUE(Ask("/test.Echo/Echo", std::string(600, 'x')).status.ok());
  server_->Shutdown(0);
  EXPECT_EQ(memory.used(), 0U);
}

/// Agents and proxies ping far more often than gRPC thinks proper; that must not end the
/// connection.
TEST_F(ServerTest, AnswersEveryPing) {
  Start();
  const http::RawSocket socket(address_);
  using std::string_view_literals::operator""sv;
  socket.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.Send("\0\0\0\x04\0\0\0\0\0"sv);  // SETTINGS, empty.
  constexpr char kPing = 6;
  constexpr char kGoAway = 7;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(socket.Send("\0\0\x08\x06\0\0\0\0\0pingpong"sv));
    for (bool answered = false; !answered;) {
      char head[9];
      ASSERT_EQ(recv(socket.fd(), head, sizeof(head), MSG_WAITALL), 9) << i;
      ASSERT_NE(head[3], kGoAway) << i;
      const auto size =
          static_cast<size_t>(static_cast<uint8_t>(head[1])) << 8 | static_cast<uint8_t>(head[2]);
      std::string payload(size, '\0');
      if (size > 0) {
        ASSERT_EQ(recv(socket.fd(), payload.data(), size, MSG_WAITALL), static_cast<ssize_t>(size));
      }
      answered = head[3] == kPing && head[4] == 1 && payload == "pingpong";
    }
  }
}

TEST_F(ServerTest, TellsItsHealth) {
  Start();
  const std::string serving = "\x08\x01";
  EXPECT_EQ(Ask("/grpc.health.v1.Health/Check", "").body, serving);
  EXPECT_EQ(Ask("/grpc.health.v1.Health/Check", "\x0a\x09test.Echo").body, serving);
  EXPECT_EQ(Ask("/grpc.health.v1.Health/Check", "\x0a\x04nope").status.error_code(),
            grpc::StatusCode::NOT_FOUND);
  for (const std::string_view broken : {"\x0a\x09test", "\x0a", "\x10\x01", "\x0a\xff"}) {
    EXPECT_EQ(Ask("/grpc.health.v1.Health/Check", broken).status.error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(ServerTest, AHandlerSeesThatItsCallerHasGone) {
  Start();
  auto context = std::make_shared<grpc::ClientContext>();
  std::future<Answer> answer = Begin("/test.Echo/Wait", "", context);
  WaitForWaiting(1);
  context->TryCancel();
  EXPECT_EQ(answer.get().status.error_code(), grpc::StatusCode::CANCELLED);
  server_->Shutdown(kMinute);
  EXPECT_TRUE(was_cancelled_);
}

TEST_F(ServerTest, ShutdownLetsCallsFinish) {
  Start();
  std::future<Answer> running = Begin("/test.Echo/Wait", "");
  WaitForWaiting(1);
  std::thread shutdown([this] { server_->Shutdown(kMinute); });
  Open();
  EXPECT_EQ(running.get().body, "waited");
  shutdown.join();
  EXPECT_EQ(Ask("/test.Echo/Echo", "x").status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerTest, ShutdownCancelsWhatTakesTooLong) {
  Start();
  std::future<Answer> running = Begin("/test.Echo/Wait", "");
  WaitForWaiting(1);
  server_->Shutdown(10 * kMillisecond);
  EXPECT_FALSE(running.get().status.ok());
  EXPECT_TRUE(was_cancelled_);
}

TEST_F(ServerTest, WhatIsAdoptedAfterShutdownIsClosed) {
  Start();
  server_->Shutdown(0);
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  server_->Adopt(pair[0]);
  char byte = 0;
  EXPECT_EQ(recv(pair[1], &byte, 1, 0), 0);
  close(pair[1]);
}

}  // namespace
}  // namespace tocsin::rpc
