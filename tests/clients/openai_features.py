"""What a replayed provider can beside words and calls, by the real `openai` package: thoughts, images, schemas, ends.

openai_features.py BASE_URL KEY MODEL KIND, where KIND says which provider is played.
"""

import asyncio
import json
import sys

import openai
from openai import AsyncOpenAI, OpenAI

from talk import (
    ADDRESS,
    ASKED,
    CHAT_TOOLS as TOOLS,
    City,
    expect,
    GREETING as MESSAGES,
    IMAGE,
    RESPONSES_TOOLS,
    TEXT,
    THOUGHT,
    TOLD,
    WEATHER,
)

BASE_URL, KEY, MODEL, KIND = sys.argv[1:5]
SETTINGS = {"base_url": BASE_URL, "api_key": KEY, "max_retries": 0, "timeout": 20}
THINKING = {"reasoning_effort": "low", "max_completion_tokens": 4000}

IS_OPENAI = KIND in ("openai", "openai_responses", "azure", "azure_v1")
IS_GOOGLE = KIND in ("gemini", "vertex_gemini")
SIGNS = KIND in ("anthropic", "vertex_claude", "bedrock")
SHOWS = SIGNS or IS_GOOGLE or KIND == "cohere"
# Asked by Responses in the caller's own bytes.
IS_NATIVE = KIND in ("openai_responses", "azure_v1")


def results_of(calls):
    city = {call.id: json.loads(call.function.arguments)["city"] for call in calls}
    return [{"role": "tool", "tool_call_id": id, "content": WEATHER[city[id]]} for id in city]


def thinking(c):
    def ask():
        return c.chat.completions.create(model=MODEL, messages=MESSAGES, **THINKING)

    if KIND == "mistral":
        error = expect(openai.BadRequestError, ask)
        assert error.param == "reasoning_effort" and "mistral" in error.message, error
        return
    reply = ask()
    message = reply.choices[0].message
    assert message.content == TEXT, reply
    if SHOWS:
        assert message.reasoning_content == THOUGHT, reply
    if SIGNS:
        assert message.thinking_blocks[0]["signature"], reply
    told = reply.usage.completion_tokens_details.reasoning_tokens
    assert told == (4 if IS_OPENAI or IS_GOOGLE else 0), reply


def thinking_stream(c):
    if KIND == "mistral":
        return
    chunks = list(c.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, **THINKING))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == TEXT, chunks
    if SHOWS:
        assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == THOUGHT, chunks


def thinking_tools(c):
    """What was thought before the calls goes back as it came, with what proves it."""
    if KIND == "mistral":
        return

    def ask(messages):
        return c.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, **THINKING).choices[0].message

    message = ask(ASKED)
    said = message.model_dump(exclude_none=True)
    message = ask([*ASKED, said, *results_of(message.tool_calls)])
    assert message.content == TOLD, message


def responses_thinking(c):
    if KIND == "mistral":
        return
    options = {"model": MODEL, "tools": RESPONSES_TOOLS, "store": False, "max_output_tokens": 4000}
    options |= {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]}
    reply = c.responses.create(input=ASKED, **options)
    kinds = [item.type for item in reply.output]
    assert ("reasoning" in kinds) == SHOWS, reply
    calls = [item for item in reply.output if item.type == "function_call"]
    results = [
        {"type": "function_call_output", "call_id": x.call_id, "output": WEATHER[json.loads(x.arguments)["city"]]}
        for x in calls
    ]
    sent_back = [item.model_dump(exclude_none=True) for item in reply.output]
    reply = c.responses.create(input=[*ASKED, *sent_back, *results], **options)
    assert reply.output_text == TOLD, reply
    told = reply.usage.output_tokens_details.reasoning_tokens
    assert told == (4 if IS_OPENAI or IS_GOOGLE else 0), reply


def images(c):
    def ask(*urls):
        parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        content = [{"type": "text", "text": "What is this?"}, *parts]
        reply = c.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])
        return reply.choices[0].message.content

    assert ask(IMAGE) == IMAGE
    if KIND == "bedrock":
        error = expect(openai.BadRequestError, lambda: ask(ADDRESS))
        assert error.param == "messages[0].content[1]", error
        return
    assert ask(IMAGE, ADDRESS) == f"{IMAGE} {ADDRESS}"


def schema(c):
    reply = c.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=City)
    assert reply.choices[0].message.parsed == City(city="Paris"), reply


def stop(c):
    reply = c.chat.completions.create(model=MODEL, messages=MESSAGES, stop=["HALT"], max_tokens=100)
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == (TEXT, "stop"), reply


def native_responses(c):
    """In the caller's own bytes, what no other API has a word for passes too."""
    if not IS_NATIVE:
        return
    events = list(
        c.responses.create(model=MODEL, input="Good morning", stream=True, metadata={"a": "b"}, top_p=0.5)
    )
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == TEXT, events
    final = events[-1].response
    assert final.id == "resp_1" and final.usage.output_tokens_details.reasoning_tokens == 4, final


def asynchronous(_):
    async def ask(c):
        async with c.chat.completions.stream(model=MODEL, messages=ASKED, tools=TOOLS) as events:
            message = (await events.get_final_completion()).choices[0].message
        return sorted(json.loads(call.function.arguments)["city"] for call in message.tool_calls)

    async def words(c):
        stream = await c.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
        return "".join([x.choices[0].delta.content or "" async for x in stream if x.choices])

    async def both():
        async with AsyncOpenAI(**SETTINGS) as c:
            return await asyncio.gather(ask(c), words(c))

    assert asyncio.run(both()) == [["Oslo", "Paris"], TEXT]


with OpenAI(**SETTINGS) as shared:
    for check in [
        thinking,
        thinking_stream,
        thinking_tools,
        responses_thinking,
        images,
        schema,
        stop,
        native_responses,
        asynchronous,
    ]:
        print(check.__name__, flush=True)
        check(shared)
