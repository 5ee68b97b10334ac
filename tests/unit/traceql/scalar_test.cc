// What operators make of values, and that no encoding of an array can hurt.

#include "cpp/traceql/scalar.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/traceql/fake_view.h"

namespace tocsin::traceql {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

int64_t IntOf(Op op, int64_t a, int64_t b) {
  const Scalar result = Calculate(op, Scalar::Int(a), Scalar::Int(b));
  EXPECT_EQ(result.kind, Scalar::Kind::kInt);
  return result.integer;
}

TEST(ScalarTest, IntegersTruncateAndWrap) {
  EXPECT_EQ(IntOf(Op::kDivide, 7, 2), 3);
  EXPECT_EQ(IntOf(Op::kDivide, -7, 2), -3);
  EXPECT_EQ(IntOf(Op::kModulo, -7, 2), -1);
  EXPECT_EQ(IntOf(Op::kDivide, kMin, -1), kMin);
  EXPECT_EQ(IntOf(Op::kModulo, kMin, -1), 0);
  EXPECT_EQ(IntOf(Op::kAdd, kMax, 1), kMin);
  EXPECT_EQ(IntOf(Op::kSubtract, kMin, 1), kMax);
  EXPECT_EQ(IntOf(Op::kMultiply, kMax, 2), -2);
  EXPECT_EQ(IntOf(Op::kPower, 2, 10), 1024);
  EXPECT_EQ(IntOf(Op::kPower, -2, 3), -8);
  EXPECT_EQ(IntOf(Op::kPower, 5, 0), 1);
  EXPECT_EQ(IntOf(Op::kPower, 2, 64), 0);
  EXPECT_EQ(IntOf(Op::kPower, 3, kMax), IntOf(Op::kPower, 3, kMax));
  EXPECT_EQ(Calculate(Op::kPower, Scalar::Int(2), Scalar::Int(-1)).number, 0.5);
  EXPECT_EQ(Negate(Scalar::Int(kMin)).integer, kMin);
}

TEST(ScalarTest, DivisionByZeroHasNoValueForInts) {
  EXPECT_EQ(Calculate(Op::kDivide, Scalar::Int(1), Scalar::Int(0)).kind, Scalar::Kind::kNil);
  EXPECT_EQ(Calculate(Op::kModulo, Scalar::Int(1), Scalar::Int(0)).kind, Scalar::Kind::kNil);
  EXPECT_EQ(Calculate(Op::kDivide, Scalar::Int(1), Scalar::Float(0)).number,
            std::numeric_limits<double>::infinity());
}

TEST(ScalarTest, DurationsCalculateAsFloats) {
  const Scalar half = Calculate(Op::kDivide, Scalar::Duration(500), Scalar::Duration(1'000));
  EXPECT_EQ(half.kind, Scalar::Kind::kFloat);
  EXPECT_EQ(half.number, 0.5);
}

TEST(ScalarTest, WhatIsNoNumberDoesNotCalculate) {
  for (const Scalar& other : {Scalar::String("1"), Scalar::Bool(true), Scalar{}}) {
    EXPECT_EQ(Calculate(Op::kAdd, Scalar::Int(1), other).kind, Scalar::Kind::kNil);
    EXPECT_EQ(Negate(other).kind, Scalar::Kind::kNil);
  }
}

TEST(ScalarTest, TypesThatDoNotMeetAreNeverEqualNorDifferent) {
  const std::vector<Scalar> values = {
      Scalar{},
      Scalar::Bool(true),
      Scalar::Int(1),
      Scalar::String("1"),
      {Scalar::Kind::kStatus, false, 1, 0, {}},
      {Scalar::Kind::kSpanKind, false, 1, 0, {}},
      {Scalar::Kind::kOpaque, false, 1, 0, {}},
  };
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t k = 0; k < values.size(); ++k) {
      const bool usable =
          values[i].kind != Scalar::Kind::kNil && values[i].kind != Scalar::Kind::kOpaque;
      EXPECT_EQ(Compare(Op::kEqual, values[i], values[k], nullptr), i == k && usable);
      EXPECT_FALSE(Compare(Op::kNotEqual, values[i], values[k], nullptr));
    }
  }
}

TEST(ScalarTest, NumbersOfAllKindsMeet) {
  EXPECT_TRUE(Compare(Op::kEqual, Scalar::Int(2), Scalar::Float(2), nullptr));
  EXPECT_TRUE(Compare(Op::kLess, Scalar::Int(2), Scalar::Duration(3), nullptr));
  EXPECT_TRUE(Compare(Op::kGreater, Scalar::Int(kMax), Scalar::Int(kMax - 1), nullptr));
  const Scalar nan = Scalar::Float(std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(Compare(Op::kEqual, nan, nan, nullptr));
  EXPECT_TRUE(Compare(Op::kNotEqual, nan, nan, nullptr));
}

TEST(ScalarTest, ArraysDecodeToTheirElements) {
  const std::string encoded =
      ArrayValue{{std::string("a"), int64_t{-1}, 1.5, true, std::string()}}.Encode();
  const std::vector<Scalar> elements = DecodeArray(encoded);
  ASSERT_EQ(elements.size(), 5U);
  EXPECT_EQ(elements[0].text, "a");
  EXPECT_EQ(elements[1].integer, -1);
  EXPECT_EQ(elements[2].number, 1.5);
  EXPECT_TRUE(elements[3].IsTrue());
  EXPECT_EQ(elements[4].kind, Scalar::Kind::kString);
}

TEST(ScalarTest, DamagedArraysDecodeToSomethingHarmless) {
  const std::string encoded = ArrayValue{{std::string("abc"), int64_t{300}, 2.5, false}}.Encode();
  for (size_t size = 0; size <= encoded.size(); ++size) {
    EXPECT_LE(DecodeArray(std::string_view(encoded).substr(0, size)).size(), 4U);
  }
  for (size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    std::string changed = encoded;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    for (const Scalar& element : DecodeArray(changed)) {
      Compare(Op::kEqual, element, Scalar::String("abc"), nullptr);
    }
  }
}

}  // namespace
}  // namespace tocsin::traceql
