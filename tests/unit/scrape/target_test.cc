#include "cpp/scrape/target.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::scrape {
namespace {

using testing::HasSubstr;

relabel::Rules Rules(std::vector<relabel::Rule> rules) {
  return relabel::Rules::Compile(std::move(rules)).value_or(relabel::Rules());
}

Target Made(const Job& job, const std::string& address, const Labels& labels = {}) {
  const auto target = MakeTarget(job, DiscoveredLabels(job, address, labels));
  EXPECT_TRUE(target.has_value() && target->has_value());
  return target.has_value() ? target->value_or(Target()) : Target();
}

std::string Refusal(const Job& job, const std::string& address, const Labels& labels = {}) {
  const auto target = MakeTarget(job, DiscoveredLabels(job, address, labels));
  return target.has_value() ? "" : std::string(target.error().message());
}

Job Simple() {
  Job job;
  job.name = "job";
  return job;
}

TEST(MakeTarget, ShowsRelabellingAllThatIsKnown) {
  Job job = Simple();
  job.params = {{"module", {"http", "second"}}};
  const Labels discovered = DiscoveredLabels(job, "host:1", Labels({{"job", "own"}}));
  EXPECT_EQ(discovered, Labels({{"__address__", "host:1"},
                                {"__always_scrape_classic_histograms__", "false"},
                                {"__convert_classic_histograms_to_nhcb__", "false"},
                                {"__metrics_path__", "/metrics"},
                                {"__param_module", "http"},
                                {"__scheme__", "http"},
                                {"__scrape_interval__", "1m"},
                                {"__scrape_native_histograms__", "false"},
                                {"__scrape_timeout__", "10s"},
                                {"job", "own"}}));
}

TEST(MakeTarget, TheUrlFollowsTheLabels) {
  Job job = Simple();
  job.params = {{"b", {"1", "2"}}, {"a", {"x y"}}};
  EXPECT_EQ(Made(job, "host:1").url, "http://host:1/metrics?a=x+y&b=1&b=2");
  // As the blackbox exporter is used.
  job.params = {{"module", {"icmp"}}};
  job.relabelling = Rules({
      {.source_labels = {"__address__"}, .target_label = "__param_target"},
      {.source_labels = {"__param_target"}, .target_label = "instance"},
      {.target_label = "__address__", .replacement = "blackbox:9115"},
      {.target_label = "__metrics_path__", .replacement = "/probe"},
      {.target_label = "__scheme__", .replacement = "https"},
  });
  const Target target = Made(job, "example.org");
  EXPECT_EQ(target.url, "https://blackbox:9115/probe?module=icmp&target=example.org");
  EXPECT_EQ(target.PublicLabels(), Labels({{"instance", "example.org"}, {"job", "job"}}));
  EXPECT_EQ(target.discovered.Get("__address__"), "example.org");
}

TEST(MakeTarget, LabelsSetTheTimes) {
  Job job = Simple();
  job.relabelling = Rules({{.target_label = "__scrape_interval__", .replacement = "30s"},
                           {.target_label = "__scrape_timeout__", .replacement = "5s"}});
  const Target target = Made(job, "host:1");
  EXPECT_EQ(target.interval, 30 * kSecond);
  EXPECT_EQ(target.timeout, 5 * kSecond);
}

TEST(MakeTarget, DropsMetaLabelsAndWhatRelabellingDrops) {
  Job job = Simple();
  job.relabelling =
      Rules({{.source_labels = {"__meta_env"}, .target_label = "env"},
             {.source_labels = {"env"}, .regex = "dev", .action = relabel::Action::kDrop}});
  EXPECT_EQ(Made(job, "host:1", Labels({{"__meta_env", "prod"}})).PublicLabels(),
            Labels({{"env", "prod"}, {"instance", "host:1"}, {"job", "job"}}));
  const auto dropped =
      MakeTarget(job, DiscoveredLabels(job, "host:1", Labels({{"__meta_env", "dev"}})));
  ASSERT_TRUE(dropped.has_value());
  EXPECT_FALSE(dropped->has_value());
}

TEST(MakeTarget, RefusesWhatCanNotBeScraped) {
  Job job = Simple();
  EXPECT_EQ(Refusal(job, "http://host:1"), "\"http://host:1\" is not a valid hostname");
  EXPECT_EQ(Refusal(job, ""), "no address");
  EXPECT_THAT(Refusal(job, "host:1", Labels({{"__scrape_interval__", "x"}})),
              HasSubstr("error parsing scrape interval"));
  EXPECT_EQ(Refusal(job, "host:1", Labels({{"__scrape_timeout__", "0s"}})),
            "scrape timeout cannot be 0");
  EXPECT_EQ(Refusal(job, "host:1", Labels({{"__scrape_timeout__", "2m"}})),
            "scrape timeout cannot be greater than scrape interval (\"2m\" > \"1m\")");
  EXPECT_THAT(Refusal(job, "host:1", Labels({{"__scrape_native_histograms__", "maybe"}})),
              HasSubstr("scrape native histograms"));
}

TEST(Target, ItsPlaceInTheIntervalStays) {
  const Target one = Made(Simple(), "host:1");
  const Target two = Made(Simple(), "host:2");
  const Nanos now = 1'700'000'000 * kSecond + 123;
  const Nanos place = (now + one.OffsetFrom(now)) % one.interval;
  for (const Nanos later : {Nanos{1}, kSecond, 59 * kSecond, kHour}) {
    EXPECT_GE(one.OffsetFrom(now + later), 0);
    EXPECT_LT(one.OffsetFrom(now + later), one.interval);
    EXPECT_EQ((now + later + one.OffsetFrom(now + later)) % one.interval, place);
  }
  EXPECT_NE((now + two.OffsetFrom(now)) % two.interval, place);
}

}  // namespace
}  // namespace tocsin::scrape
