// write_load: sends span-metric series over Prometheus remote write (1.0) and waits for every
// answer.
//
//     write_load --target 127.0.0.1:3200 --series 20000 [--minutes 60] [--step-ms 15000]
//                [--end-ms UNIX_MS] [--batch 2000] [--connections 2] [--seed 1]
//
// The series are those of an instrumented service: for each operation 15 cumulative buckets, their
// sum in milliseconds, their count, and calls. Spans come at random with a rate of their own for
// each operation, so that many buckets do not move between two samples. A connection owns its
// operations: the samples of a series leave in order. The last line of stdout is a JSON object.

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cpp/lib/compression.h"
#include "cpp/wire/remote_write.h"

namespace tocsin::bench {
namespace {

constexpr std::array<std::string_view, 15> kBounds = {"2",    "4",    "8",    "16",    "32",
                                                      "64",   "128",  "256",  "512",   "1024",
                                                      "2048", "4096", "8192", "16384", "+Inf"};
constexpr size_t kSeriesOfOperation = kBounds.size() + 3;
constexpr size_t kServices = 50;

struct Options {
  std::string host;
  uint16_t port = 0;
  uint64_t series = 20'000;
  uint64_t minutes = 60;
  int64_t step_ms = 15'000;
  int64_t end_ms = 0;
  uint64_t batch = 2'000;
  uint64_t connections = 2;
  uint64_t seed = 1;
};

/// One connection that stays open; speaks as much HTTP as it takes.
class Connection {
 public:
  Connection(const std::string& host, uint16_t port) : host_(host) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    good_ = ::inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1 &&
            ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The status of the answer, 0 if there was none.
  int Post(std::string_view body) {
    const std::string head = "POST /api/v1/write HTTP/1.1\r\nHost: " + host_ +
                             "\r\nContent-Type: application/x-protobuf\r\n"
                             "Content-Encoding: snappy\r\n"
                             "X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n";
    if (!good_ || !Send(head) || !Send(body)) return 0;
    return Answer();
  }

 private:
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return good_ = false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  int Answer() {
    std::string answer;
    size_t end = std::string::npos;
    while ((end = answer.find("\r\n\r\n")) == std::string::npos) {
      if (!Receive(&answer)) return 0;
    }
    int status = 0;
    if (answer.size() < 12) return 0;
    std::from_chars(answer.data() + 9, answer.data() + 12, status);
    size_t length = 0;
    std::string head = answer.substr(0, end);
    std::ranges::transform(head, head.begin(), [](unsigned char c) { return std::tolower(c); });
    if (const size_t at = head.find("content-length: "); at != std::string::npos) {
      std::from_chars(head.data() + at + 16, head.data() + head.size(), length);
    }
    while (answer.size() < end + 4 + length) {
      if (!Receive(&answer)) return 0;
    }
    if (status / 100 != 2) std::cerr << answer.substr(end + 4) << '\n';
    return status;
  }

  bool Receive(std::string* answer) {
    std::array<char, 4096> buffer;
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) return good_ = false;
    answer->append(buffer.data(), static_cast<size_t>(got));
    return true;
  }

  std::string host_;
  int fd_ = -1;
  bool good_ = false;
};

/// What one operation of a service has counted so far, as the series that tell it.
class Operation {
 public:
  explicit Operation(uint64_t number)
      : random_(number), rate_(0.2 + static_cast<double>(number * 7'919 % 40)) {
    const Labels common{
        {"service_name", "service-" + std::to_string(number % kServices)},
        {"span_name", "GET /api/v1/resource/" + std::to_string(number / kServices)},
        {"span_kind", "SPAN_KIND_SERVER"},
        {"status_code", number % 7 == 0 ? "STATUS_CODE_ERROR" : "STATUS_CODE_UNSET"},
        {"deployment_environment", "production"},
        {"cluster", "eu-west-1"}};
    const auto add = [&](std::string_view name, std::string_view bound) {
      Labels labels = common;
      labels.Set(kMetricName, name);
      labels.Set("le", bound);
      wire::WriteSeries one;
      const auto texts = std::make_shared<std::vector<std::unique_ptr<std::string>>>();
      one.prepared = std::make_shared<wire::PreparedLabels>(wire::PrepareLabels(
          labels,
          [&](std::string_view text) {
            return std::string_view(*texts->emplace_back(std::make_unique<std::string>(text)));
          },
          texts));
      series_.push_back(std::move(one));
    };
    for (const std::string_view bound : kBounds) add("traces_spanmetrics_latency_bucket", bound);
    add("traces_spanmetrics_latency_sum", {});
    add("traces_spanmetrics_latency_count", {});
    add("traces_spanmetrics_calls_total", {});
    values_.resize(series_.size());
  }

  /// Appends the series with one sample each, of the spans since the last call.
  void Sample(int64_t t, std::vector<wire::WriteSeries>* out) {
    const int spans = std::poisson_distribution<int>(rate_)(random_);
    for (int i = 0; i < spans; ++i) {
      // Milliseconds, to the nanosecond; most between 8 and 128.
      const double latency =
          std::round(std::exp(std::normal_distribution<double>(3.4, 1.2)(random_)) * 1e6);
      nanoseconds_ += latency;
      const int exponent = static_cast<int>(std::ceil(std::log2(latency / 1e6)));
      for (int b = std::clamp(exponent - 1, 0, static_cast<int>(kBounds.size()) - 1);
           b < static_cast<int>(kBounds.size()); ++b) {
        values_[static_cast<size_t>(b)] += 1;
      }
      values_[kBounds.size() + 1] += 1;
      values_[kBounds.size() + 2] += 1;
    }
    values_[kBounds.size()] = nanoseconds_ / 1e6;
    for (size_t i = 0; i < series_.size(); ++i) {
      series_[i].samples = {{t, values_[i]}};
      out->push_back(series_[i]);
    }
  }

 private:
  std::mt19937_64 random_;
  double rate_;
  double nanoseconds_ = 0;
  std::vector<wire::WriteSeries> series_;
  std::vector<double> values_;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options) {}

