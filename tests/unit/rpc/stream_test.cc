// Methods that answer with a stream of messages.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "cpp/http/server.h"
#include "cpp/rpc/server.h"

namespace tocsin::rpc {
namespace {

/// Sends one message and reads what comes; stops reading after `read_at_most` messages.
class Reader final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Reader(grpc::GenericStub* stub, const std::string& method, std::string_view body,
         size_t read_at_most = SIZE_MAX)
      : left_(read_at_most) {
    const grpc::Slice slice(body.data(), body.size());
    request_ = grpc::ByteBuffer(&slice, 1);
    stub->PrepareBidiStreamingCall(&context_, method, grpc::StubOptions(), this);
    StartWriteLast(&request_, grpc::WriteOptions());
    if (left_ > 0) {
      StartRead(&response_);
    } else {
      AddHold();
    }
    StartCall();
  }

  grpc::Status Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
    return status_;
  }
  void Cancel() { context_.TryCancel(); }
  /// Reads at last: a status comes after all messages that came before it.
  void Release() {
    left_ = SIZE_MAX;
    StartRead(&response_);
    RemoveHold();
  }
  std::vector<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  void WaitForMessages(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return messages_.size() >= count || done_; });
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    grpc::Slice whole;
    if (!response_.DumpToSingleSlice(&whole).ok()) return;
    {
      const std::lock_guard lock(mutex_);
      messages_.emplace_back(reinterpret_cast<const char*>(whole.begin()), whole.size());
    }
    changed_.notify_all();
    if (--left_ > 0) StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    status_ = status;
    done_ = true;
    changed_.notify_all();
  }

  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  size_t left_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> messages_;
  grpc::Status status_;
  bool done_ = false;
};

class StreamTest : public testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    server_ = std::make_unique<Server>(options);
    server_->HandleStream("/test.Count/To", [](const Call& call, const SendMessage& send) {
      const int last = std::stoi(std::string(call.body));
      for (int i = 1; i <= last; ++i) send(std::to_string(i));
      return std::expected<void, CallError>();
    });
    server_->HandleStream("/test.Count/Fail", [](const Call&, const SendMessage& send) {
      send("one");
      return std::expected<void, CallError>(
          std::unexpected(CallError{InvalidArgumentError("bad query"), {}}));
    });
    server_->HandleStream("/test.Count/Forever", [this](const Call&, const SendMessage& send) {
      while (send(std::string(100'000, 'x'))) {
      }
      ended_ = true;
      ended_.notify_all();
      return std::expected<void, CallError>(
          std::unexpected(CallError{CancelledError("nobody reads"), {}}));
    });
    server_->Handle("/test.Count/Unary", [](const Call& call) {
      return std::expected<std::string, CallError>(call.body);
    });
    ASSERT_TRUE(server_->Start().ok());
    listener_ = std::make_unique<http::Server>(http::ServerOptions{});
    const auto address = listener_->Listen({.address = "127.0.0.1:0",
                                            .router = &router_,
                                            .adopt_http2 = [this](int fd) { server_->Adopt(fd); }});
    ASSERT_TRUE(address.has_value()) << address.error().ToString();
    stub_ = std::make_unique<grpc::GenericStub>(
        grpc::CreateChannel(*address, grpc::InsecureChannelCredentials()));
  }
  ~StreamTest() override {
    if (listener_ != nullptr) listener_->Shutdown(kSecond);
    if (server_ != nullptr) server_->Shutdown(kSecond);
  }

  http::Router router_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<http::Server> listener_;
  std::unique_ptr<grpc::GenericStub> stub_;
  std::atomic<bool> ended_ = false;
};

TEST_F(StreamTest, EveryMessageArrivesInOrder) {
  Start();
  Reader reader(stub_.get(), "/test.Count/To", "1000");
  EXPECT_TRUE(reader.Wait().ok());
  const std::vector<std::string> messages = reader.messages();
  ASSERT_EQ(messages.size(), 1000U);
  for (size_t i = 0; i < messages.size(); ++i) EXPECT_EQ(messages[i], std::to_string(i + 1));
}

TEST_F(StreamTest, AStreamMayBeEmpty) {
  Start();
  Reader reader(stub_.get(), "/test.Count/To", "0");
  EXPECT_TRUE(reader.Wait().ok());
  EXPECT_TRUE(reader.messages().empty());
}

TEST_F(StreamTest, AnErrorFollowsWhatWasSent) {
  Start();
  Reader reader(stub_.get(), "/test.Count/Fail", "");
  const grpc::Status status = reader.Wait();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "bad query");
  EXPECT_EQ(reader.messages(), std::vector<std::string>{"one"});
}

TEST_F(StreamTest, AHandlerSeesThatItsCallerHasGone) {
  Start();
  Reader reader(stub_.get(), "/test.Count/Forever", "");
  reader.WaitForMessages(3);
  reader.Cancel();
  EXPECT_EQ(reader.Wait().error_code(), grpc::StatusCode::CANCELLED);
  ended_.wait(false);
}

TEST_F(StreamTest, WhoDoesNotReadIsCutOff) {
  Start({.stream_stall_timeout = 50 * kMillisecond});
  Reader reader(stub_.get(), "/test.Count/Forever", "", 0);
  ended_.wait(false);
  reader.Release();
  EXPECT_FALSE(reader.Wait().ok());
}

TEST_F(StreamTest, StreamsDoNotHoldUpOtherCalls) {
  Start({.handler_threads = 1, .stream_threads = 1});
  Reader stalled(stub_.get(), "/test.Count/Forever", "", 0);
  Reader unary(stub_.get(), "/test.Count/Unary", "x");
  EXPECT_TRUE(unary.Wait().ok());
  EXPECT_EQ(unary.messages(), std::vector<std::string>{"x"});
  stalled.Cancel();
  ended_.wait(false);
  stalled.Release();
  EXPECT_FALSE(stalled.Wait().ok());
}

}  // namespace
}  // namespace tocsin::rpc
