#include "tests/bench/span_generator.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tocsin::bench {
namespace {

constexpr uint32_t kServices = 12;
constexpr std::array<std::string_view, kServices> kServiceNames = {
    "frontend", "backend", "cart",      "payment",  "checkout", "catalog",
    "search",   "users",   "inventory", "shipping", "email",    "ads"};
constexpr std::array<std::string_view, 5> kMethods = {"GET", "POST", "PUT", "DELETE", "PATCH"};
constexpr uint32_t kRoutes = 40;
constexpr uint32_t kWideKeys = 300;

// SplitMix64: every request and every span draws from a stream of its own.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15U;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>((Next() >> 32) * bound >> 32); }
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

void PutVarint(std::string* out, uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void PutBytes(std::string* out, uint32_t field, std::string_view bytes) {
  PutVarint(out, field << 3 | 2);
  PutVarint(out, bytes.size());
  out->append(bytes);
}

void PutInt(std::string* out, uint32_t field, uint64_t value) {
  PutVarint(out, field << 3);
  PutVarint(out, value);
}

void PutFixed64(std::string* out, uint32_t field, uint64_t value) {
  PutVarint(out, field << 3 | 1);
  for (int shift = 0; shift < 64; shift += 8) out->push_back(static_cast<char>(value >> shift));
}

std::string BigEndian(uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

std::string Hex(uint64_t value) {
  std::string hex;
  for (int shift = 60; shift >= 0; shift -= 4) {
    hex.push_back("0123456789abcdef"[(value >> shift) & 15]);
  }
  return hex;
}

// KeyValue{key = 1, value = 2: AnyValue{string = 1 | int = 3}}.
void PutAttribute(std::string* out, uint32_t field, std::string_view key, std::string_view value) {
  std::string any;
  PutBytes(&any, 1, value);
  std::string pair;
  PutBytes(&pair, 1, key);
  PutBytes(&pair, 2, any);
  PutBytes(out, field, pair);
}

void PutAttribute(std::string* out, uint32_t field, std::string_view key, uint64_t value) {
  std::string any;
  PutInt(&any, 3, value);
  std::string pair;
  PutBytes(&pair, 1, key);
  PutBytes(&pair, 2, any);
  PutBytes(out, field, pair);
}

std::string Route(uint32_t service, uint32_t route) {
  return "/api/" + std::string(kServiceNames[service]) + "/v1/resource" + std::to_string(route);
}

// Log-normal with a heavy tail: the median is about 8 ms, one in a hundred is above half a second.
uint64_t Duration(Random* random) {
  const double normal = std::sqrt(-2 * std::log(1 - random->Uniform())) *
                        std::cos(6.283185307179586 * random->Uniform());
  return static_cast<uint64_t>(8e6 * std::exp(1.8 * normal)) + 1'000;
}

struct SpanPlan {
  uint64_t trace_high = 0;
  uint64_t trace_low = 0;
  uint64_t span_id = 0;
  uint64_t parent_id = 0;
  uint32_t service = 0;
  uint64_t start = 0;
  uint64_t duration = 0;
  uint64_t seed = 0;
};

// Whole traces of 1 to 16 spans; the last is cut to what the request has left.
std::vector<SpanPlan> Plan(const GeneratorOptions& options, uint64_t number) {
  Random random(options.seed * 0x2545f4914f6cdd1dU + number);
  std::vector<SpanPlan> plans;
  plans.reserve(options.spans_per_request);
  uint64_t now = options.base_time + number * 5'000'000;
  while (plans.size() < options.spans_per_request) {
    const size_t first = plans.size();
    const size_t size = std::min<size_t>(1 + random.Below(16), options.spans_per_request - first);
    const uint64_t own_high = random.Next();
    const uint64_t own_low = random.Next();
    const uint64_t high = options.one_trace ? options.seed : own_high;
    const uint64_t low = options.one_trace ? 1 : own_low;
    now += random.Below(80'000);
    for (size_t i = 0; i < size; ++i) {
      SpanPlan plan;
      plan.trace_high = high;
      plan.trace_low = low;
      plan.span_id = random.Next() | 1;
      plan.seed = random.Next();
      plan.duration = Duration(&random);
      if (i == 0) {
        plan.service = random.Below(3);
        plan.start = now;
      } else {
        const SpanPlan& parent = plans[first + random.Below(static_cast<uint32_t>(i))];
        plan.parent_id = parent.span_id;
        plan.service = (parent.service + random.Below(4)) % kServices;
        plan.start = parent.start + random.Below(2'000'000);
        plan.duration = std::min(plan.duration, std::max<uint64_t>(parent.duration, 2'000));
      }
      plans.push_back(plan);
    }
  }
  return plans;
}

void PutErrorEvent(std::string* span, const SpanPlan& plan, Random* random) {
  std::string event;
  PutFixed64(&event, 1, plan.start + plan.duration / 2);
  PutBytes(&event, 2, "exception");
  PutAttribute(&event, 3, "exception.type", "java.net.SocketTimeoutException");
  PutAttribute(&event, 3, "exception.message",
               "timeout after " + std::to_string(random->Below(30)) + " s, attempt " +
                   std::to_string(random->Below(4)));
  PutAttribute(
      &event, 3, "exception.stacktrace",
      "at io.example.Client.call(Client.java:211)\nat io.example.Retry.run(Retry.java:87)\n"
      "at io.example.Worker.loop(Worker.java:1032)");
  PutBytes(span, 11, event);
}

void PutDefaultAttributes(std::string* span, const SpanPlan& plan, Random* random, bool error) {
  const uint32_t route = random->Below(kRoutes);
  const std::string path = Route(plan.service, route);
  PutAttribute(span, 9, "http.method", kMethods[random->Below(kMethods.size())]);
  // One URL in twelve is unlike any other.
  PutAttribute(span, 9, "http.url",
               random->Below(12) == 0
                   ? "https://shop.example" + path + "/" + Hex(random->Next()) +
                         "?session=" + Hex(random->Next())
                   : "https://shop.example" + path + "?page=" + std::to_string(random->Below(20)));
  PutAttribute(span, 9, "http.route", path);
  PutAttribute(span, 9, "http.status_code",
               error ? 500U + random->Below(4) : 200U + random->Below(3));
  PutAttribute(span, 9, "http.request_content_length", random->Below(20'000));
  PutAttribute(span, 9, "net.peer.name",
               "pod-" + std::to_string(random->Below(60)) + ".shop.svc.cluster.local");
  PutAttribute(span, 9, "net.peer.port", 8'000U + random->Below(10));
  PutAttribute(span, 9, "enduser.id", "user-" + std::to_string(random->Below(5'000)));
  PutAttribute(span, 9, "thread.id", random->Below(64));
  PutAttribute(span, 9, "thread.name", "worker-" + std::to_string(random->Below(64)));
  if (random->Below(3) == 0) {
    PutAttribute(span, 9, "db.system", "postgresql");
    PutAttribute(span, 9, "db.statement",
                 "SELECT * FROM table" + std::to_string(random->Below(30)) + " WHERE id = $1");
  } else {
    PutAttribute(span, 9, "rpc.system", "grpc");
    PutAttribute(span, 9, "rpc.method", "Method" + std::to_string(random->Below(25)));
  }
}

}  // namespace

SpanGenerator::SpanGenerator(const GeneratorOptions& options) : options_(options) {
  for (const std::string_view name : kServiceNames) {
    std::string resource;
    PutAttribute(&resource, 1, "service.name", name);
    PutAttribute(&resource, 1, "service.version", "1.14.2");
    PutAttribute(&resource, 1, "deployment.environment", "production");
    PutAttribute(&resource, 1, "cluster", "app-cluster");
    PutAttribute(&resource, 1, "k8s.namespace.name", "shop");
    PutAttribute(&resource, 1, "k8s.pod.name", std::string(name) + "-7d9c5b6f4-x2x8p");
    PutAttribute(&resource, 1, "telemetry.sdk.language", "java");
    resources_.push_back(std::move(resource));
  }
  for (uint32_t i = 0; i < kWideKeys; ++i) {
    wide_keys_.push_back("app.module" + std::to_string(i / 20) + ".field" + std::to_string(i));
  }
}

std::string SpanGenerator::Request(uint64_t number) const {
  const std::vector<SpanPlan> plans = Plan(options_, number);
  std::array<std::string, kServices> scope_spans;  // Encoded spans, by service.
  std::string span;
  for (const SpanPlan& plan : plans) {
    Random random(plan.seed);
    const bool error = random.Below(50) == 0;
    span.clear();
    PutBytes(&span, 1, BigEndian(plan.trace_high) + BigEndian(plan.trace_low));
    PutBytes(&span, 2, BigEndian(plan.span_id));
    if (plan.parent_id != 0) PutBytes(&span, 4, BigEndian(plan.parent_id));
    PutBytes(&span, 5,
             std::string(kMethods[random.Below(2)]) + " " + Route(plan.service, random.Below(15)));
    PutInt(&span, 6, plan.parent_id == 0 ? 2 : 1 + random.Below(3));
    PutFixed64(&span, 7, plan.start);
    PutFixed64(&span, 8, plan.start + plan.duration);
    if (options_.shape == Shape::kDefault) {
      PutDefaultAttributes(&span, plan, &random, error);
    } else {
      uint32_t key = random.Below(kWideKeys);
      for (int i = 0; i < 12; ++i) {
        key = (key + 1 + random.Below(20)) % kWideKeys;
        PutAttribute(&span, 9, wide_keys_[key], "value-" + std::to_string(random.Below(200)));
      }
    }
    if (error) PutErrorEvent(&span, plan, &random);
    if (error) PutBytes(&span, 15, std::string("\x12\x07timeout\x18\x02", 11));
    PutVarint(&span, 16 << 3 | 5);  // flags, fixed32: sampled, and "is remote" known.
    span.append(std::string("\x01\x01\x00\x00", 4));
    PutBytes(&scope_spans[plan.service], 2, span);
  }
  std::string request;
  for (uint32_t service = 0; service < kServices; ++service) {
    if (scope_spans[service].empty()) continue;
    std::string scope;
    PutBytes(&scope, 1, "io.opentelemetry.tomcat-10.0");
    PutBytes(&scope, 2, "2.16.0");
    std::string scoped;
    PutBytes(&scoped, 1, scope);
    scoped += scope_spans[service];
    std::string resource_spans;
    PutBytes(&resource_spans, 1, resources_[service]);
    PutBytes(&resource_spans, 2, scoped);
    PutBytes(&request, 1, resource_spans);
  }
  return request;
}

std::vector<SpanGenerator::TraceCount> SpanGenerator::Traces(uint64_t number) const {
  std::vector<TraceCount> counts;
  for (const SpanPlan& plan : Plan(options_, number)) {
    const std::string id = Hex(plan.trace_high) + Hex(plan.trace_low);
    if (counts.empty() || counts.back().trace_id != id) counts.push_back({id, 0});
    ++counts.back().spans;
  }
  return counts;
}

}  // namespace tocsin::bench
