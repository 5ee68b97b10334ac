// _core.Engine and _core.decode_trace. Calls that take time give the interpreter's lock back.

#include "python/bindings/bind_engine.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "cpp/backtest/backtest.h"
#include "cpp/backtest/report.h"
#include "cpp/base/clock.h"
#include "cpp/base/log.h"
#include "cpp/engine/engine.h"
#include "cpp/engine/tables.h"
#include "cpp/engine/trace_selector.h"
#include "cpp/traceql/parser.h"
#include "cpp/traceql/search.h"
#include "cpp/wire/otlp_decode.h"
#include "python/bindings/bind_table.h"
#include "python/bindings/errors.h"

namespace py = pybind11;

namespace tocsin::python {
namespace {

// The tenant of a server without multitenancy, so that both see the same spans.
constexpr std::string_view kTenant = "single-tenant";

TraceId ParseTraceId(std::string_view text) {
  const auto id = TraceId::FromHex(text);
  if (!id) {
    throw StatusError(InvalidArgumentError("\"" + std::string(text) +
                                           "\" is no trace id: 1 to 32 hexadecimal digits"));
  }
  return *id;
}

// Looks now and then whether Python has a signal, such as Ctrl-C, for the thread that made it. May
// be asked by any thread.
class PythonSignals {
 public:
  Status Check() {
    const Nanos now = Clock::Real().Now();
    if (now < next_.load(std::memory_order_relaxed)) return {};
    next_.store(now + kSignalInterval, std::memory_order_relaxed);
    const py::gil_scoped_acquire locked;
    if (raised_ || PyErr_CheckSignals() == 0) return {};
    raised_ = true;  // What was raised waits in the state of this thread.
    return CancelledError("interrupted");
  }

  // Goes on with the exception of a signal, if there was one.
  void Rethrow() const {
    const py::gil_scoped_acquire locked;
    if (raised_) throw py::error_already_set();
  }

 private:
  static constexpr Nanos kSignalInterval = 50 * kMillisecond;

  std::atomic<Nanos> next_ = 0;
  bool raised_ = false;
};

// An engine that may be closed while other threads use it: they finish first, and later calls fail.
class EngineHandle {
 public:
  explicit EngineHandle(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}

  static std::unique_ptr<EngineHandle> Open(const std::string& path) {
    const py::gil_scoped_release unlocked;
    log::SetLevel(log::Level::kError);  // A notebook is no place for the log of a server.
    engine::EngineOptions options;
    options.path = path;
    return std::make_unique<EngineHandle>(
        ValueOrThrow(engine::Engine::Open(std::move(options), Clock::Real(), Telemetry::None())));
  }

  // pybind11 does not promise that to release a lock which is held cannot throw.
  ~EngineHandle() {  // NOLINT(bugprone-exception-escape)
    const py::gil_scoped_release unlocked;
    engine_.reset();
  }
  EngineHandle(const EngineHandle&) = delete;
  EngineHandle& operator=(const EngineHandle&) = delete;

  void Close() {
    const py::gil_scoped_release unlocked;
    const std::unique_lock lock(mutex_);
    if (engine_ == nullptr) return;
    const Status status = engine_->Close();
    engine_.reset();
    ThrowIfError(status);
  }

  std::tuple<uint64_t, uint64_t, std::string> Ingest(std::string_view body) {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    engine::ExportResult result = ValueOrThrow(use->Export(kTenant, body));
    return {result.accepted, result.rejected, std::move(result.message)};
  }

  TableHandle Search(std::string_view query, int64_t start, int64_t end, int64_t limit) {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    if (limit < 1) throw StatusError(InvalidArgumentError("limit must be at least 1"));
    const traceql::Query parsed = ValueOrThrow(traceql::Parse(query));
    traceql::SearchOptions options;
    options.limit = static_cast<uint32_t>(std::min<int64_t>(limit, UINT32_MAX));
    options.start = static_cast<uint64_t>(std::max<int64_t>(start, 0));
    options.end = static_cast<uint64_t>(std::max<int64_t>(end, 0));
    const auto view = use->spans().View(kTenant, options.start, options.end);
    return {engine::SearchTable(ValueOrThrow(traceql::Search(*view, parsed, options)))};
  }

  std::optional<TableHandle> Trace(std::string_view trace_id) {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    const auto view = use->spans().View(kTenant, 0, UINT64_MAX);
    const SpanBatch trace = ValueOrThrow(view->Trace(ParseTraceId(trace_id)));
    if (trace.empty()) return std::nullopt;
    return TableHandle{engine::SpanTable(trace)};
  }

  void Pin(std::string_view trace_id) {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    ThrowIfError(use->PinTrace(kTenant, ParseTraceId(trace_id)));
  }

