#include "cpp/scrape/scraper.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/http/router.h"

namespace tocsin::scrape {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

/// Keeps what it is given by the series' text; "stale" for stale markers.
class FakeSink : public SampleSink {
 public:
  SeriesRef Ref(const Labels& labels) override {
    const std::lock_guard lock(mutex_);
    const auto [found, added] = refs_.emplace(labels, names_.size());
    if (added) names_.push_back(labels.ToString());
    return found->second;
  }
  Result<AppendOutcome> Append(const SampleBatch& batch) override {
    const std::lock_guard lock(mutex_);
    if (!failure.ok()) return std::unexpected(failure);
    for (const RefSample& entry : batch.samples) {
      std::string value = IsStaleNan(entry.sample.v) ? "stale" : std::to_string(entry.sample.v);
      if (value.ends_with(".000000")) value.resize(value.size() - 7);
      series[names_[entry.series]].push_back(value + "@" + std::to_string(entry.sample.t));
    }
    for (const RefExemplar& entry : batch.exemplars) {
      exemplar_texts.push_back(names_[entry.series] + entry.exemplar.labels.ToString() + "@" +
                               std::to_string(entry.exemplar.t));
    }
    return AppendOutcome{};
  }
  void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}
  /// The values of a series, or none.
  std::vector<std::string> Of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return series.contains(name) ? series[name] : std::vector<std::string>();
  }

  Status failure;
  std::map<std::string, std::vector<std::string>> series;
  std::vector<std::string> exemplar_texts;

 private:
  std::mutex mutex_;
  std::map<Labels, SeriesRef> refs_;
  std::vector<std::string> names_;
};

class ScraperTest : public testing::Test {
 protected:
  static Job Simple(Nanos interval = 15 * kSecond) {
    Job job;
    job.name = "tempo";
    job.interval = interval;
    job.groups = {{.targets = {"host:1"}}};
    return job;
  }
  void Make(std::vector<Job> jobs) {
    scraper_ = std::make_unique<Scraper>(
        std::move(jobs), &sink_, [this](const http::ClientRequest& r) { return Answer(r); },
        &clock_, nullptr);
  }
  Result<http::Response> Answer(const http::ClientRequest& request) {
    requests_.push_back(request);
    clock_.Advance(250 * kMillisecond);
    if (!failure_.ok()) return Failure(failure_);
    http::Response response = http::Response::Text(status_, body_);
    if (!type_.empty()) response.Set("Content-Type", type_);
    return response;
  }
  static std::string Series(std::string_view name) {
    return std::string(name) + "{instance=\"host:1\", job=\"tempo\"}";
  }

  FakeSink sink_;
  VirtualClock clock_{0};
  std::vector<http::ClientRequest> requests_;
  Status failure_;
  int status_ = 200;
  std::string body_;
  std::string type_;
  std::unique_ptr<Scraper> scraper_;
};

TEST_F(ScraperTest, StoresSamplesAndReport) {
  Make({Simple()});
  body_ = "a{x=\"1\"} 5\nb 7\n";
  scraper_->RunDue(20 * kSecond);
  EXPECT_THAT(sink_.Of("a{instance=\"host:1\", job=\"tempo\", x=\"1\"}"), ElementsAre("5@20000"));
  EXPECT_THAT(sink_.Of(Series("b")), ElementsAre("7@20000"));
  EXPECT_THAT(sink_.Of(Series("up")), ElementsAre("1@20000"));
  EXPECT_THAT(sink_.Of(Series("scrape_duration_seconds")), ElementsAre("0.250000@20000"));
  EXPECT_THAT(sink_.Of(Series("scrape_samples_scraped")), ElementsAre("2@20000"));
  EXPECT_THAT(sink_.Of(Series("scrape_samples_post_metric_relabeling")), ElementsAre("2@20000"));
  EXPECT_THAT(sink_.Of(Series("scrape_series_added")), ElementsAre("2@20000"));
}

TEST_F(ScraperTest, AsksAsItsConfigurationSays) {
  Job job = Simple();
  job.timeout = 3 * kSecond;
  job.body_size_limit = 1234;
  job.metrics_path = "/m?x=1";
  Make({job});
  scraper_->RunDue(0);
  ASSERT_THAT(requests_, SizeIs(1));
  EXPECT_EQ(requests_[0].url, "http://host:1/m?x=1");
  EXPECT_EQ(requests_[0].timeout, 3 * kSecond);
  EXPECT_EQ(requests_[0].max_response_bytes, 1234U);
}

