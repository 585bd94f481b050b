"""Reads replies that the firewall keeps back with the real packages `openai` and `anthropic`:
output_client.py BASE_URL KEY CHECK."""

import sys

import anthropic
import openai

BASE_URL, KEY, CHECK = sys.argv[1:4]
MODEL = "up/alpha"
MESSAGES = [{"role": "user", "content": "Whom do I write to?"}]


def client():
    return openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=60)


def anthropic_client():
    return anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key=KEY, max_retries=0, timeout=60)


def openai_chat():
    with client() as c:
        try:
            c.chat.completions.create(model=MODEL, messages=MESSAGES)
        except openai.BadRequestError as error:
            assert error.code == "output_blocked", error
            assert error.body["firewall"]["found"] == "email", error.body
            assert error.response.headers["floopy-firewall-output"] == "blocked", error.response.headers
            return
        raise AssertionError("it was read")


def openai_stream():
    read = ""
    with client() as c:
        try:
            for chunk in c.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
                read += chunk.choices[0].delta.content or "" if chunk.choices else ""
        except openai.APIError as error:
            assert error.code == "output_blocked", error
            assert error.body["firewall"]["kind"] == "personal_data", error.body
            assert read == "Write ", read
            return
        raise AssertionError(f"it was read: {read}")


def openai_responses():
    read, last = "", None
    with client() as c:
        for event in c.responses.create(model=MODEL, input="Whom do I write to?", stream=True):
            last = event
            if event.type == "response.output_text.delta":
                read += event.delta
    assert (last.type, last.code) == ("error", "output_blocked"), last
    assert "email" in last.message, last
    assert read == "Write ", read


def anthropic_check():
    with anthropic_client() as c:
        try:
            c.messages.create(model=MODEL, max_tokens=16, messages=MESSAGES)
        except anthropic.BadRequestError as error:
            assert error.body["error"]["type"] == "invalid_request_error", error.body
            assert "personal data (email)" in error.body["error"]["message"], error.body
            return
        raise AssertionError("it was read")


def anthropic_stream():
    read = ""
    with anthropic_client() as c:
        try:
            with c.messages.stream(model=MODEL, max_tokens=16, messages=MESSAGES) as stream:
                for text in stream.text_stream:
                    read += text
        except anthropic.APIStatusError as error:
            assert error.body["error"]["type"] == "invalid_request_error", error.body
            assert "personal data (email)" in error.body["error"]["message"], error.body
            assert read == "Write ", read
            return
        raise AssertionError(f"it was read: {read}")


CHECKS = {
    "openai_chat": openai_chat,
    "openai_stream": openai_stream,
    "openai_responses": openai_responses,
    "anthropic": anthropic_check,
    "anthropic_stream": anthropic_stream,
}
CHECKS[CHECK]()
