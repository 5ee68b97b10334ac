#include "cpp/traceql/text_index.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/source.h"

namespace tocsin::traceql {
namespace {

Value String(std::string text) { return {ValueType::kString, std::move(text), 0, 0}; }

TEST(TextIndexTest, FindsEachStringAndNothingElse) {
  Column column;
  for (int i = 0; i < 1000; ++i) column.values.push_back(String("value " + std::to_string(i)));
  for (uint32_t i = 0; i < 1000; ++i) {
    const std::vector<uint32_t> codes =
        column.index.CodesOf(column.values, "value " + std::to_string(i));
    EXPECT_EQ(codes, std::vector<uint32_t>{i + 1});
  }
  EXPECT_TRUE(column.index.CodesOf(column.values, "value").empty());
  EXPECT_TRUE(column.index.CodesOf(column.values, "").empty());
  EXPECT_TRUE(column.index.CodesOfOthers(column.values).empty());
}

TEST(TextIndexTest, WhatIsNoStringIsTold) {
  Column column;
  column.values = {String("1"), {ValueType::kInt, "", 1, 0}, {ValueType::kBytes, "1", 0, 0}};
  EXPECT_EQ(column.index.CodesOf(column.values, "1"), std::vector<uint32_t>{1});
  const auto others = column.index.CodesOfOthers(column.values);
  EXPECT_EQ(std::vector<uint32_t>(others.begin(), others.end()), (std::vector<uint32_t>{2, 3}));
}

TEST(TextIndexTest, ACopyAsksItsOwnValues) {
  Column column;
  column.values = {String("a"), String("b")};
  EXPECT_EQ(column.index.CodesOf(column.values, "b"), std::vector<uint32_t>{2});
  Column copy = column;
  copy.values = {String("b")};
  EXPECT_EQ(copy.index.CodesOf(copy.values, "b"), std::vector<uint32_t>{1});
}

}  // namespace
}  // namespace tocsin::traceql
