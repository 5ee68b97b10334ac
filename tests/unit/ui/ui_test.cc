// The pages as the router answers them; what they show is tested in tests/integration/test_ui.py.

#include "cpp/ui/ui.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "cpp/lib/compression.h"
#include "cpp/ui/assets.h"

namespace tocsin::ui {
namespace {

constexpr size_t kMiB = 1 << 20;

class UiTest : public testing::Test {
 protected:
  UiTest() {
    router_.Handle("GET", "/",
                   [](const http::Request&) { return http::Response::Text(200, "landing"); });
    router_.Handle("GET", "/status",
                   [](const http::Request&) { return http::Response::Text(200, "status"); });
    RegisterUi(&router_);
  }

  http::Response Get(std::string path, http::Headers headers = {}, std::string_view query = {}) {
    http::Request request;
    request.method = "GET";
    request.path = std::move(path);
    request.headers = std::move(headers);
    request.query = http::ParseQuery(query);
    return router_.Route(std::move(request));
  }

  http::Router router_;
};

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(AssetsTest, AreTheFilesOfTheFolder) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TOCSIN_SOURCE_DIR "/ui")) {
    const std::string name = entry.path().filename().string();
    if (name == "package.json") continue;  // Is for the tests of the scripts.
    const auto asset = std::ranges::find(Assets(), name, &Asset::name);
    ASSERT_NE(asset, Assets().end()) << name;
    const std::string packed(asset->gzip.begin(), asset->gzip.end());
    EXPECT_EQ(lib::Gunzip(packed, kMiB), ReadFile(entry.path())) << name;
    ++files;
  }
  EXPECT_EQ(files, Assets().size());
  EXPECT_TRUE(std::ranges::is_sorted(Assets(), {}, &Asset::name));
}

TEST_F(UiTest, FilesComePackedOrPlainAndAreNotSentTwice) {
  const http::Response packed = Get("/ui/assets/app.js", {{"accept-encoding", "gzip"}});
  EXPECT_EQ(packed.status, 200);
  EXPECT_EQ(packed.Header("content-encoding"), "gzip");
  EXPECT_EQ(packed.Header("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(packed.Header("x-content-type-options"), "nosniff");
  const http::Response plain = Get("/ui/assets/app.js");
  EXPECT_EQ(plain.Header("content-encoding"), "");
  EXPECT_EQ(lib::Gunzip(packed.body, kMiB), plain.body);
  const std::string etag(plain.Header("etag"));
  EXPECT_EQ(etag, packed.Header("etag"));
  const http::Response known = Get("/ui/assets/app.js", {{"if-none-match", "W/" + etag}});
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.body, "");
}

TEST_F(UiTest, TheTypesAreSaid) {
  EXPECT_EQ(Get("/ui/assets/theme.css").Header("content-type"), "text/css; charset=utf-8");
  EXPECT_EQ(Get("/ui/assets/icon.svg").Header("content-type"), "image/svg+xml");
}

TEST_F(UiTest, EveryAddressBelowIsTheDocument) {
  const http::Response page = Get("/ui/search", {}, "q=%7B%7D");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.Header("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("<base href=\"./\">"), std::string::npos);
  EXPECT_NE(Get("/ui/trace/0af7").body.find("<base href=\"../\">"), std::string::npos);
  EXPECT_NE(Get("/ui/a/b/c").body.find("<base href=\"../../\">"), std::string::npos);
  EXPECT_EQ(Get("/ui/").body, page.body);
}

TEST_F(UiTest, NothingIsLoadedFromElsewhereOrFromADocument) {
  for (const char* path : {"/ui/", "/ui/assets/app.js"}) {
    const http::Response page = Get(path);
    const std::string_view policy = page.Header("content-security-policy");
    EXPECT_TRUE(policy.starts_with("default-src 'self';")) << path;
    EXPECT_EQ(policy.find("unsafe"), std::string_view::npos) << path;
  }
}

TEST_F(UiTest, OnlyItsOwnFilesAreServed) {
  EXPECT_EQ(Get("/ui/assets/none.js").status, 404);
  EXPECT_EQ(Get("/ui/assets/..%2Fserver.json").status, 404);
  EXPECT_EQ(Get("/ui/assets/index.html").status, 404);  // It is at every other address.
}

TEST_F(UiTest, LinksOfAlertsLeadToTheMetrics) {
  const http::Response graph = Get("/graph", {}, "g0.expr=up%7Bjob%3D%22a+b%22%7D&g0.tab=1");
  EXPECT_EQ(graph.status, 302);
  EXPECT_EQ(graph.Header("location"), "ui/metrics?g0.expr=up%7Bjob%3D%22a+b%22%7D&g0.tab=1");
  EXPECT_EQ(Get("/query").Header("location"), "ui/metrics");
}

TEST_F(UiTest, AddressesOfOthersLeadToThePages) {
  EXPECT_EQ(Get("/trace/0af7651916cd43dd").Header("location"), "../ui/trace/0af7651916cd43dd");
  EXPECT_EQ(Get("/trace/a%0d%0ab").Header("location"), "../ui/trace/a%0D%0Ab");
  EXPECT_EQ(Get("/alerts").Header("location"), "ui/alerts");
  EXPECT_EQ(Get("/ui").Header("location"), "ui/");
}

TEST_F(UiTest, BrowsersGetThePagesAndProgramsTheText) {
  const http::Headers browser = {{"accept", "text/html,application/xhtml+xml,*/*;q=0.8"}};
  EXPECT_EQ(Get("/", browser).Header("location"), "ui/");
  EXPECT_EQ(Get("/status", browser).Header("location"), "ui/status");
  EXPECT_EQ(Get("/").body, "landing");
  EXPECT_EQ(Get("/status", {{"accept", "*/*"}}).body, "status");
}

}  // namespace
}  // namespace tocsin::ui
