/// A sample log in memory, whose samples may be anything.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpp/model/ports.h"

namespace tocsin::deliver {

/// Thread-safe. Positions are numbers of runs.
class FakeLog : public LabelSource, public MetadataSource {
 public:
  SeriesRef Ref(const Labels& labels) {
    const std::lock_guard lock(mutex_);
    for (const auto& [ref, known] : labels_) {
      if (known == labels) return ref;
    }
    const SeriesRef ref = labels_.size() + 1;
    labels_[ref] = labels;
    return ref;
  }
  void Append(SampleReader::Run run) {
    const std::lock_guard lock(mutex_);
    runs_.push_back(std::move(run));
  }
  void Append(const Labels& labels, Sample sample, Millis start = 0) {
    SampleReader::Run run;
    run.samples.push_back({Ref(labels), sample, start});
    Append(std::move(run));
  }
  void SetMetadata(MetricMetadata metadata) {
    const std::lock_guard lock(mutex_);
    metadata_[metadata.family] = metadata;
  }

  Labels LabelsOf(SeriesRef series) const override {
    const std::lock_guard lock(mutex_);
    ++asked;
    const auto it = labels_.find(series);
    return it == labels_.end() ? Labels() : it->second;
  }
  std::optional<MetricMetadata> MetadataOf(std::string_view family) const override {
    const std::lock_guard lock(mutex_);
    const auto it = metadata_.find(std::string(family));
    return it == metadata_.end() ? std::nullopt : std::optional(it->second);
  }
  std::vector<MetricMetadata> AllMetadata() const override {
    const std::lock_guard lock(mutex_);
    std::vector<MetricMetadata> all;
    for (const auto& [family, metadata] : metadata_) all.push_back(metadata);
    return all;
  }

  std::unique_ptr<SampleReader> Open(const std::optional<LogPosition>& from) {
    return std::make_unique<Reader>(this, from.value_or(LogPosition()));
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return runs_.size();
  }
  mutable int asked = 0;  ///< How often for the labels of a series.

 private:
  class Reader : public SampleReader {
   public:
    Reader(FakeLog* log, const LogPosition& from) : log_(log), position_(from) {}

    Result<Run> Next(size_t /*max_items*/) override {
      const std::lock_guard lock(log_->mutex_);
      if (position_.offset == log_->runs_.size()) return Run();
      return log_->runs_[position_.offset++];
    }
    LogPosition position() const override { return position_; }
    void Release(const LogPosition& /*position*/) override {}

   private:
    FakeLog* const log_;
    LogPosition position_;
  };

  mutable std::mutex mutex_;
  std::map<SeriesRef, Labels> labels_;
  std::vector<SampleReader::Run> runs_;
  std::map<std::string, MetricMetadata> metadata_;
};

}  // namespace tocsin::deliver
