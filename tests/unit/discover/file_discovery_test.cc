#include "cpp/discover/file_discovery.h"

#include <filesystem>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/temporary_directory.h"

namespace tocsin::discover {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::string ErrorOf(std::string_view name, std::string_view text) {
  const auto groups = ParseTargetFile(name, text);
  return groups.has_value() ? "" : std::string(groups.error().message());
}

TEST(ParseTargetFile, ReadsJsonAndYaml) {
  const std::vector<TargetGroup> expected{
      {.targets = {"a:1", "b:2"}, .labels = Labels({{"__meta_filepath", "F"}, {"env", "x"}})},
      {.targets = {"c"}, .labels = Labels({{"__meta_filepath", "F"}})}};
  auto json = ParseTargetFile("F.json", R"([{"targets": ["a:1", "b:2"], "labels": {"env": "x"}},
	{"targets": ["c"], "labels": null}])");
  ASSERT_TRUE(json.has_value()) << json.error().ToString();
  for (TargetGroup& group : *json) group.labels.Set("__meta_filepath", "F");
  EXPECT_EQ(*json, expected);
  const auto yaml = ParseTargetFile(
      "F", "- targets: [\"a:1\", b:2]\n  labels:\n    env: x\n- targets:\n    - c\n");
  ASSERT_TRUE(yaml.has_value()) << yaml.error().ToString();
  EXPECT_EQ(*yaml, expected);
  EXPECT_THAT(ParseTargetFile("F.json", "[]").value(), SizeIs(0));
  EXPECT_THAT(ParseTargetFile("F.yml", "").value(), SizeIs(0));
}

TEST(ParseTargetFile, SaysWhatIsWrong) {
  EXPECT_THAT(ErrorOf("f.json", "{}"), HasSubstr("no list"));
  EXPECT_THAT(ErrorOf("f.json", R"([{"targets": [1]}])"), HasSubstr("target group 0"));
  EXPECT_THAT(ErrorOf("f.json", R"([{"target": []}])"), HasSubstr("\"target\" is not known"));
  EXPECT_THAT(ErrorOf("f.json", R"([{"labels": {"a": 1}}])"), HasSubstr("a label is no text"));
  EXPECT_THAT(ErrorOf("f.json", "[{]"), HasSubstr("byte 2"));
  EXPECT_THAT(ErrorOf("f.yml", "a: b\n"), HasSubstr("no list"));
  EXPECT_THAT(ErrorOf("f.yml", "- x\n"), HasSubstr("line 1"));
  EXPECT_THAT(ErrorOf("f.yml", "- targets:\n    - {a: b}\n"), HasSubstr("line 2"));
  EXPECT_THAT(ErrorOf("f.yml", "- target: [a]\n"), HasSubstr("\"target\" is not known"));
}

class FileDiscoveryTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view text) const { folder_.Write(name, text); }
  static std::vector<std::string> Targets(const FileDiscovery& files) {
    std::vector<std::string> targets;
    for (const TargetGroup& group : files.Groups()) {
      targets.insert(targets.end(), group.targets.begin(), group.targets.end());
    }
    return targets;
  }
  std::string Pattern() const { return folder_ / "*.yml"; }

  const TemporaryDirectory folder_;
};

TEST_F(FileDiscoveryTest, NoticesNewChangedAndRemovedFiles) {
  FileDiscovery files({.patterns = {Pattern()}}, &Telemetry::None());
  EXPECT_FALSE(files.Refresh(0));
  Write("b.yml", "- targets: [b:1]\n");
  Write("a.yml", "- targets: [a:1]\n");
  Write("ignored.json", "[]");
  EXPECT_TRUE(files.Refresh(kSecond));
  EXPECT_THAT(Targets(files), ElementsAre("a:1", "b:1"));
  EXPECT_FALSE(files.Refresh(2 * kSecond));
  Write("a.yml", "- targets: [a:1, a:22]\n");
  EXPECT_TRUE(files.Refresh(3 * kSecond));
  EXPECT_THAT(Targets(files), ElementsAre("a:1", "a:22", "b:1"));
  std::filesystem::remove(folder_ / "b.yml");
  EXPECT_TRUE(files.Refresh(4 * kSecond));
  EXPECT_THAT(Targets(files), ElementsAre("a:1", "a:22"));
}

TEST_F(FileDiscoveryTest, ABadFileKeepsItsLastGoodTargets) {
  FileDiscovery files({.patterns = {Pattern()}}, &Telemetry::None());
  Write("a.yml", "- targets: [a:1]\n");
  EXPECT_TRUE(files.Refresh(0));
  Write("a.yml", "- targets: [a:1\n");
  EXPECT_FALSE(files.Refresh(kSecond));
  EXPECT_THAT(Targets(files), ElementsAre("a:1"));
  Write("a.yml", "- targets: [a:2]\n");
  EXPECT_TRUE(files.Refresh(2 * kSecond));
  EXPECT_THAT(Targets(files), ElementsAre("a:2"));
}

}  // namespace
}  // namespace tocsin::discover
