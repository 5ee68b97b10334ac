#include "cpp/base/url.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(UrlTest, QueriesAreEscapedAsGoDoes) {
  EXPECT_EQ(EscapeQuery(""), "");
  EXPECT_EQ(EscapeQuery("aZ09-_.~"), "aZ09-_.~");
  EXPECT_EQ(EscapeQuery("a b"), "a+b");
  EXPECT_EQ(EscapeQuery("sum(rate(x[5m])) > 0.5"), "sum%28rate%28x%5B5m%5D%29%29+%3E+0.5");
  EXPECT_EQ(EscapeQuery("+&=%/"), "%2B%26%3D%25%2F");
  EXPECT_EQ(EscapeQuery("\u00e9\xff"), "%C3%A9%FF");
}

}  // namespace
}  // namespace tocsin
