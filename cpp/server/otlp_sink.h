/// The engine as what receivers hand requests to.

#pragma once

#include "cpp/engine/engine.h"
#include "cpp/receive/receive.h"

namespace tocsin::server {

class OtlpSink final : public receive::SpanSink {
 public:
  /// Borrowed.
  explicit OtlpSink(engine::Engine* engine) : engine_(engine) {}

  receive::ExportOutcome Export(const receive::ExportRequest& request) override;

 private:
  engine::Engine* const engine_;
};

}  // namespace tocsin::server
