/// Every distinct label name and value once, by number: what makes a label set eight bytes a label.

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/base/hash.h"

namespace tocsin::storage {

using Symbol = uint32_t;

/// Symbols are dense, from 0 on, and never removed. Not thread-safe.
class SymbolTable {
 public:
  /// The symbol of `text`, made if there is none.
  Symbol Add(std::string_view text) {
    const auto it = symbols_.find(text);
    if (it != symbols_.end()) return it->second;
    const auto symbol = static_cast<Symbol>(texts_.size());
    views_.emplace_back(texts_.emplace_back(text));
    symbols_.emplace(views_.back(), symbol);
    return symbol;
  }

  std::optional<Symbol> Find(std::string_view text) const {
    const auto it = symbols_.find(text);
    return it == symbols_.end() ? std::nullopt : std::optional(it->second);
  }

  /// Stays valid: a deque does not move what it holds.
  std::string_view operator[](Symbol symbol) const { return views_[symbol]; }
  size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;
  std::vector<std::string_view> views_;  ///< Of texts_, side by side: what queries look at.
  std::unordered_map<std::string_view, Symbol, StringHash> symbols_;  ///< Views into texts_.
};

}  // namespace tocsin::storage
