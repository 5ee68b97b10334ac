/// Box<T>: a T on the heap that behaves as the value it holds. It lets a tree contain itself.

#pragma once

#include <memory>
#include <utility>

namespace tocsin::promql {

/// Copies deeply. Empty only after having been moved from; then it may be destroyed or assigned.
template <class T>
class Box {
 public:
  Box(T value)  // NOLINT(google-explicit-constructor): a Box is its value.
      : value_(std::make_unique<T>(std::move(value))) {}
  Box(const Box& other) : value_(std::make_unique<T>(*other.value_)) {}
  Box(Box&&) noexcept = default;
  Box& operator=(const Box& other) {
    if (this != &other) value_ = std::make_unique<T>(*other.value_);
    return *this;
  }
  Box& operator=(Box&&) noexcept = default;
  ~Box() = default;

  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace tocsin::promql
