// The wire format underneath: what the writer writes the reader reads back, at every length of its
// varints; and UTF-8 against a definition by code points.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/wire/proto_reader.h"
#include "cpp/wire/proto_writer.h"
#include "cpp/wire/utf8.h"

namespace tocsin::wire {
namespace {

std::vector<uint64_t> Boundaries() {
  std::vector<uint64_t> values = {0, ~uint64_t{0}};
  for (int bit = 0; bit < 64; ++bit) {
    values.push_back(uint64_t{1} << bit);
    values.push_back((uint64_t{1} << bit) - 1);
  }
  return values;
}

TEST(ProtoTest, VarintsReadBackAndNoPrefixOfThemDoes) {
  for (const uint64_t value : Boundaries()) {
    std::string out;
    ProtoWriter(&out).Varint(1, value);
    const char* const begin = out.data() + 1;
    uint64_t read = 0;
    EXPECT_EQ(ReadVarint(begin, out.data() + out.size(), &read), out.data() + out.size());
    EXPECT_EQ(read, value);
    for (const char* end = begin; end != out.data() + out.size(); ++end) {
      EXPECT_EQ(ReadVarint(begin, end, &read), nullptr);
    }
  }
}

TEST(ProtoTest, TagsReadBack) {
  for (uint32_t field = 1; field < uint32_t{1} << 29; field = field * 3 + 1) {
    std::string out;
    ProtoWriter(&out).Fixed32(field, 0);
    uint32_t tag = 0;
    EXPECT_NE(ReadTag(out.data(), out.data() + out.size(), &tag), nullptr);
    EXPECT_EQ(tag, Tag(field, WireType::kFixed32));
  }
}

TEST(ProtoTest, MessagesOfEveryLengthOfLengthReadBack) {
  for (const size_t size : std::initializer_list<size_t>{0, 1, 127, 128, 129, 16'383, 16'384,
                                                         2'097'151, 2'097'152, 3'000'000}) {
    SCOPED_TRACE(size);
    const std::string payload(size, 'x');
    std::string out = "before";
    ProtoWriter writer(&out);
    writer.Message(1, [&] { out += payload; });
    out += "behind";
    std::string expected = "before";
    ProtoWriter(&expected).Bytes(1, payload);
    EXPECT_EQ(out, expected + "behind");
    std::string_view read;
    const char* const end = out.data() + out.size();
    EXPECT_EQ(ReadBytes(out.data() + 7, end, &read), end - 6);
    EXPECT_EQ(read, payload);
    EXPECT_EQ(ReadBytes(out.data() + 7, end - 7, &read), nullptr);
  }
}

TEST(ProtoTest, DefaultsAreLeftOutOnRequest) {
  std::string out;
  ProtoWriter writer(&out);
  writer.VarintSet(1, 0);
  writer.Fixed64Set(1, 0);
  writer.Fixed32Set(1, 0);
  writer.DoubleSet(1, 0.0);
  writer.BytesSet(1, "");
  EXPECT_EQ(out, "");
  writer.DoubleSet(1, -0.0);
  EXPECT_EQ(out.size(), 9U);
}

TEST(ProtoTest, SkippingStaysInsideTheMessage) {
  std::string out;
  ProtoWriter writer(&out);
  writer.Varint(1, 300);
  writer.Fixed64(2, 1);
  writer.Bytes(3, std::string(200, 'x'));
  writer.Fixed32(5, 1);
  std::vector<const char*> ends;
  const char* p = out.data();
  const char* const end = p + out.size();
  while (p != end) {
    uint32_t tag = 0;
    const char* const value = ReadTag(p, end, &tag);
    p = SkipField(value, end, tag, kDepthMax);
    ASSERT_NE(p, nullptr);
    for (const char* cut = value; cut != p; ++cut) {
      EXPECT_EQ(SkipField(value, cut, tag, kDepthMax), nullptr);
    }
  }
}

// The code point that [text] encodes as a whole, by the definition.
std::optional<uint32_t> CodePoint(std::string_view text) {
  const auto byte = [&](size_t i) -> uint32_t { return static_cast<uint8_t>(text[i]); };
  const uint32_t first = byte(0);
  const size_t size = first < 0x80       ? 1
                      : first >> 5 == 6  ? 2
                      : first >> 4 == 14 ? 3
                      : first >> 3 == 30 ? 4
                                         : 0;
  if (size != text.size()) return std::nullopt;
  uint32_t point = size == 1 ? first : first & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    if (byte(i) >> 6 != 2) return std::nullopt;
    point = point << 6 | (byte(i) & 0x3f);
  }
  const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < smallest[size] || point > 0x10ffff) return std::nullopt;
  if (point >= 0xd800 && point < 0xe000) return std::nullopt;
  return point;
}

TEST(Utf8Test, EverySequenceThatStartsACharacterIsJudgedRight) {
  // All two bytes and all three bytes; of four bytes all that begin with a plausible pair.
  std::string text(1, '\0');
  for (uint32_t a = 0; a < 0x100; ++a) {
    text.assign(1, static_cast<char>(a));
    ASSERT_EQ(IsUtf8(text), CodePoint(text).has_value()) << a;
  }
  for (uint32_t n = 0x8000; n < 0x10000; ++n) {
    text = {static_cast<char>(n >> 8), static_cast<char>(n)};
    ASSERT_EQ(IsUtf8(text), CodePoint(text).has_value()) << n;
  }
  for (uint32_t n = 0xe00000; n < 0xf10000; ++n) {
    text = {static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
    ASSERT_EQ(IsUtf8(text), CodePoint(text).has_value()) << n;
  }
  for (uint32_t n = 0xf000; n <= 0xf8ff; ++n) {
    for (const char third : {'\x7f', '\x80', '\xbf', '\xc0'}) {
      for (const char fourth : {'\x7f', '\x80', '\xbf', '\xc0'}) {
        text = {static_cast<char>(n >> 8), static_cast<char>(n), third, fourth};
        ASSERT_EQ(IsUtf8(text), CodePoint(text).has_value()) << n;
      }
    }
  }
}

TEST(Utf8Test, EveryPositionOfALongTextIsLookedAt) {
  for (size_t size = 1; size < 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      ASSERT_TRUE(IsUtf8(text));
      text[at] = '\x80';
      ASSERT_FALSE(IsUtf8(text)) << size << " " << at;
      text.replace(at, 1, "\xe4\xb8\x96");
      ASSERT_TRUE(IsUtf8(text)) << size << " " << at;
      ASSERT_EQ(IsUtf8(text.substr(0, at + 2)), false) << size << " " << at;
    }
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8(std::string_view("\0\x7f", 2)));
}

}  // namespace
}  // namespace tocsin::wire
