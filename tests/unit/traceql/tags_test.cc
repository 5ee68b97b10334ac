// What completion offers: names and values, by scope, filter and time.

#include "cpp/traceql/tags.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/traceql/lenient.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::traceql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> Values(const SpanView& view, std::string_view name,
                                TagOptions options = {}, std::string_view filter = "") {
  const Result<Field> field = ParseTagName(name, false);
  EXPECT_TRUE(field.has_value()) << name;
  const std::optional<Spanset> condition = ParseLenient(filter);
  if (condition) options.filter = &*condition;
  const Result<TagValues> values = FindTagValues(view, *field, options);
  EXPECT_TRUE(values.has_value());
  std::vector<std::string> texts;
  for (const TagValue& value : values->values) {
    texts.push_back(std::string(TagTypeName(value.type)) + " " + value.text);
  }
  return texts;
}

std::vector<std::string> Names(const SpanView& view, AttrScope scope, std::string_view filter = "",
                               TagOptions options = {}) {
  const std::optional<Spanset> condition = ParseLenient(filter);
  if (condition) options.filter = &*condition;
  const Result<TagNames> names = FindTagNames(view, std::nullopt, options);
  EXPECT_TRUE(names.has_value());
  return names->scopes[static_cast<size_t>(scope)];
}

TEST(TagNamesTest, AreListedByScope) {
  const FakeView view({Family()});
  EXPECT_THAT(Names(view, AttrScope::kResource), ElementsAre("cluster", "k", "service.name"));
  EXPECT_THAT(Names(view, AttrScope::kEvent), ElementsAre("exception.type", "n"));
  EXPECT_THAT(Names(view, AttrScope::kLink), ElementsAre("why"));
  EXPECT_THAT(Names(view, AttrScope::kInstrumentation), ElementsAre("library"));
  EXPECT_THAT(Names(view, AttrScope::kSpan),
              ElementsAre("empty", "http.status_code", "k", "ok", "ratio", "sizes", "tags", "x",
                          "y", "zero"));
}

TEST(TagNamesTest, AreThoseOfTheSpansThatPassTheFilter) {
  const FakeView view({Family()});
  EXPECT_THAT(Names(view, AttrScope::kSpan, R"({ resource.service.name = "db" })"),
              ElementsAre("x", "y", "zero"));
  EXPECT_THAT(Names(view, AttrScope::kEvent, R"({ resource.service.name = "db" })"), IsEmpty());
  EXPECT_THAT(Names(view, AttrScope::kEvent, "{ status = error }"),
              ElementsAre("exception.type", "n"));
}

TEST(TagNamesTest, OneScopeAndALimitMayBeAskedFor) {
  const FakeView view({Family()});
  TagOptions options;
  options.limit = 2;
  const Result<TagNames> names = FindTagNames(view, AttrScope::kSpan, options);
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(names->scopes[static_cast<size_t>(AttrScope::kSpan)].size(), 2U);
  EXPECT_THAT(names->scopes[static_cast<size_t>(AttrScope::kResource)], IsEmpty());
  EXPECT_TRUE(names->truncated);
}

TEST(TagValuesTest, HaveTheirTypes) {
  const FakeView view({Family()});
  EXPECT_THAT(Values(view, "span.http.status_code"), ElementsAre("string 500", "int 500"));
  EXPECT_THAT(Values(view, "span.ratio"), ElementsAre("float 0.5"));
  EXPECT_THAT(Values(view, "span.ok"), ElementsAre("bool false", "bool true"));
  EXPECT_THAT(Values(view, "span.tags"), ElementsAre("string blue", "string red"));
  EXPECT_THAT(Values(view, "span.sizes"), ElementsAre("int 1", "float 2.5"));
  EXPECT_THAT(Values(view, "span.empty"), IsEmpty());
  EXPECT_THAT(Values(view, "span.nowhere"), IsEmpty());
}

