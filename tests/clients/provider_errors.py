"""Every provider's errors as the exceptions of the real packages: provider_errors.py BASE_URL KEY FAMILIES.

The server behind fails as a model's name says; FAMILIES are the providers, with commas between them.
"""

import sys

import anthropic
import openai

from talk import GREETING as MESSAGES

BASE_URL, KEY, FAMILIES = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
SETTINGS = {"api_key": KEY, "max_retries": 0, "timeout": 20}
# Their own bytes pass, and with them their own word for it.
OWN_FILTER = {"openai": "invalid_prompt"}


def raised(kind, action):
    try:
        action()
    except kind as error:
        assert type(error) is kind, repr(error)
        return error
    raise AssertionError(f"no {kind.__name__}")


def by_openai(c, model):
    """Chat and Responses, whole and streamed."""
    for stream in (False, True):
        yield lambda: c.chat.completions.create(model=model, messages=MESSAGES, stream=stream)
        yield lambda: c.responses.create(model=model, input="Good morning", stream=stream, store=False)


def by_anthropic(c, model):
    """Messages, whole and streamed."""
    for stream in (False, True):
        yield lambda: c.messages.create(model=model, messages=MESSAGES, max_tokens=100, stream=stream)


def rate_limit(family, o, a):
    for call in by_openai(o, f"{family}/rate-limit"):
        error = raised(openai.RateLimitError, call)
        assert error.response.headers["retry-after"] == "7", error.response.headers
        assert error.code == "rate_limit_exceeded", error.body
    for call in by_anthropic(a, f"{family}/rate-limit"):
        error = raised(anthropic.RateLimitError, call)
        assert error.response.headers["retry-after"] == "7", error.response.headers
        assert error.body["error"]["type"] == "rate_limit_error", error.body


def context_length(family, o, a):
    for call in by_openai(o, f"{family}/context-length"):
        error = raised(openai.BadRequestError, call)
        assert error.code == "context_length_exceeded", error.body
    for call in by_anthropic(a, f"{family}/context-length"):
        error = raised(anthropic.BadRequestError, call)
        assert error.body["error"]["type"] == "invalid_request_error", error.body


def wrong_key(family, o, a):
    """The operator's, at the provider."""
    for call in by_openai(o, f"{family}/wrong-key"):
        error = raised(openai.AuthenticationError, call)
        assert error.code == "invalid_api_key", error.body
    for call in by_anthropic(a, f"{family}/wrong-key"):
        error = raised(anthropic.AuthenticationError, call)
        assert error.body["error"]["type"] == "authentication_error", error.body


def overload(family, o, a):
    for call in by_openai(o, f"{family}/overload"):
        error = raised(openai.InternalServerError, call)
        assert error.status_code == 503, error
    for call in by_anthropic(a, f"{family}/overload"):
        error = raised(anthropic._exceptions.OverloadedError, call)
        assert error.status_code == 529 and error.body["error"]["type"] == "overloaded_error", error.body


def content_filter(family, o, a):
    if family == "gemini":
        filtered_replies(o, a)
        return
    for call in by_openai(o, f"{family}/content-filter"):
        error = raised(openai.BadRequestError, call)
        assert error.code == OWN_FILTER.get(family, "content_filter"), error.body
    for call in by_anthropic(a, f"{family}/content-filter"):
        error = raised(anthropic.BadRequestError, call)
        assert error.body["error"]["type"] == "invalid_request_error", error.body


def filtered_replies(o, a):
    """Where the filter's refusal is no error but a reply, it is one to the caller too."""
    model = "gemini/content-filter"
    reply = o.chat.completions.create(model=model, messages=MESSAGES)
    assert reply.choices[0].finish_reason == "content_filter", reply
    reply = o.responses.create(model=model, input="Good morning", store=False)
    assert reply.incomplete_details.reason == "content_filter", reply
    reply = a.messages.create(model=model, messages=MESSAGES, max_tokens=100)
    assert reply.stop_reason == "refusal", reply


def strangers(_family, _o, _a):
    """Of a key that is not Floopy's."""
    other = {**SETTINGS, "api_key": "fl_wrong"}
    with openai.OpenAI(base_url=f"{BASE_URL}/v1", **other) as c:
        for call in by_openai(c, "openai/any"):
            raised(openai.AuthenticationError, call)
    with anthropic.Anthropic(base_url=BASE_URL, **other) as c:
        for call in by_anthropic(c, "openai/any"):
            raised(anthropic.AuthenticationError, call)


def unknown_model(family, o, a):
    for call in by_openai(o, f"{family}/no-such-model"):
        raised(openai.NotFoundError, call)
    for call in by_anthropic(a, f"{family}/no-such-model"):
        raised(anthropic.NotFoundError, call)


CHECKS = [rate_limit, context_length, wrong_key, overload, content_filter, unknown_model]

with (
    openai.OpenAI(base_url=f"{BASE_URL}/v1", **SETTINGS) as o,
    anthropic.Anthropic(base_url=BASE_URL, **SETTINGS) as a,
):
    for family in FAMILIES:
        for check in CHECKS:
            print(family, check.__name__, flush=True)
            check(family, o, a)
    strangers(None, o, a)
