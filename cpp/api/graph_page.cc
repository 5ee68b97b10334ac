#include "cpp/api/graph_page.h"

#include <string_view>

namespace tocsin::api {
namespace {

// What comes from the store is put into the page as text nodes only: labels are not ours.
constexpr std::string_view kPage = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tocsin: query</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 1.5em; color: #222; background: #fff; }
textarea { width: 100%; font: 13px monospace; box-sizing: border-box; }
button, select { font: inherit; padding: .2em .7em; }
button[aria-pressed=true] { font-weight: bold; }
table { border-collapse: collapse; margin-top: 1em; width: 100%; }
td { border-top: 1px solid #ddd; padding: .3em .5em; font: 13px monospace; vertical-align: top; }
td:last-child { text-align: right; white-space: pre; }
svg { width: 100%; height: 380px; margin-top: 1em; border: 1px solid #ddd; }
.note { color: #a33; white-space: pre-wrap; }
.key { display: inline-block; width: .9em; height: .9em; margin-right: .5em; }
@media (prefers-color-scheme: dark) {
  body, textarea, select, button { color: #ddd; background: #1b1b1b; }
  td, svg { border-color: #444; }
}
</style>
</head>
<body>
<form>
<textarea name="expr" rows="3" aria-label="PromQL expression" spellcheck="false"></textarea>
<button>Execute</button>
<button type="button" name="table">Table</button>
<button type="button" name="graph">Graph</button>
<select name="range" aria-label="Range">
<option>15m</option><option selected>1h</option><option>6h</option><option>1d</option>
<option>7d</option>
</select>
</form>
<div id="notes" class="note" role="status"></div>
<div id="result"></div>
<script>
"use strict";
const form = document.forms[0], result = document.getElementById("result");
const notes = document.getElementById("notes");
const seconds = {m: 60, h: 3600, d: 86400};
const given = new URLSearchParams(location.search);
const wanted = given.get("g0.range_input");
form.expr.value = given.get("g0.expr") || "";
if (wanted && /^\d+[mhd]$/.test(wanted)) {
  if (![...form.range.options].some(o => o.value === wanted)) form.range.add(new Option(wanted));
  form.range.value = wanted;
}
let tab = given.get("g0.tab") === "0" ? "graph" : "table";

function element(name, parent, attributes = {}, text = "") {
  const svg = ["svg", "polyline", "text", "circle"].includes(name);
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
                : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.textContent = text;
  parent.append(e);
  return e;
}
function show(labels) {
  const rest = Object.entries(labels).filter(([name]) => name !== "__name__")
    .map(([name, value]) => name + "=" + JSON.stringify(value));
  const name = labels.__name__ || "";
  return rest.length || !name ? name + "{" + rest.join(", ") + "}" : name;
}
async function ask(path, parameters) {
  const response = await fetch(path, {method: "POST", body: new URLSearchParams(parameters)});
  const answer = await response.json();
  const said = [...(answer.warnings || []), ...(answer.infos || [])];
  if (answer.status !== "success") said.push(answer.error);
  notes.textContent = said.join("\n");
  return answer.status === "success" ? answer.data : null;
}
function table(data) {
  const t = element("table", result);
  const row = (left, right) => {
    const tr = element("tr", t);
    element("td", tr, {}, left);
    element("td", tr, {}, right);
  };
  const text = v => typeof v === "string" ? v : "count " + v.count + ", sum " + v.sum;
  if (data.resultType === "scalar" || data.resultType === "string") row("", data.result[1]);
  if (data.resultType === "vector") {
    for (const one of data.result) row(show(one.metric), text((one.value || one.histogram)[1]));
    if (!data.result.length) notes.textContent += "Empty query result";
  }
  if (data.resultType === "matrix") {
    for (const one of data.result) {
      row(show(one.metric), [...(one.values || []), ...(one.histograms || [])]
        .map(([time, value]) => text(value) + " @" + time).join("\n"));
    }
  }
}
function graph(data, start, end) {
  const series = data.result.filter(one => one.values).slice(0, 50);
  const numbers = series.flatMap(one => one.values.map(v => +v[1])).filter(Number.isFinite);
  if (!numbers.length) { notes.textContent += "Empty query result"; return; }
  let low = Math.min(...numbers), high = Math.max(...numbers);
  if (low === high) { low -= 1; high += 1; }
  const svg = element("svg", result, {viewBox: "0 0 1000 380", preserveAspectRatio: "none"});
  const x = t => 1000 * (t - start) / (end - start), y = v => 360 - 340 * (v - low) / (high - low);
  series.forEach((one, i) => {
    const color = "hsl(" + (i * 137) % 360 + " 65% 45%)";
    const points = one.values.filter(v => Number.isFinite(+v[1]));
    element("polyline", svg, {fill: "none", stroke: color, "stroke-width": 1.5,
      "vector-effect": "non-scaling-stroke", points: points.map(v => x(v[0]) + "," + y(+v[1])).join(" ")});
    const line = element("div", result);
    element("span", line, {class: "key", style: "background:" + color});
    line.append(show(one.metric));
  });
  element("text", svg, {x: 4, y: 14, "font-size": 12, fill: "currentColor"}, String(high));
  element("text", svg, {x: 4, y: 376, "font-size": 12, fill: "currentColor"}, String(low));
}
async function run() {
  form.table.setAttribute("aria-pressed", tab === "table");
  form.graph.setAttribute("aria-pressed", tab === "graph");
  result.textContent = notes.textContent = "";
  const query = form.expr.value;
  if (!query.trim()) return;
  history.replaceState(null, "", "?" + new URLSearchParams({"g0.expr": query,
    "g0.tab": tab === "table" ? 1 : 0, "g0.range_input": form.range.value}));
  try {
    if (tab === "table") {
      const data = await ask("api/v1/query", {query});
      if (data) table(data);
      return;
    }
    const end = Date.now() / 1000;
    const range = parseInt(form.range.value, 10) * seconds[form.range.value.slice(-1)];
    const start = end - range;
    const data = await ask("api/v1/query_range", {query, start, end, step: Math.max(range / 250, 1)});
    if (data) graph(data, start, end);
  } catch (error) {
    notes.textContent = String(error);
  }
}
form.addEventListener("submit", event => { event.preventDefault(); run(); });
form.table.addEventListener("click", () => { tab = "table"; run(); });
form.graph.addEventListener("click", () => { tab = "graph"; run(); });
run();
</script>
</body>
</html>
)html";

}  // namespace

void RegisterGraphPage(http::Router* router) {
  for (const std::string_view path : {"/graph", "/query"}) {
    router->Handle("GET", path, [](const http::Request&) {
      http::Response response;
      response.body = kPage;
      response.Set("Content-Type", "text/html; charset=utf-8");
      response.Set("Content-Security-Policy",
                   "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                   "connect-src 'self'; base-uri 'none'; form-action 'self'; "
                   "frame-ancestors 'self'");
      return response;
    });
  }
}

}  // namespace tocsin::api
