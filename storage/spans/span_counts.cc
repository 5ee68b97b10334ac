#include "storage/spans/span_counts.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/coding.h"
#include "cpp/model/span_batch_builder.h"
#include "cpp/model/span_duration.h"
#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/metrics_buckets.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/columnar/integers.h"
#include "storage/columnar/strings.h"
#include "storage/spans/segment.h"

namespace tocsin::storage {
namespace {

constexpr auto kMinuteNanos = static_cast<uint64_t>(kMinute);
constexpr uint64_t kLastMinute = (UINT64_MAX - 1) / kMinuteNanos;
// Minutes that are counted together: the first that makes few enough cells.
constexpr uint64_t kUnits[] = {1, 5, 15, 60};
// Tables of so few cells are made whatever the number of rows.
constexpr size_t kFewCells = 64;
// Otherwise a cell must stand for so many rows.
constexpr size_t kRowsOfCell = 8;

// A key has, from its highest bit on: service, kind, status, root, duration, and the minute behind
// the first one.
constexpr int kMinuteBits = 24;
constexpr int kDurationBits = 7;
constexpr int kServiceBits = 16;
constexpr int kServiceShift = 64 - kServiceBits;
constexpr uint64_t kServiceMask = ~uint64_t{0} << kServiceShift;
constexpr uint64_t kMinuteMask = (uint64_t{1} << kMinuteBits) - 1;
constexpr uint64_t kDurationMask = ((uint64_t{1} << kDurationBits) - 1) << kMinuteBits;

// 0 for a duration that is in no bucket, otherwise n for one above 2^(n - 1) and up to 2^n.
uint64_t DurationClass(uint64_t start, uint64_t end) {
  const traceql::BucketCode bucket = traceql::BucketOfInt(DurationBetween(start, end));
  return bucket == 0 ? 0 : bucket - uint64_t{traceql::kBucketBias};
}

// Any duration of the class.
uint64_t DurationOf(uint64_t duration_class) {
  return duration_class == 0 ? 0 : (uint64_t{1} << (duration_class - 1)) + 1;
}

// The rows that differ in their minute alone.
struct Alike {
  uint64_t service = 0;
  uint64_t kind = 0;
  uint64_t status = 0;
  uint64_t root = 0;
  uint64_t duration = 0;
};

Alike AlikeOf(uint64_t key) {
  const auto take = [&key](int bits) {
    const uint64_t low = key & ((uint64_t{1} << bits) - 1);
    key >>= bits;
    return low;
  };
  Alike alike;
  take(kMinuteBits);
  alike.duration = take(kDurationBits);
  alike.root = take(1);
  alike.status = take(8);
  alike.kind = take(8);
  alike.service = take(kServiceBits);
  return alike;
}

using Member = uint64_t Alike::*;
constexpr Member kMembers[] = {&Alike::service, &Alike::kind, &Alike::status, &Alike::root,
                               &Alike::duration};

// A table as it is written.
struct Table {
  uint64_t unit = 1;   // Minutes.
  uint64_t first = 0;  // Unit that the times are since.
  StringList services;
  std::vector<Alike> alike;
  std::vector<uint64_t> cells;  // Of each of `alike`.
  std::vector<uint64_t> times;  // Of each cell, in units.
  std::vector<uint64_t> counts;
};

// `cells`: keys and counts, by key; may be empty. Keys may come several times.
void AddCells(const std::vector<std::pair<uint64_t, uint64_t>>& cells, Table* table) {
  uint64_t last_key = 0;
  for (const auto& [key, count] : cells) {
    if (!table->counts.empty() && key == last_key) {
      table->counts.back() += count;
      continue;
    }
    if (table->alike.empty() || (key ^ last_key) > kMinuteMask) {
      table->alike.push_back(AlikeOf(key));
      table->cells.push_back(0);
    }
    last_key = key;
    ++table->cells.back();
    table->times.push_back(key & kMinuteMask);
    table->counts.push_back(count);
  }
}

std::string Encode(const Table& table) {
  std::string body;
  PutVarint64(&body, table.unit);
  PutVarint64(&body, table.first);
  PutVarint64(&body, table.services.size());
  PutStrings(table.services, Packing::kPlain, &body);
  PutVarint64(&body, table.alike.size());
  std::vector<uint64_t> values(table.alike.size());
  for (const Member member : kMembers) {
    std::ranges::transform(table.alike, values.begin(),
                           [&](const Alike& of) { return of.*member; });
    PutIntegers(values, Packing::kPlain, &body);
  }
  PutVarint64(&body, table.counts.size());
  PutIntegers(table.cells, Packing::kPlain, &body);
  PutIntegers(table.times, Packing::kPlain, &body);
  PutIntegers(table.counts, Packing::kPlain, &body);
  return SealFrame(body, Compression::kZstd);
}

Table ReadTable(ByteReader* in, uint32_t rows) {
  Table table;
  table.unit = in->Count(kUnits[std::size(kUnits) - 1]);
  if (table.unit == 0) in->Fail();
  table.first = in->Count(kLastMinute);
  const size_t services = in->Count(rows);
  table.services = ReadStrings(in, services);
  table.alike.resize(in->Count(rows));
  for (const Member member : kMembers) {
    const std::vector<uint64_t> values = ReadIntegers(in, table.alike.size());
    if (in->failed()) return table;
    for (size_t i = 0; i < values.size(); ++i) table.alike[i].*member = values[i];
  }
  const size_t cells = in->Count(rows);
  table.cells = ReadIntegers(in, table.alike.size());
  table.times = ReadIntegers(in, cells);
  table.counts = ReadIntegers(in, cells);
  return table;
}

// Whether the numbers can be, and the counts are those of `rows` rows.
bool Consistent(const Table& table, uint32_t rows) {
  uint64_t cells = 0;
  for (const uint64_t of_one : table.cells) {
    if (of_one > table.times.size() - cells) return false;
    cells += of_one;
  }
  if (cells != table.times.size()) return false;
  uint64_t sum = 0;
  for (const uint64_t count : table.counts) {
    if (count > rows - sum) return false;
    sum += count;
  }
  const auto possible = [&](const Alike& alike) {
    return alike.service <= table.services.size() && alike.kind <= UINT8_MAX &&
           alike.status <= UINT8_MAX && alike.root <= 1 && alike.duration < 64;
  };
  const uint64_t last = kLastMinute / table.unit;
  const auto in_time = [&](uint64_t time) {
    return table.first <= last && time <= last - table.first;
  };
  return sum == rows && std::ranges::all_of(table.alike, possible) &&
         std::ranges::all_of(table.times, in_time);
}

// A span of each kind.
SpanBatch SpansOf(const Table& table) {
  SpanBatchBuilder builder;
  SpanBatch& batch = builder.batch();
  for (uint32_t service = 0; service <= table.services.size(); ++service) {
    const uint32_t begin = builder.AttrCount();
    if (service > 0) builder.AddString("service.name", table.services[service - 1]);
    batch.resources.push_back({.attrs = {begin, builder.AttrCount()}});
    batch.scopes.push_back({.resource = service, .attrs = {}});
  }
  const uint32_t trace = builder.InternTrace({.high = 0, .low = 1});
  for (const Alike& alike : table.alike) {
    batch.trace.push_back(trace);
    batch.span_id.push_back(batch.span_id.size() + 1);
    batch.parent_span_id.push_back(alike.root != 0 ? 0 : UINT64_MAX);
    batch.start.push_back(0);
    batch.end.push_back(DurationOf(alike.duration));
    batch.name.push_back(0);
    batch.kind.push_back(static_cast<SpanKind>(alike.kind));
    batch.status.push_back(static_cast<SpanStatus>(alike.status));
    batch.flags.push_back(0);
    batch.scope.push_back(static_cast<uint32_t>(alike.service));
    batch.wire_size.push_back(0);
    batch.attr_begin.push_back(builder.AttrCount());
    batch.event_begin.push_back(0);
    batch.link_begin.push_back(0);
  }
  return std::move(builder).Finish();
}

}  // namespace

// A minute has its last nanosecond, and not its first, as the intervals of queries do.
uint64_t SpanCounter::MinuteOf(uint64_t start) {
  return start == 0 ? 0 : (start - 1) / kMinuteNanos;
}

uint32_t SpanCounter::AddService(std::string_view name) {
  services_.emplace_back(name);
  if (services_.size() >= size_t{1} << kServiceBits) GiveUp();
  return static_cast<uint32_t>(services_.size());
}

void SpanCounter::Add(const Row& row) {
  const uint64_t minute = MinuteOf(row.start) - first_minute_;
  if (minute > kMinuteMask) GiveUp();
  if (!possible_) return;
  uint64_t key = row.service;
  key = key << 8 | static_cast<uint64_t>(row.kind);
  key = key << 8 | static_cast<uint64_t>(row.status);
  key = key << 1 | (row.root ? 1 : 0);
  key = key << kDurationBits | DurationClass(row.start, row.end);
  key = key << kMinuteBits | minute;
  const uint32_t code = keys_.Code(key);
  if (code == counts_.size()) counts_.push_back(0);
  ++counts_[code];
  ++rows_;
}

// What each number becomes when the services are sorted: equal rows make equal tables.
std::vector<uint32_t> SpanCounter::ServiceOrder() const {
  std::vector<uint32_t> sorted(services_.size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::ranges::sort(sorted, {}, [this](uint32_t i) { return std::string_view(services_[i]); });
  std::vector<uint32_t> order(services_.size() + 1);
  for (uint32_t place = 0; place < sorted.size(); ++place) order[sorted[place] + 1] = place + 1;
  return order;
}

std::string SpanCounter::Encode(bool durations) const {
  if (!possible_) return {};
  Table table;
  std::vector<std::string> names = services_;
  std::ranges::sort(names);
  for (const std::string& name : names) table.services.Append(name);
  const std::vector<uint32_t> order = ServiceOrder();
  std::vector<std::pair<uint64_t, uint64_t>> cells(counts_.size());
  for (const uint64_t unit : kUnits) {
    table.unit = unit;
    table.first = first_minute_ / unit;
    table.alike.clear();
    for (auto* list : {&table.cells, &table.times, &table.counts}) list->clear();
    for (size_t i = 0; i < counts_.size(); ++i) {
      const uint64_t key = keys_.values()[i];
      const uint64_t time = (first_minute_ + (key & kMinuteMask)) / unit - table.first;
      const uint64_t service = order[key >> kServiceShift];
      const uint64_t others = key & ~kServiceMask & ~kMinuteMask;
      cells[i] = {service << kServiceShift | (durations ? others : others & ~kDurationMask) | time,
                  counts_[i]};
    }
    std::ranges::sort(cells);
    AddCells(cells, &table);
    if (table.counts.size() <= std::max(kFewCells, rows_ / kRowsOfCell)) {
      return storage::Encode(table);
    }
  }
  return {};
}

Result<std::shared_ptr<const traceql::CountedRows>> DecodeCounts(std::string_view frame,
                                                                 uint32_t rows) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
  ByteReader in(body);
  const Table table = ReadTable(&in, rows);
  TOCSIN_RETURN_IF_ERROR(in.Finish("counts"));
  if (!Consistent(table, rows)) return CorruptionError("counts: the numbers make no sense");
  auto counted = std::make_shared<traceql::CountedRows>();
  counted->spans =
      std::make_shared<traceql::BatchBlock>(std::make_shared<const SpanBatch>(SpansOf(table)));
  counted->cells.reserve(table.counts.size());
  size_t cell = 0;
  for (uint32_t row = 0; row < table.alike.size(); ++row) {
    for (uint64_t i = 0; i < table.cells[row]; ++i, ++cell) {
      const uint64_t time = table.first + table.times[cell];
      const uint64_t length = table.unit * kMinuteNanos;
      const uint64_t begin = time * length;
      counted->cells.push_back({.row = row,
                                .count = static_cast<uint32_t>(table.counts[cell]),
                                .first = begin == 0 ? 0 : begin + 1,
                                .last = begin + std::min(length, UINT64_MAX - begin)});
    }
  }
  return counted;
}

}  // namespace tocsin::storage
