// Whatever was sealed, merged, split, repeated, deleted or recovered in between: the blocks of a
// view and its whole traces say the same of every span.

#include <map>
#include <random>
#include <set>
#include <tuple>

#include "cpp/traceql/whole_trace.h"
#include "storage/spans/doctor.h"
#include "storage/volume/volume.h"
#include "storage/volume/write_hook.h"
#include "tests/unit/spans/store_fixture.h"

namespace tocsin::storage {
namespace {

using Identity = std::tuple<SpanId, uint64_t, uint64_t>;  // Span id, start, end.

class LayoutTest : public StoreTest {
 protected:
  // What a view must show of a tenant: each span once, with its parent.
  using Model = std::map<uint64_t, std::map<Identity, SpanId>>;

  static void Note(const TestSpan& span, Model* model) {
    (*model)[span.trace][{span.id, span.start, span.start + span.duration}] = span.parent;
  }

  static void ExpectTraces(const SpanStore& store, const Model& model, uint64_t traces) {
    const auto view = store.View("t", 0, UINT64_MAX);
    for (uint64_t trace = 0; trace < traces; ++trace) {
      std::set<Identity> expected;
      if (const auto it = model.find(trace); it != model.end()) {
        for (const auto& [identity, parent] : it->second) expected.insert(identity);
      }
      const auto batch = view->Trace(TraceOf(trace));
      ASSERT_TRUE(batch.has_value()) << batch.error().ToString();
      EXPECT_EQ(IdentitiesOf(*batch), expected) << "trace " << trace;
      EXPECT_EQ(batch->rows(), expected.size());
      std::set<Identity> in_pieces;
      size_t rows = 0;
      const Status read = view->TracePieces(TraceOf(trace), [&](const SpanBatch& piece) {
        in_pieces.merge(IdentitiesOf(piece));
        rows += piece.rows();
        return true;
      });
      ASSERT_TRUE(read.ok()) << read.ToString();
      EXPECT_EQ(in_pieces, expected);
      EXPECT_EQ(rows, expected.size());
    }
  }

  // Every row that is not hidden is known; every trace that a block calls whole is all there, once,
  // with its parents. Returns how many traces are whole in some block.
  static size_t ExpectBlocks(const SpanStore& store, const Model& model) {
    const auto view = store.View("t", 0, UINT64_MAX);
    size_t whole_traces = 0;
    std::map<uint64_t, std::set<Identity>> seen;
    for (const auto& block : view->blocks()) {
      const auto traces = block->Traces();
      const auto whole = block->Whole();
      EXPECT_TRUE(traces.has_value() && whole.has_value());
      if (!traces.has_value() || !whole.has_value()) return 0;
      const auto rows = RowsByTrace(*block);
      for (size_t t = 0; t < traces->size(); ++t) {
        const uint64_t trace = (*traces)[t].low;
        std::vector<Identity> list;
        for (const uint32_t row : rows[t]) list.push_back(IdentityOf(*block, row));
        seen[trace].insert(list.begin(), list.end());
        if (whole->empty() || (*whole)[t] == 0 || list.empty()) continue;
        ++whole_traces;
        const auto known = model.find(trace);
        EXPECT_NE(known, model.end());
        if (known == model.end()) continue;
        EXPECT_EQ(list.size(), known->second.size()) << "trace " << trace;
        ExpectParents(*view, *block, rows[t]);
      }
    }
    std::map<uint64_t, std::set<Identity>> expected;
    for (const auto& [trace, spans] : model) {
      for (const auto& [identity, parent] : spans) expected[trace].insert(identity);
    }
    std::erase_if(seen, [](const auto& entry) { return entry.second.empty(); });
    EXPECT_EQ(seen, expected);
    return whole_traces;
  }

  static std::set<Identity> IdentitiesOf(const SpanBatch& batch) {
    std::set<Identity> identities;
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      identities.insert({batch.span_id[row], batch.start[row], batch.end[row]});
    }
    return identities;
  }

  static Identity IdentityOf(const traceql::SpanBlock& block, uint32_t row) {
    return {(*block.SpanIds())[row], (*block.Starts())[row], (*block.Ends())[row]};
  }

