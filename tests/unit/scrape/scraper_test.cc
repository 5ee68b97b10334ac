#include "cpp/scrape/scraper.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/http/router.h"
#include "cpp/lib/compression.h"

namespace tocsin::scrape {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

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
    for (const RefSample& entry : batch.samples) {
      if (entry.start != 0) starts[names_[entry.series]] = entry.start;
    }
    for (const RefHistogram& entry : batch.histograms) {
      histograms[names_[entry.series]] = *entry.sample.histogram;
      if (entry.start != 0) starts[names_[entry.series]] = entry.start;
    }
    for (const RefExemplar& entry : batch.exemplars) {
      exemplar_texts.push_back(names_[entry.series] + entry.exemplar.labels.ToString() + "@" +
                               std::to_string(entry.exemplar.t));
    }
    return AppendOutcome{};
  }
  void SetMetadata(std::span<const MetricMetadata> told) override {
    const std::lock_guard lock(mutex_);
    metadata.insert(metadata.end(), told.begin(), told.end());
  }
  /// The values of a series, or none.
  std::vector<std::string> Of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return series.contains(name) ? series[name] : std::vector<std::string>();
  }

  Status failure;
  std::map<std::string, std::vector<std::string>> series;
  std::map<std::string, NativeHistogram> histograms;
  std::map<std::string, Millis> starts;
  std::vector<MetricMetadata> metadata;
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
    job.spread = false;
    return job;
  }
  void Make(std::vector<Job> jobs) {
    scraper_ = std::make_unique<Scraper>(
        ScraperPorts{.sink = &sink_,
                     .client =
                         [this](const http::ClientOptions&) {
                           return [this](const http::ClientRequest& r) { return Answer(r); };
                         },
                     .clock = &clock_});
    scraper_->SetJobs(std::move(jobs));
  }
  Result<http::Response> Answer(const http::ClientRequest& request) {
    requests_.push_back(request);
    clock_.Advance(250 * kMillisecond);
    if (!failure_.ok()) return Failure(failure_);
    http::Response response = http::Response::Text(status_, body_);
    if (!type_.empty()) response.Set("Content-Type", type_);
    for (const auto& [name, value] : extra_headers_) response.Set(name, value);
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
  http::Headers extra_headers_;
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
  EXPECT_EQ(requests_[0].max_response_bytes, 1233U);
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
  const auto expect_down = [this](Nanos at, std::string_view why, int scraped = 0) {
    scraper_->RunDue(at);
    const std::string time = std::to_string(at / kMillisecond);
    EXPECT_EQ(sink_.Of(Series("up")).back(), "0@" + time);
    EXPECT_EQ(sink_.Of(Series("a")).back(), "stale@" + time);
    EXPECT_EQ(sink_.Of(Series("scrape_samples_scraped")).back(),
              std::to_string(scraped) + "@" + time);
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
  expect_down(75 * kSecond, "line 2", 1);
  expect_up(90 * kSecond);
  body_ = "a 1\nb 1\nc 1\n";
  expect_down(105 * kSecond, "sample limit exceeded", 3);
  expect_up(120 * kSecond);
  extra_headers_ = {{"Content-Type", "text/html"}};
  expect_down(135 * kSecond, "unsupported Content-Type");
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
  job.rules.honor_timestamps = false;
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
  job.rules.honor_labels = true;
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
                                   {"__meta_x", "x"},
                                   {"instance", "named"},
                                   {"job", "renamed"}})}};
  Make({job});
  scraper_->RunDue(0);
  const std::vector<ActiveTarget> targets = scraper_->Targets();
  ASSERT_THAT(targets, SizeIs(2));
  EXPECT_EQ(targets[0].url, "https://host:1/other");
  EXPECT_EQ(targets[1].url, "https://host:2/other");
  EXPECT_EQ(targets[0].labels, Labels({{"instance", "named"}, {"job", "renamed"}}));
  EXPECT_EQ(targets[0].pool, "tempo");
  EXPECT_EQ(targets[0].discovered_labels.Get("__address__"), "host:1");
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
    Scraper scraper({.sink = &sink_,
                     .client = [&](const http::ClientOptions&) { return fetch; },
                     .pool = &pool});
    scraper.SetJobs({job});
    for (int i = 0; i < 3; ++i) {
      scraper.RunDue(i * 15 * kSecond);
      const auto count = static_cast<size_t>(i) + 1;
      while (sink_.Of(Series("up")).size() < count) std::this_thread::yield();
      while (scraper.Targets().at(0).last_scrape != i * 15 * kSecond) std::this_thread::yield();
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
  Scraper scraper({.sink = &sink_,
                   .client =
                       [](const http::ClientOptions&) {
                         return [](const http::ClientRequest&) -> Result<http::Response> {
                           return http::Response::Text(200, "");
                         };
                       },
                   .pool = &pool});
  scraper.SetJobs({Simple()});
  EXPECT_EQ(scraper.RunDue(0), 15 * kSecond);
  EXPECT_EQ(scraper.RunDue(15 * kSecond), 15 * kSecond);
  EXPECT_THAT(sink_.series, IsEmpty());
}

