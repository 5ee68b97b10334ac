// Jaeger's API: its model, its parameters, its refusals.

#include "cpp/api/jaeger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/api/jaeger_json.h"
#include "cpp/api/jaeger_params.h"
#include "tests/unit/api/trace_api.h"

namespace tocsin::api {
namespace {

using lib::Json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using traceql::ArrayValue;
using traceql::kMs;
using traceql::kSec;
using traceql::Of;
using traceql::Span;
using traceql::TestSpan;

// Trace 1: front calls cart. Trace 2, newer: cart alone. Trace 3: of no service.
std::vector<TestSpan> Spans() {
  TestSpan root = Of("front", SpanKind::kServer, Span(1, 1, 0, 10 * kSec, kSec));
  root.name = "GET /";
  root.resource.emplace_back("host", "a");
  root.scope_name = "http";
  root.scope_version = "1.2";
  root.attrs = {{"http.status_code", int64_t{500}},
                {"big", int64_t{9223372036854775222}},
                {"ratio", 0.5},
                {"ok", true},
                {"tags", ArrayValue{{std::string("red"), int64_t{1}}}}};
  root.status = SpanStatus::kError;
  root.status_message = "boom";
  root.events = {{10 * kSec + kMs, "exception", {{"exception.type", "IOError"}}}};
  root.links = {{{0xab, 0xcd}, 0xef, {}},
                {{0xab, 0xcd}, 0xee, {{"opentracing.ref_type", "child_of"}}}};
  TestSpan call = Of("cart", SpanKind::kClient, Span(1, 2, 1, 10 * kSec + kMs, 1500));
  call.name = "add";
  TestSpan other = Of("cart", SpanKind::kServer, Span(2, 3, 0, 20 * kSec, 3 * kSec));
  other.name = "add";
  TestSpan nobody = Span(3, 4, 0, 30 * kSec, kSec);
  return {root, call, other, nobody};
}

class JaegerTest : public testing::Test {
 protected:
  JaegerTest() : api_({Spans()}) { RegisterJaeger(api_.queries(), api_.router()); }

  Json Get(const std::string& target, int status = 200) {
    const http::Response response = api_.Get("/jaeger/api" + target);
    EXPECT_EQ(response.status, status) << target << " " << response.body;
    const auto json = Json::Parse(response.body);
    EXPECT_TRUE(json) << response.body;
    return json.value_or(Json());
  }

  // The ids of the traces, without their zeros.
  std::vector<std::string> Found(const std::string& params) {
    std::vector<std::string> ids;
    const Json answer = Get("/traces?start=1000000&end=100000000&" + params);
    for (const Json& trace : answer.Find("data")->array) {
      ids.push_back(trace.Find("traceID")->string.substr(31));
    }
    return ids;
  }

  std::string Refused(const std::string& target, int status = 400) {
    const Json answer = Get(target, status);
    const Json* errors = answer.Find("errors");
    if (errors == nullptr || errors->array.size() != 1) return "<no error>";
    EXPECT_EQ(errors->array[0].Find("code")->integer, status);
    return errors->array[0].Find("msg")->string;
  }

