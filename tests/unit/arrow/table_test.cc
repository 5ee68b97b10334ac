// A table goes out as the C stream interface says: one batch, then the end; what a consumer keeps
// stays valid after everything else is released.

#include "cpp/arrow/table.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tocsin::arrow {
namespace {

std::shared_ptr<const Table> SampleTable() {
  Column n("n", Type::kInt64);
  Column x("x", Type::kDouble);
  Column b("b", Type::kBool);
  Column s("s", Type::kString);
  Column c("c", Type::kCategory);
  Column t("t", Type::kTimestampNs);
  for (int i = 0; i < 10; ++i) {
    if (i == 3) {
      for (Column* column : {&n, &x, &b, &s, &c, &t}) column->AppendNull();
      continue;
    }
    n.AppendInt(i);
    x.AppendDouble(i * 0.5);
    b.AppendBool(i % 2 == 1);
    s.AppendString("s" + std::to_string(i));
    c.AppendString(i % 2 == 0 ? "even" : "odd");
    t.AppendInt(1'000 + i);
  }
  return std::make_shared<const Table>(std::vector<Column>{
      std::move(n), std::move(x), std::move(b), std::move(s), std::move(c), std::move(t)});
}

std::string_view StringAt(const ArrowArray& array, int64_t row) {
  const auto* offsets = static_cast<const int32_t*>(array.buffers[1]);
  const auto* text = static_cast<const char*>(array.buffers[2]);
  return {text + offsets[row], static_cast<size_t>(offsets[row + 1] - offsets[row])};
}

TEST(TableTest, TheSchemaNamesColumnsAndTypes) {
  ArrowArrayStream stream{};
  ExportStream(SampleTable(), &stream);
  ArrowSchema schema{};
  ASSERT_EQ(stream.get_schema(&stream, &schema), 0);
  EXPECT_STREQ(schema.format, "+s");
  ASSERT_EQ(schema.n_children, 6);
  const char* formats[] = {"l", "g", "b", "u", "i", "tsn:UTC"};
  for (int i = 0; i < 6; ++i) EXPECT_STREQ(schema.children[i]->format, formats[i]);
  EXPECT_STREQ(schema.children[4]->dictionary->format, "u");
  stream.release(&stream);
  EXPECT_STREQ(schema.children[3]->name, "s");  // The schema outlives its stream.
  schema.release(&schema);
  EXPECT_EQ(schema.release, nullptr);
}

TEST(TableTest, OneBatchThenTheEnd) {
  ArrowArrayStream stream{};
  ExportStream(SampleTable(), &stream);
  ArrowArray batch{};
  ASSERT_EQ(stream.get_next(&stream, &batch), 0);
  ArrowArray end{};
  ASSERT_EQ(stream.get_next(&stream, &end), 0);
  EXPECT_EQ(end.release, nullptr);
  stream.release(&stream);

  ASSERT_EQ(batch.n_children, 6);
  EXPECT_EQ(batch.length, 10);
  const ArrowArray& ints = *batch.children[0];
  EXPECT_EQ(ints.null_count, 1);
  EXPECT_EQ(static_cast<const uint8_t*>(ints.buffers[0])[0], 0xf7);
  EXPECT_EQ(static_cast<const int64_t*>(ints.buffers[1])[9], 9);
  EXPECT_EQ(StringAt(*batch.children[3], 2), "s2");
  EXPECT_EQ(StringAt(*batch.children[3], 3), "");
  const ArrowArray& category = *batch.children[4];
  EXPECT_EQ(category.dictionary->length, 2);
  const auto* codes = static_cast<const int32_t*>(category.buffers[1]);
  EXPECT_EQ(StringAt(*category.dictionary, codes[9]), "odd");
  const auto* bits = static_cast<const uint8_t*>(batch.children[2]->buffers[1]);
  EXPECT_EQ(bits[0] & 0b10, 0b10);
  batch.release(&batch);
}

TEST(TableTest, AChildMayBeMovedOutAndOutliveItsBatch) {
  ArrowArrayStream stream{};
  ExportStream(SampleTable(), &stream);
  ArrowArray batch{};
  ASSERT_EQ(stream.get_next(&stream, &batch), 0);
  stream.release(&stream);
  ArrowArray child = *batch.children[3];
  batch.children[3]->release = nullptr;
  batch.release(&batch);
  EXPECT_EQ(StringAt(child, 9), "s9");
  child.release(&child);
}

TEST(TableTest, ValuesReadBackAsTheyWereAppended) {
  const auto table = SampleTable();
  const auto& columns = table->columns();
  EXPECT_FALSE(columns[0].IsValid(3));
  EXPECT_EQ(columns[0].IntAt(9), 9);
  EXPECT_EQ(columns[1].DoubleAt(5), 2.5);
  EXPECT_TRUE(columns[2].BoolAt(9));
  EXPECT_FALSE(columns[2].BoolAt(8));
  EXPECT_EQ(columns[3].StringAt(9), "s9");
  EXPECT_EQ(columns[4].StringAt(8), "even");
}

TEST(TableTest, AnEmptyTableIsAnEmptyBatch) {
  ArrowArrayStream stream{};
  ExportStream(std::make_shared<const Table>(std::vector<Column>{{"n", Type::kInt64}}), &stream);
  ArrowArray batch{};
  ASSERT_EQ(stream.get_next(&stream, &batch), 0);
  EXPECT_EQ(batch.length, 0);
  batch.release(&batch);
  stream.release(&stream);
}

}  // namespace
}  // namespace tocsin::arrow
