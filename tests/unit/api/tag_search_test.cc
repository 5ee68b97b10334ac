// Tags become a TraceQL filter that parses.

#include "cpp/api/tag_search.h"

#include <gtest/gtest.h>

#include "cpp/traceql/parser.h"

namespace tocsin::api {
namespace {

TEST(TagSearchTest, ValuesAreFoundAsAPartInAnyCase) {
  EXPECT_EQ(TagsToTraceQl("service.name=cart"), R"({ ."service.name" =~ "(?i).*cart.*" })");
}

TEST(TagSearchTest, RegexCharactersAreMeantLiterally) {
  EXPECT_EQ(TagsToTraceQl("http.url=api/v1?x"), R"({ ."http.url" =~ "(?i).*api/v1\\?x.*" })");
}

TEST(TagSearchTest, NumbersAndBoolsAlsoMatchByValue) {
  EXPECT_EQ(TagsToTraceQl("http.status_code=500"),
            R"({ (."http.status_code" =~ "(?i).*500.*" || ."http.status_code" = 500) })");
  EXPECT_EQ(TagsToTraceQl("hit=true"), R"({ (."hit" =~ "(?i).*true.*" || ."hit" = true) })");
}

TEST(TagSearchTest, KeysOfTheSpanAndItsTraceAreIntrinsics) {
  EXPECT_EQ(TagsToTraceQl("error=true status.code=ok name=GET root.name=a root.service.name=b"),
            R"({ status = error && status = ok && name =~ "(?i).*GET.*" && )"
            R"(rootName =~ "(?i).*a.*" && rootServiceName =~ "(?i).*b.*" })");
}

TEST(TagSearchTest, WhatComesOutParses) {
  for (const char* tags : {"", "a=b", "a=\"b c\" d=e", "a=\"x\\\"y\" b=1.5 c=false", "error=true",
                           "a-b/c=.*+?()|[]{}^$\\"}) {
    const auto query = TagsToTraceQl(tags);
    ASSERT_TRUE(query.has_value()) << tags;
    EXPECT_TRUE(traceql::Parse(*query).has_value()) << *query;
  }
}

TEST(TagSearchTest, BadTagsAreRefusedWithTheirByte) {
  EXPECT_EQ(TagsToTraceQl("a=b c").error().message(), "invalid tags at byte 4: expected key=value");
  EXPECT_EQ(TagsToTraceQl("a=b a=c").error().message(),
            "invalid tags at byte 4: key a stands twice");
  EXPECT_EQ(TagsToTraceQl("a=\"b").error().message(),
            "invalid tags at byte 2: this quote is not closed");
}

}  // namespace
}  // namespace tocsin::api
