"""Embeds with the real `openai` package by a replayed provider: openai_embeddings.py BASE_URL KEY MODEL."""

import sys

import openai
from openai import OpenAI

from talk import expect

BASE_URL, KEY, MODEL = sys.argv[1:4]
TOKENS = 3


def vector(number, dimensions=4):
    return [number / 256, *[-0.5] * (dimensions - 1)]


def one(c):
    """By default the package asks for base64, and decodes it."""
    reply = c.embeddings.create(model=MODEL, input="7")
    assert [e.embedding for e in reply.data] == [vector(7)], reply
    assert reply.model == MODEL.split("/", 1)[1], reply
    assert reply.usage.prompt_tokens == reply.usage.total_tokens == TOKENS, reply


def floats_of_a_length(c):
    reply = c.embeddings.create(model=MODEL, input=["1", "2"], encoding_format="float", dimensions=8)
    assert [e.embedding for e in reply.data] == [vector(1, 8), vector(2, 8)], reply


def many(c):
    """More than a provider takes at once, in their order."""
    reply = c.embeddings.create(model=MODEL, input=[str(number) for number in range(201)])
    assert [e.index for e in reply.data] == list(range(201)), reply
    assert [e.embedding for e in reply.data] == [vector(number) for number in range(201)], reply
    assert reply.usage.prompt_tokens == 201 * TOKENS, reply.usage


def user_is_let_go(c):
    reply = c.embeddings.with_raw_response.create(model=MODEL, input="1", user="u-1")
    assert reply.headers["floopy-dropped-params"] == "user", reply.headers


def refusals(c):
    create = c.embeddings.create
    error = expect(openai.BadRequestError, lambda: create(model=MODEL, input=[1, 2, 3]))
    assert error.param == "input[0]" and MODEL.split("/", 1)[0] in error.message, error
    error = expect(openai.BadRequestError, lambda: create(model=MODEL, input="1", extra_body={"no_such_field": 1}))
    assert error.param == "no_such_field" and error.code == "unsupported_field", error
    error = expect(openai.BadRequestError, lambda: create(model=MODEL, input=["1", "no number"]))
    assert "no number" in error.message, error


with OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=20) as client:
    for check in [one, floats_of_a_length, many, user_is_let_go, refusals]:
        print(check.__name__, flush=True)
        check(client)
