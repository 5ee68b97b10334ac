#include "storage/columnar/batch_codec.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"

namespace tocsin::storage {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are copied as they lie in memory");

constexpr uint8_t kVersion = 1;
constexpr uint8_t kLastValueType = static_cast<uint8_t>(ValueType::kEmpty);

// ---- Writing ------------------------------------------------------------------------------------

template <class T>
void PutRaw(std::span<const T> values, std::string* out) {
  static_assert(std::has_unique_object_representations_v<T>);
  out->append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

template <class Narrow, class Get>
void PutAs(size_t count, const Get& get, std::string* out) {
  const size_t at = out->size();
  out->resize(at + count * sizeof(Narrow));
  char* to = out->data() + at;
  for (size_t i = 0; i < count; ++i) {
    const auto value = static_cast<Narrow>(get(i));
    std::memcpy(to + i * sizeof(Narrow), &value, sizeof(Narrow));
  }
}

// 32-bit numbers in as many bytes each as the greatest of them needs.
template <class Get>
void PutNarrow(size_t count, const Get& get, std::string* out) {
  uint32_t all = 0;
  for (size_t i = 0; i < count; ++i) all |= get(i);
  const int width = all <= 0xff ? 1 : all <= 0xffff ? 2 : 4;
  out->push_back(static_cast<char>(width));
  if (width == 1) PutAs<uint8_t>(count, get, out);
  if (width == 2) PutAs<uint16_t>(count, get, out);
  if (width == 4) PutAs<uint32_t>(count, get, out);
}

template <class Rows, class Field>
void PutField(const Rows& rows, const Field& field, std::string* out) {
  PutNarrow(rows.size(), [&](size_t i) { return static_cast<uint32_t>(field(rows[i])); }, out);
}

// As the lower halves, then the upper halves: times of one batch share their upper halves.
template <class Get>
void PutHalves(size_t count, const Get& get, std::string* out) {
  PutAs<uint32_t>(count, [&](size_t i) { return get(i) & 0xffffffffU; }, out);
  PutAs<uint32_t>(count, [&](size_t i) { return get(i) >> 32; }, out);
}

template <class Rows>
void PutRanges(const Rows& rows, std::string* out) {
  PutField(rows, [](const auto& row) { return row.attrs.begin; }, out);
  PutField(rows, [](const auto& row) { return row.attrs.end - row.attrs.begin; }, out);
}

// Ascending offsets as the distances between them. REQUIRES: begins[0] == 0.
void PutBegins(const std::vector<uint32_t>& begins, std::string* out) {
  TOCSIN_CHECK(!begins.empty() && begins[0] == 0);
  PutNarrow(begins.size() - 1, [&](size_t i) { return begins[i + 1] - begins[i]; }, out);
}

void PutTables(const SpanBatch& batch, std::string* out) {
  const std::vector<uint32_t>& ends = batch.strings.ends();
  PutNarrow(ends.size() - 1, [&](size_t i) { return ends[i + 1] - ends[i]; }, out);
  out->append(batch.strings.blob());
  PutField(batch.keys, [](const auto& key) { return key.name; }, out);
  PutField(batch.keys, [](const auto& key) { return static_cast<uint32_t>(key.type); }, out);
  PutRaw(std::span(batch.ints), out);
  PutAs<uint64_t>(
      batch.doubles.size(), [&](size_t i) { return std::bit_cast<uint64_t>(batch.doubles[i]); },
      out);
  PutField(batch.attrs, [](const auto& attr) { return attr.key; }, out);
  PutField(batch.attrs, [](const auto& attr) { return attr.value; }, out);
  PutRanges(batch.resources, out);
  PutField(batch.resources, [](const auto& r) { return r.dropped_attributes; }, out);
  PutField(batch.resources, [](const auto& r) { return r.schema_url; }, out);
  PutRanges(batch.scopes, out);
  PutField(batch.scopes, [](const auto& s) { return s.resource; }, out);
  PutField(batch.scopes, [](const auto& s) { return s.name; }, out);
  PutField(batch.scopes, [](const auto& s) { return s.version; }, out);
  PutField(batch.scopes, [](const auto& s) { return s.dropped_attributes; }, out);
  PutField(batch.scopes, [](const auto& s) { return s.schema_url; }, out);
  PutRaw(std::span(batch.traces), out);
}

void PutRows(const SpanBatch& batch, std::string* out) {
  const auto same = [](uint32_t value) { return value; };
  PutField(batch.trace, same, out);
  PutRaw(std::span(batch.span_id), out);
  PutRaw(std::span(batch.parent_span_id), out);
  PutHalves(batch.rows(), [&](size_t i) { return batch.start[i]; }, out);
  PutHalves(batch.rows(), [&](size_t i) { return batch.end[i] - batch.start[i]; }, out);
  PutField(batch.name, same, out);
  PutRaw(std::span(batch.kind), out);
  PutRaw(std::span(batch.status), out);
  PutField(batch.flags, same, out);
  PutField(batch.scope, same, out);
  PutField(batch.wire_size, same, out);
  PutBegins(batch.attr_begin, out);
  PutBegins(batch.event_begin, out);
  PutBegins(batch.link_begin, out);
}

void PutEventsAndLinks(const SpanBatch& batch, std::string* out) {
  PutHalves(batch.events.size(), [&](size_t i) { return batch.events[i].time; }, out);
  PutField(batch.events, [](const auto& event) { return event.name; }, out);
  PutRanges(batch.events, out);
  PutField(batch.events, [](const auto& event) { return event.dropped_attributes; }, out);
  PutAs<uint64_t>(batch.links.size(), [&](size_t i) { return batch.links[i].trace_id.high; }, out);
  PutAs<uint64_t>(batch.links.size(), [&](size_t i) { return batch.links[i].trace_id.low; }, out);
  PutAs<uint64_t>(batch.links.size(), [&](size_t i) { return batch.links[i].span_id; }, out);
  PutField(batch.links, [](const auto& link) { return link.trace_state; }, out);
  PutRanges(batch.links, out);
  PutField(batch.links, [](const auto& link) { return link.dropped_attributes; }, out);
  PutField(batch.links, [](const auto& link) { return link.flags; }, out);
  PutField(batch.extras, [](const auto& extra) { return extra.row; }, out);
  PutField(batch.extras, [](const auto& extra) { return extra.status_message; }, out);
  PutField(batch.extras, [](const auto& extra) { return extra.trace_state; }, out);
  PutField(batch.extras, [](const auto& extra) { return extra.dropped_attributes; }, out);
  PutField(batch.extras, [](const auto& extra) { return extra.dropped_events; }, out);
  PutField(batch.extras, [](const auto& extra) { return extra.dropped_links; }, out);
}

// ---- Reading ------------------------------------------------------------------------------------

// Reads what the functions above wrote, in their order, checking every index on the way.
class Decoder {
 public:
  explicit Decoder(std::string_view body) : in_(body) {}

  Result<SpanBatch> Decode() {
    if (in_.Byte() != kVersion) return CorruptionError("batch: unknown version");
    ReadCounts();
    ReadTables();
    ReadRows();
    ReadEventsAndLinks();
    TOCSIN_RETURN_IF_ERROR(in_.Finish("batch"));
    return std::move(batch_);
  }

 private:
  template <class T>
  void Raw(size_t count, std::vector<T>* to) {
    const std::string_view bytes = in_.Bytes(count * sizeof(T));
    if (in_.failed()) return;
    to->resize(count);
    if (count > 0) std::memcpy(to->data(), bytes.data(), bytes.size());
  }

  template <class Narrow, class Set>
  uint32_t From(std::string_view bytes, size_t count, const Set& set) {
    Narrow most = 0;
    for (size_t i = 0; i < count; ++i) {
      Narrow value = 0;
      std::memcpy(&value, bytes.data() + i * sizeof(Narrow), sizeof(Narrow));
      most = std::max(most, value);
      set(i, uint32_t{value});
    }
    return most;
  }

  // `below`: every number must be. Calls set(i, number).
  template <class Set>
  void Narrow(size_t count, uint64_t below, const Set& set) {
    const uint8_t width = in_.Byte();
    if (width != 1 && width != 2 && width != 4) in_.Fail();
    const std::string_view bytes = in_.Bytes(uint64_t{width} * count);
    if (in_.failed() || count == 0) return;
    const uint32_t most = width == 1   ? From<uint8_t>(bytes, count, set)
                          : width == 2 ? From<uint16_t>(bytes, count, set)
                                       : From<uint32_t>(bytes, count, set);
    if (most >= below) in_.Fail();
  }

  // `member`: gives the number of a row by reference.
  template <class Rows, class Member>
  void Field(Rows* rows, uint64_t below, const Member& member) {
    Narrow(rows->size(), below, [&](size_t i, uint32_t value) { member((*rows)[i]) = value; });
  }

  void Column(size_t count, uint64_t below, std::vector<uint32_t>* to) {
    if (!Plausible(count)) return;
    to->resize(count);
    Field(to, below, [](uint32_t& value) -> uint32_t& { return value; });
  }

  // Every entry of every table takes at least a byte: no count costs memory that was not paid for.
  bool Plausible(size_t count) {
    if (count > in_.remaining()) in_.Fail();
    return !in_.failed();
  }

  template <class Set>
  void Halves(size_t count, const Set& set) {
    const std::string_view low = in_.Bytes(uint64_t{count} * 4);
    const std::string_view high = in_.Bytes(uint64_t{count} * 4);
    if (in_.failed()) return;
    for (size_t i = 0; i < count; ++i) {
      uint32_t l = 0;
      uint32_t h = 0;
      std::memcpy(&l, low.data() + i * 4, 4);
      std::memcpy(&h, high.data() + i * 4, 4);
      set(i, uint64_t{h} << 32 | l);
    }
  }

  template <class Rows>
  void Ranges(Rows* rows) {
    Field(rows, UINT64_MAX, [](auto& row) -> uint32_t& { return row.attrs.begin; });
    Field(rows, UINT64_MAX, [](auto& row) -> uint32_t& { return row.attrs.end; });
    for (auto& row : *rows) {
      // What was read as the end is the length.
      const uint64_t end = uint64_t{row.attrs.begin} + row.attrs.end;
      if (end > attrs_) in_.Fail();
      row.attrs.end = static_cast<uint32_t>(end);
    }
  }

  void Begins(uint64_t total, std::vector<uint32_t>* to) {
    if (!Plausible(rows_)) return;
    to->assign(rows_ + 1, 0);
    uint64_t end = 0;
    Narrow(rows_, UINT64_MAX, [&](size_t i, uint32_t value) {
      end += value;
      (*to)[i + 1] = static_cast<uint32_t>(end);
    });
    if (end > total) in_.Fail();
  }

  void ReadCounts() {
    for (size_t* count : {&rows_, &strings_, &blob_, &keys_, &ints_, &doubles_, &attrs_,
                          &resources_, &scopes_, &traces_, &events_, &links_, &extras_}) {
      *count = in_.Count(kMaxFrameBody);
    }
  }

  void ReadStrings() {
    std::vector<uint32_t> ends;
    if (!Plausible(strings_)) return;
    ends.assign(strings_ + 1, 0);
    uint64_t end = 0;
    Narrow(strings_, UINT64_MAX, [&](size_t i, uint32_t value) {
      end += value;
      ends[i + 1] = static_cast<uint32_t>(end);
    });
    const std::string_view blob = in_.Bytes(blob_);
    if (end != blob.size()) in_.Fail();
    if (in_.failed()) return;
    batch_.strings = StringTable::FromParts(std::string(blob), std::move(ends));
  }

  void ReadAttrs() {
    if (!Plausible(attrs_)) return;
    batch_.attrs.resize(attrs_);
    Field(&batch_.attrs, keys_, [](auto& attr) -> uint32_t& { return attr.key; });
    Field(&batch_.attrs, UINT64_MAX, [](auto& attr) -> uint32_t& { return attr.value; });
    if (in_.failed()) return;
    const uint64_t texts = batch_.strings.size();
    const uint64_t below[] = {texts, 2, ints_, doubles_, texts, texts, 1};  // By ValueType.
    std::vector<uint64_t> below_of_key(keys_);
    for (size_t k = 0; k < keys_; ++k) {
      below_of_key[k] = below[static_cast<size_t>(batch_.keys[k].type)];
    }
    for (const SpanBatch::Attr& attr : batch_.attrs) {
      if (attr.value >= below_of_key[attr.key]) {
        in_.Fail();
        return;
      }
    }
  }

  void ReadTables() {
    ReadStrings();
    const uint64_t texts = batch_.strings.size();
    if (!Plausible(keys_)) return;
    batch_.keys.resize(keys_);
    Field(&batch_.keys, texts, [](auto& key) -> uint32_t& { return key.name; });
    Narrow(keys_, kLastValueType + 1U,
           [&](size_t i, uint32_t value) { batch_.keys[i].type = static_cast<ValueType>(value); });
    Raw(ints_, &batch_.ints);
    Raw(doubles_, &batch_.doubles);
    ReadAttrs();
    if (!Plausible(resources_)) return;
    batch_.resources.resize(resources_);
    Ranges(&batch_.resources);
    Field(&batch_.resources, UINT64_MAX, [](auto& r) -> uint32_t& { return r.dropped_attributes; });
    Field(&batch_.resources, texts, [](auto& r) -> uint32_t& { return r.schema_url; });
    if (!Plausible(scopes_)) return;
    batch_.scopes.resize(scopes_);
    Ranges(&batch_.scopes);
    Field(&batch_.scopes, resources_, [](auto& s) -> uint32_t& { return s.resource; });
    Field(&batch_.scopes, texts, [](auto& s) -> uint32_t& { return s.name; });
    Field(&batch_.scopes, texts, [](auto& s) -> uint32_t& { return s.version; });
    Field(&batch_.scopes, UINT64_MAX, [](auto& s) -> uint32_t& { return s.dropped_attributes; });
    Field(&batch_.scopes, texts, [](auto& s) -> uint32_t& { return s.schema_url; });
    Raw(traces_, &batch_.traces);
  }

  void ReadRows() {
    const uint64_t texts = batch_.strings.size();
    Column(rows_, traces_, &batch_.trace);
    Raw(rows_, &batch_.span_id);
    Raw(rows_, &batch_.parent_span_id);
    if (in_.failed()) return;
    batch_.start.resize(rows_);
    batch_.end.resize(rows_);
    Halves(rows_, [&](size_t i, uint64_t value) { batch_.start[i] = value; });
    Halves(rows_, [&](size_t i, uint64_t value) { batch_.end[i] = batch_.start[i] + value; });
    Column(rows_, texts, &batch_.name);
    Raw(rows_, &batch_.kind);
    Raw(rows_, &batch_.status);
    Column(rows_, UINT64_MAX, &batch_.flags);
    Column(rows_, scopes_, &batch_.scope);
    Column(rows_, UINT64_MAX, &batch_.wire_size);
    Begins(attrs_, &batch_.attr_begin);
    Begins(events_, &batch_.event_begin);
    Begins(links_, &batch_.link_begin);
    if (in_.failed()) return;
    if (batch_.event_begin.back() != events_ || batch_.link_begin.back() != links_) in_.Fail();
  }

  void ReadEventsAndLinks() {
    const uint64_t texts = batch_.strings.size();
    if (!Plausible(events_)) return;
    batch_.events.resize(events_);
    Halves(events_, [&](size_t i, uint64_t value) { batch_.events[i].time = value; });
    Field(&batch_.events, texts, [](auto& e) -> uint32_t& { return e.name; });
    Ranges(&batch_.events);
    Field(&batch_.events, UINT64_MAX, [](auto& e) -> uint32_t& { return e.dropped_attributes; });
    ReadLinks();
    if (!Plausible(extras_)) return;
    batch_.extras.resize(extras_);
    Field(&batch_.extras, rows_, [](auto& e) -> uint32_t& { return e.row; });
    Field(&batch_.extras, texts, [](auto& e) -> uint32_t& { return e.status_message; });
    Field(&batch_.extras, texts, [](auto& e) -> uint32_t& { return e.trace_state; });
    Field(&batch_.extras, UINT64_MAX, [](auto& e) -> uint32_t& { return e.dropped_attributes; });
    Field(&batch_.extras, UINT64_MAX, [](auto& e) -> uint32_t& { return e.dropped_events; });
    Field(&batch_.extras, UINT64_MAX, [](auto& e) -> uint32_t& { return e.dropped_links; });
    const auto no_later = [](const auto& a, const auto& b) { return a.row >= b.row; };
    if (std::adjacent_find(batch_.extras.begin(), batch_.extras.end(), no_later) !=
        batch_.extras.end()) {
      in_.Fail();
    }
  }

  void ReadLinks() {
    std::vector<uint64_t> highs;
    std::vector<uint64_t> lows;
    std::vector<uint64_t> spans;
    Raw(links_, &highs);
    Raw(links_, &lows);
    Raw(links_, &spans);
    if (in_.failed()) return;
    batch_.links.resize(links_);
    for (size_t i = 0; i < links_; ++i) {
      batch_.links[i].trace_id = {highs[i], lows[i]};
      batch_.links[i].span_id = spans[i];
    }
    Field(&batch_.links, batch_.strings.size(), [](auto& l) -> uint32_t& { return l.trace_state; });
    Ranges(&batch_.links);
    Field(&batch_.links, UINT64_MAX, [](auto& l) -> uint32_t& { return l.dropped_attributes; });
    Field(&batch_.links, UINT64_MAX, [](auto& l) -> uint32_t& { return l.flags; });
  }

  ByteReader in_;
  SpanBatch batch_;
  size_t rows_ = 0;
  size_t strings_ = 0;
  size_t blob_ = 0;
  size_t keys_ = 0;
  size_t ints_ = 0;
  size_t doubles_ = 0;
  size_t attrs_ = 0;
  size_t resources_ = 0;
  size_t scopes_ = 0;
  size_t traces_ = 0;
  size_t events_ = 0;
  size_t links_ = 0;
  size_t extras_ = 0;
};

}  // namespace

std::string EncodeBatch(const SpanBatch& batch) {
  std::string body;
  body.reserve(batch.MemoryBytes());
  body.push_back(static_cast<char>(kVersion));
  for (const size_t count :
       {batch.rows(), batch.strings.size() - 1, batch.strings.blob().size(), batch.keys.size(),
        batch.ints.size(), batch.doubles.size(), batch.attrs.size(), batch.resources.size(),
        batch.scopes.size(), batch.traces.size(), batch.events.size(), batch.links.size(),
        batch.extras.size()}) {
    PutVarint64(&body, count);
  }
  PutTables(batch, &body);
  PutRows(batch, &body);
  PutEventsAndLinks(batch, &body);
  return SealFrame(body, Compression::kLz4);
}

Result<SpanBatch> DecodeBatch(std::string_view bytes) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(bytes));
  return Decoder(body).Decode();
}

}  // namespace tocsin::storage
