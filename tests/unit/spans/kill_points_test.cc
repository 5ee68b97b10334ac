// At every single write of everything that the store does: the disk refuses it, the process dies
// before it, or in the middle of it. Afterwards every acknowledged span is there once, what was
// deleted stays away, and the store goes on.

#include <algorithm>
#include <filesystem>
#include <functional>

#include "tests/unit/spans/store_fixture.h"
#include "tests/unit/spans/write_faults.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;
using Kind = WriteFaults::Kind;

class KillPointsTest : public StoreTest, public testing::WithParamInterface<Kind> {
 protected:
  // What must hold however far a step came. The ids in `open` may be there or not.
  struct Truth {
    std::multiset<SpanId> there;
    std::set<SpanId> open;
  };
  // One that is not acknowledged leaves its effect open.
  using Step = std::function<Status(SpanStore& store, Truth& truth)>;

  TestSpan Span(uint64_t trace, SpanId id) const {
    return {trace, id, static_cast<uint64_t>(clock_.Now()) + id, 10};
  }

  Status Put(SpanStore& store, Truth& truth, const std::vector<TestSpan>& spans) {
    const auto put = Append(store, spans, "t", "body " + std::to_string(++bodies_));
    for (const TestSpan& span : spans) {
      if (put.has_value()) {
        truth.there.insert(span.id);
      } else {
        truth.open.insert(span.id);
      }
    }
    return put.has_value() ? Status() : put.error();
  }

  // `traces` of three spans each in as many segments as `flushes`.
  void Fill(SpanStore& store, Truth& truth, uint64_t flushes) {
    for (uint64_t flush = 0; flush < flushes; ++flush) {
      for (uint64_t trace = 0; trace < 3; ++trace) {
        // Trace 0 goes on in every segment.
        const uint64_t number = trace == 0 ? 0 : flush * 3 + trace;
        ASSERT_TRUE(Put(store, truth, {Span(number, next_id_), Span(number, next_id_ + 1)}).ok());
        next_id_ += 2;
      }
      ASSERT_TRUE(store.Flush().ok());
    }
  }

  void ExpectTruth(const SpanStore& store, const Truth& truth, std::string_view when) {
    std::set<SpanId> rows;
    for (const SpanId id : Rows(store)) {
      if (!truth.open.contains(id)) rows.insert(id);
    }
    std::set<SpanId> expected;
    for (const SpanId id : truth.there) {
      if (!truth.open.contains(id)) expected.insert(id);
    }
    EXPECT_EQ(rows, expected) << when;
    std::set<SpanId> in_traces;
    const auto view = store.View("t", 0, UINT64_MAX);
    for (uint64_t trace = 0; trace < 800; ++trace) {
      if (trace == 30) trace = 500;
      if (trace == 501) trace = 777;
      const auto whole = view->Trace(TraceOf(trace));
      ASSERT_TRUE(whole.has_value()) << when;
      for (const SpanId id : whole->span_id) {
        EXPECT_TRUE(in_traces.insert(id).second) << "twice: " << id << " " << when;
      }
    }
    std::erase_if(in_traces, [&](SpanId id) { return truth.open.contains(id); });
    EXPECT_EQ(in_traces, expected) << when;
    if (check_) check_(store);
  }

  // Runs `step` on a copy of what `prepare` made, again and again, with the fault at each write of
  // it, until it comes through.
  void Run(SpanStoreOptions options, const std::function<void(SpanStore&, Truth&)>& prepare,
           const Step& step) {
    Truth prepared;
    options.path = directory_ / "origin";
    {
      const auto store = Open(options);
      ASSERT_NE(store, nullptr);
      prepare(*store, prepared);
      if (HasFatalFailure()) return;
    }
    const Nanos begun = clock_.Now();
    const SpanId first_id = next_id_;
    bool through = false;
    for (size_t n = 1; !through && n < 2'000; ++n) {
      SCOPED_TRACE("write " + std::to_string(n));
      options.path = directory_ / ("run" + std::to_string(n));
      fs::copy(directory_ / "origin", options.path, fs::copy_options::recursive);
      clock_.Set(begun);
      next_id_ = first_id;
      Truth truth = prepared;
      check_ = nullptr;
      WriteFaults faults;
      auto store = Open(options);
      ASSERT_NE(store, nullptr);
      faults.Arm(GetParam(), n);
      const Status done = step(*store, truth);
      through = !faults.happened();
      if (through) {
        EXPECT_TRUE(done.ok()) << done.ToString();
        EXPECT_GT(n, 1U) << "nothing was written";
      }
      // A view is right also while the disk is not.
      ExpectTruth(*store, truth, "before the end");
      if (GetParam() == Kind::kFails) faults.Heal();
      store.reset();
      const auto check = std::exchange(check_after_restart_, nullptr);
      if (check) check_ = check;
      faults.Heal();
      store = Open(options);
      ASSERT_NE(store, nullptr);
      ExpectTruth(*store, truth, "after the restart");
      GoOn(*store, truth);
      store.reset();
      fs::remove_all(options.path);
      if (HasFailure()) return;
    }
    EXPECT_TRUE(through);
  }

