// tocsin._core: the C++ core of the package. Private; python/tocsin/ is the public face.

#include <string>

#include <pybind11/pybind11.h>

#include "cpp/base/version.h"
#include "python/bindings/bind_engine.h"
#include "python/bindings/bind_storage.h"
#include "python/bindings/bind_table.h"
#include "python/bindings/errors.h"

PYBIND11_MODULE(_core, m) {
  m.attr("__version__") = std::string(tocsin::Version());
  tocsin::python::BindErrors(m);
  tocsin::python::BindTable(m);
  tocsin::python::BindEngine(m);
  tocsin::python::BindStorage(m);
}
