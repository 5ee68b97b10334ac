#include "cpp/model/native_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>

#include "cpp/base/format.h"
#include "cpp/model/native_histogram_buckets.h"
#include "cpp/model/native_histogram_cells.h"

namespace tocsin {
namespace {

// No double comes near, and differences of two such still fit into a span.
constexpr int64_t kMaxIndex = int64_t{1} << 30;

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

Status CheckSpans(const std::vector<HistogramSpan>& spans, size_t buckets) {
  uint64_t length = 0;
  int64_t index = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) {
      return InvalidArgumentError("span number " + std::to_string(i + 1) + " with offset " +
                                  std::to_string(spans[i].offset) +
                                  ": histogram has a span whose offset is negative");
    }
    length += spans[i].length;
    index += spans[i].offset;
    if (index < -kMaxIndex || index + spans[i].length > kMaxIndex) {
      return InvalidArgumentError("span number " + std::to_string(i + 1) +
                                  ": histogram has a bucket that no number falls into");
    }
    index += spans[i].length;
  }
  if (length == buckets) return Status();
  return InvalidArgumentError("spans need " + std::to_string(length) + " buckets, have " +
                              std::to_string(buckets) +
                              " buckets: histogram spans specify different number of buckets than "
                              "provided");
}

Status CheckCounts(const std::vector<double>& counts) {
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!(counts[i] < 0)) continue;
    return InvalidArgumentError("bucket number " + std::to_string(i + 1) +
                                " has observation count of " + FormatGoFloat(counts[i]) +
                                ": histogram has a bucket whose observation count is negative");
  }
  return Status();
}

Status CheckSide(const std::vector<HistogramSpan>& spans, const std::vector<double>& counts) {
  TOCSIN_RETURN_IF_ERROR(CheckSpans(spans, counts.size()));
  return CheckCounts(counts);
}

Status CheckBounds(const std::vector<double>& bounds) {
  for (size_t i = 0; i < bounds.size(); ++i) {
    if (std::isnan(bounds[i])) {
      return InvalidArgumentError("histogram custom bounds must not be NaN");
    }
    if (i > 0 && bounds[i] <= bounds[i - 1]) {
      return InvalidArgumentError("previous bound is " + FormatGoFixed(bounds[i - 1], 6) +
                                  " and current is " + FormatGoFixed(bounds[i], 6) +
                                  ": histogram custom bounds must be in strictly increasing order");
    }
  }
  if (!bounds.empty() && std::isinf(bounds.back()) && bounds.back() > 0) {
    return InvalidArgumentError(
        "last +Inf bound must not be explicitly defined: histogram custom bounds must be finite");
  }
  return Status();
}

Status ValidateCustom(const NativeHistogram& histogram) {
  TOCSIN_RETURN_IF_ERROR(CheckBounds(histogram.custom_values).WithContext("custom buckets"));
  TOCSIN_RETURN_IF_ERROR(CheckSpans(histogram.positive_spans, histogram.positive_buckets.size())
                             .WithContext("custom buckets"));
  uint64_t length = 0;
  for (const HistogramSpan& span : histogram.positive_spans) {
    if (span.offset < 0) {
      return InvalidArgumentError("custom buckets: span number 1 with offset " +
                                  std::to_string(span.offset) +
                                  ": histogram has a span whose offset is negative");
    }
    length += static_cast<uint64_t>(span.offset) + span.length;
  }
  if (length > histogram.custom_values.size() + 1) {
    return InvalidArgumentError("custom buckets: only " +
                                std::to_string(histogram.custom_values.size()) +
                                " custom bounds defined which is insufficient to cover total span "
                                "length of " +
                                std::to_string(length) + ": histogram custom bounds are too few");
  }
  if (histogram.zero_count != 0) {
    return InvalidArgumentError("custom buckets: must have zero count of 0");
  }
  if (histogram.zero_threshold != 0) {
    return InvalidArgumentError("custom buckets: must have zero threshold of 0");
  }
  if (!histogram.negative_spans.empty()) {
    return InvalidArgumentError("custom buckets: must not have negative spans");
  }
  if (!histogram.negative_buckets.empty()) {
    return InvalidArgumentError("custom buckets: must not have negative buckets");
  }
  return Status();
}

