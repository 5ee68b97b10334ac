// Groups of rules that clients keep: what is taken, what is refused, what survives.

#include "cpp/rules/rule_library.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/model/fake_state.h"

namespace tocsin::rules {
namespace {

using testing::HasSubstr;

constexpr std::string_view kGroup = R"(name: g
interval: 30s
rules:
- alert: High
  expr: |-
    a > 1
      and b
  for: 1m
  labels: {severity: page}
  annotations: {summary: "{{ $value }}: high"}
)";

class RuleLibraryTest : public testing::Test {
 protected:
  RuleLibraryTest() : library_(Made()) { EXPECT_TRUE(library_.Load().ok()); }

  RuleLibrary Made() {
    return {&store_, {}, [this] {
              ++applied_;
              return apply_;
            }};
  }
  std::string Refusal(const std::string& space, std::string_view yaml) {
    const Status status = library_.SetGroup(space, yaml);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return std::string(status.message());
  }
  std::string All() const { return library_.Groups(std::nullopt).value_or("?"); }

  FakeState store_;
  Status apply_;
  int applied_ = 0;
  RuleLibrary library_;
};

TEST_F(RuleLibraryTest, WhatIsSetIsShownAndEvaluated) {
  EXPECT_EQ(All(), "{}\n");
  ASSERT_TRUE(library_.SetGroup("team a", kGroup).ok());
  EXPECT_EQ(applied_, 1);
  const std::vector<RuleFile> files = library_.Files();
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].path, "team a");
  ASSERT_EQ(files[0].groups.size(), 1U);
  EXPECT_EQ(files[0].groups[0].file, "team a");
  EXPECT_EQ(files[0].groups[0].rules.at(0).name, "High");
  EXPECT_EQ(library_.Group("team a", "g").value_or("?"), R"(name: g
interval: 30s
rules:
- alert: High
  expr: |-
    a > 1
      and b
  for: 1m
  labels:
    severity: page
  annotations:
    summary: "{{ $value }}: high"
)");
  EXPECT_THAT(All(), testing::StartsWith("team a:\n- name: g\n  interval: 30s\n  rules:\n"));
  EXPECT_EQ(library_.Groups("team b").value_or("?"), "{}\n");
}

TEST_F(RuleLibraryTest, WhatIsShownCanBeSet) {
  ASSERT_TRUE(library_.SetGroup("a", kGroup).ok());
  const std::string shown = library_.Group("a", "g").value_or("?");
  ASSERT_TRUE(library_.SetGroup("b", shown).ok());
  EXPECT_EQ(library_.Group("b", "g").value_or("!"), shown);
}

TEST_F(RuleLibraryTest, JsonIsYaml) {
  constexpr std::string_view kJson = R"--({"name":"j","rules":[{"record":"r","expr":"sum(x)"}]})--";
  ASSERT_TRUE(library_.SetGroup("a", kJson).ok());
  EXPECT_EQ(library_.Group("a", "j").value_or("?"),
            "name: j\nrules:\n- record: r\n  expr: sum(x)\n");
}

TEST_F(RuleLibraryTest, AGroupTakesThePlaceOfTheOneOfItsName) {
  ASSERT_TRUE(library_.SetGroup("a", "{name: g, rules: [{record: r, expr: x}]}").ok());
  ASSERT_TRUE(library_.SetGroup("a", "{name: g, rules: [{record: s, expr: x}]}").ok());
  ASSERT_TRUE(library_.SetGroup("b", "{name: g, rules: [{record: t, expr: x}]}").ok());
  ASSERT_EQ(library_.Files().size(), 2U);
  ASSERT_EQ(library_.Files()[0].groups.size(), 1U);
  EXPECT_EQ(library_.Files()[0].groups[0].rules.at(0).name, "s");
  EXPECT_EQ(store_.entries.size(), 2U);
}

TEST_F(RuleLibraryTest, ARestartFindsEverything) {
  ASSERT_TRUE(library_.SetGroup("a", kGroup).ok());
  ASSERT_TRUE(library_.SetGroup("b", "{name: h, rules: [{record: r, expr: x}]}").ok());
  ASSERT_TRUE(library_.DeleteGroup("b", "h").ok());
  RuleLibrary again = Made();
  EXPECT_EQ(again.Groups(std::nullopt).error().code(), StatusCode::kUnavailable);
  EXPECT_EQ(again.SetGroup("a", kGroup).code(), StatusCode::kUnavailable);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.Groups(std::nullopt).value_or("?"), All());
  EXPECT_EQ(again.Files().size(), 1U);
}