TEST_F(ScraperTest, NothingToScrapeIsNeverDue) {
  Make({});
  EXPECT_EQ(scraper_->RunDue(0), kMinute);
}

TEST_F(ScraperTest, AsksForTheFormatsOfTheJob) {
  Job job = Simple();
  job.timeout = 2500 * kMillisecond;
  Make({job});
  scraper_->RunDue(0);
  const auto header = [&](std::string_view name) {
    for (const auto& [key, value] : requests_.back().headers) {
      if (key == name) return value;
    }
    return std::string();
  };
  EXPECT_EQ(header("Accept"),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
  EXPECT_EQ(header("Accept-Encoding"), "gzip");
  EXPECT_EQ(header("X-Prometheus-Scrape-Timeout-Seconds"), "2.5");
  job.protocols = {Protocol::kProtobuf, Protocol::kText1};
  job.escaping = "dots";
  job.compression = false;
  Make({job});
  scraper_->RunDue(0);
  EXPECT_EQ(header("Accept"),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited;q=0.6,text/plain;version=1.0.0;escaping=dots;q=0.5,*/*;q=0.4");
  EXPECT_EQ(header("Accept-Encoding"), "identity");
}

TEST_F(ScraperTest, ReadsGzip) {
  Make({Simple()});
  body_ = lib::Gzip("a 5\n");
  extra_headers_ = {{"Content-Encoding", "gzip"}};
  scraper_->RunDue(0);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("5@0"));
  body_ = "no gzip";
  scraper_->RunDue(15 * kSecond);
  EXPECT_EQ(sink_.Of(Series("up")).back(), "0@15000");
}

TEST_F(ScraperTest, MetricsAreRelabelledAndDropped) {
  Job job = Simple();
  job.rules.relabelling =
      relabel::Rules::Compile(
          {{.source_labels = {"__name__"}, .regex = "go_.*", .action = relabel::Action::kDrop},
           {.regex = "pod", .action = relabel::Action::kLabelDrop}})
          .value();
  Make({job});
  body_ = "go_threads 5\na{pod=\"x\"} 1\n";
  for (const Nanos at : {Nanos{0}, 15 * kSecond}) scraper_->RunDue(at);
  EXPECT_THAT(sink_.Of(Series("go_threads")), IsEmpty());
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0", "1@15000"));
  EXPECT_THAT(sink_.Of(Series("scrape_samples_scraped")), ElementsAre("2@0", "2@15000"));
  EXPECT_THAT(sink_.Of(Series("scrape_samples_post_metric_relabeling")),
              ElementsAre("1@0", "1@15000"));
  EXPECT_THAT(sink_.Of(Series("scrape_series_added")), ElementsAre("1@0", "0@15000"));
}

TEST_F(ScraperTest, LabelLimitsFailTheScrape) {
  const auto error_of = [this](const SampleRules& rules) {
    Job job = Simple();
    job.rules = rules;
    Make({job});
    body_ = "a{first=\"value\"} 1\n";
    scraper_->RunDue(0);
    return scraper_->Targets().at(0).last_error;
  };
  EXPECT_EQ(error_of({.label_limit = 4}), "");
  EXPECT_EQ(error_of({.label_limit = 3}),
            "label_limit exceeded (metric: a, number of labels: 4, limit: 3)");
  EXPECT_EQ(error_of({.label_name_length_limit = 7}),
            "label_name_length_limit exceeded (metric: a, label name: __name__, length: 8, "
            "limit: 7)");
  EXPECT_EQ(error_of({.label_value_length_limit = 5}),
            "label_value_length_limit exceeded (metric: a, label name: instance, value: "
            "\"host:1\", length: 6, limit: 5)");
}

TEST_F(ScraperTest, BodyAndTargetLimitsFailTheScrape) {
  Job job = Simple();
  job.body_size_limit = 4;
  job.extra_metrics = true;
  Make({job});
  extra_headers_ = {{"Content-Encoding", "gzip"}};
  body_ = lib::Gzip("a 1\n");
  scraper_->RunDue(0);
  EXPECT_EQ(scraper_->Targets().at(0).last_error, "body size limit exceeded");
  EXPECT_THAT(sink_.Of(Series("scrape_body_size_bytes")), ElementsAre("-1@0"));
  EXPECT_THAT(sink_.Of(Series("scrape_timeout_seconds")), ElementsAre("10@0"));
  job = Simple();
  job.target_limit = 1;
  job.groups[0].targets.push_back("host:2");
  Make({job});
  requests_.clear();
  scraper_->RunDue(0);
  EXPECT_THAT(requests_, IsEmpty());
  EXPECT_EQ(scraper_->Targets().at(1).last_error,
            "target_limit exceeded (number of targets: 2, limit: 1)");
}

TEST_F(ScraperTest, StartsComeFromCreatedSeries) {
  Make({Simple()});
  type_ = "application/openmetrics-text";
  body_ =
      "# TYPE a counter\na_total{x=\"1\"} 1\na_created{x=\"1\"} 1.5\na_total{x=\"2\"} 1\n"
      "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 1\n"
      "h_created 2.5\n# TYPE g gauge\ng 1\ng_created 3\n# EOF\n";
  scraper_->RunDue(kMinute);
  const auto name = [](std::string_view metric, std::string_view label) {
    return std::string(metric) + "{instance=\"host:1\", job=\"tempo\"" + std::string(label) + "}";
  };
  EXPECT_THAT(sink_.starts,
              UnorderedElementsAre(Pair(name("a_total", ", x=\"1\""), 1500),
                                   Pair(name("h_bucket", ", le=\"1.0\""), 2500),
                                   Pair(name("h_bucket", ", le=\"+Inf\""), 2500),
                                   Pair(name("h_count", ""), 2500), Pair(name("h_sum", ""), 2500)));
  EXPECT_THAT(sink_.Of(name("a_created", ", x=\"1\"")), SizeIs(1));
}

TEST_F(ScraperTest, ClassicHistogramsBecomeNativeOnDemand) {
  Job job = Simple();
  job.rules.convert_classic = true;
  Make({job});
  body_ =
      "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"+Inf\"} 4\n"
      "h_sum 9\nh_count 4\nother 1\n";
  scraper_->RunDue(0);
  ASSERT_TRUE(sink_.histograms.contains(Series("h")));
  const NativeHistogram& h = sink_.histograms[Series("h")];
  EXPECT_THAT(h.custom_values, ElementsAre(1, 2));
  EXPECT_EQ(h.count, 4);
  EXPECT_EQ(h.sum, 9);
  EXPECT_THAT(h.positive_buckets, ElementsAre(1, 3));
  EXPECT_THAT(sink_.Of(Series("h_count")), IsEmpty());
  EXPECT_THAT(sink_.Of(Series("other")), ElementsAre("1@0"));
  EXPECT_THAT(sink_.Of(Series("scrape_samples_scraped")), ElementsAre("2@0"));
}

TEST_F(ScraperTest, MetadataGoesToTheSinkOnceAndStaysToBeAsked) {
  Make({Simple()});
  body_ = "# TYPE a counter\n# HELP a the help\na 1\n";
  scraper_->RunDue(0);
  scraper_->RunDue(15 * kSecond);
  const MetricMetadata a{"a", MetricType::kCounter, "the help", ""};
  EXPECT_THAT(sink_.metadata, ElementsAre(a));
  type_ = "application/openmetrics-text";
  body_ = "# HELP b x\n# TYPE b counter\nb_total 1\n# EOF\n";
  scraper_->RunDue(30 * kSecond);
  const MetricMetadata b{"b_total", MetricType::kCounter, "x", ""};
  EXPECT_THAT(sink_.metadata, ElementsAre(a, b));
  const std::vector<TargetMetadata> all = scraper_->Metadata("", 0);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].metadata, a);
  EXPECT_EQ(all[1].metadata, b);
  EXPECT_EQ(all[1].labels, Labels({{"instance", "host:1"}, {"job", "tempo"}}));
  EXPECT_THAT(scraper_->Metadata("b_total", 0), SizeIs(1));
  EXPECT_THAT(scraper_->Metadata("", 1), SizeIs(1));
}

TEST_F(ScraperTest, OtherJobsKeepWhatStays) {
  Job job = Simple();
  job.groups[0].targets = {"host:1", "host:2"};
  Make({job});
  body_ = "a 1\n";
  scraper_->RunDue(0);
  job.groups[0].targets = {"host:2", "host:3"};
  job.sample_limit = 10;
  scraper_->SetJobs({job});
  requests_.clear();
  scraper_->RunDue(5 * kSecond);
  ASSERT_THAT(requests_, SizeIs(1)) << "host:2 is due when it was";
  EXPECT_EQ(requests_[0].url, "http://host:3/metrics");
  scraper_->RunDue(15 * kSecond);
  EXPECT_THAT(sink_.Of("scrape_series_added{instance=\"host:2\", job=\"tempo\"}"),
              ElementsAre("1@0", "0@15000"));
  // The one that is gone ends when it would have been scraped, and that is written later.
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0"));
  scraper_->RunDue(32 * kSecond);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0", "stale@15000"));
  EXPECT_THAT(sink_.Of(Series("up")), ElementsAre("1@0", "stale@15000"));
  EXPECT_EQ(sink_.Of("a{instance=\"host:2\", job=\"tempo\"}").back(), "1@32000");
}

TEST_F(ScraperTest, ATargetThatComesBackGoesOn) {
  Make({Simple()});
  body_ = "a 1\n";
  scraper_->RunDue(0);
  scraper_->SetJobs({});
  scraper_->RunDue(5 * kSecond);
  scraper_->SetJobs({Simple()});
  for (const Nanos at : {10 * kSecond, 25 * kSecond, 40 * kSecond}) scraper_->RunDue(at);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0", "1@10000", "1@25000", "1@40000"));
}

TEST_F(ScraperTest, TellsItsTargetsAndWhatRelabellingDoes) {
  Job job = Simple();
  job.groups[0].targets = {"host:1", "host:2", "host:3"};
  job.keep_dropped_targets = 1;
  job.relabelling = relabel::Rules::Compile({{.target_label = "env", .replacement = "prod"},
                                             {.source_labels = {"__address__"},
                                              .regex = "host:[23]",
                                              .action = relabel::Action::kDrop}})
                        .value();
  Make({job});
  scraper_->RunDue(0);
  EXPECT_THAT(scraper_->Pools(), ElementsAre("tempo"));
  ASSERT_THAT(scraper_->Targets("tempo"), SizeIs(1));
  EXPECT_EQ(scraper_->Targets()[0].labels,
            Labels({{"env", "prod"}, {"instance", "host:1"}, {"job", "tempo"}}));
  EXPECT_THAT(scraper_->Targets("none"), IsEmpty());
  ASSERT_THAT(scraper_->Dropped(), SizeIs(1));
  EXPECT_EQ(scraper_->Dropped()[0].discovered_labels.Get("__address__"), "host:2");
  EXPECT_THAT(scraper_->DroppedCounts(), ElementsAre(Pair("tempo", 2)));
  const auto steps = scraper_->RelabelSteps("tempo", Labels({{"__address__", "host:3"}}));
  ASSERT_TRUE(steps.has_value());
  ASSERT_THAT(*steps, SizeIs(2));
  EXPECT_EQ((*steps)[0].output, Labels({{"__address__", "host:3"}, {"env", "prod"}}));
  EXPECT_TRUE((*steps)[0].keep);
  EXPECT_FALSE((*steps)[1].keep);
  EXPECT_EQ(scraper_->RelabelSteps("none", {}).error().code(), StatusCode::kNotFound);
}

TEST_F(ScraperTest, TargetsAreSpreadOverTheInterval) {
  Job job = Simple(kMinute);
  job.spread = true;
  job.groups[0].targets = {"host:1", "host:2", "host:3", "host:4"};
  Make({job});
  Nanos now = 1000 * kMinute;
  std::set<Nanos> times;
  for (const Nanos end = now + kMinute; now < end;) {
    const size_t before = requests_.size();
    const Nanos wait = scraper_->RunDue(now);
    if (requests_.size() > before) times.insert(now);
    now += wait;
  }
  EXPECT_THAT(requests_, SizeIs(4));
  EXPECT_GT(times.size(), 1U);
}

TEST_F(ScraperTest, AWakeUpThatIsALittleLateIsOverlooked) {
  Make({Simple()});
  body_ = "a 1\n";
  scraper_->RunDue(0);
  scraper_->RunDue(15 * kSecond + 2 * kMillisecond);
  scraper_->RunDue(30 * kSecond + 3 * kMillisecond);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0", "1@15000", "1@30003"));
}

TEST_F(ScraperTest, TheSameLineTwiceCountsOnce) {
  Make({Simple()});
  body_ = "a 1\na 2\nb{x=\"1\",y=\"2\"} 1\n";
  scraper_->RunDue(0);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@0"));
  // The same series in another spelling has not ended.
  body_ = "b{y=\"2\",x=\"1\"} 2\n";
  scraper_->RunDue(15 * kSecond);
  EXPECT_THAT(sink_.Of("b{instance=\"host:1\", job=\"tempo\", x=\"1\", y=\"2\"}"),
              ElementsAre("1@0", "2@15000"));
}

TEST_F(ScraperTest, TrackedTimestampsEnd) {
  Job job = Simple();
  job.rules.track_timestamps_staleness = true;
  Make({job});
  body_ = "a 1 777\n";
  scraper_->RunDue(0);
  body_ = "";
  scraper_->RunDue(15 * kSecond);
  EXPECT_THAT(sink_.Of(Series("a")), ElementsAre("1@777", "stale@15000"));
}

TEST_F(ScraperTest, AnEmptyLabelIsHonouredToo) {
  Job job = Simple();
  job.rules.honor_labels = true;
  Make({job});
  body_ = "a{instance=\"\"} 1\n";
  scraper_->RunDue(0);
  EXPECT_THAT(sink_.Of("a{job=\"tempo\"}"), ElementsAre("1@0"));
}

}  // namespace
}  // namespace tocsin::scrape
