"""Drives a proxy and the replayed providers of chat completions with the real `openai` package.

openai_dialects.py BASE_URL KEY FACTS, where FACTS is a list in JSON of what each provider takes and tells.
"""

import json
import sys

import openai
from openai import OpenAI

from talk import (
    ADDRESS,
    ASKED,
    BRIEF as MESSAGES,
    CHAT_TOOLS as TOOLS,
    City,
    expect,
    IMAGE,
    RESPONSES_TOOLS,
    TEXT,
    THOUGHT,
    TOLD,
    WEATHER,
)

BASE_URL, KEY, FACTS = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


def refused(provider, field, action):
    """By Floopy, which names the field and the provider."""
    error = expect(openai.BadRequestError, action)
    assert error.code == "unsupported_field" and error.param == field, (error, error.param)
    assert f"cannot be sent to {provider['name']}" in error.message, error


def cached(provider):
    return 10 if provider["cached"] else 0


def check_usage(provider, usage):
    """As the provider tells it: the bytes are its own."""
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (30, 7, 37), usage
    details = usage.prompt_tokens_details
    told = (details and details.cached_tokens) or getattr(usage, "prompt_cache_hit_tokens", None) or 0
    assert told == cached(provider), usage


def chat(c, provider):
    options = {"temperature": 0.5, "stop": ["END"], provider["limit"]: 100}
    reply = c.chat.completions.create(model=provider["model"], messages=MESSAGES, **options)
    choice = reply.choices[0]
    assert (choice.message.content, choice.finish_reason) == (TEXT, "stop"), reply
    check_usage(provider, reply.usage)


def chat_stream(c, provider):
    options = {"stream_options": {"include_usage": True}} if provider["asks_for_usage"] else {}
    chunks = list(c.chat.completions.create(model=provider["model"], messages=MESSAGES, stream=True, **options))
    assert "".join(x.choices[0].delta.content or "" for x in chunks if x.choices) == TEXT, chunks
    assert [x.choices[0].finish_reason for x in chunks if x.choices][-1] == "stop", chunks
    told = [x.usage for x in chunks if x.usage]
    assert len(told) == 1 or provider["tells_usage_often"], chunks
    check_usage(provider, told[-1])


def said(provider, message):
    """The message as it is sent back, with its thoughts where the provider wants those."""
    made = {"index": True, "function": {"parsed_arguments"}}
    calls = [call.model_dump(exclude=made) for call in message.tool_calls]
    thought = {provider["thought"]: THOUGHT} if provider["thinks_unasked"] else {}
    return {"role": "assistant", "content": message.content, "tool_calls": calls, **thought}


def results(calls):
    city = {call.id: json.loads(call.function.arguments)["city"] for call in calls}
    assert sorted(city.values()) == sorted(WEATHER), calls
    # In another order than the calls, so that only the ids say which is whose.
    return [{"role": "tool", "tool_call_id": id, "content": WEATHER[city[id]]} for id in reversed(city)]


def chat_tools(c, provider):
    def ask(messages):
        options = {"model": provider["model"], "messages": messages, "tools": TOOLS}
        with c.chat.completions.stream(**options) as events:
            return events.get_final_completion().choices[0]

    if not provider["tools"]:
        refused(provider, "tools", lambda: ask(ASKED))
        return
    choice = ask(ASKED)
    assert choice.finish_reason == "tool_calls", choice
    message = choice.message
    choice = ask([*ASKED, said(provider, message), *results(message.tool_calls)])
    assert choice.message.content == TOLD, choice


def chat_tools_whole(c, provider):
    choice = {"tool_choice": "auto"} if "auto" in provider["choices"] else {}
    options = {"model": provider["model"], "tools": TOOLS, **choice}
    if not provider["tools"]:
        refused(provider, "tools", lambda: c.chat.completions.create(messages=ASKED, **options))
        return
    message = c.chat.completions.create(messages=ASKED, **options).choices[0].message
    messages = [*ASKED, said(provider, message), *results(message.tool_calls)]
    reply = c.chat.completions.create(messages=messages, **options)
    assert reply.choices[0].message.content == TOLD, reply


def check_responses_usage(provider, usage):
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (30, 7, 37), usage
    assert usage.input_tokens_details.cached_tokens == cached(provider), usage


