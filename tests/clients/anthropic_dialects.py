"""Drives a proxy and the replayed providers of chat completions with the real `anthropic` package.

anthropic_dialects.py BASE_URL KEY FACTS, where FACTS is a list in JSON of what each provider takes and tells.
"""

import json
import sys

import anthropic
from anthropic import Anthropic

from talk import ASKED, expect, GREETING as MESSAGES, MESSAGES_TOOLS as TOOLS, TEXT, THOUGHT, TOLD, WEATHER

BASE_URL, KEY, FACTS = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
SYSTEM = [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]
BUDGET = {"type": "enabled", "budget_tokens": 1024}


def refused(provider, field, action):
    """By Floopy, which names the field and the provider."""
    error = expect(anthropic.BadRequestError, action)
    assert error.body["error"]["type"] == "invalid_request_error", error.body
    assert f"{field} cannot be sent to {provider['name']}" in error.message, error


def common(provider):
    return {"model": provider["model"], "max_tokens": 4000}


def check(provider, reply):
    """Its words, after a thought where the provider thinks unasked."""
    assert [block.text for block in reply.content if block.type == "text"] == [TEXT], reply
    thoughts = [block.thinking for block in reply.content if block.type == "thinking"]
    assert thoughts == ([THOUGHT] if provider["thinks_unasked"] else []), reply
    assert reply.stop_reason == "end_turn", reply
    usage, cached = reply.usage, 10 if provider["cached"] else 0
    assert (usage.input_tokens, usage.cache_read_input_tokens or 0) == (30 - cached, cached), usage
    assert usage.output_tokens == 7, usage


def whole(c, provider):
    options = {"system": SYSTEM, "stop_sequences": ["END"], "metadata": {"user_id": "u"}}
    check(provider, c.messages.create(**common(provider), messages=MESSAGES, **options))


def stream(c, provider):
    with c.messages.stream(**common(provider), messages=MESSAGES) as events:
        assert "".join(events.text_stream) == TEXT
        check(provider, events.get_final_message())


def conversation(reply):
    calls = [block for block in reply.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": city} for city in WEATHER], reply
    assert reply.stop_reason == "tool_use" and len({call.id for call in calls}) == 2, reply
    # In another order than the calls, so that only the ids say which is whose; each in several blocks.
    results = [
        {
            "type": "tool_result",
            "tool_use_id": call.id,
            "content": [{"type": "text", "text": WEATHER[call.input["city"]]}],
        }
        for call in reversed(calls)
    ]
    return [*ASKED, {"role": "assistant", "content": reply.content}, {"role": "user", "content": results}]


def tools(c, provider):
    def ask(messages):
        with c.messages.stream(**common(provider), messages=messages, tools=TOOLS) as events:
            return events.get_final_message()

    if not provider["tools"]:
        refused(provider, "tools", lambda: ask(ASKED))
        return
    reply = ask(conversation(ask(ASKED)))
    assert reply.content[-1].text == TOLD, reply


def tools_whole(c, provider):
    def ask(messages, **more):
        return c.messages.create(**common(provider), messages=messages, tools=TOOLS, **more)

    if not provider["tools"]:
        refused(provider, "tools", lambda: ask(ASKED))
        return
    reply = ask(conversation(ask(ASKED, tool_choice={"type": "auto"})))
    assert reply.content[-1].text == TOLD, reply
    if provider["choices"]:
        ask(ASKED, tool_choice={"type": "any"})
        ask(ASKED, tool_choice={"type": "tool", "name": "get_weather"})
    else:
        refused(provider, "tool_choice", lambda: ask(ASKED, tool_choice={"type": "any"}))


def thinking(c, provider):
    def ask(**more):
        return c.messages.create(**common(provider), messages=MESSAGES, **more)

    if not provider["effort"]:
        refused(provider, "thinking.budget_tokens", lambda: ask(thinking=BUDGET))
        return
    reply = ask(thinking=BUDGET)
    thoughts = [block.thinking for block in reply.content if block.type == "thinking"]
    assert thoughts == ([THOUGHT] if provider["thought"] else []), reply
    assert reply.content[-1].text == TEXT, reply
    reply = ask(thinking={"type": "disabled"})
    assert [block.type for block in reply.content] == ["text"], reply


def errors(c, provider):
    """The field is nobody's, so that Floopy refuses it."""
    body = {"no_such_field": 1}
    refused(
        provider, "no_such_field", lambda: c.messages.create(**common(provider), messages=MESSAGES, extra_body=body)
    )


with Anthropic(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=20) as shared:
    for fact in FACTS:
        for test in [whole, stream, tools, tools_whole, thinking, errors]:
            print(fact["name"], test.__name__, flush=True)
            test(shared, fact)
