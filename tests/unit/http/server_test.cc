#include "cpp/http/server.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/http/client.h"
#include "cpp/http/router.h"
#include "tests/unit/http/raw_socket.h"

namespace tocsin::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// Opens once; until then, those who wait, wait.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void WaitForWaiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    router_.Handle("GET", "/hello", [](const Request&) { return Response::Text(200, "hello"); });
    router_.Handle("POST", "/echo", [](const Request& request) {
      Response response = Response::Text(200, request.body);
      return response.Set("X-Type", request.Header("content-type"));
    });
    router_.Handle("GET", "/show", [](const Request& request) {
      std::string text = request.path;
      for (const auto& [name, value] : request.query) text += " " + name + "=" + value;
      return Response::Text(200, text + " " + std::string(request.Header("x-name")));
    });
    router_.Handle("GET", "/wait", [this](const Request&) {
      gate_.Pass();
      return Response::Text(200, "waited");
    });
    router_.Handle("GET", "/cancelled", [this](const Request& request) {
      gate_.Pass();
      while (!request.Cancelled()) std::this_thread::yield();
      was_cancelled_ = true;
      return Response::Text(200, "nobody reads this");
    });
    router_.Handle("GET", "/big",
                   [](const Request&) { return Response::Text(200, std::string(8 << 20, 'x')); });
  }
  ~ServerTest() override { gate_.Open(); }

  void Start(ServerOptions options = {}, std::function<void(int)> adopt = {}) {
    server_ = std::make_unique<Server>(std::move(options));
    auto address = server_->Listen(
        {.address = "127.0.0.1:0", .router = &router_, .adopt_http2 = std::move(adopt)});
    ASSERT_TRUE(address.has_value()) << address.error().ToString();
    address_ = *address;
  }
  RawSocket Connect() const { return RawSocket(address_); }
  /// What the server says to `request` on a connection that then says no more.
  std::string Say(std::string_view request) const {
    const RawSocket socket = Connect();
    socket.Send(request);
    socket.FinishSending();
    return socket.ReadToEnd();
  }

  Router router_;
  Gate gate_;
  std::atomic<bool> was_cancelled_ = false;
  std::unique_ptr<Server> server_;  // After what its handlers use.
  std::string address_;
};

TEST_F(ServerTest, ReportsThePortThatItGot) {
  Start();
  EXPECT_THAT(address_, StartsWith("127.0.0.1:"));
  EXPECT_THAT(address_, Not(EndsWith(":0")));
}

TEST_F(ServerTest, KeepsAConnectionForManyRequests) {
  Start();
  const RawSocket socket = Connect();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(socket.Send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    const std::string response = socket.ReadResponse();
    ASSERT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    ASSERT_THAT(response, EndsWith("\r\n\r\nhello"));
  }
}

TEST_F(ServerTest, AnswersAPipelineInOrder) {
  Start();
  std::string requests;
  std::string bodies;
  for (int i = 0; i < 1000; ++i) {
    const std::string body = std::to_string(i) + ";";
    requests +=
        "POST /echo HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    bodies += body;
  }
  const RawSocket socket = Connect();
  std::thread sender([&] { socket.Send(requests); });
  std::string received;
  for (int i = 0; i < 1000; ++i) {
    const std::string response = socket.ReadResponse();
    received += response.substr(response.find("\r\n\r\n") + 4);
  }
  sender.join();
  EXPECT_EQ(received, bodies);
}

