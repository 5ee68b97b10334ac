// SpanStore: forgetting attributes.
//
// What is live of the spans concerned is sealed first, so that only segments have the attribute.
// The redaction is then saved, with the number below which segments are concerned, and from that
// moment every reader leaves the attribute out, also after a crash. Segments are written anew
// without it in the background; what replaces them, or takes over their rows in a merge, has a
// higher number, so that nothing has to be kept in step. The redaction is forgotten when no segment
// needs it.

#include <algorithm>
#include <utility>

#include "cpp/base/log.h"
#include "storage/spans/redactor.h"
#include "storage/spans/span_store.h"

namespace tocsin::storage {
namespace {

// Whether the segment, read without redactions, has any of what is redacted.
Result<bool> HasAny(const SegmentReader& reader, const SegmentRedactions& list) {
  const auto present = [](const traceql::Column& column) {
    return std::ranges::count_if(column.codes, [](uint32_t code) { return code != 0; });
  };
  TOCSIN_ASSIGN_OR_RETURN(const auto keys, reader.AttributeKeys());
  for (const traceql::AttributeKey& key : keys) {
    if (!IsRedacted(list, key.scope, key.key)) continue;
    TOCSIN_ASSIGN_OR_RETURN(const auto column, reader.Attribute(key.scope, key.key));
    if (column == nullptr) continue;
    if (present(RedactColumn(*column, list, key.scope, key.key)) < present(*column)) return true;
  }
  return false;
}

}  // namespace

Status SpanStore::Redact(std::string_view tenant, Redaction what,
                         std::span<const TraceDeletion> only) {
  if (what.key.empty()) return InvalidArgumentError("a redaction needs the key of an attribute");
  const WantedSpans wanted = Wanted(only);
  const std::lock_guard lock(seal_mutex_);
  TOCSIN_ASSIGN_OR_RETURN(const auto segments,
                          SealForDeletion(tenant, only.empty() ? nullptr : &wanted));
  if (segments == nullptr || segments->segments().empty()) return {};
  Redactions::Entry entry;
  entry.tenant = std::string(tenant);
  entry.before = volumes_->NextSegmentNumber();
  entry.everywhere = only.empty();
  if (!entry.everywhere) {
    TOCSIN_RETURN_IF_ERROR(ForEachWanted(
        *segments, wanted,
        [&](const StoredSegment& segment, const SegmentReader& reader,
            const WantedSpans& of_segment) -> Status {
          auto rows = std::make_shared<traceql::Bitmap>(reader.rows());
          TOCSIN_ASSIGN_OR_RETURN(const uint64_t added, SetWanted(reader, of_segment, rows.get()));
          if (added > 0) entry.rows.emplace(segment.stub().number, std::move(rows));
          return {};
        }));
    if (entry.rows.empty()) return {};
  }
  entry.what = std::make_shared<const Redaction>(std::move(what));
  TOCSIN_RETURN_IF_ERROR(redactions_.Add(std::move(entry)));
  for (const auto& segment : segments->segments()) {
    segment->marks().SetRedactions(redactions_.Of(tenant, segment->stub().number));
  }
  log::Info("spans_redacted", {{"tenant", tenant}, {"traces", uint64_t{wanted.size()}}});
  // It is decided; the log has the attribute too and goes as soon as it may.
  if (const Status dropped = DropLog(clock_.Now(), /*roll=*/true); !dropped.ok()) {
    log::Warn("log_not_dropped", {{"error", dropped.ToString()}});
  }
  return {};
}

// Under maintain_mutex_. Writes the segments anew that have what they should not.
Status SpanStore::RewriteRedacted() {
  if (redactions_.empty()) return {};
  const auto no_cache = std::make_shared<ColumnCache>(0);
  const LogPosition kept = log_->first_position();
  Status done;
  for (const std::string& name : TenantNames()) {
    const std::shared_ptr<const SegmentSet> segments = SegmentsOf(name);
    if (segments == nullptr) continue;
    for (const auto& segment : segments->segments()) {
      const auto list = segment->marks().redactions();
      if (list == nullptr || segment->damaged()) continue;
      const Volume* volume = segment->volume()->volume();
      // While the log still has deleted rows only their segment keeps them from coming back.
      const bool waits = segment->marks().deleted() != nullptr && segment->stub().log_last >= kept;
      if (volume->read_only() || waits) continue;
      const Status rewritten = [&]() -> Status {
        TOCSIN_ASSIGN_OR_RETURN(const auto reader, segment->OpenUnredacted(no_cache));
        TOCSIN_ASSIGN_OR_RETURN(const bool has, HasAny(*reader, *list));
        if (!has) {
          segment->marks().ClearRedactions(list);
          return {};
        }
        TOCSIN_ASSIGN_OR_RETURN(const bool replaced, Replace(name, {segment}, nullptr));
        if (replaced) to_erase_.insert(segment->volume());
        return {};
      }();
      if (!rewritten.ok() && done.ok()) done = rewritten;
    }
  }
  if (const Status removed = ForgetRedactions(); done.ok()) done = removed;
  return done;
}

// Those that no segment needs any more.
Status SpanStore::ForgetRedactions() {
  const std::lock_guard lock(seal_mutex_);
  std::vector<uint64_t> finished;
  for (const Redactions::Entry& entry : redactions_.entries()) {
    const std::shared_ptr<const SegmentSet> segments = SegmentsOf(entry.tenant);
    const auto needs = [&](const auto& segment) {
      return segment->marks().redactions() != nullptr && entry.Concerns(segment->stub().number);
    };
    if (segments != nullptr && std::ranges::any_of(segments->segments(), needs)) continue;
    finished.push_back(entry.id);
  }
  return redactions_.Remove(finished);
}

// Under maintain_mutex_. Lets LevelDB drop the values that are gone, where views let it.
Status SpanStore::EraseReplaced() {
  for (auto it = to_erase_.begin(); it != to_erase_.end();) {
    {
      const std::lock_guard lock(seal_mutex_);
      const auto same = [&](const Replacement& replacement) { return replacement.volume == *it; };
      if (std::ranges::any_of(replaced_, same)) {
        ++it;
        continue;
      }
    }
    TOCSIN_RETURN_IF_ERROR((*it)->volume()->CompactAll());
    it = to_erase_.erase(it);
  }
  return {};
}

}  // namespace tocsin::storage
