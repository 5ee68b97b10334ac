/// The groups that by() makes, numbered across blocks.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/base/status.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/metrics_buckets.h"
#include "cpp/traceql/metrics_budget.h"
#include "cpp/traceql/metrics_field.h"

namespace tocsin::traceql {

/// A value as it stands in a label; kEmpty for nil and for what no label can show.
Value LabelValue(const Scalar& scalar);

/// Bytes that tell a value from all others.
std::string ValueKey(const Value& value);

/// Distinct values, numbered from 1; 0 is none.
class ValueTable {
 public:
  explicit ValueTable(MetricsBudget* budget) : budget_(budget) {}

  /// 0 for kEmpty.
  Result<uint32_t> Intern(const Value& value);
  /// REQUIRES: id was given.
  const Value& operator[](uint32_t id) const { return values_[id - 1]; }

 private:
  MetricsBudget* budget_;
  std::vector<Value> values_;
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> ids_;
};

/// A group is a combination of values, one for each field of by(), and a bucket.
class GroupTable {
 public:
  /// `text`: as MetricsOptions::text_groups.
  GroupTable(std::vector<Field> by, MetricsBudget* budget, bool text);

  const std::vector<Field>& by() const { return by_; }
  size_t size() const { return bucket_of_.size(); }

  /// The group of each row. `keys`: bound to the rows' block, one for each of by(). `buckets`:
  /// empty, or one for each row.
  Status Assign(std::span<const uint32_t> rows, std::vector<CodedField>* keys,
                std::span<const BucketCode> buckets, std::vector<uint32_t>* groups);

  /// Adds the groups of a table of the same fields; gives each one's number here.
  Result<std::vector<uint32_t>> Merge(const GroupTable& other);

  /// As MetricsSeries::labels says, without what the function adds.
  std::vector<MetricsLabel> LabelsOf(uint32_t group) const;
  BucketCode BucketOf(uint32_t group) const { return bucket_of_[group]; }
  /// The same for two groups that differ in nothing but their buckets.
  std::span<const uint32_t> ValuesOf(uint32_t group) const {
    return std::span(values_of_).subspan(group * by_.size(), by_.size());
  }

 private:
  Result<uint32_t> GroupOf(std::vector<uint32_t> values, BucketCode bucket);

  std::vector<Field> by_;
  MetricsBudget* budget_;
  const bool text_;
  ValueTable values_;
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> groups_;
  std::vector<uint32_t> values_of_;  // by_.size() for each group.
  std::vector<BucketCode> bucket_of_;
};

}  // namespace tocsin::traceql
