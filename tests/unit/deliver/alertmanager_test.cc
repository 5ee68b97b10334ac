// What Alertmanagers are sent, which are found, and what becomes of alerts that wait.

#include "cpp/deliver/alertmanager.h"

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/deliver/alertmanagers.h"
#include "cpp/lib/json.h"
#include "tests/unit/deliver/fake_receiver.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::deliver {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Alert SampleAlert(int number) {
  Alert alert;
  alert.labels = {{"alertname", "Busy"}, {"n", std::to_string(number)}, {"replica", "a"}};
  alert.annotations = {{"summary", "it is \"busy\""}};
  alert.starts_at = 1'795'361'802 * kSecond + 1;
  alert.ends_at = alert.starts_at + 4 * kMinute;
  alert.generator_url = "http://x/graph?g0.expr=1&g0.tab=1";
  return alert;
}

std::vector<SharedAlert> Shared(int count) {
  std::vector<SharedAlert> alerts;
  for (int i = 0; i < count; ++i) alerts.push_back(std::make_shared<Alert>(SampleAlert(i)));
  return alerts;
}

// Alertmanagers by their URLs: takes alerts, counts them, answers what it is told.
class FakeAlertmanagers {
 public:
  Result<http::Response> operator()(const http::ClientRequest& request) {
    const std::scoped_lock lock(mutex_);
    const Result<lib::Json> body = lib::Json::Parse(request.body);
    EXPECT_TRUE(body.has_value());
    batches[request.url].push_back(body->array.size());
    for (const lib::Json& alert : body->array) {
      const lib::Json* labels = alert.Find("labels");
      std::string text;
      for (const auto& [name, value] : labels->object) text += name + "=" + value.string + " ";
      alerts[request.url].push_back(text);
    }
    if (status == 0) return UnavailableError("no connection");
    return http::Response::Text(status, "");
  }
  http::FetchFunction Fetch() {
    return [this](const http::ClientRequest& request) { return (*this)(request); };
  }
  size_t Count(const std::string& url) {
    const std::scoped_lock lock(mutex_);
    return alerts[url].size();
  }

  std::atomic<int> status = 200;
  std::map<std::string, std::vector<size_t>> batches;
  std::map<std::string, std::vector<std::string>> alerts;

 private:
  std::mutex mutex_;
};

constexpr const char* kUrl = "http://am/api/v2/alerts";

TEST(AlertmanagerTest, TheBodyIsWhatItsApiTakes) {
  const std::vector<SharedAlert> alerts = Shared(1);
  const auto json = lib::Json::Parse(AlertsJson(alerts));
  ASSERT_TRUE(json.has_value());
  ASSERT_EQ(json->array.size(), 1U);
  const lib::Json& one = json->array[0];
  EXPECT_EQ(one.Find("labels")->Find("alertname")->string, "Busy");
  EXPECT_EQ(one.Find("annotations")->Find("summary")->string, "it is \"busy\"");
  EXPECT_EQ(one.Find("startsAt")->string, "2026-11-22T15:36:42.000Z");
  EXPECT_EQ(one.Find("endsAt")->string, "2026-11-22T15:40:42.000Z");
  EXPECT_EQ(one.Find("generatorURL")->string, alerts[0]->generator_url);
}

TEST(AlertmanagerTest, AlertsGoInBatchesAndTheEndDeliversTheRest) {
  FakeAlertmanagers fake;
  FakeTelemetry telemetry;
  {
    AlertmanagerClient client({.url = kUrl, .queue = {.batch_size = 10}}, fake.Fetch(), &telemetry);
    client.Send(Shared(25));
  }
  for (const size_t batch : fake.batches[kUrl]) EXPECT_LE(batch, 10U);
  EXPECT_EQ(fake.Count(kUrl), 25U);
  EXPECT_EQ(telemetry.counters["prometheus_notifications_sent_total"].value, 25);
  EXPECT_EQ(telemetry.gauges["prometheus_notifications_queue_length"].value, 0);
}

