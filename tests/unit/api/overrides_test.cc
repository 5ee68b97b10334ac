// Changes of what tenants have of their own: versions, what is kept, patches.

#include "cpp/api/overrides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/model/fake_state.h"

namespace tocsin::api {
namespace {

config::TenantOverrides Searches(Nanos range) {
  config::TenantOverrides overrides;
  overrides.max_search_duration = range;
  return overrides;
}

TEST(TenantOverridesTest, VersionsGuardChanges) {
  FakeState store;
  int changes = 0;
  TenantOverrides tenants(&store, Clock::Real(), [&] { ++changes; });
  EXPECT_EQ(tenants.Set("a", Searches(1), "5").error().code(), StatusCode::kFailedPrecondition);
  const auto first = tenants.Set("a", Searches(1), "0");
  ASSERT_TRUE(first.has_value());
  const auto second = tenants.Set("a", Searches(2), first->version);
  ASSERT_TRUE(second.has_value());
  EXPECT_NE(first->version, second->version);
  EXPECT_EQ(tenants.Set("a", Searches(3), first->version).error().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(changes, 2);
  EXPECT_EQ(tenants.Remove("b", "0").code(), StatusCode::kNotFound);
  EXPECT_EQ(tenants.Remove("a", first->version).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(tenants.Remove("a", second->version).ok());
  EXPECT_TRUE(store.entries.empty());
}

TEST(TenantOverridesTest, NothingHoldsThatCouldNotBeKept) {
  FakeState store;
  TenantOverrides tenants(&store, Clock::Real(), [] {});
  store.full = true;
  EXPECT_EQ(tenants.Set("a", Searches(1), "0").error().code(), StatusCode::kUnavailable);
  EXPECT_EQ(tenants.UserOf("a").version, "0");
  EXPECT_FALSE(tenants.Of("a").max_search_duration.has_value());
}

TEST(TenantOverridesTest, WhatIsKeptIsReadAndWhatIsDamagedLeftOut) {
  FakeState store;
  TenantOverrides before(&store, Clock::Real(), [] {});
  ASSERT_TRUE(before.Set("a", Searches(kHour), "0").has_value());
  store.entries["b"] = "no line";
  TenantOverrides after(&store, Clock::Real(), [] {});
  EXPECT_TRUE(after.Load().ok());
  EXPECT_EQ(after.UserOf("a").version, before.UserOf("a").version);
  EXPECT_EQ(after.Of("a").max_search_duration, kHour);
  EXPECT_EQ(after.UserOf("b").version, "0");
}

TEST(TenantOverridesTest, TheTenantWinsOverTheFileAndItsNameOverTheWildcard) {
  FakeState store;
  TenantOverrides tenants(&store, Clock::Real(), [] {});
  tenants.SetRuntime({{"*", Searches(1)}, {"a", Searches(2)}});
  EXPECT_EQ(tenants.Of("x").max_search_duration, 1);
  EXPECT_EQ(tenants.Of("a").max_search_duration, 2);
  ASSERT_TRUE(tenants.Set("a", Searches(3), "0").has_value());
  EXPECT_EQ(tenants.Of("a").max_search_duration, 3);
  EXPECT_THAT(tenants.Tenants(), testing::ElementsAre("a"));
}

TEST(MergePatchTest, AsTheRfcHasIt) {
  // Of RFC 7386, appendix A.
  for (const auto& [document, patch, result] :
       std::vector<std::tuple<const char*, const char*, const char*>>{
           {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
           {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
           {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
           {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
           {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
           {R"({"a":"foo"})", "null", "null"},
           {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
           {"[1,2]", R"({"a":"b","c":null})", R"({"a":"b"})"},
           {"{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}}) {
    EXPECT_EQ(MergePatch(document, patch).value(), result);
  }
  EXPECT_FALSE(MergePatch("{}", "{").has_value());
}

}  // namespace
}  // namespace tocsin::api
