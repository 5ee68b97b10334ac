#include "cpp/lib/byte_stream.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "cpp/lib/compression.h"
#include "tests/unit/lib/text_source.h"

namespace tocsin::lib {
namespace {

class TextSink final : public ByteSink {
 public:
  TextSink(std::string* text, bool* finished) : text_(text), finished_(finished) {}
  Status Write(std::string_view bytes) override {
    text_->append(bytes);
    return {};
  }
  Status Finish() override {
    *finished_ = true;
    return {};
  }

 private:
  std::string* const text_;
  bool* const finished_;
};

Result<std::string> ReadAll(std::string stored, size_t piece, size_t room) {
  const auto source = Decompressing(std::make_unique<TextSource>(std::move(stored), piece));
  std::string all;
  std::string buffer(room, '\0');
  while (true) {
    TOCSIN_ASSIGN_OR_RETURN(const size_t size, source->Read(buffer.data(), buffer.size()));
    if (size == 0) return all;
    all.append(buffer, 0, size);
  }
}

// Half random, half repeated.
std::string SomeText(size_t size) {
  std::mt19937_64 random(1);
  std::string text;
  while (text.size() < size) {
    text += std::to_string(random());
    text += "a word that repeats";
  }
  text.resize(size);
  return text;
}

TEST(ByteStreamTest, RecognisesWhatABeginningSays) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{3}, size_t{1000}, size_t{700'000}}) {
    const std::string text = SomeText(size);
    for (const std::string& stored : {text, Gzip(text), ZstdCompress(text, 1)}) {
      for (const auto& [piece, room] :
           {std::pair<size_t, size_t>{1 << 20, 1 << 20}, std::pair<size_t, size_t>{1000, 77}}) {
        const Result<std::string> read = ReadAll(stored, piece, room);
        ASSERT_TRUE(read.has_value()) << read.error().ToString();
        EXPECT_EQ(*read, text);
      }
    }
  }
}

TEST(ByteStreamTest, OneByteAtATime) {
  const std::string text = SomeText(2000);
  for (const std::string& stored : {text, Gzip(text), ZstdCompress(text, 1)}) {
    EXPECT_EQ(ReadAll(stored, 1, 1).value(), text);
  }
}

TEST(ByteStreamTest, MembersAndFramesFollowOneAnother) {
  EXPECT_EQ(ReadAll(Gzip("one ") + Gzip("") + Gzip("two"), 7, 100).value(), "one two");
  EXPECT_EQ(ReadAll(ZstdCompress("one ", 1) + ZstdCompress("two", 1), 7, 100).value(), "one two");
}

TEST(ByteStreamTest, DamageIsAnError) {
  const std::string text = SomeText(10'000);
  for (const std::string& stored : {Gzip(text), ZstdCompress(text, 1)}) {
    for (size_t size = 5; size < stored.size(); size += 97) {
      EXPECT_FALSE(ReadAll(stored.substr(0, size), 64, 4096).has_value()) << size;
    }
    EXPECT_FALSE(ReadAll(stored + "junk", 64, 4096).has_value());
  }
  std::string flipped = Gzip(text);
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  EXPECT_FALSE(ReadAll(flipped, 64, 4096).has_value());
}

TEST(ByteStreamTest, WhatIsCompressedReadsBack) {
  const std::string text = SomeText(500'000);
  for (const bool gzip : {true, false}) {
    std::string stored;
    bool finished = false;
    auto file = std::make_unique<TextSink>(&stored, &finished);
    const auto sink = gzip ? GzipCompressing(std::move(file)) : ZstdCompressing(std::move(file));
    for (size_t at = 0; at < text.size(); at += 300) {
      ASSERT_TRUE(sink->Write(std::string_view(text).substr(at, 300)).ok());
    }
    ASSERT_TRUE(sink->Finish().ok());
    EXPECT_TRUE(finished);
    EXPECT_LT(stored.size(), text.size());
    const Result<std::string> whole =
        gzip ? Gunzip(stored, text.size()) : ReadAll(stored, 1 << 20, 1 << 20);
    ASSERT_TRUE(whole.has_value());
    EXPECT_EQ(*whole, text);
  }
}

}  // namespace
}  // namespace tocsin::lib