  static std::vector<std::vector<uint32_t>> RowsByTrace(const traceql::SpanBlock& block) {
    std::vector<std::vector<uint32_t>> rows(block.Traces()->size());
    const auto hidden = *block.Hidden();
    for (uint32_t row = 0; row < block.rows(); ++row) {
      if (hidden == nullptr || !hidden->Test(row)) rows[(*block.TraceOfRow())[row]].push_back(row);
    }
    return rows;
  }

  static void ExpectParents(const traceql::SpanView& view, const traceql::SpanBlock& block,
                            const std::vector<uint32_t>& rows) {
    const TraceId id = (*block.Traces())[(*block.TraceOfRow())[rows.front()]];
    const traceql::WholeTrace trace(std::make_shared<const SpanBatch>(*view.Trace(id)));
    std::map<Identity, Identity> expected;
    const SpanBatch& batch = trace.batch();
    const auto at = [&](uint32_t row) {
      return Identity{batch.span_id[row], batch.start[row], batch.end[row]};
    };
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      const uint32_t parent = trace.parent_row()[row];
      if (parent != traceql::WholeTrace::kNoRow) expected[at(row)] = at(parent);
    }
    const auto parents = block.ParentRows();
    ASSERT_TRUE(parents.has_value());
    ASSERT_EQ(parents->size(), block.rows());
    std::map<Identity, Identity> found;
    for (const uint32_t row : rows) {
      const uint32_t parent = (*parents)[row];
      if (parent == traceql::SpanBlock::kNoRow) continue;
      found[IdentityOf(block, row)] = IdentityOf(block, parent);
    }
    EXPECT_EQ(found, expected);
  }

  void ExpectHealthy() const {
    const auto diagnosis = DiagnoseSpans(directory_ / "data");
    ASSERT_TRUE(diagnosis.has_value()) << diagnosis.error().ToString();
    for (const Finding& finding : diagnosis->findings) {
      EXPECT_FALSE(finding.damage) << finding.where << ": " << finding.what;
    }
  }

