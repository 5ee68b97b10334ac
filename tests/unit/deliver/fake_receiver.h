/// A receiver that behaves as Prometheus does, and misbehaves as networks do.

#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/deliver/remote_write.h"
#include "cpp/wire/remote_write.h"
#include "cpp/wire/remote_write_decode.h"

namespace tocsin::deliver {

inline constexpr Nanos kStart = 1'800'000'000 * kSecond;
inline constexpr Millis kStartMs = kStart / kMillisecond;

inline std::string_view HeaderOf(const http::ClientRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return {};
}

/// A Prometheus: it takes what it can of a request, and says 400 if that is not all.
class FakeReceiver {
 public:
  Result<http::Response> operator()(const http::ClientRequest& request) {
    const std::lock_guard lock(mutex_);
    requests.push_back(request);
    if (delay) delay();
    if (hangs) return Hang(request);
    if (answers > 0 && --answers == 0) answer = 204;
    if (answer == 0) return UnavailableError("connection refused");
    if (answer != 204) {
      http::Response response = http::Response::Text(answer, "no");
      if (!retry_after.empty()) response.Set("retry-after", retry_after);
      if (!written.empty()) response.Set("x-prometheus-remote-write-samples-written", written);
      return response;
    }
    return Take(request);
  }

  /// Never answers, until the request is given up or runs out of its time, as http::Fetch does.
  Result<http::Response> Hang(const http::ClientRequest& request) {
    hanging = true;
    std::mutex mutex;
    std::condition_variable_any given_up;
    std::unique_lock lock(mutex);
    given_up.wait_for(lock, request.stop, std::chrono::nanoseconds(request.timeout),
                      [] { return false; });
    return CancelledError("given up");
  }

  /// Answers so for the next `count` requests; 0 as status refuses the connection.
  void Fail(int status, int count = 1'000'000) {
    const std::lock_guard lock(mutex_);
    answer = status;
    answers = count + 1;
  }

  std::vector<Sample> SamplesOf(const std::string& labels) {
    const std::lock_guard lock(mutex_);
    return series[labels];
  }

  bool hangs = false;
  std::atomic<bool> hanging = false;  ///< Has a request come to it?
  int answer = 204;
  int answers = 0;  ///< Requests until the answer is 204 again, itself included; 0: for ever.
  std::string retry_after;
  std::vector<http::ClientRequest> requests;
  std::map<std::string, std::vector<Sample>> series;
  std::map<std::string, std::vector<Exemplar>> exemplars;
  std::map<std::string, std::vector<wire::WireHistogram>> histograms;
  std::map<std::string, std::vector<Millis>> starts;
  std::map<std::string, MetricType> types;  ///< As 2.0 says it.
  std::vector<MetricMetadata> metadata;     ///< As 1.0 says it.
  std::string stuck;                        ///< 503 for whatever has this series.
  std::function<void()> delay;              ///< Called before each answer.
  std::string written;                      ///< What refusals say that was written of the samples.
  bool mute = false;                        ///< Does not say what was written.
  size_t loses = 0;  ///< Says that it has written so many samples less than it was sent.

 private:
  http::Response Take(const http::ClientRequest& sent) {
    const bool v2 = HeaderOf(sent, "Content-Type") == wire::kWriteV2ContentType;
    const auto request = wire::WriteRequest::Decode(
        sent.body, v2 ? wire::WriteMessage::kV2 : wire::WriteMessage::kV1, {});
    if (!request.has_value()) return http::Response::Text(400, request.error().message());
    for (const auto& one : request->series()) {
      if (stuck == LabelsOf(*request, one.labels).ToString()) {
        return http::Response::Text(503, "not now");
      }
    }
    bool refused = false;
    for (const auto& one : request->series()) {
      const std::string labels = LabelsOf(*request, one.labels).ToString();
      std::vector<Sample>& samples = series[labels];
      for (const auto& [sample, start] : one.samples) {
        if (Append(sample, &samples)) {
          starts[labels].push_back(start);
        } else {
          refused = true;
        }
      }
      for (const wire::WireHistogram& histogram : one.histograms) {
        histograms[labels].push_back(histogram);
      }
      if (v2) types[labels] = one.type;
    }
    for (const auto& one : request->series()) {
      for (const auto& exemplar : one.exemplars) {
        exemplars[LabelsOf(*request, one.labels).ToString()].push_back(
            {LabelsOf(*request, exemplar.labels), exemplar.value, exemplar.t});
      }
    }
    for (const MetricMetadata& entry : request->metadata()) metadata.push_back(entry);
    if (refused) return http::Response::Text(400, "out of order sample");
    http::Response response = http::Response::Text(204, "");
    if (!v2 || mute) return response;
    const size_t lost = std::min(loses, request->samples());
    response.Set("x-prometheus-remote-write-samples-written",
                 std::to_string(request->samples() - lost));
    response.Set("x-prometheus-remote-write-histograms-written",
                 std::to_string(request->histograms()));
    response.Set("x-prometheus-remote-write-exemplars-written",
                 std::to_string(request->exemplars()));
    return response;
  }

  static bool Append(const Sample& sample, std::vector<Sample>* samples) {
    if (!samples->empty()) {
      const Sample& last = samples->back();
      const bool same = std::bit_cast<uint64_t>(sample.v) == std::bit_cast<uint64_t>(last.v);
      if (sample.t < last.t || (sample.t == last.t && !same)) return false;
      if (sample.t == last.t) return true;
    }
    samples->push_back(sample);
    return true;
  }

  static Labels LabelsOf(const wire::WriteRequest& request,
                         const wire::WriteRequest::LabelsRef& ref) {
    std::vector<wire::LabelView> views;
    EXPECT_TRUE(request.Labels(ref, &views).ok());
    std::vector<Labels::Pair> pairs;
    for (const wire::LabelView& view : views) pairs.emplace_back(view.name, view.value);
    EXPECT_TRUE(std::ranges::is_sorted(pairs));
    return Labels(std::move(pairs));
  }

  std::mutex mutex_;
};

/// Counts by the name of the metric.
class FakeTelemetry : public Telemetry {
 public:
  Counter& GetCounter(std::string_view name, std::string_view /*help*/,
                      const MetricLabels& labels) override {
    std::string key(name);
    for (const auto& [label, value] : labels) {
      if (label == "reason") key += " " + value;
    }
    return counters[key];
  }
  Gauge& GetGauge(std::string_view name, std::string_view /*help*/,
                  const MetricLabels& /*labels*/) override {
    return gauges[std::string(name)];
  }
  Histogram& GetHistogram(std::string_view name, std::string_view help,
                          const std::vector<double>& buckets, const MetricLabels& labels) override {
    return Telemetry::None().GetHistogram(name, help, buckets, labels);
  }
  Summary& GetSummary(std::string_view name, std::string_view help,
                      const std::vector<double>& quantiles, const MetricLabels& labels) override {
    return None().GetSummary(name, help, quantiles, labels);
  }
  double operator[](const std::string& name) {
    return counters["prometheus_remote_storage_" + name].value;
  }

  struct FakeCounter : Counter {
    void Add(double by) override { value += by; }
    std::atomic<double> value = 0;
  };
  struct FakeGauge : Gauge {
    void Set(double to) override { value = to; }
    std::atomic<double> value = 0;
  };
  std::map<std::string, FakeCounter> counters;
  std::map<std::string, FakeGauge> gauges;
};

}  // namespace tocsin::deliver
