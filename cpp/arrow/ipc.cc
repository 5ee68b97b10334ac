#include "cpp/arrow/ipc.h"

#include <bit>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/arrow/abi.h"
#include "cpp/arrow/flat_writer.h"
#include "cpp/base/check.h"
#include "cpp/base/coding.h"

namespace tocsin::arrow {
namespace {

static_assert(std::endian::native == std::endian::little, "buffers are written as they lie");

using Field = FlatWriter::Field;

// Numbers of Arrow's schema of its messages.
constexpr uint16_t kMetadataVersion5 = 4;
enum class Header : uint8_t { kSchema = 1, kDictionaryBatch = 2, kRecordBatch = 3 };
enum class TypeNumber : uint8_t { kInt = 2, kFloat = 3, kUtf8 = 5, kBool = 6, kTimestamp = 10 };
constexpr uint16_t kDoublePrecision = 2;
constexpr uint16_t kNanosecondUnit = 3;
constexpr size_t kAlignment = 8;

// Format strings of the C data interface that this folder exports.
constexpr std::string_view kInt64Format = "l";
constexpr std::string_view kDoubleFormat = "g";
constexpr std::string_view kBoolFormat = "b";
constexpr std::string_view kStringFormat = "u";
constexpr std::string_view kCodeFormat = "i";

void Align(std::string* out) {
  out->append((kAlignment - out->size() % kAlignment) % kAlignment, 0);
}

/// The lengths of a record batch and its body.
struct Body {
  std::vector<int64_t> nodes;    ///< Length and nulls of each column.
  std::vector<int64_t> buffers;  ///< Offset and length of each buffer.
  std::string bytes;

  void AddBuffer(const void* data, size_t size) {
    buffers.push_back(static_cast<int64_t>(bytes.size()));
    buffers.push_back(static_cast<int64_t>(data == nullptr ? 0 : size));
    if (data != nullptr) bytes.append(static_cast<const char*>(data), size);
    Align(&bytes);
  }

