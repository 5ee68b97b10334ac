/// Puts the methods of a handler class on routes of the Prometheus API.

#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

#include "cpp/api/prometheus_json.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"
#include "cpp/http/router.h"

namespace tocsin::api {

inline http::Response PrometheusAnswer(http::Response response) { return response; }
inline http::Response PrometheusAnswer(Result<http::Response> response) {
  return response ? *std::move(response) : PrometheusError(response.error());
}

inline constexpr std::initializer_list<const char*> kGet = {"GET"};
inline constexpr std::initializer_list<const char*> kGetOrPost = {"GET", "POST"};
inline constexpr std::initializer_list<const char*> kPostOrPut = {"POST", "PUT"};

/// Routes share the ownership of one `Api`, which is const and so may answer many at once. Methods
/// give a http::Response, or a Result of it, whose error then gets the API's form.
template <class Api>
class PrometheusRoutes {
 public:
  /// Borrows the router, for as long as routes are added.
  PrometheusRoutes(std::shared_ptr<const Api> api, http::Router* router)
      : api_(std::move(api)), router_(router) {}

  template <class Answer>
  void Add(std::initializer_list<const char*> methods, std::string_view path,
           Answer (Api::*answer)(const http::Request&) const) const {
    for (const char* method : methods) {
      router_->Handle(method, path, [api = api_, answer](const http::Request& request) {
        return PrometheusAnswer(((*api).*answer)(request));
      });
    }
  }

 private:
  const std::shared_ptr<const Api> api_;
  http::Router* const router_;
};

}  // namespace tocsin::api
