/// Batches for the tests of codecs and segments: random ones from a seed, hostile ones, and a row
/// told in words, so that two rows are the same exactly if their words are.

#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "cpp/model/span_batch.h"

namespace tocsin::storage {

struct BatchShape {
  uint32_t rows = 50;
  uint32_t traces = 7;  ///< Drawn from `trace_pool` ids.
  uint32_t trace_pool = 7;
  uint32_t keys = 20;           ///< Distinct attribute names.
  uint32_t max_attributes = 9;  ///< A list.
  uint32_t max_text = 40;       ///< Bytes of a value.
};

/// Everything a batch can hold occurs: every type and scope, duplicate keys, empty lists, texts
/// with zeros in them, ends before starts, absent and foreign parents, extras, extreme numbers.
SpanBatch RandomBatch(uint64_t seed, const BatchShape& shape = {});

/// Spans as services send them: random ids, 12 attributes, 5 % unique URLs, long-tailed durations,
/// an event on errors. What size and speed are measured on.
SpanBatch RealisticBatch(uint64_t seed, uint32_t rows, uint32_t keys = 12);

/// Everything of the row, with nothing of how the batch keeps it.
std::string Describe(const SpanBatch& batch, uint32_t row);

/// The words of all rows, one a line.
std::string Describe(const SpanBatch& batch);

}  // namespace tocsin::storage