  // It takes spans, seals and merges as ever.
  void GoOn(SpanStore& store, Truth& truth) {
    ASSERT_TRUE(Put(store, truth, {Span(0, 900'001), Span(777, 900'002)}).ok());
    ASSERT_TRUE(store.RunDue().ok());
    ASSERT_TRUE(store.Flush().ok());
    ExpectTruth(store, truth, "later on");
  }

  SpanId next_id_ = 1;
  int copies_ = 0;
  std::function<void(const SpanStore&)> check_;                // Of every view from now on.
  std::function<void(const SpanStore&)> check_after_restart_;  // The same, when the step is over.
};

TEST_P(KillPointsTest, Appending) {
  Run(
      Options(), [&](SpanStore& store, Truth& truth) { Fill(store, truth, 1); },
      [&](SpanStore& store, Truth& truth) {
        Status done;
        for (SpanId id = 1'000; id < 1'003; ++id) {
          if (const Status put = Put(store, truth, {Span(0, id)}); done.ok()) done = put;
        }
        return done;
      });
}

TEST_P(KillPointsTest, Sealing) {
  Run(
      Options(),
      [&](SpanStore& store, Truth& truth) {
        Fill(store, truth, 2);
        // Late spans of sealed traces: marks are written on both sides.
        ASSERT_TRUE(Put(store, truth, {Span(0, 1'000), Span(1, 1'001), Span(20, 1'002)}).ok());
      },
      [](SpanStore& store, Truth&) { return store.Flush(); });
}

TEST_P(KillPointsTest, Merging) {
  SpanStoreOptions options = Options();
  options.merge = false;
  Truth filled;
  options.path = directory_ / "origin";
  {
    const auto store = Open(options);
    ASSERT_NO_FATAL_FAILURE(Fill(*store, filled, 9));
    ASSERT_TRUE(store->Delete("t", std::vector<TraceDeletion>{{TraceOf(4), {}}, {TraceOf(0), {1}}})
                    .has_value());
  }
  for (const SpanId id : {SpanId{1}, SpanId{9}, SpanId{10}}) filled.there.erase(id);
  options.merge = true;
  Run(
      options, [&](SpanStore&, Truth& truth) { truth = filled; },
      [](SpanStore& store, Truth&) -> Status {
        TOCSIN_RETURN_IF_ERROR(store.MaintainVolumes());
        return store.MaintainVolumes();  // Removes what was replaced.
      });
}

TEST_P(KillPointsTest, DeletingInSeveralVolumes) {
  SpanStoreOptions options = Options();
  Run(
      options,
      [&](SpanStore& store, Truth& truth) {
        for (int volume = 0; volume < 3; ++volume) {
          Fill(store, truth, 1);
          clock_.Advance(2 * kDay);
        }
        ASSERT_GE(store.GetStats().volumes, 3U);
        ASSERT_TRUE(Put(store, truth, {Span(0, 1'000)}).ok());
      },
      [&](SpanStore& store, Truth& truth) -> Status {
        // Trace 0 is in every volume: all of it goes, or nothing.
        std::set<SpanId> gone = {1'000};
        for (SpanId first = 1; first < 19; first += 6) gone.insert({first, first + 1});
        const auto deleted = store.Delete("t", std::vector<TraceDeletion>{{TraceOf(0), {}}});
        if (deleted.has_value()) {
          EXPECT_EQ(*deleted, gone.size());
          for (const SpanId id : gone) truth.there.erase(id);
          return {};
        }
        // Not acknowledged: before the restart nothing is deleted, and after it all or nothing.
        const auto left = Rows(store);
        for (const SpanId id : gone) EXPECT_TRUE(left.contains(id));
        truth.open = gone;
        check_after_restart_ = [gone](const SpanStore& restarted) {
          const auto rows = Rows(restarted);
          const auto shown =
              std::ranges::count_if(gone, [&](SpanId id) { return rows.contains(id); });
          EXPECT_TRUE(shown == 0 || static_cast<size_t>(shown) == gone.size()) << shown;
        };
        return deleted.error();
      });
}

TEST_P(KillPointsTest, PinningAndUnpinning) {
  Run(
      Options(), [&](SpanStore& store, Truth& truth) { Fill(store, truth, 1); },
      [&](SpanStore& store, Truth&) -> Status {
        const Status pinned = store.Pin("t", TraceOf(1));
        EXPECT_EQ(store.Pinned("t").size(), pinned.ok() ? 1U : 0U);
        TOCSIN_RETURN_IF_ERROR(pinned);
        return store.Unpin("t", TraceOf(1));
      });
}

// Volumes are closed, merged, compacted and dropped; a pinned trace is copied out of them.
TEST_P(KillPointsTest, RollingAndDroppingVolumes) {
  SpanStoreOptions options = Options();
  options.block_retention = 8 * kDay;
  Run(
      options,
      [&](SpanStore& store, Truth& truth) {
        Fill(store, truth, 3);
        ASSERT_TRUE(store.Pin("t", TraceOf(1)).ok());
        clock_.Advance(5 * kDay);
      },
      [&](SpanStore& store, Truth& truth) -> Status {
        TOCSIN_RETURN_IF_ERROR(store.RunDue());
        clock_.Advance(5 * kDay);
        // From here on what is not pinned may go: ids 3 and 4 are those of trace 1.
        for (SpanId id = 1; id < next_id_; ++id) {
          if (id != 3 && id != 4) truth.open.insert(id);
        }
        TOCSIN_RETURN_IF_ERROR(Put(store, truth, {Span(500, 1'000)}));
        TOCSIN_RETURN_IF_ERROR(store.Flush());
        return store.Flush();
      });
}

TEST_P(KillPointsTest, RedactingAnAttribute) {
  SpanStoreOptions options = Options();
  Run(
      options,
      [&](SpanStore& store, Truth& truth) {
        for (SpanId id = 1; id < 4; ++id) {
          ASSERT_TRUE(Put(store, truth, {Span(id, id)}).ok());
          if (id == 3) continue;
          ASSERT_TRUE(store.Flush().ok());
        }
      },
      [&](SpanStore& store, Truth&) -> Status {
        const auto text = [](const SpanStore& of) {
          return TraceText(of, 1) + TraceText(of, 2) + TraceText(of, 3);
        };
        const Status redacted = store.Redact("t", {.key = "url"}, {});
        EXPECT_EQ(text(store).find("url=") == std::string::npos, redacted.ok());
        TOCSIN_RETURN_IF_ERROR(redacted);
        check_ = [text](const SpanStore& of) {
          EXPECT_EQ(text(of).find("url="), std::string::npos);
          EXPECT_NE(text(of).find("code=200"), std::string::npos);
        };
        TOCSIN_RETURN_IF_ERROR(store.MaintainVolumes());
        return store.MaintainVolumes();
      });
}

TEST_P(KillPointsTest, TakingASnapshot) {
  SpanStoreOptions options = Options();
  Run(
      options,
      [&](SpanStore& store, Truth& truth) {
        Fill(store, truth, 2);
        ASSERT_TRUE(Put(store, truth, {Span(0, 1'000)}).ok());
      },
      [&](SpanStore& store, Truth&) {
        const std::string copy = directory_ / ("copy" + std::to_string(++copies_));
        const Status taken = store.Snapshot(copy);
        fs::remove_all(copy);
        return taken;
      });
}

INSTANTIATE_TEST_SUITE_P(AtEachWrite, KillPointsTest,
                         testing::Values(Kind::kFails, Kind::kDies, Kind::kTears),
                         [](const auto& point) {
                           return point.param == Kind::kFails  ? "TheDiskRefuses"
                                  : point.param == Kind::kDies ? "TheProcessDies"
                                                               : "HalfIsWritten";
                         });

}  // namespace
}  // namespace tocsin::storage
