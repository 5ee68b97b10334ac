/// A table of typed columns, and its way out as an Arrow C stream. The memory of the columns is
/// handed over, not copied: what reads the stream keeps the table alive.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/arrow/abi.h"
#include "cpp/base/hash.h"

namespace tocsin::arrow {

enum class Type : uint8_t {
  kInt64,
  kDouble,
  kBool,
  kString,       ///< utf8, 32-bit offsets.
  kCategory,     ///< dictionary<int32, utf8>.
  kTimestampNs,  ///< timestamp[ns, UTC].
};

/// One column under construction. Every row gets one Append; AppendNull where there is no value.
class Column {
 public:
  Column(std::string name, Type type);

  void AppendInt(int64_t value);             ///< kInt64, kTimestampNs.
  void AppendDouble(double value);           ///< kDouble.
  void AppendBool(bool value);               ///< kBool.
  void AppendString(std::string_view text);  ///< kString, kCategory.
  void AppendNull();

  const std::string& name() const { return name_; }
  Type type() const { return type_; }
  int64_t rows() const { return rows_; }

  // Reading back, for those who have no Arrow library. REQUIRES: 0 <= row < rows(); the type fits.
  bool IsValid(int64_t row) const;
  int64_t IntAt(int64_t row) const { return ints_[static_cast<size_t>(row)]; }
  double DoubleAt(int64_t row) const { return doubles_[static_cast<size_t>(row)]; }
  bool BoolAt(int64_t row) const;
  std::string_view StringAt(int64_t row) const;

 private:
  friend class Table;
  friend struct Exporter;

  void MarkValid(bool valid);

  std::string name_;
  Type type_;
  int64_t rows_ = 0;
  int64_t nulls_ = 0;
  std::vector<uint8_t> validity_;  // One bit a row, least significant first.
  std::vector<int64_t> ints_;
  std::vector<double> doubles_;
  std::vector<uint8_t> bits_;
  std::vector<int32_t> offsets_{0};  // kString; of the dictionary for kCategory.
  std::string text_;
  std::vector<int32_t> codes_;
  std::unordered_map<std::string, int32_t, StringHash, std::equal_to<>> dictionary_;
};

/// Immutable columns of equal length. Safe to read from many threads.
class Table {
 public:
  /// REQUIRES: all columns have the same number of rows; a column's text is below 2 GiB.
  explicit Table(std::vector<Column> columns);

  int64_t rows() const { return columns_.empty() ? 0 : columns_.front().rows(); }
  const std::vector<Column>& columns() const { return columns_; }

 private:
  friend struct Exporter;
  std::vector<Column> columns_;
};

/// Fills `*out` with a stream of one record batch. The caller, or whom it gives the stream, calls
/// out->release.
void ExportStream(std::shared_ptr<const Table> table, ArrowArrayStream* out);

}  // namespace tocsin::arrow
