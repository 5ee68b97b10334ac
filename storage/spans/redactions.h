/// Attributes that are to be forgotten: which, of which spans, and the file that remembers it until
/// no segment has them any more. A redaction holds from the moment its entry is saved: readers
/// leave the attribute out, and the segments are written anew without it when there is time
/// (redactor.h, redacting.cc). storage/FORMAT.md, "Redactions".

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"
#include "cpp/traceql/bitmap.h"

namespace tocsin::storage {

/// What is to be forgotten of a span, its resource, events, links and instrumentation.
struct Redaction {
  std::optional<AttrScope> scope = std::nullopt;  ///< nullopt: wherever the key stands.
  std::string key;
  /// Only where this is the value: texts as they are, numbers and booleans as they are shown. Of a
  /// key that stands twice in a list the first value decides. nullopt: whatever the value.
  std::optional<std::string> value = std::nullopt;
};

/// A redaction as far as one segment is concerned.
struct SegmentRedaction {
  std::shared_ptr<const Redaction> what;
  std::shared_ptr<const traceql::Bitmap> rows;  ///< Null: all.
};
using SegmentRedactions = std::vector<SegmentRedaction>;

/// Thread-safe.
class Redactions {
 public:
  struct Entry {
    uint64_t id = 0;  ///< Given by Add().
    std::string tenant;
    std::shared_ptr<const Redaction> what;
    /// Segments of lower numbers are concerned; later ones never have the attribute.
    uint64_t before = 0;
    /// The rows, by segment; segments that are not named are not concerned.
    std::map<uint64_t, std::shared_ptr<const traceql::Bitmap>> rows;
    bool everywhere = false;  ///< All rows of all segments: `rows` is empty.

    /// Whether the segment, one of the tenant's, is concerned.
    bool Concerns(uint64_t segment) const {
      return segment < before && (everywhere || rows.contains(segment));
    }
  };

  /// Reads the file, if there is one. What cannot be read must not be shown: kCorruption.
  Status Load(std::string path);

  /// OK once it survives a crash.
  Status Add(Entry entry);
  /// They are carried out.
  Status Remove(std::span<const uint64_t> ids);

  /// Null: none.
  std::shared_ptr<const SegmentRedactions> Of(std::string_view tenant, uint64_t segment) const;

  std::vector<Entry> entries() const;
  bool empty() const;

 private:
  Status SaveLocked(std::vector<Entry> changed);

  mutable std::mutex mutex_;
  std::string path_;
  std::vector<Entry> entries_;
  uint64_t next_id_ = 1;
};

}  // namespace tocsin::storage
