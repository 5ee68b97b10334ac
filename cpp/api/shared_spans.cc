#include "cpp/api/shared_spans.h"

#include <algorithm>

namespace tocsin::api {

void SharedSpans::See(const SpanBatch& piece) {
  used_.insert(used_.end(), piece.span_id.begin(), piece.span_id.end());
  for (size_t row = 0; row < piece.rows(); ++row) {
    if (piece.kind[row] == SpanKind::kClient) clients_.push_back(piece.span_id[row]);
    if (piece.kind[row] == SpanKind::kServer) servers_.push_back(piece.span_id[row]);
  }
}

// New ids are the lowest that are free, so that the same trace gets the same ones each time.
void SharedSpans::Resolve() {
  resolved_ = true;
  std::ranges::sort(clients_);
  const auto is_shared = [&](SpanId id) { return std::ranges::binary_search(clients_, id); };
  if (std::ranges::any_of(servers_, is_shared)) {
    std::ranges::sort(used_);
    SpanId free = 0;
    auto next_used = std::ranges::upper_bound(used_, free);
    for (const SpanId id : servers_) {
      if (!is_shared(id)) continue;
      ++free;
      while (next_used != used_.end() && *next_used <= free) {
        if (*next_used == free) ++free;
        ++next_used;
      }
      replacements_[id].ids.push_back(free);
    }
  }
  used_ = {};
  clients_ = {};
  servers_ = {};
}

SharedSpans::Replacement* SharedSpans::Find(SpanId shared) {
  const auto found = replacements_.find(shared);
  return found == replacements_.end() ? nullptr : &found->second;
}

void SharedSpans::Separate(SpanBatch* piece) {
  if (!resolved_) Resolve();
  if (replacements_.empty()) return;
  for (size_t row = 0; row < piece->rows(); ++row) {
    SpanId& id = piece->span_id[row];
    SpanId& parent = piece->parent_span_id[row];
    Replacement* const own = piece->kind[row] == SpanKind::kServer ? Find(id) : nullptr;
    if (own != nullptr && own->given < own->ids.size()) {
      parent = id;
      id = own->ids[own->given++];
    } else if (const Replacement* of_parent = Find(parent)) {
      // Several servers have answered: the last one is taken for the parent, as Tempo does.
      parent = of_parent->ids.back();
    }
  }
}

void SeparateSharedSpans(SpanBatch* trace) {
  SharedSpans shared;
  shared.See(*trace);
  shared.Separate(trace);
}

}  // namespace tocsin::api
