#include "cpp/arrow/table.h"

#include <array>
#include <cerrno>
#include <utility>

#include "cpp/base/check.h"

namespace tocsin::arrow {

Column::Column(std::string name, Type type) : name_(std::move(name)), type_(type) {}

void Column::MarkValid(bool valid) {
  const auto bit = static_cast<size_t>(rows_ % 8);
  if (bit == 0) validity_.push_back(0);
  if (valid) {
    validity_.back() = static_cast<uint8_t>(validity_.back() | (1U << bit));
  } else {
    ++nulls_;
  }
  ++rows_;
}

void Column::AppendInt(int64_t value) {
  TOCSIN_DCHECK(type_ == Type::kInt64 || type_ == Type::kTimestampNs);
  ints_.push_back(value);
  MarkValid(true);
}

void Column::AppendDouble(double value) {
  TOCSIN_DCHECK(type_ == Type::kDouble);
  doubles_.push_back(value);
  MarkValid(true);
}

void Column::AppendBool(bool value) {
  TOCSIN_DCHECK(type_ == Type::kBool);
  const auto bit = static_cast<size_t>(rows_ % 8);
  if (bit == 0) bits_.push_back(0);
  if (value) bits_.back() = static_cast<uint8_t>(bits_.back() | (1U << bit));
  MarkValid(true);
}

void Column::AppendString(std::string_view text) {
  if (type_ == Type::kCategory) {
    auto it = dictionary_.find(text);
    if (it == dictionary_.end()) {
      it = dictionary_.emplace(std::string(text), static_cast<int32_t>(dictionary_.size())).first;
      text_.append(text);
      offsets_.push_back(static_cast<int32_t>(text_.size()));
    }
    codes_.push_back(it->second);
  } else {
    TOCSIN_DCHECK(type_ == Type::kString);
    text_.append(text);
    offsets_.push_back(static_cast<int32_t>(text_.size()));
  }
  MarkValid(true);
}

void Column::AppendNull() {
  switch (type_) {
    case Type::kInt64:
    case Type::kTimestampNs:
      ints_.push_back(0);
      break;
    case Type::kDouble:
      doubles_.push_back(0);
      break;
    case Type::kBool:
      if (rows_ % 8 == 0) bits_.push_back(0);
      break;
    case Type::kString:
      offsets_.push_back(offsets_.back());
      break;
    case Type::kCategory:
      codes_.push_back(0);
      break;
  }
  MarkValid(false);
}

bool Column::IsValid(int64_t row) const {
  return (validity_[static_cast<size_t>(row / 8)] >> (row % 8) & 1) != 0;
}

bool Column::BoolAt(int64_t row) const {
  return (bits_[static_cast<size_t>(row / 8)] >> (row % 8) & 1) != 0;
}

std::string_view Column::StringAt(int64_t row) const {
  const auto at =
      static_cast<size_t>(type_ == Type::kCategory ? codes_[static_cast<size_t>(row)] : row);
  const auto begin = static_cast<size_t>(offsets_[at]);
  return std::string_view(text_).substr(begin, static_cast<size_t>(offsets_[at + 1]) - begin);
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (const Column& column : columns_) {
    TOCSIN_CHECK(column.rows() == columns_.front().rows());
    TOCSIN_CHECK(column.text_.size() < size_t{1} << 31);
  }
}

// Builds the C structs. Each struct owns what it points to through private_data; the arrays share
// the table.
struct Exporter {
  struct SchemaOwner {
    std::string name;
    std::vector<ArrowSchema> children;
    std::vector<ArrowSchema*> child_pointers;
    ArrowSchema dictionary{};
  };
  struct ArrayOwner {
    std::shared_ptr<const Table> table;
    std::array<const void*, 3> buffers{};
    std::vector<ArrowArray> children;
    std::vector<ArrowArray*> child_pointers;
    ArrowArray dictionary{};
  };
  struct StreamOwner {
    std::shared_ptr<const Table> table;
    bool done = false;
  };

  static void ReleaseSchema(ArrowSchema* schema) {
    const std::unique_ptr<SchemaOwner> owner(static_cast<SchemaOwner*>(schema->private_data));
    for (ArrowSchema& child : owner->children) {
      if (child.release != nullptr) child.release(&child);
    }
    if (owner->dictionary.release != nullptr) owner->dictionary.release(&owner->dictionary);
    schema->release = nullptr;
  }

  // A consumer may move a child out (its release is then null), so each child releases itself.
  static void ReleaseArray(ArrowArray* array) {
    const std::unique_ptr<ArrayOwner> owner(static_cast<ArrayOwner*>(array->private_data));
    for (ArrowArray& child : owner->children) {
      if (child.release != nullptr) child.release(&child);
    }
    if (owner->dictionary.release != nullptr) owner->dictionary.release(&owner->dictionary);
    array->release = nullptr;
  }