  void AddColumn(std::string_view format, const ArrowArray& array) {
    const auto rows = static_cast<size_t>(array.length);
    nodes.push_back(array.length);
    nodes.push_back(array.null_count);
    AddBuffer(array.null_count == 0 ? nullptr : array.buffers[0], (rows + 7) / 8);
    if (format == kStringFormat) {
      const auto* offsets = static_cast<const int32_t*>(array.buffers[1]);
      AddBuffer(offsets, (rows + 1) * sizeof(int32_t));
      AddBuffer(array.buffers[2], static_cast<size_t>(offsets[rows]));
    } else if (format == kBoolFormat) {
      AddBuffer(array.buffers[1], (rows + 7) / 8);
    } else {
      AddBuffer(array.buffers[1],
                rows * (format == kCodeFormat ? sizeof(int32_t) : sizeof(int64_t)));
    }
  }
};

void AppendMessage(FlatWriter writer, std::string_view body, std::string* out) {
  const std::string metadata = std::move(writer).Finish();
  PutFixed32(out, UINT32_MAX);
  PutFixed32(out, static_cast<uint32_t>(metadata.size()));
  out->append(metadata).append(body);
}

/// The message around a header; returns where its pointer to the header stands.
size_t BeginMessage(Header header, size_t body_bytes, FlatWriter* writer) {
  const FlatWriter::Table message =
      writer->AddTable({Field::Short(kMetadataVersion5), Field::Byte(static_cast<uint8_t>(header)),
                        Field::Pointer(), Field::Long(static_cast<int64_t>(body_bytes))});
  writer->PointRoot(message);
  return message.pointers[0];
}

TypeNumber NumberOf(std::string_view format) {
  if (format == kInt64Format) return TypeNumber::kInt;
  if (format == kDoubleFormat) return TypeNumber::kFloat;
  if (format == kBoolFormat) return TypeNumber::kBool;
  if (format == kStringFormat || format == kCodeFormat) return TypeNumber::kUtf8;
  return TypeNumber::kTimestamp;
}

size_t AddInt(uint32_t bits, FlatWriter* writer) {
  return writer->AddTable({Field::Int(bits), Field::Byte(1)}).position;
}

size_t AddType(std::string_view format, FlatWriter* writer) {
  switch (NumberOf(format)) {
    case TypeNumber::kInt:
      return AddInt(64, writer);
    case TypeNumber::kFloat:
      return writer->AddTable({Field::Short(kDoublePrecision)}).position;
    case TypeNumber::kTimestamp: {
      const FlatWriter::Table type =
          writer->AddTable({Field::Short(kNanosecondUnit), Field::Pointer()});
      writer->Point(type.pointers[0], writer->AddString("UTC"));
      return type.position;
    }
    case TypeNumber::kUtf8:
    case TypeNumber::kBool:
      break;
  }
  return writer->AddTable({}).position;
}

/// `dictionary`: its number.
size_t AddField(const ArrowSchema& schema, int64_t dictionary, FlatWriter* writer) {
  const bool coded = schema.dictionary != nullptr;
  const auto type = static_cast<uint8_t>(NumberOf(schema.format));
  const FlatWriter::Table field =
      writer->AddTable({Field::Pointer(), Field::Byte(1), Field::Byte(type), Field::Pointer(),
                        coded ? Field::Pointer() : Field::None(), Field::Pointer()});
  size_t next = 0;
  writer->Point(field.pointers[next++], writer->AddString(schema.name));
  writer->Point(field.pointers[next++], AddType(schema.format, writer));
  if (coded) {
    const FlatWriter::Table encoding =
        writer->AddTable({Field::Long(dictionary), Field::Pointer()});
    writer->Point(field.pointers[next++], encoding.position);
    writer->Point(encoding.pointers[0], AddInt(32, writer));
  }
  writer->Point(field.pointers[next], writer->AddPointers(0).position);
  return field.position;
}

void AppendSchema(const ArrowSchema& schema, std::string* out) {
  FlatWriter writer;
  const size_t header = BeginMessage(Header::kSchema, 0, &writer);
  const FlatWriter::Table table = writer.AddTable({Field::None(), Field::Pointer()});
  writer.Point(header, table.position);
  const FlatWriter::Table fields = writer.AddPointers(static_cast<size_t>(schema.n_children));
  writer.Point(table.pointers[0], fields.position);
  for (int64_t i = 0; i < schema.n_children; ++i) {
    writer.Point(fields.pointers[static_cast<size_t>(i)],
                 AddField(*schema.children[i], i, &writer));
  }
  AppendMessage(std::move(writer), {}, out);
}

size_t AddRecordBatch(int64_t rows, const Body& body, FlatWriter* writer) {
  const FlatWriter::Table batch =
      writer->AddTable({Field::Long(rows), Field::Pointer(), Field::Pointer()});
  writer->Point(batch.pointers[0], writer->AddStructs(body.nodes, 2));
  writer->Point(batch.pointers[1], writer->AddStructs(body.buffers, 2));
  return batch.position;
}

void AppendDictionary(int64_t number, const ArrowArray& values, std::string* out) {
  Body body;
  body.AddColumn(kStringFormat, values);
  FlatWriter writer;
  const size_t header = BeginMessage(Header::kDictionaryBatch, body.bytes.size(), &writer);
  const FlatWriter::Table table = writer.AddTable({Field::Long(number), Field::Pointer()});
  writer.Point(header, table.position);
  writer.Point(table.pointers[0], AddRecordBatch(values.length, body, &writer));
  AppendMessage(std::move(writer), body.bytes, out);
}

void AppendBatch(const ArrowSchema& schema, const ArrowArray& array, std::string* out) {
  Body body;
  for (int64_t i = 0; i < array.n_children; ++i) {
    body.AddColumn(schema.children[i]->format, *array.children[i]);
  }
  FlatWriter writer;
  const size_t header = BeginMessage(Header::kRecordBatch, body.bytes.size(), &writer);
  writer.Point(header, AddRecordBatch(array.length, body, &writer));
  AppendMessage(std::move(writer), body.bytes, out);
}

}  // namespace

std::string EncodeIpcStream(const std::shared_ptr<const Table>& table) {
  ArrowArrayStream stream{};
  ExportStream(table, &stream);
  ArrowSchema schema{};
  ArrowArray array{};
  // A stream of our own table has one batch, and nothing in it can fail.
  TOCSIN_CHECK(stream.get_schema(&stream, &schema) == 0);
  TOCSIN_CHECK(stream.get_next(&stream, &array) == 0);
  std::string out;
  AppendSchema(schema, &out);
  for (int64_t i = 0; i < schema.n_children; ++i) {
    if (schema.children[i]->dictionary == nullptr) continue;
    AppendDictionary(i, *array.children[i]->dictionary, &out);
  }
  AppendBatch(schema, array, &out);
  PutFixed32(&out, UINT32_MAX);
  PutFixed32(&out, 0);
  array.release(&array);
  schema.release(&schema);
  stream.release(&stream);
  return out;
}

}  // namespace tocsin::arrow