  void Unpin(std::string_view trace_id) {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    ThrowIfError(use->UnpinTrace(kTenant, ParseTraceId(trace_id)));
  }

  std::vector<std::string> Pins() {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    std::vector<std::string> ids;
    for (const TraceId& id : use->spans().Pinned(kTenant)) ids.push_back(id.ToHex());
    return ids;
  }

  TableHandle PromQlInstant(std::string_view expr, Millis time) {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    return {engine::SampleTable(ValueOrThrow(use->promql().Query(expr, use->series(), time)))};
  }

  TableHandle PromQlRange(std::string_view expr, Millis start, Millis end, Millis step) {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    const promql::TimeRange range{start, end, step};
    return {
        engine::SampleTable(ValueOrThrow(use->promql().QueryRange(expr, use->series(), range)))};
  }

  // NOLINTNEXTLINE(readability-function-size): the arguments are Python's.
  std::tuple<TableHandle, std::string> Backtest(
      const std::vector<std::pair<std::string, std::string>>& rules, Nanos start, Nanos end,
      Nanos interval, const std::vector<std::string>& dimensions, bool from_spans) {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    promql::EngineOptions promql = use->promql().options();
    promql.parser = promql::ParserOptions::Everything();
    promql.parser.check_traces = &engine::CheckTraceQuery;
    const promql::Engine evaluator(promql);
    std::vector<backtest::RuleText> texts;
    texts.reserve(rules.size());
    for (const auto& [path, text] : rules) texts.push_back({path, text});
    backtest::Options options;
    options.from = start;
    options.to = end;
    options.rules.default_interval = interval;
    options.rules.parser = promql.parser;
    options.dimensions = dimensions;
    options.from_spans = from_spans;
    PythonSignals signals;
    options.interrupted = [&signals] { return signals.Check(); };
    const backtest::History history{evaluator, use->series(), use->series(), &use->spans(),
                                    std::string(kTenant)};
    const Result<backtest::Report> report =
        backtest::Run(history, ValueOrThrow(backtest::ParseRules(texts, promql.parser)), options);
    signals.Rethrow();
    if (!report) throw StatusError(report.error());
    return {TableHandle{backtest::PeriodTable(*report)}, backtest::NotesJson(*report)};
  }

  void Flush() {
    const py::gil_scoped_release unlocked;
    const Use use(this);
    ThrowIfError(use->Flush());
  }

 private:
  class Use {
   public:
    explicit Use(EngineHandle* handle) : lock_(handle->mutex_), engine_(handle->engine_.get()) {
      if (engine_ == nullptr) throw StatusError(InternalError("the database is closed"));
    }
    engine::Engine* operator->() const { return engine_; }

   private:
    const std::shared_lock<std::shared_mutex> lock_;
    engine::Engine* const engine_;
  };

  std::shared_mutex mutex_;
  std::unique_ptr<engine::Engine> engine_;
};

TableHandle DecodeTrace(std::string_view otlp) {
  const py::gil_scoped_release unlocked;
  return {engine::SpanTable(ValueOrThrow(wire::DecodeOtlp(otlp)).batch)};
}

}  // namespace

void BindEngine(py::module_& m) {
  py::class_<EngineHandle>(m, "Engine", "A data directory, opened in this process.", py::is_final())
      .def_static("open", &EngineHandle::Open, py::arg("path"))
      .def("close", &EngineHandle::Close)
      .def("ingest", &EngineHandle::Ingest, py::arg("body"))
      .def("search", &EngineHandle::Search, py::arg("query"), py::arg("start_ns"),
           py::arg("end_ns"), py::arg("limit"))
      .def("trace", &EngineHandle::Trace, py::arg("trace_id"))
      .def("pin", &EngineHandle::Pin, py::arg("trace_id"))
      .def("unpin", &EngineHandle::Unpin, py::arg("trace_id"))
      .def("pins", &EngineHandle::Pins)
      .def("promql_instant", &EngineHandle::PromQlInstant, py::arg("expr"), py::arg("time_ms"))
      .def("promql_range", &EngineHandle::PromQlRange, py::arg("expr"), py::arg("start_ms"),
           py::arg("end_ms"), py::arg("step_ms"))
      .def("backtest", &EngineHandle::Backtest, py::arg("rules"), py::arg("start_ns"),
           py::arg("end_ns"), py::arg("interval_ns"), py::arg("dimensions"), py::arg("from_spans"))
      .def("flush", &EngineHandle::Flush);
  m.def("decode_trace", &DecodeTrace, py::arg("otlp"),
        "Turn TracesData into the table of its spans.");
}

}  // namespace tocsin::python