TEST_F(ScraperTest, KeepsTheInterval) {
  Make({Simple(10 * kSecond)});
  EXPECT_EQ(scraper_->RunDue(5 * kSecond), 10 * kSecond);
  EXPECT_EQ(scraper_->RunDue(14 * kSecond), 1 * kSecond);
  EXPECT_THAT(requests_, SizeIs(1));
  EXPECT_EQ(scraper_->RunDue(16 * kSecond), 9 * kSecond);  // Late by a second, and not for ever.
  EXPECT_THAT(requests_, SizeIs(2));
  EXPECT_EQ(scraper_->RunDue(67 * kSecond), 8 * kSecond);  // Missed ones are left out.
  EXPECT_THAT(requests_, SizeIs(3));
  EXPECT_THAT(sink_.Of(Series("up")), ElementsAre("1@5000", "1@16000", "1@67000"));
}

TEST_F(ScraperTest, ASeriesThatIsGoneIsStale) {
  Make({Simple()});
  body_ = "a 1\nb 1\n";
  scraper_->RunDue(0);
  body_ = "b 2\nc 2\n";
  scraper_->RunDue(15 * kSecond);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0", "stale@15000"));
  EXPECT_THAT(sink_.Of(Series("b")), ElementsAre("1@0", "2@15000"));
  EXPECT_THAT(sink_.Of(Series("c")), ElementsAre("2@15000"));
  EXPECT_THAT(sink_.Of(Series("scrape_series_added")), ElementsAre("2@0", "1@15000"));
}

TEST_F(ScraperTest, EveryWayToFailMakesTheTargetDownAndItsSeriesStale) {
  Job job = Simple();
  job.sample_limit = 2;
  Make({job});
  const auto expect_down = [this](Nanos at, std::string_view why) {
    scraper_->RunDue(at);
    const std::string time = std::to_string(at / kMillisecond);
    EXPECT_EQ(sink_.Of(Series("up")).back(), "0@" + time);
    EXPECT_EQ(sink_.Of(Series("a")).back(), "stale@" + time);
    EXPECT_EQ(sink_.Of(Series("scrape_samples_scraped")).back(), "0@" + time);
    EXPECT_THAT(scraper_->Targets().at(0).last_error, HasSubstr(why));
    EXPECT_EQ(scraper_->Targets().at(0).health, Health::kDown);
  };
  const auto expect_up = [this](Nanos at) {
    failure_ = {};
    status_ = 200;
    body_ = "a 1\n";
    scraper_->RunDue(at);
    EXPECT_EQ(sink_.Of(Series("up")).back(), "1@" + std::to_string(at / kMillisecond));
    EXPECT_EQ(scraper_->Targets().at(0).last_error, "");
  };
  expect_up(0);
  failure_ = UnavailableError("connection refused");
  expect_down(15 * kSecond, "refused");
  expect_up(30 * kSecond);
  status_ = 404;
  expect_down(45 * kSecond, "404 Not Found");
  expect_up(60 * kSecond);
  body_ = "a 1\nb\n";
  expect_down(75 * kSecond, "line 2");
  expect_up(90 * kSecond);
  body_ = "a 1\nb 1\nc 1\n";
  expect_down(105 * kSecond, "sample_limit");
}

TEST_F(ScraperTest, AFailedTargetIsStaleOnlyOnce) {
  Make({Simple()});
  body_ = "a 1\n";
  scraper_->RunDue(0);
  failure_ = UnavailableError("gone");
  scraper_->RunDue(15 * kSecond);
  scraper_->RunDue(30 * kSecond);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0", "stale@15000"));
}

TEST_F(ScraperTest, WhatCouldNotBeStoredIsMadeGoodNextTime) {
  Make({Simple()});
  body_ = "a 1\n";
  scraper_->RunDue(0);
  sink_.failure = UnavailableError("disk full");
  failure_ = UnavailableError("gone");
  scraper_->RunDue(15 * kSecond);
  EXPECT_EQ(scraper_->Targets().at(0).health, Health::kDown);
  sink_.failure = {};
  scraper_->RunDue(30 * kSecond);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0", "stale@30000"));
}

TEST_F(ScraperTest, TimesOfTheExporterAreHonouredAndNeverGoStale) {
  Make({Simple()});
  body_ = "a 1 777\n";
  scraper_->RunDue(0);
  body_ = "";
  scraper_->RunDue(15 * kSecond);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@777"));
  Job job = Simple();
  job.honor_timestamps = false;
  Make({job});
  body_ = "b 1 777\n";
  scraper_->RunDue(30 * kSecond);
  EXPECT_THAT(sink_.Of(Series("b")), ElementsAre("1@30000"));
}

TEST_F(ScraperTest, SamplesFromTheFarFutureAreDropped) {
  Make({Simple()});
  body_ = "a 1 600000\nb 1 600001\n";
  scraper_->RunDue(0);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@600000"));
  EXPECT_THAT(sink_.Of(Series("b")), IsEmpty());
  EXPECT_THAT(sink_.Of(Series("scrape_samples_scraped")), ElementsAre("2@0"));
  EXPECT_THAT(sink_.Of(Series("scrape_samples_post_metric_relabeling")), ElementsAre("2@0"));
}

