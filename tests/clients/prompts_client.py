"""Stored prompts with the real `openai` and `floopy-sdk` packages: prompts_client.py BASE_URL KEY PROMPT_ID CHECK."""

import sys

import floopy
import openai
from floopy import Floopy, FloopyOptions
from openai import OpenAI

BASE_URL, KEY, PROMPT_ID, CHECK = sys.argv[1:5]


def openai_client(**headers):
    return OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=20, default_headers=headers)


def floopy_client(prompt_id, version=None):
    options = FloopyOptions(prompt_id=prompt_id, prompt_version=version)
    return Floopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0, options=options)


def filled():
    """The newest version, filled. What the provider was sent is for the caller of this script to see."""
    with openai_client(**{"Floopy-Prompt-Id": PROMPT_ID}) as c:
        reply = c.chat.completions.create(
            model="up/alpha",
            messages=[{"role": "user", "content": "And {{city}}?"}],
            extra_body={"inputs": {"city": 'São "Paulo"', "days": 3}},
        )
        assert reply.choices[0].message.content, reply
        try:
            c.chat.completions.create(model="up/alpha", messages=[])
        except openai.BadRequestError as error:
            assert error.code == "missing_prompt_variable" and "inputs.city" in str(error), error
        else:
            raise AssertionError("a required variable was not asked for")
        c.models.list()


def pinned():
    with openai_client() as c:
        reply = c.chat.completions.create(
            model="up/alpha",
            messages=[],
            extra_headers={"Floopy-Prompt-Id": PROMPT_ID, "Floopy-Prompt-Version": "1"},
        )
        assert reply.choices[0].message.content, reply
    # The package sends its options with everything.
    with floopy_client(PROMPT_ID, "1") as c:
        reply = c.chat.completions.create(
            model="up/alpha", messages=[{"role": "user", "content": "hi"}]
        )
        assert reply.choices[0].message.content, reply


def foreign():
    """An id that is none of ours: only calls with messages mind."""
    with floopy_client("p1") as c:
        c.decisions.list()
        c.constraints.get()
        c.routing.explain(model="up/alpha", messages=[{"role": "user", "content": "hi"}])
        try:
            c.chat.completions.create(model="up/alpha", messages=[{"role": "user", "content": "hi"}])
        except openai.BadRequestError as error:
            assert error.code == "invalid_prompt_id" and "'p1'" in str(error).replace('"', "'"), error
        else:
            raise AssertionError("p1 is no prompt")
    with floopy_client("2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f") as c:
        try:
            c.chat.completions.create(model="up/alpha", messages=[])
        except openai.NotFoundError as error:
            assert error.code == "prompt_not_found", error
        else:
            raise AssertionError("nobody has that prompt")
        try:
            c.decisions.get("2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f")
        except floopy.FloopyNotFoundError:
            pass


{"filled": filled, "pinned": pinned, "foreign": foreign}[CHECK]()
