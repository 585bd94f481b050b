"""Drives a proxy and a replayed provider with the real `openai` package: openai_providers.py BASE_URL KEY MODEL."""

import json
import sys

import openai
from openai import OpenAI

from talk import ASKED, BRIEF as MESSAGES, CHAT_TOOLS as TOOLS, expect, RESPONSES_TOOLS, TEXT, TOLD, WEATHER

BASE_URL, KEY, MODEL = sys.argv[1:4]


def client(key=KEY):
    return OpenAI(base_url=BASE_URL, api_key=key, max_retries=0, timeout=20)


def check_usage(usage):
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (30, 7, 37), usage
    assert usage.prompt_tokens_details.cached_tokens == 10, usage


def check_responses_usage(usage):
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (30, 7, 37), usage
    assert usage.input_tokens_details.cached_tokens == 10, usage


def chat(c):
    reply = c.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=0.5, max_tokens=100, stop=["END"])
    choice = reply.choices[0]
    assert (choice.message.content, choice.finish_reason) == (TEXT, "stop"), reply
    check_usage(reply.usage)


def chat_stream(c):
    stream = c.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(x.choices[0].delta.content or "" for x in chunks if x.choices)
    assert text == TEXT, chunks
    assert [x.choices[0].finish_reason for x in chunks if x.choices][-1] == "stop", chunks
    told = [x.usage for x in chunks if x.usage]
    assert len(told) == 1, chunks
    check_usage(told[0])


def said(message):
    """The message as it is sent back: without what the package made of it, which no API takes."""
    made = {"index": True, "function": {"parsed_arguments"}}
    calls = [call.model_dump(exclude=made) for call in message.tool_calls]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


def chat_tools(c):
    with c.chat.completions.stream(model=MODEL, messages=ASKED, tools=TOOLS) as events:
        final = events.get_final_completion()
    message, finish = final.choices[0].message, final.choices[0].finish_reason
    calls = {json.loads(call.function.arguments)["city"]: call for call in message.tool_calls}
    assert list(calls) == list(WEATHER) and finish == "tool_calls", final
    assert all(call.function.name == "get_weather" for call in calls.values()), final
    # In another order than the calls, so that only the ids say which is whose.
    results = [
        {"role": "tool", "tool_call_id": calls[city].id, "content": WEATHER[city]} for city in reversed(WEATHER)
    ]
    with c.chat.completions.stream(model=MODEL, messages=[*ASKED, said(message), *results], tools=TOOLS) as events:
        final = events.get_final_completion()
    assert final.choices[0].message.content == TOLD, final


def chat_tools_whole(c):
    reply = c.chat.completions.create(model=MODEL, messages=ASKED, tools=TOOLS, tool_choice="auto")
    message = reply.choices[0].message
    results = [
        {
            "role": "tool",
            "tool_call_id": call.id,
            "content": WEATHER[json.loads(call.function.arguments)["city"]],
        }
        for call in message.tool_calls
    ]
    reply = c.chat.completions.create(model=MODEL, messages=[*ASKED, message, *results], tools=TOOLS)
    assert reply.choices[0].message.content == TOLD, reply


def responses(c):
    reply = c.responses.create(
        model=MODEL, instructions="Be brief.", input="Good morning", max_output_tokens=100, store=False
    )
    assert (reply.output_text, reply.status) == (TEXT, "completed"), reply
    check_responses_usage(reply.usage)


def responses_stream(c):
    events = list(c.responses.create(model=MODEL, input="Good morning", stream=True, store=False))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == TEXT, events
    assert [e.sequence_number for e in events] == list(range(len(events))), events
    final = events[-1]
    assert final.type == "response.completed" and final.response.output_text == TEXT, final
    check_responses_usage(final.response.usage)


def responses_tools(c):
    def ask(conversation):
        with c.responses.stream(model=MODEL, input=conversation, tools=RESPONSES_TOOLS, store=False) as events:
            return events.get_final_response()

    reply = ask(ASKED)
    calls = [item for item in reply.output if item.type == "function_call"]
    assert [json.loads(call.arguments)["city"] for call in calls] == list(WEATHER), reply
    results = [
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": WEATHER[json.loads(call.arguments)["city"]],
        }
        for call in reversed(calls)
    ]
    sent_back = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in reply.output]
    reply = ask([*ASKED, *sent_back, *results])
    assert reply.output_text == TOLD, reply


def errors(c):
    create = c.chat.completions.create
    error = expect(
        openai.BadRequestError,
        lambda: create(model=MODEL, messages=MESSAGES, extra_body={"no_such_field": 1}),
    )
    assert "no_such_field" in error.message, error
    with client(key="fl_wrong") as stranger:
        expect(openai.AuthenticationError, lambda: stranger.chat.completions.create(model=MODEL, messages=MESSAGES))


with client() as shared:
    for check in [
        chat,
        chat_stream,
        chat_tools,
        chat_tools_whole,
        responses,
        responses_stream,
        responses_tools,
        errors,
    ]:
        print(check.__name__, flush=True)
        check(shared)
