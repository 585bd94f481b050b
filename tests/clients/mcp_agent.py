"""The loop in which models call tools of a real server of the `mcp` package, driven with the real `openai` package:
mcp_agent.py BASE_URL KEY CHECK. What the models say is scripted by the test that runs this."""

import json
import sys
import threading
import time

import httpx
import openai
import uvicorn
from mcp.server import MCPServer

BASE_URL, KEY, CHECK = sys.argv[1:4]
SECRET = "s3cret-of-the-tools"
HELLO = [{"role": "user", "content": "What is 2 + 3?"}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}
OWN = [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}]
api = httpx.Client(base_url=BASE_URL, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
together = threading.Barrier(2)


def tools():
    server = MCPServer("tools")

    @server.tool()
    def add(a: int, b: int) -> str:
        """Adds two numbers."""
        return str(a + b)

    @server.tool()
    def fail() -> str:
        """Never works."""
        raise ValueError("the disk is full")

    @server.tool()
    async def meet(name: str) -> str:
        """Answers once both are there."""
        import asyncio

        await asyncio.to_thread(together.wait, 10)
        return f"{name} met the other"

    @server.tool()
    def big() -> str:
        """Says much."""
        return "x" * 100_000

    @server.tool()
    def hidden() -> str:
        """Not for everybody."""
        return "hidden"

    return server


class Guarded:
    """Lets in who shows the secret, and counts who asks."""

    def __init__(self, app):
        self.app, self.refused, self.methods = app, 0, []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            if headers.get(b"authorization") != f"Bearer {SECRET}".encode():
                self.refused += 1
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
        await self.app(scope, receive, send)


def started(**options):
    """A real server, by streamable HTTP; where it is, and its door."""
    door = Guarded(tools().streamable_http_app(**options))
    server = uvicorn.Server(uvicorn.Config(door, host="127.0.0.1", port=0, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"http://127.0.0.1:{port}/mcp", door


def client():
    return openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=60)


def ask(model, **more):
    """What the model answered, and the headers of that."""
    more = {"messages": HELLO, **more}
    raw = client().chat.completions.with_raw_response.create(model=f"up/{model}", **more)
    return raw.parse(), raw.headers


def eventually(probe):
    for _ in range(400):
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def are_known(rounds=True):
    eventually(lambda: ("floopy-mcp-rounds" in ask("idle")[1]) == rounds)


def added(url, id="maths", **more):
    body = {"id": id, "url": url, "auth": {"type": "bearer", "secret": SECRET}, **more}
    made = api.post("/mcp/servers", json=body)
    assert made.status_code == 201 and SECRET not in made.text, made.text
    return made.json()


def the_loop():
    url, door = started()
    server = added(url, tools=["add", "fail", "meet", "big"])
    assert server["auth"] == {"type": "bearer"} and server["source"] == "api", server
    are_known()
    reply, headers = ask("loop", extra_headers={"floopy-session-id": "loop"})
    assert reply.choices[0].message.content == "It is 5.", reply
    assert reply.choices[0].finish_reason == "stop" and not reply.choices[0].message.tool_calls, reply
    assert (headers["floopy-mcp-rounds"], headers["floopy-mcp-calls"]) == ("2", "1"), headers
    assert reply.usage.total_tokens == 36, reply.usage
    assert door.refused == 0
    last = headers["x-request-id"]
    found = eventually(lambda: [r for r in [api.get(f"/decisions/{last}")] if r.status_code == 200])
    assert found[0].json()["session_id"] == "loop", found[0].text
    # Without a session of its own a call is one all the same.
    reply, _ = ask("unnamed")
    assert reply.choices[0].message.content == "It is 7.", reply
    together_they_are_faster()
    failures_are_told()
    own_tools_are_the_callers()
    streams()
    switched_off()


def together_they_are_faster():
    reply, headers = ask("parallel")
    assert reply.choices[0].message.content == "They met.", reply
    assert headers["floopy-mcp-calls"] == "2", headers


def failures_are_told():
    reply, headers = ask("failing")
    assert reply.choices[0].message.content == "It failed.", reply
    assert headers["floopy-mcp-calls"] == "4", headers


def own_tools_are_the_callers():
    """A call of the caller's own tool comes back alone, and the official package goes on with it."""
    messages = [*HELLO]
    reply, headers = ask("mixed", messages=messages, tools=OWN)
    message = reply.choices[0].message
    assert [c.function.name for c in message.tool_calls] == ["get_weather"], message
    assert reply.choices[0].finish_reason == "tool_calls" and headers["floopy-mcp-calls"] == "0", reply
    messages.append(message)
    messages.append({"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18 degrees"})
    reply, headers = ask("mixed", messages=messages, tools=OWN)
    assert reply.choices[0].message.content == "18 degrees, and 5.", reply
    assert headers["floopy-mcp-calls"] == "1", headers


def streams():
    with client() as c:
        chunks = list(
            c.chat.completions.create(
                model="up/stream", messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        )
        text = "".join(x.choices[0].delta.content or "" for x in chunks if x.choices)
        assert text == "It is 5.", chunks
        assert chunks[-1].usage.total_tokens == 36 and not chunks[-1].choices, chunks[-1]
        with c.chat.completions.stream(model="up/stream", messages=HELLO) as events:
            final = events.get_final_completion()
        assert final.choices[0].message.content == "It is 5.", final
        with c.chat.completions.stream(model="up/stream", messages=HELLO, tools=OWN) as events:
            final = events.get_final_completion()
        call = final.choices[0].message.tool_calls[0]
        assert call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": "Paris"}, final


def switched_off():
    for word in ["true", "1", "yes"]:
        _, headers = ask("idle", extra_headers={"floopy-mcp-disabled": word})
        assert "floopy-mcp-rounds" not in headers, headers
    set_to = {"max_rounds": 1, "stream_mode": "disabled", "tool_call_parallel": False}
    changed = api.put("/mcp/agent", json=set_to)
    assert changed.status_code == 200 and changed.json()["tool_cache_ttl_seconds"] == 300, changed.text

    def refused():
        try:
            with client() as c:
                list(c.chat.completions.create(model="up/idle", messages=HELLO, stream=True))
        except openai.BadRequestError as error:
            return error

    error = eventually(refused)
    assert error.code == "mcp_stream_disabled" and error.param == "stream", error
    # The model calls a tool for ever: it is asked a last time, without its tools, and what it says counts.
    reply, headers = ask("endless")
    assert (headers["floopy-mcp-rounds"], headers["floopy-mcp-calls"]) == ("2", "1"), headers
    assert not reply.choices[0].message.tool_calls and reply.choices[0].finish_reason == "stop", reply
    changed = api.patch("/mcp/servers/maths", json={"enabled": False})
    assert changed.status_code == 200 and changed.json()["enabled"] is False, changed.text
    are_known(False)


def plugin(text, model="idle"):
    """The answer to a call that says itself which servers it wants, or what it is refused with."""
    try:
        return ask(model, extra_headers={"floopy-mcp-plugin": text})
    except openai.APIStatusError as error:
        return error


def by_a_header():
    """Of a tenant whose servers are all switched off."""
    url, door = started(json_response=True)
    other = url.replace("/mcp", "/elsewhere")
    added(url, enabled=False, tools=["add", "big"])
    eventually(lambda: not isinstance(plugin("{version: 1, mcp_servers: [{id: maths}]}"), Exception))
    reply, headers = plugin("{mcp_servers: [{id: maths, tools: [add]}]}", "named")
    assert reply.choices[0].message.content == "It is 5." and headers["floopy-mcp-calls"] == "1", reply
    inline = f"{{mcp_servers: [{{id: mine, url: '{url}', auth: {{type: bearer, secret_ref: maths}}}}]}}"
    reply, headers = plugin(inline, "inline")
    assert reply.choices[0].message.content == "It is 5." and headers["floopy-mcp-calls"] == "1", reply
    assert door.refused == 0
    _, headers = plugin(f"{{mcp_servers: [{{id: bare, url: '{url}'}}]}}")
    assert headers["floopy-mcp-unavailable"] == "bare" and door.refused == 1, headers
    _, headers = plugin(f"{{mcp_servers: [{{id: gone, url: '{other}', auth: {{type: bearer, secret_ref: maths}}}}]}}")
    assert headers["floopy-mcp-unavailable"] == "gone", headers
    _, headers = ask("idle")
    assert "floopy-mcp-rounds" not in headers, headers
    for text, said in [
        ("{version: 1", "line 1, column"),
        ("{version: 2}", "version is 2"),
        ("{mcp_servers: [{id: nobodys}]}", "mcp_servers[0].id"),
        ("{mcp_servers: [{id: maths, tools: [rm]}]}", "mcp_servers[0].tools"),
        ("{mcp_servers: [{id: x, url: 'https://evil.example/', auth: {type: bearer, secret_ref: maths}}]}", "secret_ref"),
        ("{mcp_servers: [{id: x, url: 'https://a.example/', auth: {type: bearer, secret_ref: y}}]}", "secret_ref"),
        ("{agent: {max_rounds: 99}}", "agent.max_rounds"),
    ]:
        error = plugin(text)
        assert isinstance(error, openai.BadRequestError), (text, error)
        assert error.param == "floopy-mcp-plugin" and said in error.message, (text, error.message)
        assert SECRET not in error.message
    for url in ["https://127.0.0.2:9/", "http://169.254.169.254/", "https://[::1]:9/", "http://10.0.0.1/"]:
        error = plugin(f"{{mcp_servers: [{{id: x, url: '{url}'}}]}}")
        assert isinstance(error, openai.PermissionDeniedError), (url, error)
        assert error.code == "mcp_address_forbidden" and "mcp.allow_networks" in error.message, (url, error.message)


globals()[CHECK]()
