// The tree keeps what was written and where; what cannot be meant is refused with its position.

#include "cpp/lib/yaml.h"

#include <string>

#include <gtest/gtest.h>

namespace tocsin::lib {
namespace {

TEST(YamlTest, KeepsOrderQuotesAndPositions) {
  const auto yaml = Yaml::Parse("b: 1\na:\n  - '2'\n  - |\n    x\n    y\nn:\n");
  ASSERT_TRUE(yaml.has_value()) << yaml.error().ToString();
  EXPECT_EQ(yaml->members[0].first.scalar, "b");
  EXPECT_FALSE(yaml->Find("b")->quoted);
  const Yaml* a = yaml->Find("a");
  ASSERT_TRUE(a != nullptr && a->IsSequence());
  EXPECT_TRUE(a->items[0].quoted);
  EXPECT_EQ(a->items[1].scalar, "x\ny\n");
  EXPECT_TRUE(a->items[1].quoted);
  EXPECT_EQ(a->items[0].Position(), "line 3, column 5");
  EXPECT_TRUE(yaml->Find("n")->IsNull());
}

TEST(YamlTest, SeveralDocumentsAreReadInOrder) {
  const auto all = Yaml::ParseAll("a: 1\n---\nb: 2\n");
  ASSERT_TRUE(all.has_value());
  ASSERT_EQ(all->size(), 2U);
  EXPECT_NE((*all)[1].Find("b"), nullptr);
  EXPECT_FALSE(Yaml::Parse("a: 1\n---\nb: 2\n").has_value());
}

TEST(YamlTest, AnEmptyTextIsNull) { EXPECT_TRUE(Yaml::Parse("").value().IsNull()); }

TEST(YamlTest, ErrorsNameLineAndColumn) {
  for (const char* bad : {"a: [1", "a: 1\na: 2\n", "? [x]\n: 1\n", "a: b: c\n"}) {
    const auto yaml = Yaml::Parse(bad);
    ASSERT_FALSE(yaml.has_value()) << bad;
    EXPECT_EQ(yaml.error().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(yaml.error().message().substr(0, 5), "line ") << yaml.error().message();
  }
}

TEST(YamlTest, ADuplicateKeyIsNamedWhereItStands) {
  EXPECT_EQ(Yaml::Parse("a: 1\nb: 2\na: 3\n").error().message(),
            "line 3, column 1: key \"a\" stands here twice");
}

TEST(YamlTest, NestingAndAliasExpansionAreBounded) {
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "[";
  EXPECT_FALSE(Yaml::Parse(deep + std::string(200, ']')).has_value());
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i)
      bomb += std::string(i == 0 ? "*" : ", *") + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_FALSE(Yaml::Parse(bomb).has_value());
}

}  // namespace
}  // namespace tocsin::lib
