// What is redacted is in no answer from that moment on, and after a while not on the disk.

#include <filesystem>
#include <functional>

#include "storage/spans/redactor.h"
#include "storage/spans/span_store.h"
#include "tests/unit/spans/store_fixture.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

class RedactionTest : public StoreTest {
 protected:
  TestSpan Span(uint64_t trace, SpanId id) const {
    return {trace, id, static_cast<uint64_t>(clock_.Now()) + id, 10};
  }
  // Traces 1 to 4 of two spans each: two of them sealed, one with both, one live.
  std::unique_ptr<SpanStore> Filled() {
    auto store = Open();
    MustAppend(*store, {Span(1, 1), Span(1, 2), Span(2, 3), Span(2, 4), Span(3, 5)});
    EXPECT_TRUE(store->Flush().ok());
    MustAppend(*store, {Span(3, 6), Span(4, 7), Span(4, 8)});
    return store;
  }

  // The texts of an attribute by span id, read through the columns of blocks.
  static std::map<SpanId, std::string> Column(const SpanStore& store, AttrScope scope,
                                              std::string_view key) {
    std::map<SpanId, std::string> texts;
    const auto view = store.View("t", 0, UINT64_MAX);
    for (const auto& block : view->blocks()) {
      const auto column = *block->Attribute(scope, key);
      const auto keys = *block->AttributeKeys();
      const bool listed = std::ranges::count(keys, traceql::AttributeKey{scope, std::string(key)});
      EXPECT_EQ(listed, column != nullptr);
      if (column == nullptr) continue;
      std::set<uint32_t> used;
      for (uint32_t row = 0; row < block->rows(); ++row) {
        const uint32_t code = column->codes[row];
        if (code == 0) continue;
        used.insert(code);
        const traceql::Value& value = column->values[code - 1];
        texts[(*block->SpanIds())[row]] =
            value.type == ValueType::kString ? value.text : std::to_string(value.integer);
      }
      EXPECT_EQ(used.size(), column->values.size());
    }
    return texts;
  }

  // The same, read through whole traces.
  static std::map<SpanId, std::string> Rows(const SpanStore& store, std::string_view key) {
    std::map<SpanId, std::string> texts;
    for (uint64_t trace = 1; trace < 6; ++trace) {
      const auto batch = store.View("t", 0, 0)->Trace(TraceOf(trace));
      EXPECT_TRUE(batch.has_value());
      for (uint32_t row = 0; row < batch->rows(); ++row) {
        const SpanBatch::AttrRange range{batch->attr_begin[row], batch->attr_begin[row + 1]};
        const std::string_view text = batch->FindString(range, key);
        if (text.data() != nullptr) texts[batch->span_id[row]] = std::string(text);
      }
    }
    return texts;
  }

  void ExpectUrls(const SpanStore& store, const std::set<SpanId>& ids) {
    std::map<SpanId, std::string> expected;
    for (const SpanId id : ids) expected[id] = "/item/" + std::to_string(id);
    EXPECT_EQ(Column(store, AttrScope::kSpan, "url"), expected);
    EXPECT_EQ(Rows(store, "url"), expected);
  }

  // At once, after a restart, when the segments are written anew, and after another restart.
  void Always(std::unique_ptr<SpanStore>& store,
              const std::function<void(const SpanStore&)>& expect) {
    expect(*store);
    store.reset();
    store = Open();
    expect(*store);
    ASSERT_TRUE(store->MaintainVolumes().ok());
    ASSERT_TRUE(store->MaintainVolumes().ok());
    expect(*store);
    EXPECT_FALSE(fs::exists(directory_ / "data/redactions"));
    store.reset();
    store = Open();
    expect(*store);
    ExpectAllThere(*store);
  }

  // Whether some segment, read past all redactions, has the attribute, or the log has spans.
  bool OnDisk(const traceql::AttributeKey& key) const {
    bool found = false;
    for (const auto& entry : fs::directory_iterator(directory_ / "data/volumes")) {
      const std::shared_ptr<const Volume> volume =
          *Volume::Open(entry.path(), {.create = false}, Telemetry::None());
      const auto look = [&](uint64_t number, const Result<SegmentStub>& stub, std::string_view) {
        EXPECT_TRUE(stub.has_value());
        const auto reader = *SegmentReader::Open(volume, number, std::make_shared<ColumnCache>(0));
        found = found || std::ranges::count(*reader->AttributeKeys(), key) > 0;
      };
      EXPECT_TRUE(ForEachSegment(*volume, look).ok());
    }
    for (const auto& entry : fs::directory_iterator(directory_ / "data/log")) {
      const bool log = entry.path().extension() == ".log";
      found = found || (log && entry.file_size() > kLogHeaderBytes);
    }
    return found;
  }
};

