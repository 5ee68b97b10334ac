/// _core.Storage: series in memory, for tests.

#pragma once

#include <pybind11/pybind11.h>

namespace tocsin::python {

void BindStorage(pybind11::module_& m);

}  // namespace tocsin::python
