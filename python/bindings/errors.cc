#include "python/bindings/errors.h"

namespace py = pybind11;

namespace tocsin::python {
namespace {

// The exception classes live as long as the module, which is as long as the interpreter: they are
// leaked on purpose, because a translator may run while the module is taken down.
struct Classes {
  py::object error;
  py::object query;
  py::object not_found;
  py::object locked;
  py::object unavailable;
  py::object corruption;
};

Classes& TheClasses() {
  static Classes* const classes = new Classes();
  return *classes;
}

PyObject* ClassOf(StatusCode code) {
  const Classes& classes = TheClasses();
  switch (code) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kUnsupported:
      return classes.query.ptr();
    case StatusCode::kNotFound:
      return classes.not_found.ptr();
    case StatusCode::kAlreadyExists:
      return classes.locked.ptr();
    case StatusCode::kResourceExhausted:
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
      return classes.unavailable.ptr();
    case StatusCode::kCorruption:
      return classes.corruption.ptr();
    default:
      return classes.error.ptr();
  }
}

py::object Derive(py::module_& m, const char* name, const char* doc, py::handle base) {
  const std::string qualified = std::string("tocsin.") + name;
  auto made = py::reinterpret_steal<py::object>(
      PyErr_NewExceptionWithDoc(qualified.c_str(), doc, base.ptr(), nullptr));
  if (!made) throw py::error_already_set();
  m.attr(name) = made;
  return made;
}

}  // namespace

void BindErrors(py::module_& m) {
  Classes& classes = TheClasses();
  classes.error =
      Derive(m, "Error", "The root of everything that this package raises.", PyExc_Exception);
  classes.query = Derive(m, "QueryError",
                         "A query or an argument that cannot be meant; the message has line and "
                         "column.",
                         classes.error);
  classes.not_found =
      Derive(m, "NotFoundError", "What was asked for does not exist.", classes.error);
  classes.locked = Derive(
      m, "LockedError", "The directory is held by a process that does not answer.", classes.error);
  classes.unavailable =
      Derive(m, "UnavailableError", "The server or the disk is gone for now.", classes.error);
  classes.corruption =
      Derive(m, "CorruptionError", "Bytes on disk fail their checks.", classes.error);
  // pybind11 wants a function that takes it by value.
  // NOLINTNEXTLINE(performance-unnecessary-value-param)
  const auto translate = [](std::exception_ptr pointer) {
    if (!pointer) return;
    try {
      std::rethrow_exception(pointer);
    } catch (const StatusError& error) {
      PyErr_SetString(ClassOf(error.code()), error.what());
    }
  };
  py::register_local_exception_translator(translate);
}

}  // namespace tocsin::python
