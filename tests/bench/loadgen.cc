// loadgen: sends generated spans over OTLP/gRPC and waits for every acknowledgement.
//
//     loadgen --target 127.0.0.1:4317 --spans 1000000 [--shape default|wide] [--seed 1]
//             [--connections 4] [--first 0] [--give-up SECONDS] [--acked FILE] [--one-trace yes]
//             [--rate SPANS_PER_SECOND]
//
// With --rate, requests are due at fixed moments, and the time to an acknowledgement counts from
// then, so that a server that stalls is charged for every request that it keeps waiting. Without it
// each connection sends one request after the other.
//
// A request that is not acknowledged (the server is gone, or answers that it may be repeated) is
// sent again byte for byte until it is. --acked FILE gets a line for each acknowledged request as
// it happens: its number. --traces FILE writes each trace id and its number of spans and sends
// nothing. The last line of stdout is a JSON object.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "tests/bench/span_generator.h"

namespace tocsin::bench {
namespace {

constexpr const char* kMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

struct Options {
  std::string target;
  std::string acked_file;
  std::string traces_file;
  uint64_t spans = 1'000'000;
  uint64_t first = 0;
  uint64_t connections = 4;
  uint64_t give_up_seconds = 120;
  uint64_t rate = 0;  // 0: as fast as it goes.
  GeneratorOptions generator;
};

class Connection {
 public:
  explicit Connection(const std::string& target, uint64_t number) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt("tocsin.loadgen.connection", static_cast<int>(number));
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
    channel_ = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
  }

  grpc::Status Send(const std::string& body) {
    grpc::ClientContext context;
    // Nobody polls a connection between calls: a call that waits for it drives it along.
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    const grpc::Slice slice(body.data(), body.size(), grpc::Slice::STATIC_SLICE);
    grpc::ByteBuffer request(&slice, 1);
    grpc::CompletionQueue queue;
    const auto call = stub_->PrepareUnaryCall(&context, kMethod, request, &queue);
    call->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        generator_(options.generator),
        requests_(options.spans / options.generator.spans_per_request),
        next_(options.first) {
    if (!options.acked_file.empty()) acked_.open(options.acked_file);
  }

  int Run() {
    const auto start = std::chrono::steady_clock::now();
    start_ = start;
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < options_.connections; ++i) {
      threads.emplace_back([this, i] { Worker(i); });
    }
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const uint64_t spans = acknowledged_ * options_.generator.spans_per_request;
    std::printf(
        "{\"requests\":%llu,\"spans\":%llu,\"bytes\":%llu,\"repeats\":%llu,\"failed\":%llu,"
        "\"wall_s\":%.3f,\"spans_per_s\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
        static_cast<unsigned long long>(acknowledged_), static_cast<unsigned long long>(spans),
        static_cast<unsigned long long>(bytes_), static_cast<unsigned long long>(repeats_),
        static_cast<unsigned long long>(failed_), took.count(),
        static_cast<double>(spans) / took.count(), Milliseconds(0.5), Milliseconds(0.99),
        Milliseconds(1));
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void Worker(uint64_t number) {
    Connection connection(options_.target, number);
    while (failed_ == 0) {
      const uint64_t request = next_++;
      if (request >= options_.first + requests_) return;
      Deliver(&connection, request);
    }
  }

  // Of the times to an acknowledgement the one that `part` of them do not exceed.
  double Milliseconds(double part) {
    if (latencies_.empty()) return 0;
    std::ranges::sort(latencies_);
    const auto at = static_cast<size_t>(part * static_cast<double>(latencies_.size() - 1));
    return std::chrono::duration<double, std::milli>(latencies_[at]).count();
  }

  // When the request is to be sent.
  std::chrono::steady_clock::time_point Due(uint64_t request) const {
    if (options_.rate == 0) return std::chrono::steady_clock::now();
    const uint64_t spans = (request - options_.first) * options_.generator.spans_per_request;
    const std::chrono::duration<double> after(static_cast<double>(spans) /
                                              static_cast<double>(options_.rate));
    return start_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(after);
  }

  void Deliver(Connection* connection, uint64_t request) {
    const std::string body = generator_.Request(request);
    const auto due = Due(request);
    std::this_thread::sleep_until(due);
    const auto give_up =
        std::chrono::steady_clock::now() + std::chrono::seconds(options_.give_up_seconds);
    while (true) {
      const grpc::Status status = connection->Send(body);
      if (status.ok()) break;
      if (status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
          std::chrono::steady_clock::now() > give_up) {
        std::cerr << "request " << request << ": " << status.error_message() << '\n';
        ++failed_;
        return;
      }
      ++repeats_;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const auto took = std::chrono::steady_clock::now() - due;
    ++acknowledged_;
    bytes_ += body.size();
    const std::scoped_lock lock(mutex_);
    latencies_.push_back(took);
    if (acked_.is_open()) acked_ << request << std::endl;
  }

  const Options options_;
  const SpanGenerator generator_;
  const uint64_t requests_;
  std::atomic<uint64_t> next_;
  std::atomic<uint64_t> acknowledged_ = 0;
  std::atomic<uint64_t> bytes_ = 0;
  std::atomic<uint64_t> repeats_ = 0;
  std::atomic<uint64_t> failed_ = 0;
  std::chrono::steady_clock::time_point start_;
  std::mutex mutex_;
  std::vector<std::chrono::steady_clock::duration> latencies_;
  std::ofstream acked_;
};

int WriteTraces(const Options& options) {
  std::ofstream out(options.traces_file);
  const SpanGenerator generator(options.generator);
  const uint64_t requests = options.spans / options.generator.spans_per_request;
  for (uint64_t number = options.first; number < options.first + requests; ++number) {
    for (const SpanGenerator::TraceCount& trace : generator.Traces(number)) {
      out << trace.trace_id << ' ' << trace.spans << '\n';
    }
  }
  return out.good() ? 0 : 1;
}

bool Parse(int argc, char** argv, Options* options) {
  options->generator.base_time =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count());
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 10); };
    if (name == "--target") {
      options->target = value;
    } else if (name == "--spans") {
      options->spans = number();
    } else if (name == "--shape" && (value == "default" || value == "wide")) {
      options->generator.shape = value == "wide" ? Shape::kWide : Shape::kDefault;
    } else if (name == "--seed") {
      options->generator.seed = number();
    } else if (name == "--base-time") {
      options->generator.base_time = number();
    } else if (name == "--spans-per-request") {
      options->generator.spans_per_request = static_cast<uint32_t>(number());
    } else if (name == "--connections") {
      options->connections = number();
    } else if (name == "--first") {
      options->first = number();
    } else if (name == "--give-up") {
      options->give_up_seconds = number();
    } else if (name == "--rate") {
      options->rate = number();
    } else if (name == "--acked") {
      options->acked_file = value;
    } else if (name == "--traces") {
      options->traces_file = value;
    } else if (name == "--one-trace" && (value == "yes" || value == "no")) {
      options->generator.one_trace = value == "yes";
    } else {
      std::cerr << "loadgen: what is " << name << ' ' << value << "?\n";
      return false;
    }
  }
  return argc % 2 == 1 && (!options->target.empty() || !options->traces_file.empty());
}

int Main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, &options)) {
    std::cerr << "loadgen: give --target HOST:PORT or --traces FILE, and values to all flags\n";
    return 2;
  }
  if (!options.traces_file.empty()) return WriteTraces(options);
  return Load(options).Run();
}

}  // namespace
}  // namespace tocsin::bench

int main(int argc, char** argv) { return tocsin::bench::Main(argc, argv); }