  // `count` spans in requests of one, each sealed by itself.
  void SealOneByOne(SpanStore& store, uint64_t traces, SpanId count, Model* model) {
    for (SpanId id = 1; id <= count; ++id) {
      const TestSpan span{id % traces, id, static_cast<uint64_t>(clock_.Now()), 1'000};
      MustAppend(store, {span});
      Note(span, model);
      ASSERT_TRUE(store.Flush().ok());
    }
  }
};

TEST_F(LayoutTest, RandomHistoriesGiveEqualAnswersInEveryLayout) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::mt19937_64 random(seed);
    const auto upto = [&](uint64_t n) { return random() % n; };
    std::filesystem::remove_all(directory_ / "data");
    SpanStoreOptions options = Options();
    options.max_block_bytes = 200 * (1 + upto(30));
    options.max_bytes = 0;
    auto store = Open(options);
    Model model;
    constexpr uint64_t kTraces = 12;
    std::vector<TestSpan> sent;
    for (int step = 0; step < 120; ++step) {
      std::vector<TestSpan> request;
      for (uint64_t n = 1 + upto(3); n > 0; --n) {
        TestSpan span{upto(kTraces), 1 + upto(20), 1'000 + 10 * upto(5), 10 * upto(3)};
        span.parent = upto(12);
        // A span of an id has one parent, so that of equal spans it does not matter which is kept.
        span.parent = (span.id * 7 + span.start) % 12;
        if (!sent.empty() && upto(4) == 0) span = sent[upto(sent.size())];
        request.push_back(span);
        sent.push_back(span);
        Note(span, &model);
      }
      MustAppend(*store, request);
      clock_.Advance(static_cast<Nanos>(upto(8)) * kSecond);
      const uint64_t what = upto(20);
      if (what < 6) {
        ASSERT_TRUE(store->RunDue().ok());
      }
      if (what == 6) {
        ASSERT_TRUE(store->Flush().ok());
      }
      if (what == 7) {
        store.reset();
        store = Open(options);
      }
      if (what == 8) clock_.Advance(kDay + kHour);
      if (what == 9) {
        const uint64_t trace = upto(kTraces);
        const auto deleted = store->Delete("t", std::vector<TraceDeletion>{{TraceOf(trace), {}}});
        ASSERT_TRUE(deleted.has_value()) << deleted.error().ToString();
        EXPECT_EQ(*deleted > 0, model.contains(trace));
        model.erase(trace);
      }
      if (what == 10) {
        const uint64_t trace = upto(kTraces);
        const SpanId span = 1 + upto(20);
        ASSERT_TRUE(
            store->Delete("t", std::vector<TraceDeletion>{{TraceOf(trace), {span}}}).has_value());
        if (const auto it = model.find(trace); it != model.end()) {
          std::erase_if(it->second,
                        [&](const auto& entry) { return std::get<0>(entry.first) == span; });
          if (it->second.empty()) model.erase(it);
        }
      }
      if (step % 10 == 9) {
        ExpectTraces(*store, model, kTraces);
        ExpectBlocks(*store, model);
      }
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", step " << step;
    }
    ASSERT_TRUE(store->Flush().ok());
    store.reset();
    ExpectHealthy();
    store = Open(options);
    ExpectTraces(*store, model, kTraces);
    ExpectBlocks(*store, model);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

TEST_F(LayoutTest, ATraceOfOneSegmentIsWholeAndOneOfTwoIsNot) {
  auto store = Open();
  Model model;
  for (const uint64_t trace : {1U, 2U}) {
    const TestSpan span{trace, 10 + trace, 1'000, 10};
    MustAppend(*store, {span});
    Note(span, &model);
  }
  EXPECT_EQ(ExpectBlocks(*store, model), 2U);  // Live.
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(ExpectBlocks(*store, model), 2U);  // Sealed.
  const TestSpan late{2, 30, 2'000, 10};
  MustAppend(*store, {late});
  Note(late, &model);
  EXPECT_EQ(ExpectBlocks(*store, model), 1U);  // Trace 2 is sealed in part, and live in part.
  store.reset();
  store = Open();
  EXPECT_EQ(ExpectBlocks(*store, model), 1U);
  ASSERT_TRUE(store->Flush().ok());
  store.reset();
  store = Open();
  ExpectTraces(*store, model, 3);
  ExpectBlocks(*store, model);
}

TEST_F(LayoutTest, ATraceThatNobodySawLiveIsWholeOnceSealed) {
  auto store = Open();
  Model model;
  for (const uint64_t trace : {1U, 2U}) {
    const TestSpan span{trace, 10 + trace, 1'000, 10};
    MustAppend(*store, {span});
    Note(span, &model);
    ASSERT_TRUE(store->Flush().ok());
  }
  MustAppend(*store, {{3, 13, 1'000, 10}});
  Note({3, 13, 1'000, 10}, &model);
  EXPECT_EQ(ExpectBlocks(*store, model), 3U);
}

TEST_F(LayoutTest, SmallSegmentsBecomeOneAndItsTracesWhole) {
  auto store = Open();
  Model model;
  SealOneByOne(*store, 3, 40, &model);
  EXPECT_LT(store->GetStats().segments, 16U);
  ExpectTraces(*store, model, 4);
  ExpectBlocks(*store, model);
  // Closing a volume merges what is left.
  clock_.Advance(kDay + kHour);
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(store->GetStats().segments, 1U);
  ExpectTraces(*store, model, 4);
  EXPECT_EQ(ExpectBlocks(*store, model), 3U);
  store.reset();
  ExpectHealthy();
  store = Open();
  EXPECT_EQ(store->GetStats().segments, 1U);
  EXPECT_EQ(ExpectBlocks(*store, model), 3U);
}

TEST_F(LayoutTest, AViewReadsReplacedSegmentsAndSoDoesTheNextStart) {
  auto store = Open();
  Model model;
  for (SpanId id = 1; id <= 7; ++id) {
    const TestSpan span{id % 2, id, 1'000 + id, 10};
    MustAppend(*store, {span});
    Note(span, &model);
    ASSERT_TRUE(store->Flush().ok());
  }
  ASSERT_EQ(store->GetStats().segments, 7U);
  auto view = store->View("t", 0, UINT64_MAX);
  const TestSpan last{0, 8, 1'008, 10};
  MustAppend(*store, {last});
  ASSERT_TRUE(store->Flush().ok());
  ASSERT_EQ(store->GetStats().segments, 1U);
  // The old view, nothing of which was read yet.
  EXPECT_EQ(SpanIdsOf(*view).size(), 7U);
  EXPECT_EQ(view->Trace(TraceOf(1))->rows(), 4U);
  Note(last, &model);
  ExpectBlocks(*store, model);

  // A crash now leaves the replaced values and the record that hides them.
  CopyDirectory(directory_ / "data", directory_ / "crashed");
  SpanStoreOptions options = Options();
  options.path = directory_ / "crashed";
  auto crashed = Open(options);
  EXPECT_EQ(crashed->GetStats().segments, 1U);
  ExpectTraces(*crashed, model, 3);
  ExpectBlocks(*crashed, model);
  ASSERT_TRUE(crashed->RunDue().ok());
  crashed.reset();
  crashed = Open(options);
  ExpectTraces(*crashed, model, 3);
  crashed.reset();

  view.reset();
  ASSERT_TRUE(store->RunDue().ok());
  ExpectTraces(*store, model, 3);
  store.reset();
  ExpectHealthy();
}

TEST_F(LayoutTest, AMergeThatFailsOrIsOvertakenChangesNothing) {
  SpanStoreOptions options = Options();
  bool fail = true;
  options.merge_hook = [&]() -> Status {
    if (fail) return UnavailableError("no room");
    return {};
  };
  auto store = Open(options);
  Model model;
  for (SpanId id = 1; id <= 8; ++id) {
    const TestSpan span{id % 2, id, 1'000 + id, 10};
    MustAppend(*store, {span});
    Note(span, &model);
    (void)store->Flush();
  }
  EXPECT_EQ(store->GetStats().segments, 8U);
  ExpectBlocks(*store, model);
  fail = false;
  ASSERT_TRUE(store->RunDue().ok());
  EXPECT_EQ(store->GetStats().segments, 1U);
  ExpectTraces(*store, model, 3);
}

TEST_F(LayoutTest, WhatGoesOnWhileItIsMergedIsNotTakenForWhole) {
  SpanStoreOptions options = Options();
  std::unique_ptr<SpanStore> store;
  Model model;
  bool merging = false;
  options.merge_hook = [&]() -> Status {
    const TestSpan late{3, 100, 2'000, 10};
    MustAppend(*store, {late});
    Note(late, &model);
    merging = true;
    return {};
  };
  store = Open(options);
  for (SpanId id = 1; id <= 7; ++id) {
    const TestSpan span{id, id, 1'000 + id, 10};
    MustAppend(*store, {span});
    Note(span, &model);
    ASSERT_TRUE(store->Flush().ok());
  }
  // The late span is found to have company while the merged segment is being written: the mark is
  // on a segment that is about to be replaced.
  SetWriteHook([&](WriteStep, std::string_view, size_t) -> WriteVerdict {
    if (std::exchange(merging, false)) {
      EXPECT_EQ(SpanIdsOf(*store->View("t", 0, UINT64_MAX)).size(), 9U);
    }
    return {};
  });
  const TestSpan last{8, 8, 1'008, 10};
  MustAppend(*store, {last});
  Note(last, &model);
  const Status flushed = store->Flush();
  SetWriteHook(nullptr);
  ASSERT_TRUE(flushed.ok()) << flushed.ToString();
  EXPECT_FALSE(merging);
  ASSERT_EQ(store->GetStats().segments, 1U);
  EXPECT_EQ(ExpectBlocks(*store, model), 7U) << "all but trace 3";
  ExpectTraces(*store, model, 9);
}

TEST_F(LayoutTest, WhatIsDeletedStaysAwayAlsoAfterAMergeAndACrash) {
  SpanStoreOptions options = Options();
  options.checkpoint = 0;  // The log is kept.
  auto store = Open(options);
  Model model;
  for (SpanId id = 1; id <= 20; ++id) {
    const TestSpan span{id % 4, id, 1'000 + id, 10};
    MustAppend(*store, {span});
    Note(span, &model);
    if (id % 2 == 0) {
      ASSERT_TRUE(store->Flush().ok());
    }
  }
  const auto deleted = store->Delete(
      "t", std::vector<TraceDeletion>{{TraceOf(1), {}}, {TraceOf(2), {2, 6}}, {TraceOf(9), {}}});
  ASSERT_TRUE(deleted.has_value()) << deleted.error().ToString();
  EXPECT_EQ(*deleted, 7U);
  model.erase(1);
  for (const SpanId id : {2U, 6U}) model[2].erase({id, 1'000 + id, 1'010 + id});
  EXPECT_EQ(*store->Delete("t", std::vector<TraceDeletion>{{TraceOf(1), {}}}), 0U);
  EXPECT_EQ(*store->Delete("nobody", std::vector<TraceDeletion>{{TraceOf(1), {}}}), 0U);
  ExpectTraces(*store, model, 5);
  ExpectBlocks(*store, model);
  CopyDirectory(directory_ / "data", directory_ / "crashed");
  {
    SpanStoreOptions crashed_options = options;
    crashed_options.path = directory_ / "crashed";
    const auto crashed = Open(crashed_options);
    ExpectTraces(*crashed, model, 5);
    ExpectBlocks(*crashed, model);
  }
  // New rows of a deleted trace are new.
  const TestSpan again{1, 100, 5'000, 10};
  MustAppend(*store, {again});
  Note(again, &model);
  ExpectTraces(*store, model, 5);
  store->SetCheckpoint(UINT64_MAX);
  ASSERT_TRUE(store->Flush().ok());
  clock_.Advance(kDay + kHour);
  ASSERT_TRUE(store->RunDue().ok());
  ExpectTraces(*store, model, 5);
  ExpectBlocks(*store, model);
  store.reset();
  ExpectHealthy();
  store = Open(options);
  ExpectTraces(*store, model, 5);
  ExpectBlocks(*store, model);
}

TEST_F(LayoutTest, ADeletionOverSeveralVolumesIsFinishedAtTheNextStart) {
  auto store = Open();
  Model model;
  for (SpanId id = 1; id <= 4; ++id) {
    const TestSpan span{id % 2, id, static_cast<uint64_t>(clock_.Now()), 10};
    MustAppend(*store, {span});
    Note(span, &model);
    ASSERT_TRUE(store->Flush().ok());
    clock_.Advance(kDay + kHour);
    ASSERT_TRUE(store->RunDue().ok());
  }
  ASSERT_GE(store->GetStats().volumes, 4U);
  store.reset();
  // The record of a deletion of trace 1, and nothing else of it, as a crash may leave it.
  const std::string volumes = directory_ / "data/volumes";
  std::vector<SegmentDeletion> deletion;
  std::string first_volume;
  for (const auto& entry : std::filesystem::directory_iterator(volumes)) {
    auto volume = Volume::Open(entry.path(), {}, Telemetry::None());
    ASSERT_TRUE(volume.has_value());
    const std::shared_ptr<const Volume> shared(*std::move(volume));
    ASSERT_TRUE(ForEachSegment(*shared, [&](uint64_t number, const auto& stub, auto) {
                  ASSERT_TRUE(stub.has_value());
                  const auto reader =
                      SegmentReader::Open(shared, number, std::make_shared<ColumnCache>(0));
                  ASSERT_TRUE(reader.has_value());
                  if ((*(*reader)->Traces())[0] != TraceOf(1)) return;
                  deletion.push_back({number, EncodeDeleted(traceql::Bitmap(stub->rows, true))});
                  first_volume = entry.path();
                }).ok());
  }
  ASSERT_EQ(deletion.size(), 2U);
  {
    auto volume = Volume::Open(first_volume, {}, Telemetry::None());
    ASSERT_TRUE(
        (*volume)->Put(DeletionKey(deletion.front().segment), EncodeDeletion(deletion), true).ok());
  }
  model.erase(1);
  for (int start = 0; start < 2; ++start) {
    store = Open();
    ExpectTraces(*store, model, 3);
    ExpectBlocks(*store, model);
    store.reset();
  }
  ExpectHealthy();
}

TEST_F(LayoutTest, APinnedTraceOutlivesItsVolume) {
  SpanStoreOptions options = Options();
  options.block_retention = 10 * kDay;
  auto store = Open(options);
  Model model;
  const TestSpan kept{1, 1, static_cast<uint64_t>(clock_.Now()), 10};
  const TestSpan lost{2, 2, static_cast<uint64_t>(clock_.Now()), 10};
  MustAppend(*store, {kept, lost});
  ASSERT_TRUE(store->Flush().ok());
  ASSERT_TRUE(store->Pin("t", TraceOf(1)).ok());
  Note(kept, &model);
  for (int day = 0; day < 25; ++day) {
    clock_.Advance(kDay);
    ASSERT_TRUE(store->RunDue().ok());
    if (day % 10 == 3) {
      store.reset();
      store = Open(options);
    }
  }
  EXPECT_EQ(store->Pinned("t"), std::vector<TraceId>{TraceOf(1)});
  ExpectTraces(*store, model, 4);
  ExpectBlocks(*store, model);
  ASSERT_TRUE(store->Unpin("t", TraceOf(1)).ok());
  clock_.Advance(25 * kDay);
  ASSERT_TRUE(store->RunDue().ok());
  ExpectTraces(*store, {}, 4);
}

TEST_F(LayoutTest, TenantsHaveRetentionsOfTheirOwn) {
  SpanStoreOptions options = Options();
  options.block_retention = 10 * kDay;
  options.limits.tenants["short"].block_retention = 2 * kDay;
  options.limits.tenants["long"].block_retention = 30 * kDay;
  auto store = Open(options);
  const std::vector<TestSpan> spans = {{1, 1, static_cast<uint64_t>(clock_.Now()), 10}};
  for (const std::string_view tenant : {"short", "t", "long"}) MustAppend(*store, spans, tenant);
  ASSERT_TRUE(store->Flush().ok());
  const auto rows = [&](std::string_view tenant) { return Rows(*store, tenant).size(); };
  const auto advance = [&](int days) {
    for (; days > 0; --days) {
      clock_.Advance(kDay);
      ASSERT_TRUE(store->RunDue().ok());
    }
  };
  advance(3);
  EXPECT_EQ(rows("short"), 0U);
  EXPECT_EQ(rows("t") + rows("long"), 2U);
  store.reset();
  store = Open(options);
  EXPECT_EQ(rows("short"), 0U);
  advance(10);
  EXPECT_EQ(rows("t"), 0U);
  EXPECT_EQ(rows("long"), 1U);
  advance(30);
  EXPECT_EQ(rows("long"), 0U);
}

TEST_F(LayoutTest, TheLogBringsNothingBackThatIsDeletedOrTooOld) {
  SpanStoreOptions options = Options();
  options.block_retention = 10 * kDay;
  options.limits.tenants["short"].block_retention = 2 * kDay;
  auto store = Open(options);
  const auto send = [&](uint64_t trace, std::string_view tenant) {
    MustAppend(*store, {{trace, trace, static_cast<uint64_t>(clock_.Now()), 10}}, tenant);
  };
  send(1, "t");
  send(2, "t");
  send(1, "short");
  ASSERT_EQ(*store->Delete("t", std::vector<TraceDeletion>{{TraceOf(1), {}}}), 1U);
  // Something is always on its way: the log is never all sealed, and far from full.
  for (uint64_t day = 0; day < 15; ++day) {
    send(100 + day, "t");
    clock_.Advance(kDay);
    ASSERT_TRUE(store->RunDue().ok());
    send(200 + day, "t");
    ASSERT_TRUE(store->RunDue().ok());
    SCOPED_TRACE(day);
    CopyDirectory(options.path, directory_ / "crashed");
    SpanStoreOptions crashed_options = options;
    crashed_options.path = directory_ / "crashed";
    const auto crashed = Open(crashed_options);
    for (const std::string_view tenant : {"t", "short"}) {
      EXPECT_EQ(Rows(*crashed, tenant), Rows(*store, tenant)) << tenant;
    }
    EXPECT_EQ(TraceText(*crashed, 1, "t"), "");
  }
  EXPECT_EQ(TraceText(*store, 1, "short"), "");
  EXPECT_EQ(TraceText(*store, 2, "t"), "");
}

TEST_F(LayoutTest, ARetentionMayReachBackBeyond1970) {
  SpanStoreOptions options = Options();
  options.block_retention = 10 * kDay;
  options.limits.tenants["t"].block_retention = 36'500 * kDay;
  auto store = Open(options);
  MustAppend(*store, {{1, 1, static_cast<uint64_t>(clock_.Now()), 10}});
  ASSERT_TRUE(store->Flush().ok());
  for (int day = 0; day < 12; ++day) {
    clock_.Advance(kDay);
    ASSERT_TRUE(store->RunDue().ok());
  }
  EXPECT_EQ(Rows(*store, "t").size(), 1U);
}

TEST_F(LayoutTest, WhatABlockLetGoOfIsReadAgain) {
  auto store = Open();
  MustAppend(*store, {{1, 1, 1'000, 10}, {1, 2, 2'000, 20}, {2, 3, 3'000, 30}});
  ASSERT_TRUE(store->Flush().ok());
  const auto view = store->View("t", 0, UINT64_MAX);
  ASSERT_FALSE(view->blocks().empty());
  for (const auto& block : view->blocks()) {
    const auto ends = [&] {
      const auto read = block->Ends();
      return read.has_value() ? std::vector<uint64_t>(read->begin(), read->end())
                              : std::vector<uint64_t>();
    };
    const std::vector<uint64_t> before = ends();
    EXPECT_EQ(before.size(), block->rows());
    const auto names = block->Names();
    ASSERT_TRUE(names.has_value());
    block->Release();
    EXPECT_EQ(ends(), before);
    EXPECT_EQ((*names)->codes.size(), block->rows()) << "who has a column keeps it";
  }
}

TEST_F(LayoutTest, ALargeTraceComesInPieces) {
  auto store = Open();
  std::vector<TestSpan> request;
  constexpr SpanId kSpans = 20'000;
  for (SpanId id = 1; id <= kSpans; ++id) {
    request.push_back({1, id, 1'000'000 + id, 10});
    if (id % 5'000 != 0) continue;
    MustAppend(*store, request);
    request.clear();
    if (id % 10'000 == 0) {
      ASSERT_TRUE(store->Flush().ok());
    }
  }
  std::multiset<SpanId> ids;
  size_t pieces = 0;
  const auto view = store->View("t", 0, UINT64_MAX);
  ASSERT_TRUE(view->TracePieces(TraceOf(1),
                                [&](const SpanBatch& piece) {
                                  ++pieces;
                                  EXPECT_LE(piece.rows(), 8'192U);
                                  EXPECT_TRUE(
                                      std::is_sorted(piece.start.begin(), piece.start.end()));
                                  ids.insert(piece.span_id.begin(), piece.span_id.end());
                                  return true;
                                })
                  .ok());
  EXPECT_GE(pieces, 3U);
  EXPECT_EQ(ids, acknowledged_["t"]);
  size_t calls = 0;
  ASSERT_TRUE(view->TracePieces(TraceOf(1),
                                [&](const SpanBatch&) {
                                  ++calls;
                                  return false;
                                })
                  .ok());
  EXPECT_EQ(calls, 1U);
}

TEST_F(LayoutTest, ADoctorNamesWhatIsDamaged) {
  auto store = Open();
  MustAppend(*store, {{1, 1}, {2, 2}});
  ASSERT_TRUE(store->Flush().ok());
  MustAppend(*store, {{3, 3}});
  store.reset();
  ExpectHealthy();
  const auto healthy = DiagnoseSpans(directory_ / "data");
  EXPECT_EQ(healthy->volumes, 1U);
  EXPECT_EQ(healthy->segments, 1U);
  EXPECT_EQ(healthy->spans, 2U);
  EXPECT_EQ(healthy->log_records, 1U);
  {
    auto volume = Volume::Open(directory_ / "data/volumes/00000001", {}, Telemetry::None());
    ASSERT_TRUE(volume.has_value());
    std::string value = *(*volume)->Get(SegmentKey(1, 0));
    value[value.size() / 2] ^= 1;
    ASSERT_TRUE((*volume)->Put(SegmentKey(1, 0), value, true).ok());
  }
  const auto sick = DiagnoseSpans(directory_ / "data");
  ASSERT_EQ(sick->findings.size(), 1U);
  EXPECT_TRUE(sick->findings[0].damage);
  EXPECT_NE(sick->findings[0].where.find("volumes/00000001"), std::string::npos);
  EXPECT_NE(sick->findings[0].what.find("segment 1"), std::string::npos);
  EXPECT_FALSE(DiagnoseSpans(directory_ / "nowhere").has_value());
}

}  // namespace
}  // namespace tocsin::storage