TEST_F(RuleLibraryTest, WhatIsNotUnderstoodAnyMoreStaysOnDisk) {
  store_.entries.emplace(std::string("a\0old", 5), "name: old\nrules: [{record: r, expr: '('}]");
  ASSERT_TRUE(library_.Load().ok());
  EXPECT_EQ(All(), "{}\n");
  EXPECT_TRUE(store_.entries.contains(std::string("a\0old", 5)));
  ASSERT_TRUE(library_.SetGroup("a", "{name: old, rules: [{record: r, expr: x}]}").ok());
  EXPECT_EQ(store_.entries.size(), 1U);
}

TEST_F(RuleLibraryTest, DeletingWhatIsNotThereIsSaid) {
  ASSERT_TRUE(library_.SetGroup("a", kGroup).ok());
  EXPECT_EQ(library_.DeleteGroup("a", "x").message(), "group does not exist");
  EXPECT_EQ(library_.DeleteGroup("b", "g").code(), StatusCode::kNotFound);
  EXPECT_EQ(library_.DeleteNamespace("b").message(), "group namespace does not exist");
  EXPECT_EQ(library_.Group("a", "x").error().message(), "group does not exist");
  EXPECT_TRUE(library_.DeleteNamespace("a").ok());
  EXPECT_EQ(All(), "{}\n");
  EXPECT_TRUE(store_.entries.empty());
}

TEST_F(RuleLibraryTest, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_EQ(Refusal("a", "name: g\nrules:\n- record: r\n  expr: sum(\n"),
            "a:4:13: group \"g\", rule 1, \"r\": could not parse expression: parse error: "
            "unclosed left parenthesis");
  EXPECT_THAT(Refusal("a", "name: g\nrules: []"),
              "invalid rules configuration: rule group 'g' has no rules");
  EXPECT_THAT(Refusal("a", "- x"), HasSubstr("unable to decode rule group: "));
  EXPECT_THAT(Refusal("a", "name: [g"), HasSubstr("unable to decode rule group: line 1, "));
  EXPECT_THAT(Refusal("a", "rules: [{record: r, expr: x}]"), HasSubstr("must have a name"));
  EXPECT_THAT(Refusal("a", "groups: []"), HasSubstr("unknown key \"groups\" in group"));
  EXPECT_EQ(applied_, 0);
  EXPECT_TRUE(store_.entries.empty());
}

TEST_F(RuleLibraryTest, NamesAreNoPathsAndNotEndless) {
  for (const std::string& name :
       {std::string(".."), std::string("a/../b"), std::string("/etc/.."), std::string("."),
        std::string("a\nb"), std::string("a\0b", 3), std::string("\xff"), std::string(256, 'x')}) {
    EXPECT_THAT(Refusal(name, kGroup), HasSubstr("the namespace ")) << name;
  }
  EXPECT_EQ(Refusal("", kGroup), "the namespace must not be empty");
  EXPECT_THAT(Refusal("a", "name: ..\nrules: [{record: r, expr: x}]"),
              HasSubstr("the name of the group looks like a path"));
  EXPECT_TRUE(library_.SetGroup("folder/of..dots", kGroup).ok());
}

TEST_F(RuleLibraryTest, GroupsAreBoundedInSizeAndNumber) {
  EXPECT_THAT(Refusal("a", "name: g\n#" + std::string(kLibraryGroupBytesMax, ' ')),
              HasSubstr("at most 1048576 bytes"));
  for (size_t i = 0; i < kLibraryGroupsMax; ++i) {
    store_.entries.emplace("a" + std::string(1, '\0') + std::to_string(i),
                           "{name: g" + std::to_string(i) + ", rules: [{record: r, expr: x}]}");
  }
  ASSERT_TRUE(library_.Load().ok());
  EXPECT_EQ(Refusal("b", kGroup), "per-user rule groups limit (limit: 1000 actual: 1001) exceeded");
  EXPECT_TRUE(library_.SetGroup("a", "{name: g7, rules: [{record: s, expr: x}]}").ok());
}

TEST_F(RuleLibraryTest, AFullDiskChangesNothing) {
  ASSERT_TRUE(library_.SetGroup("a", kGroup).ok());
  store_.full = true;
  EXPECT_EQ(library_.SetGroup("b", kGroup).code(), StatusCode::kUnavailable);
  EXPECT_EQ(library_.DeleteNamespace("a").code(), StatusCode::kUnavailable);
  ASSERT_EQ(library_.Files().size(), 1U);
  EXPECT_EQ(library_.Files()[0].path, "a");
  EXPECT_EQ(applied_, 5) << "once, and there and back twice";
}

TEST_F(RuleLibraryTest, WhatCannotBeAppliedIsNotKept) {
  apply_ = AlreadyExistsError("b: group \"g\" is loaded twice");
  EXPECT_EQ(library_.SetGroup("b", kGroup).code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(library_.Files().empty());
  EXPECT_TRUE(store_.entries.empty());
}

}  // namespace
}  // namespace tocsin::rules