TEST_F(ServerTest, JoinsChunkedBodies) {
  Start();
  const std::string request =
      "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n\r\n"
      "4;x=y\r\nWiki\r\n6\r\npedia!\r\n0\r\nTrailer: 1\r\n\r\n";
  EXPECT_THAT(Say(request), AllOf(EndsWith("\r\n\r\nWikipedia!"), HasSubstr("X-Type: a/b\r\n")));
  // And a request behind it, in one piece and byte by byte.
  const RawSocket whole = Connect();
  whole.Send(request + "GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_THAT(whole.ReadResponse(), EndsWith("Wikipedia!"));
  EXPECT_THAT(whole.ReadResponse(), EndsWith("hello"));
  const RawSocket bytes = Connect();
  for (const char c : request) bytes.Send({&c, 1});
  EXPECT_THAT(bytes.ReadResponse(), EndsWith("Wikipedia!"));
}

TEST_F(ServerTest, TakesLargeBodiesOfEitherKind) {
  Start();
  std::string body;
  for (int i = 0; body.size() < (3U << 20); ++i) body += std::to_string(i);
  const auto response =
      Fetch({.method = "POST", .url = "http://" + address_ + "/echo", .headers = {}, .body = body});
  ASSERT_TRUE(response.has_value()) << response.error().ToString();
  EXPECT_EQ(response->body, body);
  const RawSocket socket = Connect();
  socket.Send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (size_t at = 0; at < body.size(); at += 100'000) {
    const std::string chunk = body.substr(at, 100'000);
    std::array<char, 20> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", chunk.size());
    socket.Send(size.data() + chunk + "\r\n");
  }
  socket.Send("0\r\n\r\n");
  EXPECT_THAT(socket.ReadResponse(), EndsWith("\r\n\r\n" + body));
}

TEST_F(ServerTest, APostWithoutALengthHasNoBody) {
  Start();
  EXPECT_THAT(Say("POST /echo HTTP/1.1\r\n\r\n"), HasSubstr("Content-Length: 0\r\n"));
}

TEST_F(ServerTest, SplitsTheTarget) {
  Start();
  EXPECT_THAT(Say("GET /show?a=1&b=x%20y+z HTTP/1.1\r\nX-NAME: v \r\n\r\n"),
              EndsWith("\r\n\r\n/show a=1 b=x y z v"));
  EXPECT_THAT(Say("GET http://host:1/show?a HTTP/1.1\r\n\r\n"), EndsWith("\r\n\r\n/show a= "));
}

TEST_F(ServerTest, HeadSendsTheLengthButNoBody) {
  Start();
  const RawSocket socket = Connect();
  socket.Send("HEAD /hello HTTP/1.1\r\n\r\n");
  EXPECT_THAT(socket.ReadUntil("\r\n\r\n"), HasSubstr("Content-Length: 5\r\n"));
  socket.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_THAT(socket.ReadResponse(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTest, SaysContinueBeforeTheBody) {
  Start();
  const RawSocket socket = Connect();
  socket.Send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(socket.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.Send("ok");
  EXPECT_THAT(socket.ReadResponse(), AllOf(StartsWith("HTTP/1.1 200"), EndsWith("ok")));
}

TEST_F(ServerTest, RefusesABodyThatIsTooLargeBeforeItIsSent) {
  Start({.max_body_bytes = 1000});
  const RawSocket socket = Connect();
  socket.Send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_THAT(socket.ReadResponse(),
              AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("Connection: close"), HasSubstr("1000")));
}

TEST_F(ServerTest, AClientThatSendsTooMuchStillSeesTheAnswer) {
  Start({.max_body_bytes = 1000});
  for (const bool chunked : {false, true}) {
    const RawSocket socket = Connect();
    socket.Send(chunked ? "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n"
                        : "POST /echo HTTP/1.1\r\nContent-Length: 5242880\r\n\r\n");
    socket.Send(std::string(5 << 20, 'x'));
    socket.FinishSending();
    EXPECT_THAT(socket.ReadToEnd(), StartsWith("HTTP/1.1 413"));
  }
}

TEST_F(ServerTest, RefusesHeadersThatAreTooLarge) {
  Start({.max_header_bytes = 2000});
  EXPECT_THAT(Say("GET /hello HTTP/1.1\r\nA: " + std::string(3000, 'a') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Say("GET /" + std::string(3000, 'a') + " HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Say("GET /hello HTTP/1.1\r\nA: " + std::string(1000, 'a') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, AHeadLargerThanTheBufferIsRefusedWhateverTheLimit) {
  Start({.max_header_bytes = 10 << 20});
  EXPECT_THAT(Say("GET /hello HTTP/1.1\r\nA: " + std::string(100'000, 'a') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
}

TEST_F(ServerTest, RefusesWhatIsNotHttp) {
  Start();
  EXPECT_THAT(Say("\x16\x03\x01\x02\x01\x01\x01"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Say("GET / HTTP/1.1\r\nbroken\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Say("GET / HTTP/3.0\r\n\r\n"), StartsWith("HTTP/1.1 505"));
  EXPECT_THAT(Say("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Say("POST / HTTP/1.1\r\nExpect: sun\r\nContent-Length: 1\r\n\r\n"),
              StartsWith("HTTP/1.1 417"));
  EXPECT_THAT(Say("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
              StartsWith("HTTP/1.1 400"));
}

TEST_F(ServerTest, RefusesWhatAProxyMightReadOtherwise) {
  Start();
  EXPECT_THAT(Say("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"),
              StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Say("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc"),
              StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Say("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
              StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Say("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"),
              StartsWith("HTTP/1.1 501"));
}

TEST_F(ServerTest, HoldsToTheVersionOfTheClient) {
  Start();
  EXPECT_THAT(Say("GET /hello HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(Say("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
              HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_THAT(Say("GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n"),
              HasSubstr("Connection: close\r\n"));
}

TEST_F(ServerTest, AHalfClosedClientGetsItsAnswer) {
  Start();
  EXPECT_THAT(Say("GET /hello HTTP/1.1\r\n\r\n"), EndsWith("hello"));
}

TEST_F(ServerTest, SendsMoreThanASocketBuffers) {
  Start();
  const RawSocket socket = Connect();
  socket.Send("GET /big HTTP/1.1\r\n\r\n");
  EXPECT_EQ(socket.ReadResponse().size() >> 20, 8U);
}

TEST_F(ServerTest, ManyConnectionsAtOnce) {
  Start({.io_threads = 2});
  std::vector<std::thread> clients;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        const std::string body(static_cast<size_t>(1 + i * 1000 + j), static_cast<char>('a' + i));
        const auto response = Fetch(
            {.method = "POST", .url = "http://" + address_ + "/echo", .headers = {}, .body = body});
        if (response.has_value() && response->body == body) ++right;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 400);
}

TEST_F(ServerTest, HandsOverTheConnectionsOfHttp2Unread) {
  std::mutex mutex;
  std::condition_variable changed;
  int adopted = -1;
  Start({}, [&](int fd) {
    const std::lock_guard lock(mutex);
    adopted = fd;
    changed.notify_all();
  });
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const RawSocket client = Connect();
  for (const char c : kPreface) client.Send({&c, 1});  // However it arrives.
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return adopted >= 0; });
  const RawSocket server(adopted);
  EXPECT_NE(fcntl(server.fd(), F_GETFL) & O_NONBLOCK, 0);
  fcntl(server.fd(), F_SETFL, fcntl(server.fd(), F_GETFL) & ~O_NONBLOCK);
  EXPECT_EQ(server.ReadUntil("SM\r\n\r\n"), kPreface);
  server.Send("settings");
  EXPECT_EQ(client.ReadUntil("settings"), "settings");
  // The same port goes on to speak HTTP/1.1, also to methods that begin alike.
  EXPECT_THAT(Say("GET /hello HTTP/1.1\r\n\r\n"), EndsWith("hello"));
  EXPECT_THAT(Say("PUT /hello HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Say("PRIOR /hello HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405"));
}

TEST_F(ServerTest, AnHttp2ClientLearnsThatItsPortIsHttp1Only) {
  Start();
  EXPECT_THAT(Say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), StartsWith("HTTP/1.1 505"));
}

TEST_F(ServerTest, ClosesASilentConnectionWithoutAWord) {
  Start({.idle_timeout = 20 * kMillisecond});
  EXPECT_THAT(Connect().ReadToEnd(), IsEmpty());
  const RawSocket kept = Connect();
  kept.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_THAT(kept.ReadToEnd(), EndsWith("hello"));
  const RawSocket hesitant = Connect();
  hesitant.Send("P");
  EXPECT_THAT(hesitant.ReadToEnd(), IsEmpty());
}

TEST_F(ServerTest, TellsASlowClientThatItsTimeIsOver) {
  Start({.header_timeout = 20 * kMillisecond, .io_timeout = 20 * kMillisecond});
  const RawSocket head = Connect();
  head.Send("GET /hello HTTP/1.1\r\nHost");
  EXPECT_THAT(head.ReadToEnd(), StartsWith("HTTP/1.1 408"));
  const RawSocket body = Connect();
  body.Send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(body.ReadToEnd(), StartsWith("HTTP/1.1 408"));
}

TEST_F(ServerTest, ABodyThatTricklesForEverEndsToo) {
  Start({.body_timeout = 300 * kMillisecond});
  const RawSocket socket = Connect();
  socket.Send("POST /echo HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
  bool open = true;
  for (int i = 0; open && i < 10'000; ++i) {
    socket.Send("x");
    pollfd entry{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    open = poll(&entry, 1, 1) == 0;
  }
  EXPECT_THAT(socket.ReadToEnd(), StartsWith("HTTP/1.1 408"));
}

TEST_F(ServerTest, AClientThatDoesNotReadIsCutOff) {
  Start({.io_timeout = 20 * kMillisecond});
  const RawSocket socket = Connect();
  const int small = 4096;
  setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  for (int i = 0; i < 10; ++i) socket.Send("GET /big HTTP/1.1\r\n\r\n");
  pollfd entry{.fd = socket.fd(), .events = 0, .revents = 0};
  ASSERT_EQ(poll(&entry, 1, 10'000), 1);  // Reset from the other side.
  EXPECT_NE(entry.revents & POLLERR, 0);
}

TEST_F(ServerTest, BoundsTheConnections) {
  Start({.max_connections = 2});
  const RawSocket one = Connect();
  one.Send("GET /hello HTTP/1.1\r\n\r\n");
  one.ReadResponse();
  RawSocket two = Connect();
  two.Send("GET /hello HTTP/1.1\r\n\r\n");
  two.ReadResponse();
  EXPECT_THAT(Connect().ReadToEnd(),
              AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Retry-After: 1")));
  two.Close();
  // Room again, as soon as the server has seen the close.
  std::string response;
  while (!response.starts_with("HTTP/1.1 200")) {
    const RawSocket three = Connect();
    three.Send("GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n");
    response = three.ReadToEnd();
  }
}

TEST_F(ServerTest, BoundsTheRequestsInFlight) {
  Start({.handler_threads = 1, .max_requests_in_flight = 2});
  const RawSocket running = Connect();
  running.Send("GET /wait HTTP/1.1\r\n\r\n");
  gate_.WaitForWaiting(1);
  const RawSocket queued = Connect();
  queued.Send("GET /hello HTTP/1.1\r\n\r\n");
  // Until the queued one is counted, others find room and queue instead: so ask without waiting.
  const RawSocket refused = Connect();
  std::string response;
  refused.Send("GET /wait HTTP/1.1\r\n\r\n");
  pollfd entry[2] = {{.fd = queued.fd(), .events = POLLIN, .revents = 0},
                     {.fd = refused.fd(), .events = POLLIN, .revents = 0}};
  ASSERT_EQ(poll(entry, 2, 10'000), 1);  // Whoever came second.
  const RawSocket& unlucky = entry[0].revents != 0 ? queued : refused;
  EXPECT_THAT(unlucky.ReadResponse(),
              AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Retry-After: 1\r\n")));
  gate_.Open();
  EXPECT_THAT(running.ReadResponse(), EndsWith("waited"));
  // The refused connection was kept, and works again.
  response.clear();
  while (!response.starts_with("HTTP/1.1 200")) {
    unlucky.Send("GET /hello HTTP/1.1\r\n\r\n");
    response = unlucky.ReadResponse();
  }
}

TEST_F(ServerTest, MoreHandlersRunWhenAllAreBusy) {
  Start({.handler_threads = 1, .more_handler_threads = 1});
  const RawSocket running = Connect();
  running.Send("GET /wait HTTP/1.1\r\n\r\n");
  gate_.WaitForWaiting(1);
  const RawSocket other = Connect();
  other.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_THAT(other.ReadResponse(), StartsWith("HTTP/1.1 200"));
  gate_.Open();
  EXPECT_THAT(running.ReadResponse(), EndsWith("waited"));
}

TEST_F(ServerTest, AReservedPathAnswersWhenNothingElseDoes) {
  router_.Reserve("/hello");
  Start({.handler_threads = 1, .max_requests_in_flight = 1});
  const RawSocket running = Connect();
  running.Send("GET /wait HTTP/1.1\r\n\r\n");
  gate_.WaitForWaiting(1);
  const RawSocket refused = Connect();
  refused.Send("GET /wait HTTP/1.1\r\n\r\n");
  EXPECT_THAT(refused.ReadResponse(), StartsWith("HTTP/1.1 503"));
  const RawSocket other = Connect();
  other.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_THAT(other.ReadResponse(), StartsWith("HTTP/1.1 200"));
  gate_.Open();
  EXPECT_THAT(running.ReadResponse(), EndsWith("waited"));
}

TEST_F(ServerTest, ALargeBodyIsNotReadWhileThereIsNoRoom) {
  Start({.handler_threads = 1, .max_requests_in_flight = 1});
  const RawSocket running = Connect();
  running.Send("GET /wait HTTP/1.1\r\n\r\n");
  gate_.WaitForWaiting(1);
  const RawSocket large = Connect();
  large.Send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_THAT(large.ReadResponse(), StartsWith("HTTP/1.1 503"));
}

TEST_F(ServerTest, BoundsTheBytesOfBodiesInFlight) {
  Start({.max_body_bytes_in_flight = 1000});
  const std::string length = "POST /echo HTTP/1.1\r\nContent-Length: 600\r\n\r\n";
  const std::string chunks = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n258\r\n";
  for (const bool chunked : {false, true}) {
    const RawSocket slow = Connect();
    slow.Send(length + std::string(599, 'a'));
    std::string response;
    while (!response.starts_with("HTTP/1.1 503")) {  // Once the slow one's bytes are counted.
      const RawSocket other = Connect();
      other.Send((chunked ? chunks : length) + std::string(600, 'b') +
                 (chunked ? "\r\n0\r\n\r\n" : ""));
      response = other.ReadResponse();
    }
    slow.Send("a");
    EXPECT_THAT(slow.ReadResponse(), EndsWith(std::string(600, 'a')));
    // And what was charged has been given back.
    response.clear();
    while (!response.starts_with("HTTP/1.1 200")) response = Say(length + std::string(600, 'b'));
  }
}

TEST_F(ServerTest, BodiesTakeOfTheMemoryThatServersShare) {
  MemoryPool memory(1000);
  Start({.memory = &memory});
  const std::string request = "POST /echo HTTP/1.1\r\nContent-Length: 600\r\n\r\n";
  {
    MemoryLease other(&memory);
    ASSERT_TRUE(other.Take(600));
    EXPECT_THAT(Say(request + std::string(600, 'a')), StartsWith("HTTP/1.1 503"));
  }
  std::string response;
  while (!response.starts_with("HTTP/1.1 200")) response = Say(request + std::string(600, 'b'));
  server_->Shutdown(kMinute);
  EXPECT_EQ(memory.used(), 0U);
}

TEST_F(ServerTest, AHandlerCanSeeThatItsClientHasHungUp) {
  Start();
  {
    const RawSocket socket = Connect();
    socket.Send("GET /cancelled HTTP/1.1\r\n\r\n");
    gate_.WaitForWaiting(1);
  }
  gate_.Open();
  server_->Shutdown(kMinute);
  EXPECT_TRUE(was_cancelled_);
}

TEST_F(ServerTest, ShutdownLetsRequestsFinishAndClosesTheRest) {
  Start();
  const RawSocket idle = Connect();
  idle.Send("GET /hello HTTP/1.1\r\n\r\n");
  idle.ReadResponse();
  const RawSocket silent = Connect();
  const RawSocket busy = Connect();
  busy.Send("GET /wait HTTP/1.1\r\n\r\n");
  gate_.WaitForWaiting(1);
  std::thread shutdown([this] { server_->Shutdown(kMinute); });
  EXPECT_THAT(idle.ReadToEnd(), IsEmpty());
  EXPECT_THAT(silent.ReadToEnd(), IsEmpty());
  gate_.Open();
  EXPECT_THAT(busy.ReadToEnd(), AllOf(HasSubstr("Connection: close\r\n"), EndsWith("waited")));
  shutdown.join();
  EXPECT_FALSE(Fetch({.url = "http://" + address_ + "/hello"}).has_value());
  server_->Shutdown(0);  // A second time changes nothing.
}

TEST_F(ServerTest, ShutdownCutsOffWhatTakesTooLong) {
  Start();
  gate_.Open();
  const RawSocket body = Connect();
  body.Send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  const RawSocket handler = Connect();
  handler.Send("GET /cancelled HTTP/1.1\r\n\r\n");
  gate_.WaitForWaiting(1);
  server_->Shutdown(10 * kMillisecond);
  EXPECT_TRUE(was_cancelled_);
  EXPECT_THAT(handler.ReadToEnd(), IsEmpty());
}

TEST_F(ServerTest, ListensOnSeveralAddresses) {
  Start();
  Router other;
  other.Handle("GET", "/", [](const Request&) { return Response::Text(200, "other"); });
  const auto second = server_->Listen({.address = ":0", .router = &other, .adopt_http2 = {}});
  ASSERT_TRUE(second.has_value()) << second.error().ToString();
  const std::string port = second->substr(second->rfind(':'));
  EXPECT_EQ(Fetch({.url = "http://127.0.0.1" + port})->body, "other");
  EXPECT_EQ(Fetch({.url = "http://" + address_ + "/hello"})->body, "hello");
  server_->Shutdown(kSecond);
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  Start();
  const auto in_use = server_->Listen({.address = address_, .router = &router_, .adopt_http2 = {}});
  ASSERT_FALSE(in_use.has_value());
  EXPECT_EQ(in_use.error().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(in_use.error().message()),
              AllOf(HasSubstr(address_), HasSubstr("in use")));
  const auto nonsense = server_->Listen({.address = "x", .router = &router_, .adopt_http2 = {}});
  EXPECT_EQ(nonsense.error().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tocsin::http
