/// A SampleSink for tests of receivers.

#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cpp/model/ports.h"

namespace tocsin::receive {

/// Keeps what it is given, and answers as it is told.
class FakeSink final : public SampleSink {
 public:
  SeriesRef Ref(const Labels& labels) override {
    ++refs_asked;
    return refs.try_emplace(labels.ToString(), refs.size() + 1).first->second;
  }
  Result<AppendOutcome> Append(const SampleBatch& batch) override {
    if (!error.ok()) return std::unexpected(error);
    for (const RefSample& sample : batch.samples) samples.push_back(sample);
    for (const RefHistogram& histogram : batch.histograms) histograms.push_back(histogram);
    for (const RefExemplar& exemplar : batch.exemplars) exemplars.push_back(exemplar);
    if (outcome) return *outcome;
    AppendOutcome all;
    all.samples = batch.samples.size();
    all.histograms = batch.histograms.size();
    all.exemplars = batch.exemplars.size();
    return all;
  }
  void SetMetadata(std::span<const MetricMetadata> entries) override {
    metadata.insert(metadata.end(), entries.begin(), entries.end());
  }

  std::vector<std::string> Series() const {
    std::vector<std::string> names;
    for (const auto& [name, ref] : refs) names.push_back(name);
    return names;
  }

  std::map<std::string, SeriesRef> refs;
  size_t refs_asked = 0;
  std::vector<RefSample> samples;
  std::vector<RefHistogram> histograms;
  std::vector<RefExemplar> exemplars;
  std::vector<MetricMetadata> metadata;
  Status error;
  std::optional<AppendOutcome> outcome;
};

}  // namespace tocsin::receive