def responses(c, provider):
    limits = {"max_output_tokens": 100, "store": False, "user": "u"}
    content = [{"type": "input_text", "text": "Good"}, {"type": "input_text", "text": "morning"}]
    conversation = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": content}]
    reply = c.responses.create(model=provider["model"], input=conversation, **limits)
    assert (reply.output_text, reply.status) == (TEXT, "completed"), reply
    check_responses_usage(provider, reply.usage)


def responses_stream(c, provider):
    events = list(c.responses.create(model=provider["model"], input="Good morning", stream=True, store=False))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == TEXT, events
    assert [e.sequence_number for e in events] == list(range(len(events))), events
    final = events[-1]
    assert final.type == "response.completed" and final.response.output_text == TEXT, final
    check_responses_usage(provider, final.response.usage)


def responses_tools(c, provider):
    choice = "required" if "required" in provider["choices"] else "auto"
    options = {"model": provider["model"], "tools": RESPONSES_TOOLS, "store": False}

    def ask(conversation, **more):
        with c.responses.stream(input=conversation, **options, **more) as events:
            return events.get_final_response()

    if not provider["tools"]:
        refused(provider, "tools", lambda: ask(ASKED))
        return
    reply = ask(ASKED, tool_choice=choice)
    calls = [item for item in reply.output if item.type == "function_call"]
    assert [json.loads(call.arguments)["city"] for call in calls] == list(WEATHER), reply
    outputs = [
        {"type": "function_call_output", "call_id": x.call_id, "output": WEATHER[json.loads(x.arguments)["city"]]}
        for x in reversed(calls)
    ]
    sent_back = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in reply.output]
    assert ask([*ASKED, *sent_back, *outputs]).output_text == TOLD
    if not provider["choices"]:
        refused(provider, "tool_choice", lambda: ask(ASKED, tool_choice="required"))


def responses_thinking(c, provider):
    def ask():
        return c.responses.create(
            model=provider["model"], input="Good morning", reasoning={"effort": "low"}, store=False
        )

    if not provider["effort"]:
        refused(provider, "reasoning.effort", ask)
        return
    reply = ask()
    assert reply.output_text == TEXT, reply
    thoughts = [item for item in reply.output if item.type == "reasoning"]
    assert len(thoughts) == bool(provider["thought"]), reply


def chat_thinking(c, provider):
    """In the provider's own words, which the caller's bytes come back with."""
    if not provider["effort"] or not provider["thought"]:
        return
    options = {"model": provider["model"], "messages": MESSAGES, "reasoning_effort": "low"}
    message = c.chat.completions.create(**options).choices[0].message
    assert message.content == TEXT and getattr(message, provider["thought"]) == THOUGHT, message
    chunks = list(c.chat.completions.create(**options, stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(getattr(delta, provider["thought"], None) or "" for delta in deltas) == THOUGHT, chunks


def images(c, provider):
    """By Responses, which Floopy translates."""

    def ask(url):
        content = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": url}]
        conversation = [{"role": "user", "content": content}]
        return c.responses.create(model=provider["model"], input=conversation, store=False).output_text

    for url, takers in [(IMAGE, ("data", "any")), (ADDRESS, ("any",))]:
        if provider["images"] in takers:
            assert ask(url) == url
        else:
            refused(provider, "input[0].content[1]", lambda url=url: ask(url))


def schema(c, provider):
    def ask():
        return c.responses.parse(model=provider["model"], input="Good morning", text_format=City, store=False)

    if provider["schema"]:
        reply = c.chat.completions.parse(model=provider["model"], messages=MESSAGES, response_format=City)
        assert reply.choices[0].message.parsed == City(city="Paris"), reply
        assert ask().output_parsed == City(city="Paris")
    else:
        refused(provider, "text.format", ask)


def errors(c, provider):
    """What the provider says of a field that it does not have."""
    body = {"no_such_field": 1}
    error = expect(
        openai.APIStatusError,
        lambda: c.chat.completions.create(model=provider["model"], messages=MESSAGES, extra_body=body),
    )
    assert error.status_code == provider["status"] and "no_such_field" in error.response.text, error


CHECKS = [
    chat,
    chat_stream,
    chat_tools,
    chat_tools_whole,
    chat_thinking,
    responses,
    responses_stream,
    responses_tools,
    responses_thinking,
    images,
    schema,
    errors,
]

with OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=20) as shared:
    for fact in FACTS:
        for check in CHECKS:
            print(fact["name"], check.__name__, flush=True)
            check(shared, fact)