  int Run() {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < options_.connections; ++i) {
      threads.emplace_back([this, i] { Worker(i); });
    }
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const uint64_t operations = options_.series / kSeriesOfOperation;
    std::printf(
        "{\"series\":%llu,\"samples\":%llu,\"requests\":%llu,\"bytes\":%llu,\"failed\":%llu,"
        "\"end_ms\":%lld,\"wall_s\":%.3f}\n",
        static_cast<unsigned long long>(operations * kSeriesOfOperation),
        static_cast<unsigned long long>(samples_), static_cast<unsigned long long>(requests_),
        static_cast<unsigned long long>(bytes_), static_cast<unsigned long long>(failed_),
        static_cast<long long>(options_.end_ms), took.count());
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void Worker(uint64_t number) {
    std::vector<Operation> operations;
    for (uint64_t i = number; i < options_.series / kSeriesOfOperation; i += options_.connections) {
      operations.emplace_back(i + (options_.seed * 1'000'003));
    }
    Connection connection(options_.host, options_.port);
    const auto steps = static_cast<int64_t>(options_.minutes) * 60'000 / options_.step_ms;
    std::vector<wire::WriteSeries> batch;
    for (int64_t step = 1; step <= steps && failed_ == 0; ++step) {
      const int64_t t = options_.end_ms - ((steps - step) * options_.step_ms);
      for (Operation& operation : operations) {
        operation.Sample(t, &batch);
        if (batch.size() >= options_.batch) Deliver(&connection, &batch);
      }
      Deliver(&connection, &batch);
    }
  }

  void Deliver(Connection* connection, std::vector<wire::WriteSeries>* batch) {
    if (batch->empty()) return;
    const std::string body = lib::SnappyCompress(wire::EncodeWriteRequest(*batch));
    const int status = connection->Post(body);
    if (status / 100 != 2) {
      std::cerr << "answer " << status << '\n';
      ++failed_;
    }
    ++requests_;
    samples_ += batch->size();
    bytes_ += body.size();
    batch->clear();
  }

  const Options options_;
  std::atomic<uint64_t> samples_ = 0;
  std::atomic<uint64_t> requests_ = 0;
  std::atomic<uint64_t> bytes_ = 0;
  std::atomic<uint64_t> failed_ = 0;
};

bool Parse(int argc, char** argv, Options* options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 10); };
    if (name == "--target") {
      const size_t colon = value.rfind(':');
      if (colon == std::string::npos) return false;
      options->host = value.substr(0, colon);
      options->port = static_cast<uint16_t>(std::strtoul(value.c_str() + colon + 1, nullptr, 10));
    } else if (name == "--series") {
      options->series = number();
    } else if (name == "--minutes") {
      options->minutes = number();
    } else if (name == "--step-ms") {
      options->step_ms = static_cast<int64_t>(number());
    } else if (name == "--end-ms") {
      options->end_ms = static_cast<int64_t>(number());
    } else if (name == "--batch") {
      options->batch = number();
    } else if (name == "--connections") {
      options->connections = number();
    } else if (name == "--seed") {
      options->seed = number();
    } else {
      std::cerr << "unknown option " << name << '\n';
      return false;
    }
  }
  if (options->end_ms == 0) {
    options->end_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  }
  return argc % 2 == 1 && options->port != 0 && options->step_ms > 0 && options->connections > 0;
}

}  // namespace
}  // namespace tocsin::bench

int main(int argc, char** argv) {
  tocsin::bench::Options options;
  if (!tocsin::bench::Parse(argc, argv, &options)) {
    std::cerr << "usage: write_load --target HOST:PORT [--series N] [--minutes N] [--step-ms N] "
                 "[--end-ms UNIX_MS] [--batch N] [--connections N] [--seed N]\n";
    return 2;
  }
  return tocsin::bench::Load(options).Run();
}
