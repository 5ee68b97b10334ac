#include "python/bindings/bind_table.h"

#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "python/bindings/errors.h"

namespace py = pybind11;

namespace tocsin::python {
namespace {

using arrow::Column;
using arrow::Type;

Type TypeNamed(std::string_view name) {
  if (name == "int64") return Type::kInt64;
  if (name == "double") return Type::kDouble;
  if (name == "bool") return Type::kBool;
  if (name == "string") return Type::kString;
  if (name == "category") return Type::kCategory;
  if (name == "timestamp") return Type::kTimestampNs;
  throw py::value_error("unknown column type \"" + std::string(name) + "\"");
}

void Append(Column* column, const py::handle& value) {
  if (value.is_none()) {
    column->AppendNull();
    return;
  }
  switch (column->type()) {
    case Type::kInt64:
    case Type::kTimestampNs:
      column->AppendInt(value.cast<int64_t>());
      break;
    case Type::kDouble:
      column->AppendDouble(value.cast<double>());
      break;
    case Type::kBool:
      column->AppendBool(value.cast<bool>());
      break;
    case Type::kString:
    case Type::kCategory:
      column->AppendString(value.cast<std::string_view>());
      break;
  }
}

TableHandle FromColumns(
    const std::vector<std::tuple<std::string, std::string, py::sequence>>& specs) {
  std::vector<Column> columns;
  for (const auto& [name, type, values] : specs) {
    Column column(name, TypeNamed(type));
    for (const py::handle value : values) Append(&column, value);
    columns.push_back(std::move(column));
    if (columns.back().rows() != columns.front().rows()) {
      throw py::value_error("column " + name + " has another length than the first");
    }
  }
  return {std::make_shared<const arrow::Table>(std::move(columns))};
}

py::object ValueAt(const Column& column, int64_t row) {
  if (!column.IsValid(row)) return py::none();
  switch (column.type()) {
    case Type::kInt64:
    case Type::kTimestampNs:
      return py::int_(column.IntAt(row));
    case Type::kDouble:
      return py::float_(column.DoubleAt(row));
    case Type::kBool:
      return py::bool_(column.BoolAt(row));
    case Type::kString:
    case Type::kCategory: {
      const std::string_view text = column.StringAt(row);
      // Names and attributes are UTF-8 on the wire; a value that is not must not break the table.
      return py::reinterpret_steal<py::object>(
          PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "replace"));
    }
  }
  return py::none();
}

py::dict ToPyDict(const TableHandle& handle) {
  py::dict columns;
  for (const Column& column : handle.table->columns()) {
    py::list values(static_cast<py::ssize_t>(column.rows()));
    for (int64_t row = 0; row < column.rows(); ++row) {
      values[static_cast<size_t>(row)] = ValueAt(column, row);
    }
    columns[py::str(column.name())] = values;
  }
  return columns;
}

// The capsule owns the stream until a consumer moves it out, as the PyCapsule interface demands.
py::capsule ExportCapsule(const TableHandle& handle, const py::object& /*requested_schema*/) {
  auto stream = std::make_unique<ArrowArrayStream>();
  arrow::ExportStream(handle.table, stream.get());
  PyObject* capsule = PyCapsule_New(stream.get(), "arrow_array_stream", [](PyObject* object) {
    const std::unique_ptr<ArrowArrayStream> owned(
        static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(object, "arrow_array_stream")));
    if (owned != nullptr && owned->release != nullptr) owned->release(owned.get());
  });
  if (capsule == nullptr) {
    stream->release(stream.get());
    throw py::error_already_set();
  }
  static_cast<void>(stream.release());  // The capsule's now.
  return py::reinterpret_steal<py::capsule>(capsule);
}

}  // namespace

void BindTable(py::module_& m) {
  py::class_<TableHandle>(m, "Table", "Typed columns of equal length; an Arrow stream.",
                          py::is_final())
      .def_static("from_columns", &FromColumns, py::arg("columns"))
      .def_property_readonly("num_rows",
                             [](const TableHandle& handle) { return handle.table->rows(); })
      .def_property_readonly("column_names",
                             [](const TableHandle& handle) {
                               std::vector<std::string> names;
                               for (const Column& column : handle.table->columns()) {
                                 names.push_back(column.name());
                               }
                               return names;
                             })
      .def("to_pydict", &ToPyDict)
      .def("__arrow_c_stream__", &ExportCapsule, py::arg("requested_schema") = py::none());
}

}  // namespace tocsin::python
