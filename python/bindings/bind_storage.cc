// Series in memory and an engine over them: what tocsin.testing is made of.

#include "python/bindings/bind_storage.h"

#include <string_view>

#include "cpp/engine/tables.h"
#include "cpp/promql/engine.h"
#include "cpp/promql/load_command.h"
#include "cpp/promql/memory_source.h"
#include "python/bindings/bind_table.h"
#include "python/bindings/errors.h"

namespace py = pybind11;

namespace tocsin::python {
namespace {

promql::EngineOptions OptionsOf(bool experimental) {
  promql::EngineOptions options;
  if (!experimental) return options;
  options.parser = promql::ParserOptions::Everything();
  options.use_start_timestamps = true;
  return options;
}

// Thread-safe, as its parts are.
class StorageHandle {
 public:
  explicit StorageHandle(bool experimental) : engine_(OptionsOf(experimental)) {}

  void Load(std::string_view script) {
    const py::gil_scoped_release unlocked;
    ThrowIfError(promql::LoadScript(script, &source_));
  }

  void Clear() {
    const py::gil_scoped_release unlocked;
    source_.Clear();
  }

  TableHandle Instant(std::string_view expr, Millis time) const {
    const py::gil_scoped_release unlocked;
    return {engine::SampleTable(ValueOrThrow(engine_.Query(expr, source_, time)))};
  }

  TableHandle Range(std::string_view expr, Millis start, Millis end, Millis step) const {
    const py::gil_scoped_release unlocked;
    const promql::TimeRange range{start, end, step};
    return {engine::SampleTable(ValueOrThrow(engine_.QueryRange(expr, source_, range)))};
  }

 private:
  const promql::Engine engine_;
  promql::MemorySource source_;
};

}  // namespace

void BindStorage(py::module_& m) {
  py::class_<StorageHandle>(m, "Storage", "Series in memory.", py::is_final())
      .def(py::init<bool>(), py::arg("experimental"))
      .def("load", &StorageHandle::Load, py::arg("script"))
      .def("clear", &StorageHandle::Clear)
      .def("promql_instant", &StorageHandle::Instant, py::arg("expr"), py::arg("time_ms"))
      .def("promql_range", &StorageHandle::Range, py::arg("expr"), py::arg("start_ms"),
           py::arg("end_ms"), py::arg("step_ms"));
}

}  // namespace tocsin::python
