/// _core.Engine: a data directory opened in this process.

#pragma once

#include <pybind11/pybind11.h>

namespace tocsin::python {

/// REQUIRES: BindTable was called before.
void BindEngine(pybind11::module_& m);

}  // namespace tocsin::python