TEST(TagValuesTest, OfAnyScopeAreThoseOfAllScopes) {
  const FakeView view({Family()});
  EXPECT_THAT(Values(view, ".k"), ElementsAre("string of resource", "string of span"));
  EXPECT_THAT(Values(view, "k"), ElementsAre("string of resource", "string of span"));
  EXPECT_THAT(Values(view, "span.k"), ElementsAre("string of span"));
  EXPECT_THAT(Values(view, "resource.k"), ElementsAre("string of resource"));
  EXPECT_THAT(Values(view, "event.n"), ElementsAre("int 1", "int 2"));
  EXPECT_THAT(Values(view, "link.why"), ElementsAre("string because"));
  EXPECT_THAT(Values(view, "instrumentation.library"), ElementsAre("string x"));
}

TEST(TagValuesTest, OfIntrinsics) {
  const FakeView view({Family()});
  EXPECT_THAT(Values(view, "name"), ElementsAre("string GET /", "string POST /api/users",
                                                "string span 3", "string span 4", "string span 5"));
  EXPECT_EQ(Values(view, "span:name"), Values(view, "name"));
  EXPECT_THAT(Values(view, "statusMessage"), ElementsAre("string boom"));
  EXPECT_THAT(Values(view, "event:name"), ElementsAre("string exception", "string retry"));
  EXPECT_THAT(Values(view, "instrumentation:name"), ElementsAre("string grpc"));
  EXPECT_THAT(Values(view, "instrumentation:version"), ElementsAre("string 1.2"));
  EXPECT_THAT(Values(view, "rootName"), ElementsAre("string GET /"));
  EXPECT_THAT(Values(view, "rootServiceName"), ElementsAre("string frontend"));
  EXPECT_THAT(Values(view, "status"), ElementsAre("keyword error", "keyword ok", "keyword unset"));
  EXPECT_THAT(Values(view, "kind"),
              ElementsAre("keyword client", "keyword consumer", "keyword internal",
                          "keyword producer", "keyword server", "keyword unspecified"));
  for (const char* none : {"duration", "traceDuration", "span:id", "trace:id", "nestedSetLeft"}) {
    EXPECT_THAT(Values(view, none), IsEmpty()) << none;
  }
}

TEST(TagValuesTest, AreThoseOfTheSpansThatPassTheFilter) {
  const FakeView view({Family()});
  const auto services = [&](std::string_view filter) {
    return Values(view, "resource.service.name", {}, filter);
  };
  EXPECT_THAT(services("{ status = error }"), ElementsAre("string frontend"));
  EXPECT_THAT(services("{ span.x = -7 || status = error }"),
              ElementsAre("string db", "string frontend"));
  EXPECT_THAT(services(R"({ span.x = -7 && name = "elsewhere" })"), IsEmpty());
  EXPECT_THAT(services("{ nestedSetParent < 0 && true }"), ElementsAre("string frontend"));
  EXPECT_THAT(services("{ nestedSetParent < 0 && resource.service.name = }"),
              ElementsAre("string frontend"));
  EXPECT_EQ(view.traces_read(), 0);
}

TEST(TagValuesTest, AFilterOnTheTraceIsExact) {
  TestSpan far = Span(2, 7, 0, 20 * kSec, kSec);
  far.resource = {{"service.name", "cron"}};
  // The family's root is in another block than the others.
  std::vector<TestSpan> family = Family();
  const FakeView view({{family[0]}, {family[1], family[2], family[3], family[4], far}});
  EXPECT_THAT(Values(view, "resource.service.name", {}, R"({ rootServiceName = "frontend" })"),
              ElementsAre("string backend", "string db", "string frontend", "string orphan"));
  EXPECT_THAT(Values(view, "resource.service.name", {}, R"({ rootServiceName = "cron" })"),
              ElementsAre("string cron"));
  EXPECT_THAT(Values(view, "rootServiceName", {}, "{ span.x = -7 }"),
              ElementsAre("string frontend"));
}

