"""Drives a proxy and a replayed provider with the real `anthropic` package: anthropic_client.py BASE_URL KEY MODEL."""

import sys

import anthropic
from anthropic import Anthropic

from talk import ASKED, expect, GREETING as MESSAGES, MESSAGES_TOOLS as TOOLS, TEXT, TOLD, WEATHER

BASE_URL, KEY, MODEL = sys.argv[1:4]
COMMON = {"model": MODEL, "max_tokens": 100}


def client(key=KEY):
    return Anthropic(base_url=BASE_URL, api_key=key, max_retries=0, timeout=20)


def check_usage(usage):
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (20, 10, 7), usage


def whole(c):
    reply = c.messages.create(
        **COMMON, system="Be brief.", messages=MESSAGES, stop_sequences=["END"], metadata={"user_id": "u"}
    )
    assert [block.text for block in reply.content] == [TEXT] and reply.stop_reason == "end_turn", reply
    check_usage(reply.usage)


def stream(c):
    with c.messages.stream(**COMMON, messages=MESSAGES) as events:
        text = "".join(events.text_stream)
        final = events.get_final_message()
    assert text == TEXT and final.content[0].text == TEXT, final
    assert final.stop_reason == "end_turn", final
    check_usage(final.usage)


def tools(c):
    def ask(conversation):
        with c.messages.stream(**COMMON, messages=conversation, tools=TOOLS) as events:
            return events.get_final_message()

    reply = ask(ASKED)
    calls = [block for block in reply.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": city} for city in WEATHER], reply
    assert reply.stop_reason == "tool_use" and len({call.id for call in calls}) == 2, reply
    # In another order than the calls, so that only the ids say which is whose.
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": WEATHER[call.input["city"]]}
        for call in reversed(calls)
    ]
    conversation = [
        *ASKED,
        {"role": "assistant", "content": reply.content},
        {"role": "user", "content": results},
    ]
    reply = ask(conversation)
    assert [block.text for block in reply.content] == [TOLD], reply


def count(c):
    counted = c.messages.count_tokens(model=MODEL, messages=MESSAGES, tools=TOOLS)
    # Anthropic's own figure is what the replay server says; others are estimated.
    is_own = MODEL.startswith("anthropic/")
    assert (counted.input_tokens == 2026) if is_own else (0 < counted.input_tokens < 2026), counted


def errors(c):
    error = expect(
        anthropic.BadRequestError,
        lambda: c.messages.create(**COMMON, messages=MESSAGES, extra_body={"no_such_field": 1}),
    )
    assert "no_such_field" in error.message, error
    assert error.body["error"]["type"] == "invalid_request_error", error.body
    with client(key="fl_wrong") as stranger:
        error = expect(
            anthropic.AuthenticationError,
            lambda: stranger.messages.create(**COMMON, messages=MESSAGES),
        )
    assert error.body["error"]["type"] == "authentication_error", error.body


with client() as shared:
    for check in [whole, stream, tools, count, errors]:
        print(check.__name__, flush=True)
        check(shared)
