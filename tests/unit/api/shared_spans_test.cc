// The server of a shared id becomes a child of the client.

#include "cpp/api/shared_spans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/traceql/fake_view.h"

namespace tocsin::api {
namespace {

using testing::ElementsAre;
using traceql::MakeBatch;
using traceql::Span;
using traceql::TestSpan;

TestSpan OfKind(SpanKind kind, SpanId id, SpanId parent) {
  TestSpan span = Span(1, id, parent, 0, 1);
  span.kind = kind;
  return span;
}

// A call from 10 to 20, where both ends say 20, and what the server did then.
std::vector<TestSpan> Call() {
  return {OfKind(SpanKind::kServer, 10, 0), OfKind(SpanKind::kClient, 20, 10),
          OfKind(SpanKind::kServer, 20, 10), OfKind(SpanKind::kInternal, 30, 20)};
}

TEST(SharedSpansTest, TheServerGetsAnIdAndTheChildren) {
  SpanBatch trace = MakeBatch(Call());
  SeparateSharedSpans(&trace);
  EXPECT_THAT(trace.span_id, ElementsAre(10, 20, 1, 30));
  EXPECT_THAT(trace.parent_span_id, ElementsAre(0, 10, 20, 1));
}

TEST(SharedSpansTest, ARootSharesItsIdToo) {
  SpanBatch trace = MakeBatch({OfKind(SpanKind::kServer, 5, 0), OfKind(SpanKind::kClient, 5, 0)});
  SeparateSharedSpans(&trace);
  EXPECT_THAT(trace.span_id, ElementsAre(1, 5));
  EXPECT_THAT(trace.parent_span_id, ElementsAre(5, 0));
}

TEST(SharedSpansTest, NewIdsAreFree) {
  SpanBatch trace = MakeBatch({OfKind(SpanKind::kInternal, 1, 2), OfKind(SpanKind::kClient, 2, 0),
                               OfKind(SpanKind::kServer, 2, 0), OfKind(SpanKind::kClient, 3, 2),
                               OfKind(SpanKind::kServer, 3, 2), OfKind(SpanKind::kInternal, 5, 3)});
  SeparateSharedSpans(&trace);
  EXPECT_THAT(trace.span_id, ElementsAre(1, 2, 4, 3, 6, 5));
  EXPECT_THAT(trace.parent_span_id, ElementsAre(4, 0, 2, 4, 3, 6));
}

TEST(SharedSpansTest, OthersWithOneIdStayAsTheyAre) {
  std::vector<TestSpan> spans = {OfKind(SpanKind::kServer, 7, 0), OfKind(SpanKind::kServer, 7, 0),
                                 OfKind(SpanKind::kClient, 8, 7),
                                 OfKind(SpanKind::kInternal, 8, 7)};
  SpanBatch trace = MakeBatch(spans);
  SeparateSharedSpans(&trace);
  EXPECT_THAT(trace.span_id, ElementsAre(7, 7, 8, 8));
  EXPECT_THAT(trace.parent_span_id, ElementsAre(0, 0, 7, 7));
}

TEST(SharedSpansTest, PiecesGiveTheSameAsTheWhole) {
  const std::vector<TestSpan> call = Call();
  std::vector<SpanBatch> pieces;
  for (const size_t at : {3U, 2U, 1U, 0U}) pieces.push_back(MakeBatch({call[at]}));
  SharedSpans shared;
  for (const SpanBatch& piece : pieces) shared.See(piece);
  for (SpanBatch& piece : pieces) shared.Separate(&piece);
  EXPECT_EQ(pieces[0].parent_span_id[0], 1U);
  EXPECT_EQ(pieces[1].span_id[0], 1U);
  EXPECT_EQ(pieces[1].parent_span_id[0], 20U);
  EXPECT_EQ(pieces[2].span_id[0], 20U);
}

}  // namespace
}  // namespace tocsin::api
