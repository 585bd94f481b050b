"""The tools of `POST /mcp` with the real `mcp` package: mcp_client.py BASE_URL KEY CHECK."""

import asyncio
import sys

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

BASE_URL, KEY, CHECK = sys.argv[1:4]
URL = BASE_URL.removesuffix("/v1") + "/mcp"


def connected(mode="auto", key=KEY):
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=20)
    return Client(streamable_http_client(URL, http_client=http), mode=mode)


async def eventually(probe):
    for _ in range(300):
        found = await probe()
        if not found.is_error:
            return found.structured_content
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def both_eras():
    for mode, version in [("auto", "2026-07-28"), ("legacy", "2025-11-25")]:
        async with connected(mode) as client:
            assert client.protocol_version == version, client.protocol_version
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert {"route_llm_request", "list_models", "estimate_cost"} <= set(tools), tools
            assert tools["estimate_cost"].input_schema["required"] == ["model"]
            listed = (await client.call_tool("list_models", {})).structured_content["models"]
            assert "up/alpha" in [model["id"] for model in listed], listed


async def models():
    async with connected() as client:
        asked = {"provider": "up", "capability": "chat"}
        found = (await client.call_tool("list_models", asked)).structured_content["models"]
        alpha = next(model for model in found if model["id"] == "up/alpha")
        assert alpha["provider"] == "up" and "chat" in alpha["capabilities"], alpha
        price = alpha["cost_per_million_input_tokens"]
        of = {"model": "up/alpha", "input_tokens": 1_000_000, "output_tokens": 0}
        cost = (await client.call_tool("estimate_cost", of)).structured_content
        assert abs(cost["cost_usd"] - price) < 1e-9, (cost, price)
        assert cost["cost_micro_usd"] == round(price * 1e6), cost
        text = {"model": "alpha", "text": "x" * 400}
        assert (await client.call_tool("estimate_cost", text)).structured_content["input_tokens"] == 100
        nowhere = await client.call_tool("list_models", {"provider": "nobody"})
        assert nowhere.structured_content == {"models": []}, nowhere


async def a_call_and_its_story():
    async with connected() as client:
        call = {"prompt": "Good morning", "session_id": "s-mcp", "user_id": "ann", "max_tokens": 50}
        told = await client.call_tool("route_llm_request", call)
        found = told.structured_content
        assert not told.is_error and told.content[0].text == found["content"] != "", told
        assert found["provider"] == "up" and found["usage"]["total_tokens"] > 0, found
        one = {"request_id": found["request_id"]}
        decision = await eventually(lambda: client.call_tool("get_decision", one))
        assert decision["session_id"] == "s-mcp" and decision["user_id"] == "ann", decision
        rated = await client.call_tool(
            "send_feedback", {"score": 9, "useful": True, "session_id": "s-mcp"}
        )
        assert rated.structured_content["duplicate"] is False, rated
        explained = await client.call_tool("explain_routing", {"prompt": "Good morning"})
        assert explained.structured_content["would_select"]["provider"] == "up", explained
        usage = await client.call_tool("get_analytics", {"group_by": "model"})
        assert "total" in usage.structured_content, usage


async def failed(call):
    try:
        await call
    except MCPError as error:
        return error.error
    raise AssertionError("it was answered")


async def what_goes_wrong():
    async with connected() as client:
        for name, arguments, said in [
            ("rm", {}, "list_models"),
            ("estimate_cost", {}, "model"),
            ("estimate_cost", {"model": "alpha", "colour": "red"}, "colour"),
            ("list_models", {"capability": "flying"}, "capability"),
            ("route_llm_request", {}, "messages"),
            ("route_llm_request", {"prompt": 7}, "arguments.prompt"),
        ]:
            error = await failed(client.call_tool(name, arguments))
            assert error.code == -32602 and said in error.message, (name, arguments, error)
        for name, arguments, said in [
            ("estimate_cost", {"model": "nobody/nothing", "input_tokens": 1}, "nobody/nothing"),
            ("route_llm_request", {"prompt": "x", "model": ""}, "model"),
            ("get_decision", {"request_id": "x"}, "UUID"),
            ("send_feedback", {"score": 11, "useful": True, "session_id": "s"}, "score"),
        ]:
            told = await client.call_tool(name, arguments)
            assert told.is_error and said in told.content[0].text, (name, arguments, told)
    http = httpx2.AsyncClient(headers={"Authorization": "Bearer fl_nobody"})
    answer = await http.post(URL, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert answer.status_code == 401 and answer.json()["error"]["code"] == -32001, answer.text
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"})
    for body, headers, code in [
        (b"{", {}, -32700),
        (b"[]", {}, -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', {"mcp-method": "tools/list"}, -32020),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', {"mcp-protocol-version": "1999-01-01"}, -32022),
    ]:
        answer = await http.post(URL, content=body, headers=headers)
        assert answer.status_code == 400 and answer.json()["error"]["code"] == code, answer.text
    unknown = {"jsonrpc": "2.0", "id": "x", "method": "resources/list"}
    answer = (await http.post(URL, json=unknown)).json()
    assert answer["error"]["code"] == -32601 and answer["id"] == "x", answer
    notified = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (await http.post(URL, json=notified)).status_code == 202
    assert (await http.get(URL)).status_code == 405


async def limits():
    """Of a key that may make no more calls."""
    async with connected() as client:
        error = await failed(client.call_tool("route_llm_request", {"prompt": "Good morning"}))
        assert error.code == -32003 and error.data["retry_after_secs"] >= 1, error


asyncio.run(globals()[CHECK]())
