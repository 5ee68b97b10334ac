// Whatever somebody has typed so far, the conditions that are complete are found in it.

#include "cpp/traceql/lenient.h"

#include <string>

#include <gtest/gtest.h>

namespace tocsin::traceql {
namespace {

std::string Lenient(std::string_view text) {
  const std::optional<Spanset> filter = ParseLenient(text);
  if (!filter) return "no filter";
  return filter->condition ? Print(*filter->condition) : "everything";
}

TEST(LenientTest, WhatIsCompleteStays) {
  EXPECT_EQ(Lenient(R"({ resource.cluster = "a" })"), R"(resource.cluster = "a")");
  EXPECT_EQ(Lenient(R"({ span.x = 1 && (name = "b" || .y > 2s) })"),
            R"(span.x = 1 && (name = "b" || .y > 2s))");
  EXPECT_EQ(Lenient("{ status = error } | rate()"), "status = error");
}

TEST(LenientTest, WhatIsNotCompleteCountsAsTrue) {
  EXPECT_EQ(Lenient("{ resource.cluster = }"), "true");
  EXPECT_EQ(Lenient("{ resource.cluster }"), "true");
  EXPECT_EQ(Lenient(R"({ .a = "x" && name = })"), R"(.a = "x" && true)");
  EXPECT_EQ(Lenient(R"({ name = && .a = "x" })"), R"(true && .a = "x")");
  EXPECT_EQ(Lenient(R"({ .a = "x" || name = })"), R"(.a = "x" || true)");
  EXPECT_EQ(Lenient(R"({ .a = "x" && })"), R"(.a = "x" && true)");
}

TEST(LenientTest, WhatIsOpenIsClosed) {
  EXPECT_EQ(Lenient(R"({ .a = "x" && name = )"), R"(.a = "x" && true)");
  EXPECT_EQ(Lenient(R"({ .a = "x" && (name = "b" || .c = )"),
            R"(.a = "x" && (name = "b" || true))");
  EXPECT_EQ(Lenient(R"({ .a = "x" && name = "unfini)"), R"(.a = "x" && true)");
  EXPECT_EQ(Lenient(R"({ .a = "x)"), "true");
}

TEST(LenientTest, NegationOfWhatIsNotKnownIsNotKnown) {
  EXPECT_EQ(Lenient(R"({ .a = "x" && !(name = ) })"), R"(.a = "x" && true)");
}

TEST(LenientTest, WhatIsNoFilterIsNone) {
  for (const char* text : {"", "   ", "{", "{}", "{ }", "hello", "{ .a = 1 } >> { .b = ", "}{",
                           "|||", "\"", "{ .a = 1 } { .b = 2 }"}) {
    EXPECT_EQ(Lenient(text), "no filter") << text;
  }
}

TEST(LenientTest, IsBounded) {
  std::string many = "{ .a = 0";
  for (int i = 1; i < 200; ++i) many += " && .a = " + std::to_string(i);
  EXPECT_EQ(Lenient(many + " }"), "no filter");
  EXPECT_EQ(Lenient("{ " + std::string(10'000, '(')), "no filter");
  EXPECT_EQ(Lenient("{ .a = \"" + std::string(100'000, 'x') + "\" }"), "no filter");
}

}  // namespace
}  // namespace tocsin::traceql