Status ValidateExponential(const NativeHistogram& histogram) {
  TOCSIN_RETURN_IF_ERROR(CheckSpans(histogram.positive_spans, histogram.positive_buckets.size())
                             .WithContext("positive side"));
  TOCSIN_RETURN_IF_ERROR(
      CheckSide(histogram.negative_spans, histogram.negative_buckets).WithContext("negative side"));
  if (histogram.zero_count < 0) {
    return InvalidArgumentError("zero bucket has observation count of " +
                                FormatGoFloat(histogram.zero_count) +
                                ": histogram has a bucket whose observation count is negative");
  }
  if (!(histogram.zero_threshold >= 0)) {
    return InvalidArgumentError("histogram has a zero threshold that is not zero or more: " +
                                FormatGoFloat(histogram.zero_threshold));
  }
  if (!histogram.custom_values.empty()) {
    return InvalidArgumentError("histogram with exponential schema must not have custom bounds");
  }
  return Status();
}

// The cells that count something.
HistogramCells Populated(const std::vector<HistogramSpan>& spans,
                         const std::vector<double>& counts) {
  HistogramCells cells = ReadCells(spans, counts);
  DropEmptyCells(&cells);
  return cells;
}

bool EqualSides(const std::vector<HistogramSpan>& a_spans, const std::vector<double>& a_counts,
                const std::vector<HistogramSpan>& b_spans, const std::vector<double>& b_counts) {
  if (a_spans == b_spans) return std::ranges::equal(a_counts, b_counts, SameBits);
  return std::ranges::equal(Populated(a_spans, a_counts), Populated(b_spans, b_counts),
                            [](const HistogramCell& a, const HistogramCell& b) {
                              return a.index == b.index && SameBits(a.count, b.count);
                            });
}

void AppendBucket(const HistogramBucket& bucket, std::string* text) {
  text->append(bucket.lower_inclusive ? ", [" : ", (");
  text->append(FormatGoFloat(bucket.lower)).append(",").append(FormatGoFloat(bucket.upper));
  text->append(bucket.upper_inclusive ? "]:" : "):").append(FormatGoFloat(bucket.count));
}

}  // namespace

Status ValidateHistogram(const NativeHistogram& histogram) {
  if (histogram.custom_buckets()) {
    TOCSIN_RETURN_IF_ERROR(ValidateCustom(histogram));
  } else if (histogram.schema >= kMinExponentialSchema &&
             histogram.schema <= kMaxExponentialSchema) {
    TOCSIN_RETURN_IF_ERROR(ValidateExponential(histogram));
  } else {
    return InvalidArgumentError(
        "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, "
        "or -53 for custom buckets, got schema " +
        std::to_string(histogram.schema));
  }
  if (histogram.count < 0) {
    return InvalidArgumentError("observation count is " + FormatGoFloat(histogram.count) +
                                ": histogram's observation count is negative");
  }
  return CheckCounts(histogram.positive_buckets).WithContext("positive side");
}

bool EqualHistograms(const NativeHistogram& a, const NativeHistogram& b) {
  if (a.schema != b.schema || !SameBits(a.count, b.count) || !SameBits(a.sum, b.sum)) return false;
  if (a.custom_buckets() && a.custom_values != b.custom_values) return false;
  return a.zero_threshold == b.zero_threshold && SameBits(a.zero_count, b.zero_count) &&
         EqualSides(a.positive_spans, a.positive_buckets, b.positive_spans, b.positive_buckets) &&
         EqualSides(a.negative_spans, a.negative_buckets, b.negative_spans, b.negative_buckets);
}

std::string FormatHistogram(const NativeHistogram& histogram) {
  std::string text =
      "{count:" + FormatGoFloat(histogram.count) + ", sum:" + FormatGoFloat(histogram.sum);
  const auto append = [&](BucketRef::Side side, BucketCursor cursor) {
    while (cursor.Next()) {
      if (cursor.count() == 0) continue;
      AppendBucket(BucketAt(histogram, {side, cursor.index(), cursor.count()}), &text);
    }
  };
  append(BucketRef::Side::kNegative,
         {histogram.negative_spans, histogram.negative_buckets, /*reverse=*/true});
  if (histogram.zero_count != 0) {
    AppendBucket(BucketAt(histogram, {BucketRef::Side::kZero, 0, histogram.zero_count}), &text);
  }
  append(BucketRef::Side::kPositive,
         {histogram.positive_spans, histogram.positive_buckets, /*reverse=*/false});
  return text.append("}");
}

size_t SizeInBytes(const NativeHistogram& histogram) {
  return sizeof(NativeHistogram) +
         (histogram.positive_spans.capacity() + histogram.negative_spans.capacity()) *
             sizeof(HistogramSpan) +
         (histogram.positive_buckets.capacity() + histogram.negative_buckets.capacity() +
          histogram.custom_values.capacity()) *
             sizeof(double);
}

}  // namespace tocsin
