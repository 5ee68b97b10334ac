"""Language models ask: the MCP server at /api/mcp."""

from __future__ import annotations

import itertools
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from harness import Answer, Server, request, running, span

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}
TOOLS = {
    "docs-traceql",
    "traceql-search",
    "traceql-metrics-instant",
    "traceql-metrics-range",
    "get-trace",
    "get-attribute-names",
    "get-attribute-values",
    "traces-diff",
}
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("query_frontend: {mcp_server: {enabled: true}}") as started:
        yield started


def post(server: Server, body: object, **headers: str) -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request(
        server.url + "/api/mcp", method="POST", body=text, headers=HEADERS | dict(headers)
    )


def call(server: Server, method: str, params: object = None) -> Any:
    """Send one request of JSON-RPC; return its result."""
    number = next(numbers)
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    answer = post(server, message if params is None else message | {"params": params})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["id"] == number
    return answer.json["result"]


def tool(server: Server, tool_name: str, **arguments: str) -> Any:
    result = call(server, "tools/call", {"name": tool_name, "arguments": arguments})
    assert not result["isError"], result
    (content,) = result["content"]
    assert content["type"] == "text"
    return content["text"] if tool_name == "docs-traceql" else json.loads(content["text"])


def failure(server: Server, tool_name: str, **arguments: str) -> str:
    result = call(server, "tools/call", {"name": tool_name, "arguments": arguments})
    assert result["isError"], result
    text = result["content"][0]["text"]
    assert isinstance(text, str)
    return text


def test_a_client_introduces_itself(server: Server) -> None:
    """API-49: initialize, initialized, ping, the list of tools."""
    hello = call(
        server,
        "initialize",
        {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    )
    assert hello["protocolVersion"] == "2025-06-18"
    assert "tools" in hello["capabilities"]
    assert hello["serverInfo"]["name"] == "tocsin"
    noted = post(server, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (noted.status, noted.body) == (202, b"")
    assert call(server, "ping") == {}
    tools = {one["name"]: one for one in call(server, "tools/list")["tools"]}
    assert set(tools) == TOOLS
    for one in tools.values():
        assert one["description"]
        assert one["inputSchema"]["type"] == "object"
        assert set(one["inputSchema"].get("required", [])) <= set(one["inputSchema"]["properties"])
    newest = call(server, "initialize", {"protocolVersion": "1.0"})["protocolVersion"]
    assert newest == "2025-11-25"


def test_tools_find_what_was_sent(server: Server) -> None:
    """API-49."""
    one, other = span("POST /buy", error=True, team="ada"), span("POST /buy", team="bob")
    server.send(one, other, service="shop")
    found = tool(server, "traceql-search", query='{ span.team = "ada" }')
    assert [t["traceID"] for t in found["traces"]] == [one.trace_id.hex().lstrip("0")]
    trace = tool(server, "get-trace", trace_id=one.trace_id.hex())["trace"]
    assert trace["services"][0]["serviceName"] == "shop"
    names = tool(server, "get-attribute-names", scope="span")["scopes"]
    assert [s["name"] for s in names] == ["span"]
    assert "team" in names[0]["tags"]
    values = tool(
        server, "get-attribute-values", name="span.team", **{"filter-query": "{ status = error }"}
    )
    assert "ada" in json.dumps(values)
    assert "bob" not in json.dumps(values)
    instant = tool(server, "traceql-metrics-instant", query="{ } | count_over_time()")
    assert instant["series"][0]["value"] >= 2
    series = tool(server, "traceql-metrics-range", query="{ } | rate() by (resource.service.name)")
    assert series["series"][0]["samples"]
    differs = tool(
        server,
        "traces-diff",
        base_trace_id=other.trace_id.hex(),
        compare_trace_id=one.trace_id.hex(),
    )
    assert differs["summary"]["stats"]["errorSpanDelta"] == 1
    for topic in ("basic", "aggregates", "structural", "metrics"):
        assert "TraceQL" in tool(server, "docs-traceql", name=topic)
    text = server.get("/metrics").text
    assert 'tempo_query_frontend_mcp_calls_total{tool="traceql-search"}' in text


def test_a_model_is_told_what_was_wrong(server: Server) -> None:
    """API-49: errors of tools are answers, so that the model can ask better."""
    assert "docs-traceql" in failure(server, "traceql-search", query="{ nonsense")
    assert "traceql-metrics" in failure(server, "traceql-search", query="{ } | rate()")
    assert "traceql-search" in failure(server, "traceql-metrics-range", query="{ }")
    assert "RFC 3339" in failure(server, "traceql-search", query="{ }", start="yesterday")
    assert "trace_id" in failure(server, "get-trace")
    assert "400" in failure(server, "get-trace", trace_id="../api/search")
    assert "404" in failure(
        server,
        "traces-diff",
        base_trace_id=os.urandom(16).hex(),
        compare_trace_id=os.urandom(16).hex(),
    )
    assert "basic" in failure(server, "docs-traceql", name="all")


def test_the_protocol_is_kept(server: Server) -> None:
    """API-49: JSON-RPC errors, versions, other sites, other methods."""

    def code(body: object) -> tuple[int, int]:
        answer = post(server, body)
        return answer.status, answer.json["error"]["code"]

    assert code(b"{") == (400, -32700)
    assert code({"id": 1, "method": "ping"}) == (400, -32600)
    assert code([]) == (400, -32600)
    assert code(b'{"jsonrpc": "2.0", "id": 1e999, "method": "ping"}') == (400, -32700)
    assert code({"jsonrpc": "2.0", "id": "a", "method": "prompts/list"}) == (200, -32601)
    unknown = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "rm"}}
    assert code(unknown) == (200, -32602)
    ping = {"jsonrpc": "2.0", "id": "x", "method": "ping"}
    assert post(server, ping).json == {"jsonrpc": "2.0", "id": "x", "result": {}}
    assert post(server, ping, **{"MCP-Protocol-Version": "2024-01-01"}).status == 400
    assert post(server, ping, **{"MCP-Protocol-Version": "2025-03-26"}).status == 200
    assert post(server, ping, Origin="https://evil.example").status == 403
    lured = {"Origin": "http://evil.example:3200", "Host": "evil.example:3200"}
    assert post(server, ping, **lured).status == 403
    assert post(server, ping, Origin=server.url).status == 200
    for method in ("GET", "DELETE"):
        assert request(server.url + "/api/mcp", method=method, headers=HEADERS).status == 405


def test_nobody_asks_unless_it_is_configured() -> None:
    """API-49: off by default, as traces go to whoever runs the model."""
    with running() as own:
        assert post(own, {"jsonrpc": "2.0", "id": 1, "method": "ping"}).status == 404
