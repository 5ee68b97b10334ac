#include "cpp/relabel/relabel.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/relabel/md5.h"

namespace tocsin::relabel {
namespace {

using testing::HasSubstr;

Rules Compiled(std::vector<Rule> rules) {
  Result<Rules> compiled = Rules::Compile(std::move(rules));
  EXPECT_TRUE(compiled.has_value()) << compiled.error().ToString();
  return compiled.value_or(Rules());
}

/// The labels behind one rule; {"dropped"="yes"} if it drops them.
Labels After(Rule rule, Labels labels) {
  if (!Compiled({std::move(rule)}).Apply(&labels)) return Labels({{"dropped", "yes"}});
  return labels;
}

std::string Refusal(Rule rule) {
  const Result<Rules> compiled = Rules::Compile({std::move(rule)});
  return compiled.has_value() ? "" : std::string(compiled.error().message());
}

const Labels kDropped({{"dropped", "yes"}});

TEST(Relabel, ReplaceExpandsGroupsByNumberAndName) {
  const Labels labels({{"a", "foo"}, {"b", "bar"}});
  EXPECT_EQ(After({.source_labels = {"a", "b"},
                   .regex = "f(.*);(.*)r",
                   .target_label = "c",
                   .replacement = "ch${1}-ch${2}"},
                  labels),
            Labels({{"a", "foo"}, {"b", "bar"}, {"c", "choo-chba"}}));
  EXPECT_EQ(After({.source_labels = {"a"},
                   .regex = "f(?P<rest>.*)",
                   .target_label = "c",
                   .replacement = "$rest$$"},
                  labels),
            Labels({{"a", "foo"}, {"b", "bar"}, {"c", "oo$"}}));
  // "$1x" names a group "1x", which is not there.
  EXPECT_EQ(After({.source_labels = {"a"}, .target_label = "a", .replacement = "$1x"}, labels),
            Labels({{"b", "bar"}}));
}

TEST(Relabel, ReplaceMatchesTheWholeValue) {
  const Labels labels({{"a", "boo"}});
  EXPECT_EQ(
      After({.source_labels = {"a"}, .regex = "o", .target_label = "c", .replacement = "found"},
            labels),
      labels);
  EXPECT_EQ(
      After({.source_labels = {"a"}, .regex = "b|boo", .target_label = "c", .replacement = "found"},
            labels),
      Labels({{"a", "boo"}, {"c", "found"}}));
  EXPECT_EQ(
      After({.source_labels = {"a"}, .regex = "b.o", .target_label = "a"}, Labels({{"a", "b\no"}})),
      Labels());
}

TEST(Relabel, ReplaceWithoutSourcesSetsAConstant) {
  EXPECT_EQ(After({.target_label = "env", .replacement = "prod"}, {}), Labels({{"env", "prod"}}));
  EXPECT_EQ(After({.regex = "x", .target_label = "env", .replacement = "prod"}, {}), Labels());
}

TEST(Relabel, ReplaceWithAnEmptyTextRemovesTheLabel) {
  EXPECT_EQ(After({.source_labels = {"a"}, .target_label = "b", .replacement = ""},
                  Labels({{"a", "1"}, {"b", "2"}})),
            Labels({{"a", "1"}}));
}

TEST(Relabel, ATargetLabelMayComeFromTheValue) {
  EXPECT_EQ(After({.source_labels = {"__meta_tag"},
                   .regex = "(.*)=(.*)",
                   .target_label = "${1}",
                   .replacement = "$2"},
                  Labels({{"__meta_tag", "team=a"}})),
            Labels({{"__meta_tag", "team=a"}, {"team", "a"}}));
  // A target that comes out empty is no label name: nothing happens.
  EXPECT_EQ(
      After({.source_labels = {"a"}, .regex = "(x?)foo", .target_label = "$1", .replacement = "v"},
            Labels({{"a", "foo"}})),
      Labels({{"a", "foo"}}));
}

TEST(Relabel, KeepAndDrop) {
  const Labels labels({{"a", "foo"}});
  EXPECT_EQ(After({.source_labels = {"a"}, .regex = "f.*", .action = Action::kKeep}, labels),
            labels);
  EXPECT_EQ(After({.source_labels = {"a"}, .regex = "f", .action = Action::kKeep}, labels),
            kDropped);
  EXPECT_EQ(After({.source_labels = {"a"}, .regex = "f.*", .action = Action::kDrop}, labels),
            kDropped);
  EXPECT_EQ(After({.source_labels = {"none"}, .regex = "", .action = Action::kDrop}, labels),
            kDropped);
}

TEST(Relabel, KeepEqualAndDropEqual) {
  const Labels same({{"__port1", "80"}, {"__port2", "80"}});
  const Labels other({{"__port1", "80"}, {"__port2", "81"}});
  const Rule keep{
      .source_labels = {"__port1"}, .target_label = "__port2", .action = Action::kKeepEqual};
  const Rule drop{
      .source_labels = {"__port1"}, .target_label = "__port2", .action = Action::kDropEqual};
  EXPECT_EQ(After(keep, same), same);
  EXPECT_EQ(After(keep, other), kDropped);
  EXPECT_EQ(After(drop, same), kDropped);
  EXPECT_EQ(After(drop, other), other);
}

TEST(Relabel, HashModIsOfTheLastEightBytesOfMd5) {
  EXPECT_EQ(After({.source_labels = {"c"},
                   .modulus = 1000,
                   .target_label = "d",
                   .action = Action::kHashMod},
                  Labels({{"c", "baz"}})),
            Labels({{"c", "baz"}, {"d", "976"}}));
  EXPECT_EQ(After({.source_labels = {"a"},
                   .modulus = 1000,
                   .target_label = "d",
                   .action = Action::kHashMod},
                  Labels({{"a", "foo\nbar"}})),
            Labels({{"a", "foo\nbar"}, {"d", "734"}}));
}

TEST(Relabel, LabelMapRenamesCopies) {
  EXPECT_EQ(After({.regex = "__meta_(my.*)", .replacement = "${1}", .action = Action::kLabelMap},
                  Labels({{"__meta_my_a", "1"}, {"__meta_my_b", "2"}, {"other", "3"}})),
            Labels({{"__meta_my_a", "1"},
                    {"__meta_my_b", "2"},
                    {"my_a", "1"},
                    {"my_b", "2"},
                    {"other", "3"}}));
}

TEST(Relabel, LabelDropAndLabelKeep) {
  const Labels labels({{"a", "1"}, {"b1", "2"}, {"b2", "3"}});
  EXPECT_EQ(After({.regex = "b.", .action = Action::kLabelDrop}, labels), Labels({{"a", "1"}}));
  EXPECT_EQ(After({.regex = "b.", .action = Action::kLabelKeep}, labels),
            Labels({{"b1", "2"}, {"b2", "3"}}));
}

TEST(Relabel, LowercaseAndUppercase) {
  const Labels labels({{"a", "bAr\xc3\x84"}});
  EXPECT_EQ(
      After({.source_labels = {"a"}, .target_label = "b", .action = Action::kLowercase}, labels)
          .Get("b"),
      "bar\xc3\xa4");
  EXPECT_EQ(
      After({.source_labels = {"a"}, .target_label = "b", .action = Action::kUppercase}, labels)
          .Get("b"),
      "BAR\xc3\x84");
}

TEST(Relabel, RulesApplyInOrderUntilOneDrops) {
  const Rules rules = Compiled({
      {.source_labels = {"a"}, .target_label = "b"},
      {.source_labels = {"b"}, .regex = "1", .action = Action::kDrop},
      {.target_label = "c", .replacement = "never"},
  });
  Labels labels({{"a", "1"}});
  EXPECT_FALSE(rules.Apply(&labels));
  EXPECT_EQ(labels, Labels({{"a", "1"}, {"b", "1"}}));
  labels = Labels({{"a", "2"}});
  EXPECT_TRUE(rules.Apply(&labels));
  EXPECT_EQ(labels, Labels({{"a", "2"}, {"b", "2"}, {"c", "never"}}));
  EXPECT_TRUE(Rules().Apply(&labels));
}

TEST(Relabel, RefusesWhatPrometheusRefuses) {
  EXPECT_EQ(Refusal({.target_label = "a", .action = Action::kHashMod}),
            "relabel configuration for hashmod requires non-zero modulus");
  EXPECT_EQ(Refusal({.action = Action::kReplace}),
            "relabel configuration for replace action requires 'target_label' value");
  EXPECT_EQ(Refusal({.target_label = "a\xff"}),
            "\"a\xff\" is invalid 'target_label' for replace action");
  EXPECT_EQ(Refusal({.target_label = "a", .replacement = "x", .action = Action::kLowercase}),
            "'replacement' can not be set for lowercase action");
  EXPECT_EQ(Refusal({.replacement = "", .action = Action::kLabelMap}),
            "\"\" is invalid 'replacement' for labelmap action");
  EXPECT_EQ(Refusal({.source_labels = {"a"}, .action = Action::kLabelDrop}),
            "labeldrop action requires only 'regex', and no other fields");
  EXPECT_EQ(Refusal({.regex = "x", .target_label = "a", .action = Action::kKeepEqual}),
            "keepequal action requires only 'source_labels' and `target_label`, and no other "
            "fields");
  EXPECT_THAT(Refusal({.regex = "(", .target_label = "a"}), HasSubstr("missing )"));
  EXPECT_EQ(Refusal({.target_label = "a-b"}), "") << "names are UTF-8";
}

TEST(Relabel, ActionsHaveTheirNames) {
  for (const char* name : {"replace", "keep", "drop", "hashmod", "labelmap", "labeldrop",
                           "labelkeep", "lowercase", "uppercase", "keepequal", "dropequal"}) {
    const Result<Action> action = ParseAction(name);
    ASSERT_TRUE(action.has_value()) << name;
    EXPECT_EQ(ActionName(*action), name);
  }
  EXPECT_EQ(ParseAction("LabelDrop").value_or(Action::kKeep), Action::kLabelDrop);
  EXPECT_EQ(ParseAction("remove").error().message(), "unknown relabel action \"remove\"");
}

std::string HexOf(std::string_view text) {
  const std::array<uint8_t, 16> digest = Md5(text);
  std::string hex;
  for (const uint8_t byte : digest) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex.append({kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return hex;
}

TEST(Md5, IsWhatRfc1321Says) {
  EXPECT_EQ(HexOf(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(HexOf("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(
      HexOf("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
      "57edf4a22be3c955ac49da2e2107b67a");
  EXPECT_EQ(HexOf(std::string(55, 'a')), "ef1772b6dff9a122358552954ad0df65");
  EXPECT_EQ(HexOf(std::string(56, 'a')), "3b0c8ac703f828b04c6c197006d17218");
  EXPECT_EQ(HexOf(std::string(64, 'a')), "014842d480b571495a4a0363793f7367");
}

}  // namespace
}  // namespace tocsin::relabel