  static const char* Format(Type type) {
    switch (type) {
      case Type::kInt64:
        return "l";
      case Type::kDouble:
        return "g";
      case Type::kBool:
        return "b";
      case Type::kString:
        return "u";
      case Type::kCategory:
        return "i";
      case Type::kTimestampNs:
        return "tsn:UTC";
    }
    return "n";
  }

  static SchemaOwner* Own(ArrowSchema* schema, const char* format, std::string name) {
    auto owner = std::make_unique<SchemaOwner>();
    owner->name = std::move(name);
    *schema = {};
    schema->format = format;
    schema->name = owner->name.c_str();
    schema->flags = ARROW_FLAG_NULLABLE;
    schema->release = &ReleaseSchema;
    schema->private_data = owner.get();
    return owner.release();
  }

  static void Schema(const Table& table, ArrowSchema* out) {
    SchemaOwner* owner = Own(out, "+s", "");
    out->flags = 0;
    owner->children.resize(table.columns_.size());
    for (size_t i = 0; i < table.columns_.size(); ++i) {
      const Column& column = table.columns_[i];
      SchemaOwner* child = Own(&owner->children[i], Format(column.type_), column.name_);
      if (column.type_ == Type::kCategory) {
        Own(&child->dictionary, "u", "");
        owner->children[i].dictionary = &child->dictionary;
      }
      owner->child_pointers.push_back(&owner->children[i]);
    }
    out->n_children = static_cast<int64_t>(owner->children.size());
    out->children = owner->child_pointers.data();
  }

  static ArrayOwner* Own(ArrowArray* array, std::shared_ptr<const Table> table, int64_t length) {
    auto owner = std::make_unique<ArrayOwner>();
    owner->table = std::move(table);
    *array = {};
    array->length = length;
    array->buffers = owner->buffers.data();
    array->release = &ReleaseArray;
    array->private_data = owner.get();
    return owner.release();
  }

  static void Strings(const Column& column, ArrowArray* array, ArrayOwner* owner) {
    array->n_buffers = 3;
    owner->buffers[1] = column.offsets_.data();
    owner->buffers[2] = column.text_.data();
  }

  static void Array(const std::shared_ptr<const Table>& table, const Column& column,
                    ArrowArray* out) {
    ArrayOwner* owner = Own(out, table, column.rows_);
    out->null_count = column.nulls_;
    out->n_buffers = 2;
    owner->buffers[0] = column.nulls_ == 0 ? nullptr : column.validity_.data();
    switch (column.type_) {
      case Type::kInt64:
      case Type::kTimestampNs:
        owner->buffers[1] = column.ints_.data();
        break;
      case Type::kDouble:
        owner->buffers[1] = column.doubles_.data();
        break;
      case Type::kBool:
        owner->buffers[1] = column.bits_.data();
        break;
      case Type::kString:
        Strings(column, out, owner);
        break;
      case Type::kCategory: {
        owner->buffers[1] = column.codes_.data();
        ArrayOwner* values =
            Own(&owner->dictionary, table, static_cast<int64_t>(column.offsets_.size()) - 1);
        Strings(column, &owner->dictionary, values);
        out->dictionary = &owner->dictionary;
        break;
      }
    }
  }

  static void Batch(const std::shared_ptr<const Table>& table, ArrowArray* out) {
    ArrayOwner* owner = Own(out, table, table->rows());
    out->n_buffers = 1;
    owner->children.resize(table->columns_.size());
    for (size_t i = 0; i < table->columns_.size(); ++i) {
      Array(table, table->columns_[i], &owner->children[i]);
      owner->child_pointers.push_back(&owner->children[i]);
    }
    out->n_children = static_cast<int64_t>(owner->children.size());
    out->children = owner->child_pointers.data();
  }

  static StreamOwner* Owner(ArrowArrayStream* stream) {
    return static_cast<StreamOwner*>(stream->private_data);
  }

  static int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
    Schema(*Owner(stream)->table, out);
    return 0;
  }

  static int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
    StreamOwner* owner = Owner(stream);
    if (std::exchange(owner->done, true)) {
      *out = {};  // A released array is the end of the stream.
    } else {
      Batch(owner->table, out);
    }
    return 0;
  }

  static const char* GetLastError(ArrowArrayStream*) { return nullptr; }

  static void ReleaseStream(ArrowArrayStream* stream) {
    const std::unique_ptr<StreamOwner> owner(Owner(stream));
    stream->release = nullptr;
  }
};

void ExportStream(std::shared_ptr<const Table> table, ArrowArrayStream* out) {
  auto owner = std::make_unique<Exporter::StreamOwner>();
  owner->table = std::move(table);
  *out = {};
  out->get_schema = &Exporter::GetSchema;
  out->get_next = &Exporter::GetNext;
  out->get_last_error = &Exporter::GetLastError;
  out->release = &Exporter::ReleaseStream;
  out->private_data = owner.release();
}

}  // namespace tocsin::arrow
