/// Label sets of time series, and what hangs on a series: samples and exemplars. Vocabulary and
/// semantics are Prometheus's.

#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin {

inline constexpr std::string_view kMetricName = "__name__";

/// An immutable-by-habit set of name/value pairs, sorted by name, names unique, no empty values
/// (a label with an empty value is the same as no label).
class Labels {
 public:
  using Pair = std::pair<std::string, std::string>;

  Labels() = default;
  /// Sorts, drops empty values; of two pairs with one name the later wins.
  explicit Labels(std::vector<Pair> pairs);
  Labels(std::initializer_list<Pair> pairs) : Labels(std::vector<Pair>(pairs)) {}

  /// The value, or "" if there is no such label.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const { return !Get(name).empty(); }
  /// Sets, replaces, or with an empty value removes.
  void Set(std::string_view name, std::string_view value);
  void Remove(std::string_view name) { Set(name, {}); }

  std::string_view metric_name() const { return Get(kMetricName); }
  bool empty() const { return pairs_.empty(); }
  size_t size() const { return pairs_.size(); }
  auto begin() const { return pairs_.begin(); }
  auto end() const { return pairs_.end(); }

  uint64_t Hash() const;
  /// `name{a="b", c="d"}`, quoted as Prometheus prints it.
  std::string ToString() const;

  friend auto operator<=>(const Labels&, const Labels&) = default;

 private:
  std::vector<Pair> pairs_;
};

struct LabelsHash {
  size_t operator()(const Labels& labels) const { return labels.Hash(); }
};

/// Milliseconds since the Unix epoch, the resolution of Prometheus.
using Millis = int64_t;

struct Sample {
  Millis t = 0;
  double v = 0;
};

/// The NaN that ends a series (Prometheus model/value: 0x7ff0000000000002).
inline constexpr uint64_t kStaleNanBits = 0x7ff0000000000002U;
inline double StaleNan() { return std::bit_cast<double>(kStaleNanBits); }
inline bool IsStaleNan(double v) { return std::bit_cast<uint64_t>(v) == kStaleNanBits; }

struct Exemplar {
  Labels labels;  ///< For us {trace_id="..."}; names as configured.
  double value = 0;
  Millis t = 0;
};

}  // namespace tocsin
