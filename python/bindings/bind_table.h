/// _core.Table: typed columns as an Arrow stream.

#pragma once

#include <memory>

#include <pybind11/pybind11.h>

#include "cpp/arrow/table.h"

namespace tocsin::python {

/// The holder that Python sees; the columns are shared with every stream that was exported.
struct TableHandle {
  std::shared_ptr<const arrow::Table> table;
};

void BindTable(pybind11::module_& m);

}  // namespace tocsin::python