TEST(AlertmanagerTest, AFailedBatchIsDroppedAndTheNextIsTried) {
  FakeAlertmanagers fake;
  FakeTelemetry telemetry;
  fake.status = 500;
  AlertmanagerClient client({.url = kUrl, .queue = {.batch_size = 1}}, fake.Fetch(), &telemetry);
  client.Send(Shared(3));
  while (telemetry.counters["prometheus_notifications_dropped_total"].value < 3) {
    std::this_thread::yield();
  }
  EXPECT_EQ(fake.Count(kUrl), 3U);
  EXPECT_EQ(telemetry.counters["prometheus_notifications_errors_total"].value, 3);
  EXPECT_EQ(telemetry.counters["prometheus_notifications_sent_total"].value, 0);
  fake.status = 204;  // Any 2xx will do.
  client.Send(Shared(1));
  while (telemetry.counters["prometheus_notifications_sent_total"].value < 1) {
    std::this_thread::yield();
  }
}

TEST(AlertmanagerTest, AFullQueueDropsTheOldest) {
  FakeTelemetry telemetry;
  std::mutex busy;
  std::atomic<bool> begun = false;
  std::vector<std::string> bodies;
  auto client = std::make_unique<AlertmanagerClient>(
      AlertmanagerOptions{.url = kUrl, .queue = {.capacity = 2, .batch_size = 1}},
      [&](const http::ClientRequest& request) -> Result<http::Response> {
        begun = true;
        const std::scoped_lock lock(busy);
        bodies.push_back(request.body);
        return http::Response{};
      },
      &telemetry);
  {
    const std::scoped_lock hold(busy);
    client->Send(Shared(1));
    while (!begun) std::this_thread::yield();
    const std::vector<SharedAlert> alerts = Shared(5);
    client->Send(std::span(alerts).subspan(1));
    EXPECT_EQ(telemetry.counters["prometheus_notifications_dropped_total"].value, 2);
    EXPECT_EQ(telemetry.gauges["prometheus_notifications_queue_length"].value, 2);
  }
  client.reset();
  ASSERT_EQ(bodies.size(), 3U);
  EXPECT_NE(bodies[1].find(R"("n":"3")"), std::string::npos);
  EXPECT_NE(bodies[2].find(R"("n":"4")"), std::string::npos);
}

TEST(AlertmanagerTest, TheEndDoesNotWaitForADeadOne) {
  FakeAlertmanagers fake;
  FakeTelemetry telemetry;
  fake.status = 0;
  {
    AlertmanagerClient client({.url = kUrl, .queue = {.batch_size = 1}}, fake.Fetch(), &telemetry);
    client.BeginStop();
    client.Send(Shared(1));
  }
  EXPECT_EQ(fake.Count(kUrl), 0U);  // What comes too late is not taken.
  {
    AlertmanagerClient client({.url = kUrl, .queue = {.batch_size = 1, .drain = false}},
                              fake.Fetch(), &telemetry);
    client.Send(Shared(100));
  }
  EXPECT_EQ(telemetry.counters["prometheus_notifications_dropped_total"].value, 100);
}

class AlertmanagersTest : public testing::Test {
 protected:
  AlertmanagersTest()
      : all_({.client = [this](const http::ClientOptions&) { return fake_.Fetch(); },
              .telemetry = &telemetry_}) {}

  static relabel::Rules Compile(relabel::Rule rule) {
    return *relabel::Rules::Compile({std::move(rule)});
  }

  FakeTelemetry telemetry_;
  FakeAlertmanagers fake_;
  Alertmanagers all_;
};

