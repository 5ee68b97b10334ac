// Attributes as labels of span metrics: how they are named, which value counts, and that a
// checkpoint keeps them.

#include "cpp/generate/dimensions.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/generate/span_metrics.h"
#include "cpp/model/span_batch_builder.h"
#include "tests/unit/generate/fakes.h"

namespace tocsin::generate {
namespace {

TEST(DimensionLabelTest, IsTheNameWithUnderscores) {
  EXPECT_EQ(DimensionLabel("http.route"), "http_route");
  EXPECT_EQ(DimensionLabel("k8s.pod-name"), "k8s_pod_name");
  EXPECT_EQ(DimensionLabel("caf\xc3\xa9"), "caf__");
  EXPECT_EQ(DimensionLabel("service"), "__service");
  EXPECT_EQ(DimensionLabel("span.kind"), "__span_kind");
}

/// One span; `fill` adds the attributes of the resource, then those of the span.
template <class Resource, class Span>
SpanBatch OneSpan(const Resource& resource, const Span& span) {
  SpanBatchBuilder builder;
  SpanBatch& batch = builder.batch();
  const uint32_t begin = builder.AttrCount();
  resource(builder);
  batch.resources.emplace_back().attrs = {begin, builder.AttrCount()};
  batch.scopes.emplace_back();
  span(builder);
  batch.trace.push_back(builder.InternTrace({.high = 1, .low = 2}));
  batch.span_id.push_back(1);
  batch.parent_span_id.push_back(0);
  batch.start.push_back(0);
  batch.end.push_back(0);
  batch.name.push_back(builder.Intern("GET"));
  batch.kind.push_back(SpanKind::kServer);
  batch.status.push_back(SpanStatus::kUnset);
  batch.flags.push_back(0);
  batch.scope.push_back(0);
  batch.wire_size.push_back(0);
  batch.attr_begin.push_back(builder.AttrCount());
  batch.event_begin.push_back(0);
  batch.link_begin.push_back(0);
  return std::move(builder).Finish();
}

std::string LabelsOf(std::vector<Dimension> dimensions, const SpanBatch& batch) {
  DimensionReader reader(std::move(dimensions));
  reader.Begin(batch);
  Labels labels;
  AddDimensions(reader.Pack(0), &labels);
  return labels.ToString();
}

TEST(DimensionReaderTest, TheResourceCountsBeforeTheSpan) {
  const SpanBatch batch = OneSpan([](SpanBatchBuilder& b) { b.AddString("zone", "resource"); },
                                  [](SpanBatchBuilder& b) {
                                    b.AddString("zone", "span");
                                    b.AddString("route", "/pay");
                                    b.AddString("route", "/repeated");
                                  });
  EXPECT_EQ(LabelsOf({{"zone", {"zone"}}, {"route", {"route"}}, {"none", {"none"}}}, batch),
            R"({route="/pay", zone="resource"})");
}

TEST(DimensionReaderTest, OfSeveralAttributesTheFirstCounts) {
  const SpanBatch batch = OneSpan([](SpanBatchBuilder&) {},
                                  [](SpanBatchBuilder& b) {
                                    b.AddString("http_route", "old");
                                    b.AddString("http.route", "new");
                                  });
  EXPECT_EQ(LabelsOf({{"http_route", {"http.route", "http_route"}}}, batch),
            R"({http_route="new"})");
}

TEST(DimensionReaderTest, NumbersAndTruthAreText) {
  const SpanBatch batch = OneSpan([](SpanBatchBuilder&) {},
                                  [](SpanBatchBuilder& b) {
                                    b.AddInt("code", -200);
                                    b.AddBool("ok", true);
                                    b.AddDouble("share", 0.25);
                                    b.AddBytes("bytes", "x");
                                    b.AddString("empty", "");
                                    b.AddString("long", std::string(5000, 'x'));
                                  });
  EXPECT_EQ(LabelsOf({{"code", {"code"}},
                      {"ok", {"ok"}},
                      {"share", {"share"}},
                      {"bytes", {"bytes"}},
                      {"empty", {"empty"}}},
                     batch),
            R"({code="-200", ok="true", share="0.25"})");
  EXPECT_EQ(LabelsOf({{"long", {"long"}}}, batch),
            "{long=\"" + std::string(kMaxLabelValueBytes, 'x') + "\"}");
}

class DimensionMetricsTest : public testing::Test {
 protected:
  static std::unique_ptr<SpanMetrics> Make(std::vector<Dimension> dimensions) {
    SpanMetricsOptions options;
    options.dimensions = std::move(dimensions);
    auto metrics = SpanMetrics::Create(options);
    EXPECT_TRUE(metrics.has_value());
    return *std::move(metrics);
  }
  static std::string Calls(const std::string& dimension) {
    return "traces_spanmetrics_calls_total{" + dimension +
           R"(service="shop", service_name="shop", span_kind="SPAN_KIND_SERVER", span_name="GET", )" +
           R"(status_code="STATUS_CODE_UNSET"})";
  }
  static SpanBatch Route(const std::string& route) {
    return OneSpan([](SpanBatchBuilder& b) { b.AddString("service.name", "shop"); },
                   [&](SpanBatchBuilder& b) { b.AddString("http.route", route); });
  }
};

TEST_F(DimensionMetricsTest, EachValueIsASeriesAndACheckpointKeepsThem) {
  const auto metrics = Make({{"http_route", {"http.route"}}});
  metrics->Observe(Route("/pay"));
  metrics->Observe(Route("/list"));
  metrics->Observe(Route("/pay"));
  const auto restored = Make({{"http_route", {"http.route"}}});
  ASSERT_TRUE(restored->Restore(metrics->Checkpoint()).ok());
  restored->Observe(Route("/pay"));
  // Without the dimension spans go on in a series of their own; what was counted stays.
  const auto without = Make({});
  ASSERT_TRUE(without->Restore(restored->Checkpoint()).ok());
  without->Observe(Route("/pay"));
  FakeSink sink;
  ASSERT_TRUE(without->Collect(1000 * kSecond, sink).ok());
  EXPECT_EQ(sink.Last(Calls("http_route=\"/pay\", ")), 3);
  EXPECT_EQ(sink.Last(Calls("http_route=\"/list\", ")), 1);
  EXPECT_EQ(sink.Last(Calls("")), 1);
}

TEST_F(DimensionMetricsTest, ACheckpointWithoutDimensionsHasNoTraceOfThem) {
  const auto plain = Make({});
  plain->Observe(Route("/pay"));
  const auto other = Make({{"absent", {"absent"}}});
  other->Observe(Route("/pay"));
  EXPECT_EQ(other->Checkpoint(), plain->Checkpoint());
}

TEST(DimensionOptionsTest, ALabelNeedsAName) {
  SpanMetricsOptions options;
  options.dimensions = {{"", {"x"}}};
  EXPECT_FALSE(SpanMetrics::Create(options).has_value());
}

}  // namespace
}  // namespace tocsin::generate