TEST_F(RedactionTest, AKeyOfAllSpansThatWereReceived) {
  auto store = Filled();
  ASSERT_TRUE(store->Redact("t", {.scope = AttrScope::kSpan, .key = "url"}, {}).ok());
  ASSERT_TRUE(store->Redact("nobody", {.key = "url"}, {}).ok());
  EXPECT_EQ(store->Redact("t", {.key = ""}, {}).code(), StatusCode::kInvalidArgument);
  // What comes later has it.
  MustAppend(*store, {Span(5, 9)});
  Always(store, [&](const SpanStore& now) {
    ExpectUrls(now, {9});
    EXPECT_EQ(Column(now, AttrScope::kSpan, "code").size(), 9U);
  });
}

TEST_F(RedactionTest, OnlyWhereItIsOfTheScope) {
  auto store = Filled();
  ASSERT_TRUE(store->Redact("t", {.scope = AttrScope::kResource, .key = "url"}, {}).ok());
  Always(store, [&](const SpanStore& now) { ExpectUrls(now, {1, 2, 3, 4, 5, 6, 7, 8}); });
}

TEST_F(RedactionTest, OnlyWhereItHasTheValue) {
  auto store = Filled();
  ASSERT_TRUE(store->Redact("t", {.key = "url", .value = "/item/4"}, {}).ok());
  ASSERT_TRUE(store->Redact("t", {.key = "code", .value = "201"}, {}).ok());
  Always(store, [&](const SpanStore& now) {
    ExpectUrls(now, {1, 2, 3, 5, 6, 7, 8});
    const std::map<SpanId, std::string> codes = {
        {2, "202"}, {3, "200"}, {5, "202"}, {6, "200"}, {8, "202"}};
    EXPECT_EQ(Column(now, AttrScope::kSpan, "code"), codes);
  });
}

TEST_F(RedactionTest, OnlyOfChosenSpans) {
  auto store = Filled();
  const std::vector<TraceDeletion> only = {{TraceOf(1), {2}}, {TraceOf(3), {}}, {TraceOf(4), {8}}};
  ASSERT_TRUE(store->Redact("t", {.key = "url"}, only).ok());
  Always(store, [&](const SpanStore& now) { ExpectUrls(now, {1, 3, 4, 7}); });
}

TEST_F(RedactionTest, AResourceThatOtherSpansShareKeepsIts) {
  auto store = Filled();
  const std::vector<TraceDeletion> only = {{TraceOf(1), {2}}, {TraceOf(4), {}}};
  ASSERT_TRUE(store->Redact("t", {.key = "service.name"}, only).ok());
  Always(store, [&](const SpanStore& now) {
    std::map<SpanId, std::string> expected;
    for (const SpanId id : {1U, 3U, 4U, 5U, 6U}) expected[id] = "shop";
    EXPECT_EQ(Column(now, AttrScope::kResource, "service.name"), expected);
    for (uint64_t trace = 1; trace < 5; ++trace) {
      const auto batch = now.View("t", 0, 0)->Trace(TraceOf(trace));
      for (uint32_t row = 0; row < batch->rows(); ++row) {
        EXPECT_EQ(batch->ServiceName(row), expected[batch->span_id[row]]);
      }
    }
  });
}

TEST_F(RedactionTest, SeveralRedactionsAndADeletionHoldTogether) {
  auto store = Filled();
  ASSERT_TRUE(store->Redact("t", {.key = "url", .value = "/item/1"}, {}).ok());
  ASSERT_TRUE(store->Delete("t", std::vector<TraceDeletion>{{TraceOf(2), {3}}}).has_value());
  acknowledged_["t"].erase(3);
  const std::vector<TraceDeletion> only = {{TraceOf(4), {}}};
  ASSERT_TRUE(store->Redact("t", {.key = "url"}, only).ok());
  EXPECT_EQ(Rows(*store, "url").size(), 4U);
  store.reset();
  store = Open();
  ASSERT_TRUE(store->Flush().ok());
  ASSERT_TRUE(store->MaintainVolumes().ok());
  ExpectUrls(*store, {2, 4, 5, 6});
  ExpectAllThere(*store);
}

TEST_F(RedactionTest, ItLeavesTheDisk) {
  const traceql::AttributeKey url{AttrScope::kSpan, "url"};
  auto store = Filled();
  store.reset();
  EXPECT_TRUE(OnDisk(url));
  store = Open();
  ASSERT_TRUE(store->Redact("t", {.key = "url"}, {}).ok());
  ASSERT_TRUE(store->MaintainVolumes().ok());
  ASSERT_TRUE(store->MaintainVolumes().ok());
  ExpectAllThere(*store);
  store.reset();
  EXPECT_FALSE(OnDisk(url));
  EXPECT_TRUE(OnDisk({AttrScope::kSpan, "code"}));
}

TEST_F(RedactionTest, ADamagedFileIsNotPassedOver) {
  auto store = Filled();
  ASSERT_TRUE(store->Redact("t", {.key = "url"}, {}).ok());
  store.reset();
  const std::string path = directory_ / "data/redactions";
  std::string bytes = *ReadFile(path);
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  const auto opened = SpanStore::Open(Options(), clock_, Telemetry::None(), nullptr);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), StatusCode::kCorruption);
}

}  // namespace
}  // namespace tocsin::storage