TEST_F(AlertmanagersTest, EveryOneGetsEveryAlertAsItsSetRelabelsIt) {
  AlertmanagerSet plain;
  plain.groups = {{{"a:1", "b:1", "a:1"}, {}}};
  AlertmanagerSet other;
  other.scheme = "https";
  other.path_prefix = "/am";
  other.groups = {{{"c:1"}, {}}};
  other.alert_relabelling = Compile({.regex = "replica", .action = relabel::Action::kLabelDrop});
  all_.SetAll({plain, other}, {}, 0);
  EXPECT_THAT(all_.Active(), ElementsAre("http://a:1/api/v2/alerts", "http://b:1/api/v2/alerts",
                                         "https://c:1/am/api/v2/alerts"));
  EXPECT_EQ(telemetry_.gauges["prometheus_notifications_alertmanagers_discovered"].value, 3);
  EXPECT_EQ(telemetry_.gauges["prometheus_notifications_queue_capacity"].value, 10'000);
  const std::vector<Alert> alerts = {SampleAlert(1)};
  all_.Send(alerts);
  all_.Stop();
  EXPECT_THAT(fake_.alerts["http://a:1/api/v2/alerts"],
              ElementsAre("alertname=Busy n=1 replica=a "));
  EXPECT_THAT(fake_.alerts["http://b:1/api/v2/alerts"],
              ElementsAre("alertname=Busy n=1 replica=a "));
  EXPECT_THAT(fake_.alerts["https://c:1/am/api/v2/alerts"], ElementsAre("alertname=Busy n=1 "));
  EXPECT_THAT(all_.Active(), IsEmpty());
}

TEST_F(AlertmanagersTest, RelabellingChoosesAndMovesThem) {
  AlertmanagerSet set;
  set.groups = {{{"a:1", "b:1", "http://c"}, {{"__scheme__", "https"}, {"zone", "z"}}}};
  set.relabelling = *relabel::Rules::Compile(
      {{.source_labels = {"__address__"}, .regex = "b:1", .action = relabel::Action::kDrop},
       {.source_labels = {"zone"},
        .target_label = "__alerts_path__",
        .replacement = "/$1/alerts"}});
  all_.SetAll({set}, {}, 0);
  EXPECT_THAT(all_.Active(), ElementsAre("https://a:1/z/alerts"));
  EXPECT_THAT(all_.Dropped(), ElementsAre("https://b:1/api/v2/alerts"));
}

TEST_F(AlertmanagersTest, AnAlertThatRelabellingDropsIsNotSent) {
  AlertmanagerSet set;
  set.groups = {{{"a:1"}, {}}};
  set.alert_relabelling =
      Compile({.source_labels = {"n"}, .regex = "1", .action = relabel::Action::kDrop});
  all_.SetAll({set}, {}, 0);
  const std::vector<Alert> alerts = {SampleAlert(1), SampleAlert(2)};
  all_.Send(alerts);
  all_.Stop();
  EXPECT_THAT(fake_.alerts["http://a:1/api/v2/alerts"],
              ElementsAre("alertname=Busy n=2 replica=a "));
}

TEST_F(AlertmanagersTest, FilesOfTargetsAreFollowed) {
  const TemporaryDirectory home;
  const auto write = [&](std::string_view text) { return home.Write("alertmanagers.json", text); };
  const std::string file = write(R"([{"targets": ["a:1"]}])");
  AlertmanagerSet set;
  set.files = {{.patterns = {file}}};
  all_.SetAll({set}, {}, 0);
  EXPECT_THAT(all_.Active(), ElementsAre("http://a:1/api/v2/alerts"));
  write(R"([{"targets": ["a:1", "long-name:2"]}])");
  EXPECT_LE(all_.RunDue(kMinute), kMinute + 5 * kSecond);
  EXPECT_THAT(all_.Active(),
              ElementsAre("http://a:1/api/v2/alerts", "http://long-name:2/api/v2/alerts"));
  write("broken");
  all_.RunDue(2 * kMinute);
  EXPECT_EQ(all_.Active().size(), 2U);
  std::filesystem::remove(file);
  all_.RunDue(3 * kMinute);
  EXPECT_THAT(all_.Active(), IsEmpty());
}

TEST_F(AlertmanagersTest, AnotherConfigurationSendsWhatWaitsAndKeepsWhatStays) {
  AlertmanagerSet first;
  first.groups = {{{"a:1"}, {}}};
  AlertmanagerSet second;
  second.groups = {{{"b:1"}, {}}};
  all_.SetAll({first, second}, {}, 0);
  const std::vector<Alert> alerts = {SampleAlert(1)};
  all_.Send(alerts);
  all_.SetAll({second}, {}, kSecond);
  EXPECT_THAT(all_.Active(), ElementsAre("http://b:1/api/v2/alerts"));
  all_.Send(alerts);
  all_.Stop();
  EXPECT_EQ(fake_.Count("http://a:1/api/v2/alerts"), 1U);
  EXPECT_EQ(fake_.Count("http://b:1/api/v2/alerts"), 2U);
}

}  // namespace
}  // namespace tocsin::deliver
