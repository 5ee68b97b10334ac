#include "cpp/wire/json_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::wire {
namespace {

// "" if the text is JSON, else what is wrong with it.
std::string Refusal(std::string_view text) {
  JsonReader json(text);
  if (json.Skip() && json.ReadEnd()) return "";
  return std::string(json.error(1).message());
}

std::string StringIn(std::string_view text) {
  JsonReader json(text);
  std::string_view value;
  if (json.ReadString(&value) && json.ReadEnd()) return std::string(value);
  return std::string(json.error(1).message());
}

TEST(JsonReaderTest, ReadsWhatJsonAllows) {
  for (const std::string_view text :
       {"{}", "[]", " [ ] ", "null", "true", "false", "0", "-0", "10", "1.5", "1e3", "1E+3",
        "-12.50e-10", "\"\"", "{\"a\":{\"b\":[1,\"x\",null,{}]},\"a\":2}", "\t[1 ,\r\n 2]",
        "123456789012345678901234567890"}) {
    EXPECT_EQ(Refusal(text), "") << text;
  }
}

TEST(JsonReaderTest, RefusesWhatJsonForbids) {
  for (const std::string_view text :
       {"",          " ",      "{",    "[",    "[1,]",     "{\"a\":1,}", "{a:1}",   "{\"a\"}",
        "{\"a\":}",  "[1 2]",  "01",   "-",    "1.",       ".5",         "+1",      "1e",
        "1e+",       "tru",    "nul",  "True", "'a'",      "\"a",        "\"\\x\"", "\"\\u12g4\"",
        "\"\\u12\"", "\"\n\"", "[1]]", "{}{}", "\"\xff\"", "NaN",        "//",      "{,}"}) {
    EXPECT_NE(Refusal(text), "") << text;
  }
}

TEST(JsonReaderTest, AnEmptyViewIsRefusedToo) { EXPECT_NE(Refusal({}), ""); }

TEST(JsonReaderTest, UnescapesStrings) {
  EXPECT_EQ(StringIn(R"("a\"\\\/\b\f\n\r\t\u00e9z")"), "a\"\\/\b\f\n\r\t\xc3\xa9z");
  EXPECT_EQ(StringIn(R"("\u0000")"), std::string(1, '\0'));
  EXPECT_EQ(StringIn(R"("\u4e16\uD83D\uDE42")"), "世🙂");
  EXPECT_EQ(StringIn("\"Grüße 🙂\""), "Grüße 🙂");
}

TEST(JsonReaderTest, HalfASurrogatePairIsReplaced) {
  EXPECT_EQ(StringIn(R"("a\ud83d")"), "a\xef\xbf\xbd");
  EXPECT_EQ(StringIn(R"("\ude42b")"),
            "\xef\xbf\xbd"
            "b");
  EXPECT_EQ(StringIn(R"("\ud83dA")"),
            "\xef\xbf\xbd"
            "A");
  EXPECT_EQ(StringIn(R"("\ud83d\ud83d\ude42")"), "\xef\xbf\xbd🙂");
}

TEST(JsonReaderTest, NamesLineAndColumn) {
  EXPECT_EQ(Refusal("{\n  \"é\": tru\n}"),
            "malformed JSON at line 2, column 8: true or false is expected");
  EXPECT_EQ(Refusal("[1"), "malformed JSON at line 1, column 3: \",\" or \"]\" is expected");
  EXPECT_EQ(Refusal(""), "malformed JSON at line 1, column 1: the text ends too early");
  JsonReader json("\n\n?");
  EXPECT_FALSE(json.Skip());
  EXPECT_EQ(json.error(10).message(), "malformed JSON at line 12, column 1: a value is expected");
}

TEST(JsonReaderTest, NestingIsBounded) {
  constexpr auto kDepth = static_cast<size_t>(JsonReader::kDepthMax);
  const std::string allowed = std::string(kDepth, '[') + std::string(kDepth, ']');
  EXPECT_EQ(Refusal(allowed), "");
  EXPECT_NE(Refusal("[" + allowed + "]"), "");
  EXPECT_NE(Refusal(std::string(1 << 20, '[')), "");
  std::string objects;
  for (int i = 0; i < 1 << 16; ++i) objects += "{\"a\":";
  EXPECT_NE(Refusal(objects), "");
}

TEST(JsonReaderTest, AnErrorOfTheCallerEndsTheWalk) {
  JsonReader json(R"({"a":1,"b":2,"c":3})");
  std::vector<std::string> keys;
  EXPECT_FALSE(json.ReadObject([&](std::string_view key) {
    keys.emplace_back(key);
    if (key == "b") return json.Fail("no b is wanted");
    return json.Skip();
  }));
  EXPECT_EQ(keys, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(json.error(1).message(), "malformed JSON at line 1, column 8: no b is wanted");
  EXPECT_FALSE(json.Skip());
}

}  // namespace
}  // namespace tocsin::wire