TEST(TagValuesTest, ATimeRangeCutsBlocksExactly) {
  const FakeView view({Family()});
  TagOptions options;
  options.start = 12 * kSec + 50 * kMs;
  options.end = 12 * kSec + 60 * kMs;
  EXPECT_THAT(Values(view, "span:name", options),
              ElementsAre("string GET /", "string POST /api/users", "string span 3"));
  EXPECT_THAT(Names(view, AttrScope::kResource, "", options),
              ElementsAre("cluster", "k", "service.name"));
  EXPECT_THAT(Names(view, AttrScope::kLink, "", options), IsEmpty());
  options.start = 30 * kSec;
  options.end = 40 * kSec;
  EXPECT_THAT(Values(view, "span:name", options), IsEmpty());
}

TEST(TagValuesTest, ManyValuesAreCutAndTheAnswerSaysSo) {
  std::vector<std::vector<TestSpan>> blocks;
  for (uint64_t b = 0; b < 3; ++b) {
    blocks.emplace_back();
    for (SpanId id = 1; id <= 100; ++id) {
      TestSpan span = Span(b + 1, id, 0, (b + 1) * 10 * kSec, kSec);
      span.attrs = {{"session", "session " + std::to_string(b) + " " + std::to_string(100 + id)}};
      blocks.back().push_back(span);
    }
  }
  const FakeView view(blocks);
  Field field;
  field.scope = Scope::kSpan;
  field.name = "session";
  TagOptions options;
  options.limit = 150;
  const Result<TagValues> some = FindTagValues(view, field, options);
  ASSERT_TRUE(some.has_value());
  EXPECT_EQ(some->values.size(), 150U);
  EXPECT_TRUE(some->truncated);
  // The newest block is there as a whole.
  EXPECT_THAT(some->values, testing::Contains(TagValue{TagType::kString, "session 2 101"}));
  options.limit = 0;
  options.max_bytes = 1300;
  const Result<TagValues> few = FindTagValues(view, field, options);
  ASSERT_TRUE(few.has_value());
  EXPECT_EQ(few->values.size(), 100U);
  EXPECT_TRUE(few->truncated);
  options.max_bytes = 1 << 20;
  const Result<TagValues> all = FindTagValues(view, field, options);
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->values.size(), 300U);
  EXPECT_FALSE(all->truncated);
}

TEST(TagValuesTest, TheSearchEndsWhenItIsTold) {
  const FakeView view({Family()});
  Field field;
  field.name = "k";
  TagOptions options;
  options.interrupted = []() -> Status { return CancelledError("gone"); };
  EXPECT_EQ(FindTagValues(view, field, options).error().code(), StatusCode::kCancelled);
  EXPECT_EQ(FindTagNames(view, std::nullopt, options).error().code(), StatusCode::kCancelled);
}

TEST(ParseTagNameTest, ReadsScopesQuotesAndBareNames) {
  const auto parse = [](std::string_view name, bool strict = false) {
    const Result<Field> field = ParseTagName(name, strict);
    return field ? Print(*field) : std::string(field.error().message());
  };
  EXPECT_EQ(parse("resource.service.name"), "resource.service.name");
  EXPECT_EQ(parse(".service.name"), ".service.name");
  EXPECT_EQ(parse("service.name"), ".service.name");
  EXPECT_EQ(parse("span.a/b"), "span.a/b");
  EXPECT_EQ(parse("span.a b"), R"(span."a b")");
  EXPECT_EQ(parse(R"(span."a b")"), R"(span."a b")");
  EXPECT_EQ(parse("name"), "name");
  EXPECT_EQ(ParseTagName("trace:rootName", true)->intrinsic, Intrinsic::kRootName);
  EXPECT_EQ(parse("app.user.id", true),
            "tag name is not valid intrinsic or scoped attribute: app.user.id");
  EXPECT_FALSE(ParseTagName("", false).has_value());
}

TEST(IntrinsicTagsTest, AllAreOfTheLanguage) {
  for (const std::string_view tag : IntrinsicTags()) {
    const Result<Field> field = ParseTagName(tag, true);
    ASSERT_TRUE(field.has_value()) << tag;
    EXPECT_NE(field->intrinsic, Intrinsic::kNone) << tag;
  }
}

}  // namespace
}  // namespace tocsin::traceql
