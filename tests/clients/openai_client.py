"""Drives a running proxy with the real `openai` package: openai_client.py BASE_URL KEY CHECK."""

import asyncio
import sys

import openai
from openai import AsyncOpenAI, OpenAI

BASE_URL, KEY, CHECK = sys.argv[1:4]
MESSAGES = [{"role": "user", "content": "Good morning"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


def client(key=KEY, **options):
    return OpenAI(base_url=BASE_URL, api_key=key, max_retries=0, timeout=20, **options)


def chat():
    with client() as c:
        reply = c.chat.completions.create(model="auto", messages=MESSAGES, temperature=0.1)
        assert reply.choices[0].message.role == "assistant", reply
        assert reply.choices[0].message.content, reply
        assert reply.usage.total_tokens > 0, reply
        raw = c.chat.completions.with_raw_response.create(
            model="auto", messages=MESSAGES, extra_headers={"floopy-session-id": "py"}
        )
        assert raw.headers["floopy-decision-reason"], raw.headers
        assert raw.headers["x-request-id"], raw.headers
        assert raw.parse().choices[0].finish_reason == "stop"


def stream():
    with client() as c:
        chunks = list(
            c.chat.completions.create(
                model="auto", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )
        text = "".join(x.choices[0].delta.content or "" for x in chunks if x.choices)
        assert text, chunks
        assert chunks[-1].usage and chunks[-1].usage.completion_tokens > 0, chunks[-1]
        assert any(x.choices and x.choices[0].finish_reason == "stop" for x in chunks), chunks
        with c.chat.completions.stream(model="auto", messages=MESSAGES) as events:
            final = events.get_final_completion()
        assert final.choices[0].message.content, final


def asynchronous():
    async def go():
        async with AsyncOpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=20) as c:
            for part in (async_chat, async_streams, async_tools, async_embeddings, async_errors):
                await part(c)

    asyncio.run(go())


async def async_chat(c):
    replies = await asyncio.gather(
        *(c.chat.completions.create(model="auto", messages=MESSAGES) for _ in range(8))
    )
    assert len({r.id for r in replies}) == 8, replies
    raw = await c.chat.completions.with_raw_response.create(
        model="auto", messages=MESSAGES, extra_headers={"floopy-session-id": "py"}
    )
    assert raw.headers["floopy-decision-reason"] and raw.headers["x-request-id"], raw.headers
    assert raw.parse().choices[0].finish_reason == "stop"


async def async_streams(c):
    streamed = await c.chat.completions.create(
        model="auto", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in streamed]
    assert "".join(x.choices[0].delta.content or "" for x in chunks if x.choices), chunks
    assert chunks[-1].usage and chunks[-1].usage.completion_tokens > 0, chunks[-1]
    async with c.chat.completions.stream(model="auto", messages=MESSAGES) as events:
        final = await events.get_final_completion()
    assert final.choices[0].message.content, final


async def async_tools(c):
    asked = [{"role": "user", "content": "What is the weather in Lisbon?"}]
    reply = await c.chat.completions.create(model="auto", messages=asked, tools=TOOLS, tool_choice="required")
    call = reply.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather", reply
    answered = asked + [
        reply.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    final = await c.chat.completions.create(model="auto", messages=answered, tools=TOOLS)
    assert final.choices[0].message.content, final


async def async_embeddings(c):
    ids = [m.id async for m in c.models.list()]
    assert "auto" in ids and len(ids) == len(set(ids)), ids
    model = next(i for i in ids if "embed" in i)
    found = await c.embeddings.create(model=model, input=["one", "two"])
    floats = await c.embeddings.create(model=model, input="one", encoding_format="float")
    close = zip(found.data[0].embedding, floats.data[0].embedding, strict=True)
    assert len(found.data) == 2 and all(abs(a - b) < 1e-5 for a, b in close), (found, floats)


async def async_errors(c):
    for kind, code, asked in [
        (openai.BadRequestError, "invalid_request", {"model": "auto", "messages": []}),
        (openai.BadRequestError, "provider_not_configured", {"model": "openai/gpt-4o", "messages": MESSAGES}),
    ]:
        try:
            await c.chat.completions.create(**asked)
        except kind as error:
            assert error.code == code and error.request_id, error
        else:
            raise AssertionError(f"no {kind.__name__}")
    try:
        await c.with_options(api_key="fl_wrong").chat.completions.create(model="auto", messages=MESSAGES)
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key", error
    else:
        raise AssertionError("a wrong key was accepted")


def tools():
    with client() as c:
        asked = [{"role": "user", "content": "What is the weather in Lisbon?"}]
        reply = c.chat.completions.create(model="auto", messages=asked, tools=TOOLS, tool_choice="required")
        call = reply.choices[0].message.tool_calls[0]
        assert call.function.name == "get_weather", reply
        answered = asked + [
            reply.choices[0].message,
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ]
        final = c.chat.completions.create(model="auto", messages=answered, tools=TOOLS)
        assert final.choices[0].message.content, final


def embeddings():
    with client() as c:
        # The package asks for base64 and decodes it unless told otherwise.
        found = c.embeddings.create(model=embedding_model(c), input=["one", "two"])
        assert len(found.data) == 2 and all(isinstance(x, float) for x in found.data[0].embedding), found
        floats = c.embeddings.create(model=embedding_model(c), input="one", encoding_format="float")
        close = zip(found.data[0].embedding, floats.data[0].embedding, strict=True)
        assert all(abs(a - b) < 1e-5 for a, b in close), (found, floats)


def embedding_model(c):
    return next(m.id for m in c.models.list() if "embed" in m.id)


def models():
    with client() as c:
        ids = [m.id for m in c.models.list()]
        assert "auto" in ids and len(ids) == len(set(ids)), ids


def errors():
    def expect(kind, action):
        try:
            action()
        except kind as error:
            assert isinstance(error.message, str) and error.message, error
            return error
        raise AssertionError(f"no {kind.__name__}")

    with client() as c:
        create = c.chat.completions.create
        wrong = expect(openai.BadRequestError, lambda: create(model="auto", messages=[]))
        assert wrong.code == "invalid_request" and wrong.param == "messages", wrong
        assert wrong.request_id, "the error has no request id"
        missing = expect(openai.BadRequestError, lambda: create(model="openai/gpt-4o", messages=MESSAGES))
        assert missing.code == "provider_not_configured", missing
    with client(key="fl_wrong") as c:
        expect(openai.AuthenticationError, lambda: c.chat.completions.create(model="auto", messages=MESSAGES))


{
    "chat": chat,
    "stream": stream,
    "async": asynchronous,
    "tools": tools,
    "embeddings": embeddings,
    "models": models,
    "errors": errors,
}[CHECK]()
