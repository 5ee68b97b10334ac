/// Keeps what rules send.

#pragma once

#include <span>
#include <utility>
#include <vector>

#include "cpp/model/alert.h"
#include "cpp/rules/ports.h"

namespace tocsin::rules {

class FakeSink : public AlertSink {
 public:
  void Send(std::span<const Alert> alerts) override {
    ++calls;
    sent.insert(sent.end(), alerts.begin(), alerts.end());
  }
  std::vector<Alert> Take() { return std::exchange(sent, {}); }

  std::vector<Alert> sent;
  int calls = 0;
};

}  // namespace tocsin::rules
