// The frame of an IPC stream. That Arrow libraries read what is in it is tested with them, in
// tests/integration/test_backtest.py.

#include "cpp/arrow/ipc.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/coding.h"

namespace tocsin::arrow {
namespace {

TEST(IpcTest, AStreamIsSchemaDictionariesBatchAndEnd) {
  Column n("n", Type::kInt64);
  Column c("c", Type::kCategory);
  for (int i = 0; i < 3; ++i) {
    n.AppendInt(i);
    c.AppendString("x");
  }
  std::vector<Column> columns;
  columns.push_back(std::move(n));
  columns.push_back(std::move(c));
  const std::string stream = EncodeIpcStream(std::make_shared<const Table>(std::move(columns)));
  // Three messages: a marker, the length of the metadata, metadata; bodies are whole words of 64
  // bits, so the next marker is on such a place too.
  size_t messages = 0;
  size_t place = 0;
  while (place + 8 <= stream.size()) {
    if (DecodeFixed32(stream.data() + place) != UINT32_MAX) {
      place += 8;  // Of a body.
      continue;
    }
    const size_t metadata = DecodeFixed32(stream.data() + place + 4);
    place += 8;
    if (metadata == 0) break;
    ++messages;
    EXPECT_EQ(metadata % 8, 0U);
    // It begins with the place of its root, which lies in it.
    EXPECT_LT(DecodeFixed32(stream.data() + place), metadata);
    place += metadata;
  }
  EXPECT_EQ(messages, 3U);
  EXPECT_EQ(place, stream.size());
}

TEST(IpcTest, AnEmptyTableIsAStreamToo) {
  const std::string stream =
      EncodeIpcStream(std::make_shared<const Table>(std::vector<Column>{{"c", Type::kCategory}}));
  EXPECT_EQ(stream.size() % 8, 0U);
  EXPECT_TRUE(stream.ends_with(std::string_view("\xff\xff\xff\xff\0\0\0\0", 8)));
}

}  // namespace
}  // namespace tocsin::arrow