TEST_F(ScraperTest, LabelsOfTheTargetWinUnlessHonoured) {
  Job job = Simple();
  job.groups[0].labels = Labels({{"env", "prod"}});
  body_ = "a{env=\"dev\",job=\"x\",exported_job=\"y\"} 1\n";
  Make({job});
  scraper_->RunDue(0);
  EXPECT_THAT(sink_.series,
              Contains(Pair("a{env=\"prod\", exported_env=\"dev\", exported_exported_job=\"x\", "
                            "exported_job=\"y\", instance=\"host:1\", job=\"tempo\"}",
                            ElementsAre("1@0"))));
  job.honor_labels = true;
  Make({job});
  scraper_->RunDue(0);
  EXPECT_THAT(sink_.series, Contains(Pair("a{env=\"dev\", exported_job=\"y\", "
                                          "instance=\"host:1\", job=\"x\"}",
                                          ElementsAre("1@0"))));
}

TEST_F(ScraperTest, LabelsCanChangeTheTarget) {
  Job job = Simple();
  job.groups = {{.targets = {"host:1", "host:2"},
                 .labels = Labels({{"__metrics_path__", "/other"},
                                   {"__scheme__", "https"},
                                   {"__meta", "x"},
                                   {"instance", "named"},
                                   {"job", "renamed"}})}};
  Make({job});
  const std::vector<TargetStatus> targets = scraper_->Targets();
  ASSERT_THAT(targets, SizeIs(2));
  EXPECT_EQ(targets[0].url, "https://host:1/other");
  EXPECT_EQ(targets[1].url, "https://host:2/other");
  EXPECT_EQ(targets[0].labels, Labels({{"instance", "named"}, {"job", "renamed"}}));
  EXPECT_EQ(targets[0].job, "tempo");
  EXPECT_EQ(targets[0].health, Health::kUnknown);
}

TEST_F(ScraperTest, OpenMetricsBringsItsExemplars) {
  Make({Simple()});
  type_ = "application/openmetrics-text; version=1.0.0";
  body_ = "a_total 1 # {trace_id=\"t\"} 0.5\nb_total 1 # {trace_id=\"u\"} 0.5 2\n# EOF\n";
  scraper_->RunDue(kSecond);
  EXPECT_THAT(sink_.exemplar_texts, ElementsAre(Series("a_total") + "{trace_id=\"t\"}@1000",
                                                Series("b_total") + "{trace_id=\"u\"}@2000"));
}

TEST_F(ScraperTest, ASlowTargetDelaysNoOther) {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int slow_fetches = 0;
  const auto fetch = [&](const http::ClientRequest& request) -> Result<http::Response> {
    std::unique_lock lock(mutex);
    if (request.url.find("slow") != std::string::npos) {
      ++slow_fetches;
      changed.wait(lock, [&] { return open; });
    }
    changed.notify_all();
    return http::Response::Text(200, "a 1\n");
  };
  Job job = Simple();
  job.groups = {{.targets = {"slow:1", "host:1"}}};
  ThreadPool pool("scrape", 2, 10);
  {
    Scraper scraper({job}, &sink_, fetch, &Clock::Real(), &pool);
    for (int i = 0; i < 3; ++i) {
      scraper.RunDue(i * 15 * kSecond);
      const auto count = static_cast<size_t>(i) + 1;
      while (sink_.Of(Series("up")).size() < count) std::this_thread::yield();
      while (scraper.Targets().at(1).last_scrape != i * 15 * kSecond) std::this_thread::yield();
    }
    EXPECT_EQ(slow_fetches, 1);  // The one that still runs.
    const std::lock_guard lock(mutex);
    open = true;
    changed.notify_all();
  }
  EXPECT_THAT(sink_.Of("up{instance=\"slow:1\", job=\"tempo\"}"), ElementsAre("1@0"));
}

TEST_F(ScraperTest, AFullPoolSkipsAScrape) {
  ThreadPool pool("scrape", 1, 10);
  pool.Stop();
  Scraper scraper({Simple()}, &sink_, http::Fetch, &Clock::Real(), &pool);
  EXPECT_EQ(scraper.RunDue(0), 15 * kSecond);
  EXPECT_EQ(scraper.RunDue(15 * kSecond), 15 * kSecond);
  EXPECT_THAT(sink_.series, IsEmpty());
}

TEST_F(ScraperTest, NothingToScrapeIsNeverDue) {
  Make({});
  EXPECT_EQ(scraper_->RunDue(0), kMinute);
}

}  // namespace
}  // namespace tocsin::scrape
