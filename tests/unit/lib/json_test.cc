// The writer writes JSON that any reader takes; the reader keeps order and types and says where a
// text went wrong.

#include "cpp/lib/json.h"

#include <string>

#include <gtest/gtest.h>

namespace tocsin::lib {
namespace {

TEST(JsonWriterTest, CommasStandBetweenAndNowhereElse) {
  JsonWriter w;
  w.BeginObject().Key("a").BeginArray().Int(-1).Uint(2).Bool(true).Null().EndArray();
  w.Key("b").BeginObject().EndObject().Key("c").Raw("[]").Key("d").Double(0.1).EndObject();
  EXPECT_EQ(w.text(), R"({"a":[-1,2,true,null],"b":{},"c":[],"d":0.1})");
}

TEST(JsonWriterTest, TextIsEscapedAndBadUtf8Replaced) {
  JsonWriter w;
  w.String("q\" b\\ n\n t\t c\x01 \xc3\xa9 \xff \xed\xa0\x80");
  EXPECT_EQ(w.text(),
            "\"q\\\" b\\\\ n\\n t\\t c\\u0001 \xc3\xa9 \xef\xbf\xbd "
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(JsonTest, ReadsWhatTheWriterWrote) {
  JsonWriter w;
  w.BeginObject()
      .Key("n")
      .Int(INT64_MIN)
      .Key("u")
      .Uint(UINT64_MAX)
      .Key("s")
      .String("\x7f\"")
      .EndObject();
  const auto json = Json::Parse(w.text());
  ASSERT_TRUE(json.has_value()) << json.error().ToString();
  EXPECT_EQ(json->Find("n")->integer, INT64_MIN);
  EXPECT_EQ(json->Find("u")->uinteger, UINT64_MAX);
  EXPECT_EQ(json->Find("s")->StringOr(""), "\x7f\"");
  EXPECT_EQ(json->Find("absent"), nullptr);
}

TEST(JsonTest, ErrorsNameTheByte) {
  for (const char* bad : {"", "{", "{\"a\":}", "[1,]", "nul", "1 2", "\"\x01\"", "[1] x"}) {
    const auto json = Json::Parse(bad);
    ASSERT_FALSE(json.has_value()) << bad;
    EXPECT_EQ(json.error().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(json.error().message().find("at byte "), std::string_view::npos) << bad;
  }
}

TEST(JsonTest, NumbersAreFinite) {
  EXPECT_EQ(Json::Parse("[1e308]")->array[0].number, 1e308);
  for (const char* bad : {"1e999", "[-1e999]", "{\"a\":{\"b\":1e400}}"}) {
    const auto json = Json::Parse(bad);
    ASSERT_FALSE(json.has_value()) << bad;
    EXPECT_EQ(json.error().message(), "bad JSON: a number is out of range");
  }
}

TEST(JsonTest, NestingIsBounded) {
  EXPECT_TRUE(Json::Parse(std::string(60, '[') + std::string(60, ']')).has_value());
  EXPECT_FALSE(Json::Parse(std::string(100'000, '[')).has_value());
}

}  // namespace
}  // namespace tocsin::lib
