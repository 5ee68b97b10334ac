#include "cpp/http/message.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(PercentDecode, DecodesEveryByte) {
  for (int byte = 0; byte < 256; ++byte) {
    constexpr std::string_view kUpper = "0123456789ABCDEF";
    constexpr std::string_view kLower = "0123456789abcdef";
    for (const std::string_view digits : {kUpper, kLower}) {
      const std::string text = {'%', digits[static_cast<size_t>(byte / 16)],
                                digits[static_cast<size_t>(byte % 16)]};
      EXPECT_EQ(PercentDecode(text, false), std::string(1, static_cast<char>(byte)));
    }
  }
}

TEST(PercentDecode, LeavesAPercentSignAloneThatNothingFollows) {
  EXPECT_EQ(PercentDecode("100%", false), "100%");
  EXPECT_EQ(PercentDecode("%4", false), "%4");
  EXPECT_EQ(PercentDecode("%4g%41", false), "%4gA");
  EXPECT_EQ(PercentDecode("%%41", false), "%A");
}

TEST(PercentDecode, PlusIsASpaceOnlyInForms) {
  EXPECT_EQ(PercentDecode("a+b%2Bc", true), "a b+c");
  EXPECT_EQ(PercentDecode("a+b%2Bc", false), "a+b+c");
}

TEST(ParseQuery, KeepsOrderAndRepetition) {
  EXPECT_THAT(ParseQuery("match[]=up&match%5B%5D=%7Ba%3D%22b%22%7D&q=1+2"),
              ElementsAre(Pair("match[]", "up"), Pair("match[]", "{a=\"b\"}"), Pair("q", "1 2")));
}

TEST(ParseQuery, ToleratesWhatIsMissing) {
  EXPECT_THAT(ParseQuery(""), IsEmpty());
  EXPECT_THAT(ParseQuery("&&"), IsEmpty());
  EXPECT_THAT(ParseQuery("a"), ElementsAre(Pair("a", "")));
  EXPECT_THAT(ParseQuery("a="), ElementsAre(Pair("a", "")));
  EXPECT_THAT(ParseQuery("=b"), ElementsAre(Pair("", "b")));
  EXPECT_THAT(ParseQuery("a=b=c&"), ElementsAre(Pair("a", "b=c")));
}

TEST(Request, FindsTheFirstOfEachName) {
  Request request;
  request.headers = {{"accept", "a"}, {"accept", "b"}};
  request.query = {{"q", "1"}, {"q", "2"}, {"empty", ""}};
  request.params = {{"id", "7"}};
  EXPECT_EQ(request.Header("accept"), "a");
  EXPECT_EQ(request.Header("missing"), "");
  EXPECT_EQ(request.Query("q"), "1");
  EXPECT_EQ(request.Query("empty"), "");
  EXPECT_EQ(request.Query("missing"), std::nullopt);
  EXPECT_EQ(request.Param("id"), "7");
  EXPECT_EQ(request.Param("missing"), "");
}

TEST(Request, IsNotCancelledUnlessTheServerSaysSo) {
  Request request;
  EXPECT_FALSE(request.Cancelled());
  request.cancelled = [] { return true; };
  EXPECT_TRUE(request.Cancelled());
}

TEST(Response, SetReplacesWhateverTheCase) {
  Response response = Response::Text(200, "x");
  response.Set("content-type", "text/html").Set("X-A", "1").Set("x-a", "2");
  EXPECT_THAT(response.headers, ElementsAre(Pair("content-type", "text/html"), Pair("x-a", "2")));
  EXPECT_EQ(response.Header("CONTENT-TYPE"), "text/html");
}

TEST(Response, SaysWhatItIs) {
  EXPECT_EQ(Response::Json(200, "{}").Header("content-type"), "application/json");
  EXPECT_EQ(Response::Text(404, "no").Header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(Response::Text(404, "no").status, 404);
}

}  // namespace
}  // namespace tocsin::http
