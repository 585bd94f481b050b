"""Asks for everything twice with the real packages `openai` and `anthropic`: cache_client.py BASE_URL KEY CHECK.

The second time it comes from the cache, and the packages must read it as they read the first.
"""

import sys

from anthropic import Anthropic
from openai import OpenAI

BASE_URL, KEY, CHECK = sys.argv[1:4]
ON = {"floopy-cache-enabled": "true"}
MESSAGES = [{"role": "user", "content": "Tell me something, and something else every time you are asked"}]
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


def client():
    return OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=20)


def twice(ask, statuses=("miss", "exact")):
    """What both said; `ask` makes the call through `with_raw_response`."""
    replies = [ask() for _ in statuses]
    found = tuple(reply.headers["floopy-cache-status"] for reply in replies)
    assert found == statuses, found
    return [reply.parse() for reply in replies]


def whole():
    with client() as c:
        one, two = twice(
            lambda: c.chat.completions.with_raw_response.create(
                model="auto", messages=MESSAGES, extra_headers=ON
            )
        )
        assert one == two, (one, two)
        assert two.choices[0].message.content and two.usage.total_tokens > 0, two


def streams():
    with client() as c:
        for options in ({}, {"stream_options": {"include_usage": True}}):
            one, two = stream_twice(c, options)
            assert one == two and one, (one, two)
            assert bool(one[-1].usage) == bool(options), one[-1]


def stream_twice(c, options):
    said = []
    for status in ("miss", "exact"):
        raw = c.chat.completions.with_raw_response.create(
            model="auto", messages=MESSAGES, stream=True, extra_headers=ON, **options
        )
        assert raw.headers["floopy-cache-status"] == status, raw.headers
        # Read to its end before it is asked for again.
        said.append(list(raw.parse()))
    return said


def tools():
    asked = [{"role": "user", "content": "What is the weather in Lisbon?"}]
    with client() as c:
        call = lambda headers: c.chat.completions.with_raw_response.create(
            model="auto", messages=asked, tools=TOOLS, tool_choice="required", extra_headers=headers
        )
        one, two = twice(lambda: call(ON), ("miss", "miss"))
        assert one.choices[0].message.tool_calls and two.choices[0].message.tool_calls, (one, two)
        wanted = {**ON, "floopy-cache-tools": "true"}
        one, two = twice(lambda: call(wanted))
        assert one == two and one.choices[0].message.tool_calls, (one, two)


def embeddings():
    with client() as c:
        model = next(m.id for m in c.models.list() if "embed" in m.id)
        one, two = twice(
            lambda: c.embeddings.with_raw_response.create(
                model=model, input=["a", "b"], extra_headers=ON
            )
        )
        assert one == two and len(one.data) == 2, one


def messages():
    root = BASE_URL.removesuffix("/v1")
    with Anthropic(base_url=root, api_key=KEY, max_retries=0, timeout=20) as c:
        ask = {"model": "auto", "max_tokens": 200, "messages": MESSAGES, "extra_headers": ON}
        one, two = twice(lambda: c.messages.with_raw_response.create(**ask))
        assert one == two and one.content[0].text, (one, two)
        said = []
        for status in ("miss", "exact"):
            raw = c.messages.with_raw_response.create(stream=True, **ask)
            assert raw.headers["floopy-cache-status"] == status, raw.headers
            said.append(list(raw.parse()))
        assert said[0] == said[1] and said[0][-1].type == "message_stop", said


globals()[CHECK]()
