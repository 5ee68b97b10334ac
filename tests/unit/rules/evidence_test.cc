// Alerts carry ids of traces that show them: when those are looked for, which stay, and where they
// are written.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/model/alert.h"
#include "tests/unit/rules/manager_fixture.h"

namespace tocsin::rules {
namespace {

class FakeEvidence : public EvidenceSource {
 public:
  std::vector<std::string> TracesOf(const promql::Expr& /*expr*/, const Labels& labels,
                                    Millis /*at*/, size_t max) const override {
    asked.push_back(labels.ToString());
    if (slow != nullptr) slow->Advance(kSecond);
    std::vector<std::string> given = traces;
    if (given.size() > max) given.resize(max);
    return given;
  }

  std::vector<std::string> traces;
  mutable std::vector<std::string> asked;
  VirtualClock* slow = nullptr;  ///< A search takes a second of this clock.
};

class EvidenceTest : public ManagerTest {
 protected:
  EvidenceTest() { ManagerTest::evidence_ = &found_; }

  /// An alert on x, evaluated every 15 s.
  void StartRule(const std::string& more) {
    Start("groups: [{name: g, interval: 15s, rules: [{alert: A, expr: x > 0" + more + "}]}]");
    Put(1);
  }
  void Put(double value) { series_.Add(kX, clock_.Now() / kMillisecond, value); }
  std::string Traces() const {
    const RuleView view = View(0);
    if (view.alerts.empty()) return "no alert";
    return std::string(FindAnnotation(view.alerts[0].annotations, "traces"));
  }
  bool Annotated() const {
    const RuleView view = View(0);
    return std::ranges::find(view.alerts.at(0).annotations, "traces",
                             &Annotations::value_type::first) !=
           view.alerts.at(0).annotations.end();
  }

  const Labels kX{{"__name__", "x"}, {"job", "a"}};
  FakeEvidence found_;
};

TEST_F(EvidenceTest, AFiringAlertCarriesUpToFiveIds) {
  found_.traces = {"t1", "t2", "t3", "t4", "t5", "t6", "t7"};
  StartRule("");
  RunTo(next_);
  EXPECT_EQ(Traces(), "t1,t2,t3,t4,t5");
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(FindAnnotation(sink_.sent[0].annotations, "traces"), "t1,t2,t3,t4,t5");
  EXPECT_EQ(found_.asked.at(0), "{job=\"a\"}") << "the element, without its name";
}

TEST_F(EvidenceTest, WithoutTracesThereIsNoAnnotation) {
  StartRule("");
  RunTo(next_);
  EXPECT_EQ(View(0).state, "firing");
  EXPECT_FALSE(Annotated());
}

TEST_F(EvidenceTest, PendingAlertsAreNotLookedInto) {
  found_.traces = {"t1"};
  StartRule(", for: 30s");
  RunTo(next_);
  RunTo(next_);
  EXPECT_EQ(View(0).state, "pending");
  EXPECT_TRUE(found_.asked.empty());
  RunTo(next_);
  EXPECT_EQ(View(0).state, "firing");
  EXPECT_EQ(Traces(), "t1");
}

TEST_F(EvidenceTest, WhatIsStillFoundStaysInItsPlace) {
  found_.traces = {"t1", "t2", "t3"};
  StartRule("");
  RunTo(next_);
  EXPECT_EQ(Traces(), "t1,t2,t3");
  found_.traces = {"t9", "t3", "t1"};
  RunTo(next_);
  EXPECT_EQ(Traces(), "t1,t2,t3") << "looked for once a minute";
  EXPECT_EQ(found_.asked.size(), 1U);
  RunFor(kMinute);
  EXPECT_EQ(Traces(), "t1,t3,t9");
  found_.traces = {};
  RunFor(kMinute);
  EXPECT_FALSE(Annotated());
}

TEST_F(EvidenceTest, TheyAreKeptOverARestart) {
  found_.traces = {"t1", "t2"};
  StartRule("");
  RunTo(next_);
  StartRule("");
  EXPECT_EQ(Traces(), "t1,t2");
  found_.traces = {"t8", "t2", "t1"};
  RunTo(next_);
  EXPECT_EQ(Traces(), "t1,t2,t8");
}

TEST_F(EvidenceTest, TheAnnotationOfTheRuleWins) {
  found_.traces = {"t1", "t2"};
  StartRule(", annotations: {traces: 'see {{ range traces }}<{{ . }}>{{ end }}'}");
  RunTo(next_);
  EXPECT_EQ(Traces(), "see <t1><t2>");
}

TEST_F(EvidenceTest, LabelsDoNotChangeWithTheTraces) {
  found_.traces = {"t1"};
  StartRule(", labels: {n: '{{ len traces }}'}");
  RunTo(next_);
  EXPECT_EQ(View(0).alerts.at(0).labels.Get("n"), "0");
}

TEST_F(EvidenceTest, SearchesTakeNoMoreThanATenthOfTheInterval) {
  found_.traces = {"t1"};
  StartRule("");
  for (int i = 0; i < 7; ++i) {
    series_.Add(Labels{{"__name__", "x"}, {"n", std::to_string(i)}}, clock_.Now() / kMillisecond,
                1);
  }
  found_.slow = &clock_;
  RunTo(next_);
  EXPECT_EQ(found_.asked.size(), 2U) << "1.5 s of 15 s: the third would begin after 2 s";
  EXPECT_EQ(View(0).alerts.size(), 8U);
  for (int i = 0; i < 3; ++i) RunTo(next_);
  EXPECT_EQ(found_.asked.size(), 8U) << "each alert once, at one evaluation or another";
}

TEST_F(EvidenceTest, ResolvedAlertsKeepTheirLastOnes) {
  found_.traces = {"t1"};
  StartRule("");
  RunTo(next_);
  sink_.Take();
  Put(0);
  RunTo(next_);
  ASSERT_EQ(sink_.sent.size(), 1U);
  EXPECT_EQ(FindAnnotation(sink_.sent[0].annotations, "traces"), "t1");
}

}  // namespace
}  // namespace tocsin::rules