  TraceApi api_;
};

TEST_F(JaegerTest, ATraceInJaegersModel) {
  EXPECT_EQ(api_.Get("/jaeger/api/traces/1").body,
            R"({"data":[{"traceID":"00000000000000000000000000000001","spans":[)"
            R"({"traceID":"00000000000000000000000000000001","spanID":"0000000000000001",)"
            R"("operationName":"GET /","references":[)"
            R"({"refType":"FOLLOWS_FROM","traceID":"00000000000000ab00000000000000cd",)"
            R"("spanID":"00000000000000ef"},)"
            R"({"refType":"CHILD_OF","traceID":"00000000000000ab00000000000000cd",)"
            R"("spanID":"00000000000000ee"}],"startTime":10000000,"duration":1000000,"tags":[)"
            R"({"key":"otel.scope.name","type":"string","value":"http"},)"
            R"({"key":"otel.scope.version","type":"string","value":"1.2"},)"
            R"({"key":"http.status_code","type":"int64","value":500},)"
            R"({"key":"big","type":"int64","value":"9223372036854775222"},)"
            R"({"key":"ratio","type":"float64","value":0.5},)"
            R"({"key":"ok","type":"bool","value":true},)"
            R"({"key":"tags","type":"string","value":"[\"red\",1]"},)"
            R"({"key":"span.kind","type":"string","value":"server"},)"
            R"({"key":"otel.status_code","type":"string","value":"ERROR"},)"
            R"({"key":"error","type":"bool","value":true},)"
            R"({"key":"otel.status_description","type":"string","value":"boom"}],)"
            R"("logs":[{"timestamp":10001000,"fields":[)"
            R"({"key":"event","type":"string","value":"exception"},)"
            R"({"key":"exception.type","type":"string","value":"IOError"}]}],)"
            R"("processID":"p1","warnings":null},)"
            R"({"traceID":"00000000000000000000000000000001","spanID":"0000000000000002",)"
            R"("operationName":"add","references":[{"refType":"CHILD_OF",)"
            R"("traceID":"00000000000000000000000000000001","spanID":"0000000000000001"}],)"
            R"("startTime":10001000,"duration":1,"tags":[)"
            R"({"key":"span.kind","type":"string","value":"client"}],"logs":[],)"
            R"("processID":"p2","warnings":null}],)"
            R"("processes":{"p1":{"serviceName":"front","tags":[)"
            R"({"key":"host","type":"string","value":"a"}]},)"
            R"("p2":{"serviceName":"cart","tags":[]}},"warnings":null}],)"
            R"("total":0,"limit":0,"offset":0,"errors":null})");
}

TEST_F(JaegerTest, NamesOfServicesAndOperations) {
  EXPECT_EQ(api_.Get("/jaeger/api/services").body,
            R"({"data":["cart","front"],"total":2,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(api_.Get("/jaeger/api/services/cart/operations").body,
            R"({"data":["add"],"total":1,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(api_.Get("/jaeger/api/operations?service=cart").body,
            R"({"data":[{"name":"add","spanKind":"client"},{"name":"add","spanKind":"server"}],)"
            R"("total":2,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(Get("/operations?service=cart&spanKind=server").Find("data")->array.size(), 1U);
  const std::string of_nobody = "/operations?service=OTLPResourceNoServiceName&spanKind=";
  EXPECT_EQ(Get(of_nobody + "unspecified").Find("data")->array.size(), 1U);
  EXPECT_THAT(Get(of_nobody + "internal").Find("data")->array, IsEmpty());
  EXPECT_THAT(Get("/services/nobody/operations").Find("data")->array, IsEmpty());
  EXPECT_EQ(Refused("/operations"), "parameter 'service' is required");
  EXPECT_EQ(api_.Get("/jaeger/api/services/OTLPResourceNoServiceName/operations").body,
            R"({"data":["span 4"],"total":1,"limit":0,"offset":0,"errors":null})");
}

TEST_F(JaegerTest, SearchesFindWholeTracesNewestFirst) {
  EXPECT_THAT(Found("service=cart"), ElementsAre("2", "1"));
  EXPECT_THAT(Found("service=cart&limit=1"), ElementsAre("2"));
  EXPECT_THAT(Found("service=front&operation=GET+/"), ElementsAre("1"));
  EXPECT_THAT(Found("service=front&operation=add"), IsEmpty());
  EXPECT_THAT(Found("service=cart&minDuration=2s"), ElementsAre("2"));
  EXPECT_THAT(Found("service=cart&maxDuration=1.5us"), ElementsAre("1"));
  EXPECT_THAT(Found("service=OTLPResourceNoServiceName"), ElementsAre("3"));
  const Json answer = Get("/traces?service=cart&start=9000000&end=10500000");
  ASSERT_EQ(answer.Find("data")->array.size(), 1U);
  EXPECT_EQ(answer.Find("data")->array[0].Find("spans")->array.size(), 2U);
}

TEST_F(JaegerTest, TagsAreFoundWhereTheyAreShown) {
  const auto found = [&](const std::string& tags) { return Found("service=front&tags=" + tags); };
  for (const char* tags :
       {R"({"http.status_code":"500"})", R"({"big":"9223372036854775222"})", R"({"ratio":"0.5"})",
        R"({"ok":"true"})", R"({"host":"a"})", R"({"exception.type":"IOError"})",
        R"({"event":"exception"})", R"({"error":"true"})", R"({"span.kind":"server"})",
        R"({"otel.status_code":"ERROR"})", R"({"otel.status_description":"boom"})",
        R"({"otel.scope.name":"http"})", R"({"otel.scope.version":"1.2"})",
        R"({"error":"true","host":"a"})", "{}"}) {
    EXPECT_THAT(found(tags), ElementsAre("1")) << tags;
  }
  for (const char* tags :
       {R"({"http.status_code":"0500"})", R"({"error":"false"})", R"({"span.kind":"client"})",
        R"({"host":"a","ok":"false"})", R"({"ratio":"1234e56"})", R"({"":"a"})",
        R"({"span.kind":"server || true"})"}) {
    EXPECT_THAT(found(tags), IsEmpty()) << tags;
  }
  EXPECT_THAT(Found("service=front&tag=host:a&tag=event:exception"), ElementsAre("1"));
}

TEST_F(JaegerTest, HostileTextStaysText) {
  const std::vector<std::string> hostile = {"\" || true || \"",
                                            "a\" } || { true",
                                            "\\",
                                            "\\\"",
                                            "x\n} | { true",
                                            "`",
                                            std::string("a\0b", 3),
                                            "{}|&!"};
  for (const std::string& text : hostile) {
    JaegerConditions conditions;
    conditions.service = text;
    conditions.operation = text;
    conditions.tags = {{text, text}};
    const auto query = traceql::Query(*api_.queries().Parse(conditions.TraceQl()));
    ASSERT_EQ(query.pipeline.size(), 1U) << conditions.TraceQl();
    const auto found = api_.Search(conditions.TraceQl());
    ASSERT_TRUE(found) << conditions.TraceQl();
    EXPECT_THAT(found->traces, IsEmpty()) << conditions.TraceQl();
    TagValuesQuery names;
    names.name = "name";
    names.traceql = JaegerServiceFilter(text);
    const auto values = api_.queries().TagValues(names, [] { return Status(); });
    ASSERT_TRUE(values);
    EXPECT_THAT(values->values, IsEmpty()) << names.traceql;
  }
}

TEST_F(JaegerTest, TracesByIdsTellWhichAreMissing) {
  const Json answer = Get("/traces?traceID=2&traceID=77&traceID=00000000000000000000000000000001");
  EXPECT_EQ(answer.Find("data")->array.size(), 2U);
  const Json& error = answer.Find("errors")->array.at(0);
  EXPECT_EQ(error.Find("msg")->string, "trace not found");
  EXPECT_EQ(error.Find("traceID")->string, "00000000000000000000000000000077");
  EXPECT_EQ(Refused("/traces/77", 404), "trace not found");
  EXPECT_EQ(Get("/traces?traceID=2&traceID=2&traceID=02").Find("data")->array.size(), 1U);
  std::string many = "/traces?";
  for (int i = 1; i <= 1'001; ++i) many.append("&traceID=").append(std::to_string(i));
  EXPECT_EQ(Refused(many), "more than 1000 traceID parameters");
}

TEST_F(JaegerTest, WhatCannotBeReadIsRefused) {
  EXPECT_EQ(Refused("/traces"), "parameter 'service' is required");
  EXPECT_EQ(Refused("/traces?service=a&start=x"),
            "unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax");
  EXPECT_EQ(Refused("/traces?service=a&end=99999999999999999999"),
            "unable to parse param 'end': strconv.ParseInt: parsing \"99999999999999999999\": "
            "value out of range");
  EXPECT_EQ(Refused("/traces?service=a&limit=x"),
            "strconv.ParseInt: parsing \"x\": invalid syntax");
  EXPECT_EQ(Refused("/traces?service=a&limit=0"),
            "invalid parameter: limit must be greater than 0");
  EXPECT_EQ(Refused("/traces?service=a&start=2&end=1"),
            "invalid parameter: start time must be before end time");
  EXPECT_EQ(Refused("/traces?service=a&minDuration=5"),
            "unable to parse param 'minDuration': time: invalid duration \"5\"");
  EXPECT_EQ(Refused("/traces?service=a&minDuration=2s&maxDuration=1s"),
            "'maxDuration' should be greater than 'minDuration'");
  EXPECT_EQ(Refused("/traces?service=a&tag=x"),
            "malformed 'tag' parameter, expecting key:value, received: x");
  EXPECT_THAT(Refused("/traces?service=a&tags=x"),
              HasSubstr("malformed 'tags' parameter, cannot unmarshal JSON: "));
  EXPECT_THAT(Refused("/traces?service=a&tags={\"a\":1}"), HasSubstr("\"a\" is not a string"));
  EXPECT_EQ(Refused("/traces?traceID=x"),
            "cannot parse traceID param: strconv.ParseUint: parsing \"x\": invalid syntax");
  EXPECT_EQ(Refused("/traces/xyz"), "strconv.ParseUint: parsing \"xyz\": invalid syntax");
  EXPECT_EQ(Refused("/traces/" + std::string(33, 'a')),
            "TraceID cannot be longer than 32 hex characters: " + std::string(33, 'a'));
  EXPECT_EQ(Refused("/traces/1?raw=maybe"),
            "unable to parse param 'raw': strconv.ParseBool: parsing \"maybe\": invalid syntax");
  EXPECT_EQ(Refused("/dependencies?endTs=x"),
            "unable to parse param 'endTs': strconv.ParseInt: parsing \"x\": invalid syntax");
}

TEST_F(JaegerTest, DependenciesAreCallsBetweenServices) {
  EXPECT_EQ(api_.Get("/jaeger/api/dependencies?endTs=100000&lookback=100000").body,
            R"({"data":[{"parent":"front","child":"cart","callCount":1}],)"
            R"("total":0,"limit":0,"offset":0,"errors":null})");
  EXPECT_THAT(Get("/dependencies?endTs=100000&lookback=1").Find("data")->array, IsEmpty());
  EXPECT_THAT(Get("/dependencies?endTs=100000&lookback=100000&service=x").Find("data")->array,
              IsEmpty());
}

TEST_F(JaegerTest, Version3SpeaksOtlp) {
  EXPECT_EQ(api_.Get("/jaeger/api/v3/services").body, R"({"services":["cart","front"]})");
  EXPECT_EQ(api_.Get("/jaeger/api/v3/operations?service=cart&span_kind=client").body,
            R"({"operations":[{"name":"add","spanKind":"client"}]})");
  EXPECT_EQ(api_.Get("/jaeger/api/v3/operations?service=OTLPResourceNoServiceName").body,
            R"({"operations":[{"name":"span 4","spanKind":"internal"}]})");
  EXPECT_EQ(api_.Get("/jaeger/api/v3/operations?service=OTLPResourceNoServiceName"
                     "&span_kind=internal")
                .body,
            R"({"operations":[{"name":"span 4","spanKind":"internal"}]})");
  const Json trace = Get("/v3/traces/1?start_time=1970-01-01T00:00:00Z");
  const Json& group = trace.Find("result")->Find("resourceSpans")->array.at(0);
  const Json& span = group.Find("scopeSpans")->array.at(0).Find("spans")->array.at(0);
  EXPECT_EQ(span.Find("traceId")->string, "00000000000000000000000000000001");
  EXPECT_EQ(span.Find("spanId")->string, "0000000000000001");
  EXPECT_EQ(span.Find("kind")->integer, 2);
  EXPECT_EQ(span.Find("startTimeUnixNano")->string, "10000000000");
  const std::string range =
      "&query.start_time_min=1970-01-01T00:00:01Z&query.start_time_max=1970-01-01T01:01:00+01:00";
  const auto groups = [&](const std::string& params) {
    return Get("/v3/traces?" + params + range).Find("result")->Find("resourceSpans")->array.size();
  };
  EXPECT_EQ(groups("query.service_name=cart"), 3U);
  EXPECT_EQ(groups("query.service_name=cart&query.num_traces=1"), 1U);
  EXPECT_EQ(groups("query.attributes={\"host\":\"a\"}&query.duration_min=1ms"), 2U);
}

TEST_F(JaegerTest, Version3RefusesInItsWay) {
  const std::string range =
      "&query.start_time_min=1970-01-01T00:00:01Z&query.start_time_max=1970-01-01T00:01:00Z";
  const auto refused = [&](const std::string& target, int status) {
    const Json answer = Get("/v3/" + target, status);
    const Json* error = answer.Find("error");
    if (error == nullptr) return std::string("<no error>");
    EXPECT_EQ(error->Find("httpCode")->integer, status);
    return error->Find("message")->string;
  };
  EXPECT_EQ(refused("traces?query.service_name=x" + range, 404), "No traces found");
  EXPECT_EQ(refused("traces/77", 404), "No traces found");
  EXPECT_EQ(refused("traces/x", 400),
            "malformed parameter trace_id: strconv.ParseUint: parsing \"x\": invalid syntax");
  EXPECT_EQ(refused("traces?query.service_name=x", 400),
            "query.start_time_min and query.start_time_max are required");
  EXPECT_EQ(refused("traces?query.start_time_min=1&query.start_time_max=2", 400),
            "malformed parameter query.start_time_min: \"1\" is not a time of RFC 3339");
  EXPECT_EQ(refused("traces?query.duration_min=1" + range, 400),
            "malformed parameter query.duration_min: time: invalid duration \"1\"");
  EXPECT_EQ(refused("traces?query.num_traces=0" + range, 400),
            "malformed parameter query.num_traces: strconv.ParseInt: parsing \"0\": value out of "
            "range");
}

TEST_F(JaegerTest, MetricsOfServicesAndOperations) {
  const std::string window = "&endTs=24000&lookback=4000&step=2000&ratePer=5000";
  const auto metrics = [&](const std::string& params) {
    return api_.Get("/jaeger/api/metrics/" + params + window).body;
  };
  // Windows end at 20, 22 and 24 s; the only server span of cart starts at 20 s.
  EXPECT_EQ(metrics("calls?service=cart"),
            R"({"name":"service_call_rate","type":"GAUGE",)"
            R"("help":"calls/sec, grouped by service","metrics":[)"
            R"({"labels":[{"name":"service_name","value":"cart"}],"metricPoints":[)"
            R"({"gaugeValue":{"doubleValue":0.2},"timestamp":"1970-01-01T00:00:20Z"},)"
            R"({"gaugeValue":{"doubleValue":0.2},"timestamp":"1970-01-01T00:00:22Z"},)"
            R"({"gaugeValue":{"doubleValue":0.2},"timestamp":"1970-01-01T00:00:24Z"}]}]})");
  EXPECT_EQ(metrics("calls?service=cart&spanKind=producer"),
            R"({"name":"service_call_rate","type":"GAUGE",)"
            R"("help":"calls/sec, grouped by service","metrics":[]})");
  const std::string errors =
      api_.Get(
              "/jaeger/api/metrics/errors?service=front&service=cart&spanKind=server&"
              "spanKind=client&groupByOperation=true&endTs=20000&lookback=1&ratePer=15000")
          .body;
  EXPECT_THAT(errors, HasSubstr(R"("name":"service_operation_error_rate")"));
  EXPECT_THAT(errors, HasSubstr(R"([{"name":"operation","value":"GET /"},)"
                                R"({"name":"service_name","value":"front"}],"metricPoints":[)"
                                R"({"gaugeValue":{"doubleValue":1},)"));
  EXPECT_THAT(errors, HasSubstr(R"([{"name":"operation","value":"add"},)"
                                R"({"name":"service_name","value":"cart"}],"metricPoints":[)"
                                R"({"gaugeValue":{"doubleValue":0},)"));
  const auto latencies = Json::Parse(metrics("latencies?quantile=0.95&service=cart"));
  ASSERT_TRUE(latencies);
  const Json& points = *latencies->Find("metrics")->array.at(0).Find("metricPoints");
  EXPECT_NEAR(points.array.at(0).Find("gaugeValue")->Find("doubleValue")->number, 3000, 1300);
  EXPECT_EQ(latencies->Find("help")->string, "0.95th quantile latency, grouped by service");
  EXPECT_THAT(api_.Get("/jaeger/api/metrics/latencies?quantile=1&spanKind=unspecified&"
                       "service=OTLPResourceNoServiceName&endTs=32000&lookback=1&ratePer=5000")
                  .body,
              HasSubstr(R"([{"name":"service_name","value":"OTLPResourceNoServiceName"}])"));
  EXPECT_EQ(Get("/metrics/minstep").Find("data")->integer, 1);
}

TEST_F(JaegerTest, MetricsThatCannotBeReadAreRefused) {
  EXPECT_EQ(Refused("/metrics/calls"),
            "unable to parse param 'service': please provide at least one service name");
  EXPECT_EQ(Refused("/metrics/latencies?service=a"),
            "unable to parse param 'quantile': strconv.ParseFloat: parsing \"\": invalid syntax");
  EXPECT_EQ(Refused("/metrics/latencies?service=a&quantile=2"),
            "unable to parse param 'quantile': must be from 0 to 1");
  EXPECT_EQ(Refused("/metrics/calls?service=a&spanKind=x"),
            "unable to parse param 'spanKind': unsupported span kind: 'x'");
  EXPECT_EQ(Refused("/metrics/calls?service=a&step=0"),
            "unable to parse param 'step': must be greater than 0");
  EXPECT_EQ(Refused("/metrics/calls?service=a&step=1"),
            "unable to parse param 'step': more than 11000 points");
}

TEST(JaegerLimitsTest, ASearchWithoutARangeStaysWithinTheLongest) {
  TempoOptions options;
  options.limits = [] { return TempoLimits{.max_search_range = kMinute}; };
  TraceApi api({Spans()}, options);
  RegisterJaeger(api.queries(), api.router());
  EXPECT_EQ(api.Get("/jaeger/api/traces?service=cart").status, 200);
  const http::Response wide = api.Get("/jaeger/api/traces?service=cart&start=1&end=100000000");
  EXPECT_EQ(wide.status, 400);
  EXPECT_THAT(wide.body, HasSubstr("range specified by start and end exceeds 1m"));
}

}  // namespace
}  // namespace tocsin::api
