"""What a replayed provider can beside words and calls, by the `anthropic` package: thoughts, images, schemas, ends.

anthropic_features.py BASE_URL KEY MODEL KIND, where KIND says which provider is played.
"""

import asyncio
import sys

import anthropic
from anthropic import Anthropic, AsyncAnthropic

from talk import (
    ADDRESS,
    ASKED,
    City,
    DATA,
    expect,
    GREETING as MESSAGES,
    IMAGE as SEEN,
    MESSAGES_TOOLS as TOOLS,
    SCHEMA,
    TEXT,
    THOUGHT,
    TOLD,
    WEATHER,
)

BASE_URL, KEY, MODEL, KIND = sys.argv[1:5]
SETTINGS = {"base_url": BASE_URL, "api_key": KEY, "max_retries": 0, "timeout": 20}
COMMON = {"model": MODEL, "max_tokens": 4000}

SIGNS = KIND in ("anthropic", "vertex_claude", "bedrock")
SHOWS = SIGNS or KIND in ("gemini", "vertex_gemini", "cohere")
# The newer models think as they find right.
BUDGET = {"type": "enabled", "budget_tokens": 1024}
THINKING = {"type": "adaptive"} if KIND == "vertex_claude" else BUDGET


def check_thought(reply):
    block = reply.content[0]
    assert not SHOWS or (block.type, block.thinking) == ("thinking", THOUGHT), reply
    assert not SIGNS or block.signature, reply


def thinking(c):
    def ask():
        return c.messages.create(**COMMON, messages=MESSAGES, thinking=THINKING)

    if KIND == "mistral":
        error = expect(anthropic.BadRequestError, ask)
        assert "thinking.budget_tokens cannot be sent to mistral" in error.message, error
        return
    reply = ask()
    check_thought(reply)
    assert reply.content[-1].text == TEXT and reply.usage.output_tokens == 7, reply


def thinking_tools(c):
    """What was thought before the calls goes back as it came, with what proves it."""
    if KIND == "mistral":
        return

    def ask(messages):
        with c.messages.stream(**COMMON, messages=messages, tools=TOOLS, thinking=THINKING) as events:
            return events.get_final_message()

    reply = ask(ASKED)
    if KIND != "cohere":
        check_thought(reply)
    calls = [block for block in reply.content if block.type == "tool_use"]
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": WEATHER[call.input["city"]]} for call in calls
    ]
    said = [{"role": "assistant", "content": reply.content}, {"role": "user", "content": results}]
    reply = ask([*ASKED, *said])
    assert reply.content[-1].text == TOLD, reply


def images(c):
    data = {"type": "base64", "media_type": "image/png", "data": DATA}
    address = {"type": "url", "url": ADDRESS}

    def ask(*sources):
        blocks = [{"type": "image", "source": source} for source in sources]
        content = [{"type": "text", "text": "What is this?"}, *blocks]
        return c.messages.create(**COMMON, messages=[{"role": "user", "content": content}]).content[0].text

    assert ask(data) == SEEN
    if KIND == "bedrock":
        error = expect(anthropic.BadRequestError, lambda: ask(address))
        assert "messages[0].content[1]" in error.message, error
        return
    assert ask(data, address) == f"{SEEN} {ADDRESS}"


def schema(c):
    form = {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}}
    reply = c.messages.create(**COMMON, messages=MESSAGES, output_config={"format": form})
    assert City.model_validate_json(reply.content[0].text) == City(city="Paris"), reply
    reply = c.messages.parse(**COMMON, messages=MESSAGES, output_format=City)
    assert reply.parsed_output == City(city="Paris"), reply


def stop(c):
    reply = c.messages.create(**COMMON, messages=MESSAGES, stop_sequences=["HALT"])
    expected = ("end_turn", None)
    if KIND in ("anthropic", "vertex_claude"):
        expected = ("stop_sequence", "HALT")
    elif KIND in ("bedrock", "cohere"):
        # They do not say which.
        expected = ("stop_sequence", None)
    assert (reply.stop_reason, reply.stop_sequence) == expected, reply


def asynchronous(_):
    async def ask(c):
        async with c.messages.stream(**COMMON, messages=ASKED, tools=TOOLS) as events:
            reply = await events.get_final_message()
        return sorted(block.input["city"] for block in reply.content if block.type == "tool_use")

    async def words(c):
        async with c.messages.stream(**COMMON, messages=MESSAGES) as events:
            return "".join([text async for text in events.text_stream])

    async def both():
        async with AsyncAnthropic(**SETTINGS) as c:
            return await asyncio.gather(ask(c), words(c))

    assert asyncio.run(both()) == [["Oslo", "Paris"], TEXT]


with Anthropic(**SETTINGS) as shared:
    for check in [thinking, thinking_tools, images, schema, stop, asynchronous]:
        print(check.__name__, flush=True)
        check(shared)
