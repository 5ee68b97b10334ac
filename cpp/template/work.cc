#include "cpp/template/work.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tocsin::tmpl {
namespace {

/// Each may take some megabytes.
constexpr size_t kPatternsMax = 4;

}  // namespace

class Work::Held {
 public:
  Held(Work* work, size_t bytes) : work_(*work), bytes_(bytes) { work_.held_bytes_ += bytes_; }
  ~Held() { work_.held_bytes_ -= bytes_; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  Work& work_;
  const size_t bytes_;
};

Status Work::Spend(uint64_t steps) {
  if (steps > steps_left()) {
    steps_ = limits_.steps_max;
    return ResourceExhaustedError("the template takes too many steps");
  }
  steps_ += steps;
  return {};
}

Result<std::shared_ptr<const void>> Work::Hold(size_t bytes) {
  if (bytes > limits_.memory_max - held_bytes_) {
    return ResourceExhaustedError("the values of the template take more than " +
                                  std::to_string(limits_.memory_max) + " bytes");
  }
  return std::make_shared<const Held>(this, bytes);
}

Status Work::Take(Value* value) {
  if (value->depth() > limits_.values_depth_max) {
    return ResourceExhaustedError("a value is nested too deeply");
  }
  if (value->weight() == 0 || value->HasKeeper()) return {};
  if (const std::string* text = value->AsString()) {
    if (text->size() > limits_.bytes_max) return ResourceExhaustedError("a text is too large");
    TOCSIN_RETURN_IF_ERROR(Spend(text->size() >> 10));
  }
  TOCSIN_ASSIGN_OR_RETURN(std::shared_ptr<const void> held, Hold(value->weight()));
  value->KeepWith(std::move(held));
  return {};
}

Result<lib::Regex> Work::Compile(std::string_view pattern) {
  const auto known = std::ranges::find(patterns_, pattern, &lib::Regex::pattern);
  if (known != patterns_.end()) {
    std::rotate(known, known + 1, patterns_.end());
    return patterns_.back();
  }
  TOCSIN_RETURN_IF_ERROR(Spend(pattern.size()));
  TOCSIN_ASSIGN_OR_RETURN(lib::Regex regex, lib::Regex::Compile(pattern, lib::Dot::kNoNewline));
  TOCSIN_RETURN_IF_ERROR(Spend(regex.program_size()));
  if (patterns_.size() == kPatternsMax) patterns_.erase(patterns_.begin());
  patterns_.push_back(regex);
  return regex;
}

}  // namespace tocsin::tmpl
