// scrape_config_files: jobs in files of their own.

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/config/load.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::config {
namespace {

using testing::HasSubstr;

class ScrapeFilesTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view text) const {
    home_.Write("jobs/" + name, text);
  }
  Result<Loaded> LoadMain(const std::string& text) const {
    return Load({.text = text, .file_name = folder_ + "/tocsin.yaml", .overrides = {}});
  }
  std::string ErrorOf(const std::string& text) const {
    const auto loaded = LoadMain(text);
    return loaded.has_value() ? "" : std::string(loaded.error().message());
  }

  const TemporaryDirectory home_;
  const std::string& folder_ = home_.path();
};

TEST_F(ScrapeFilesTest, JobsOfFilesFollowThoseOfTheMainFile) {
  Write("a.yml", "scrape_configs: [{job_name: a, authorization: {credentials_file: token}}]\n");
  Write("b.yml", "scrape_configs:\n- job_name: b\n- job_name: c\n");
  Write("empty.yml", "");
  const auto loaded = LoadMain(
      "global: {scrape_interval: 7s}\n"
      "scrape_configs: [{job_name: main}]\n"
      "scrape_config_files: ['jobs/*.yml', 'none/*.yml']\n");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
  const std::vector<Scrape>& jobs = loaded->config.scrape_configs;
  ASSERT_EQ(jobs.size(), 4U);
  EXPECT_EQ(jobs[0].job_name, "main");
  EXPECT_EQ(jobs[1].job_name, "a");
  EXPECT_EQ(jobs[3].job_name, "c");
  EXPECT_EQ(jobs[3].scrape_interval, 7 * kSecond);
  EXPECT_FALSE(loaded->config.self_scrape);
}

TEST_F(ScrapeFilesTest, MistakesNameTheFileAndThePlace) {
  Write("a.yml", "scrape_configs:\n- job_name: main\n");
  EXPECT_THAT(ErrorOf("scrape_configs: [{job_name: main}]\nscrape_config_files: [jobs/a.yml]\n"),
              HasSubstr("/jobs/a.yml: line 2, column 13"));
  Write("a.yml", "scrape_configs: []\nrule_files: []\n");
  EXPECT_THAT(ErrorOf("scrape_config_files: [jobs/a.yml]\n"),
              HasSubstr("unknown key \"rule_files\""));
  Write("a.yml", "scrape_configs: [\n");
  EXPECT_THAT(ErrorOf("scrape_config_files: [jobs/a.yml]\n"), HasSubstr("/jobs/a.yml"));
  EXPECT_THAT(ErrorOf("scrape_config_files: [jobs/missing.yml]\n"),
              HasSubstr("scrape_config_files: cannot read " + folder_ + "/jobs/missing.yml"));
}

}  // namespace
}  // namespace tocsin::config
