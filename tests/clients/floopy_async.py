"""Drives a running proxy with the asynchronous client of the real `floopy-sdk` package: floopy_async.py BASE_URL KEY CHECK."""

import asyncio
import sys
import time
import uuid

import floopy
import openai
from floopy import AsyncFloopy, CacheOptions, FloopyOptions
from floopy.types.constraints import OrgConstraints

BASE_URL, KEY, CHECK = sys.argv[1:4]
MESSAGES = [{"role": "user", "content": "Good morning"}]
PATIENCE_S, PAUSE_S = 15, 0.02


def client(key=KEY, **options):
    return AsyncFloopy(api_key=key, base_url=BASE_URL, timeout=20, max_retries=0, **options)


async def chat(c, session):
    raw = await c.chat.completions.with_raw_response.create(
        model="auto", messages=MESSAGES, extra_headers={"floopy-session-id": session}
    )
    return raw.headers["x-request-id"], raw.parse()


async def eventually(probe):
    """The result of `probe` once it is neither None nor an error of not being there yet."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = await probe()
            if found is not None:
                return found
        except floopy.FloopyNotFoundError:
            pass
        assert time.monotonic() < until, f"not within {PATIENCE_S} s"
        await asyncio.sleep(PAUSE_S)


async def refused(kind, code, asked):
    """The error that this ends in."""
    try:
        await asked
    except kind as error:
        assert error.code == code and error.request_id, (error.code, error.request_id)
        return error
    raise AssertionError(f"no {kind.__name__}")


async def feedback():
    async with client() as c:
        await chat(c, "py-session")
        first = await c.feedback.submit(score=9, useful=True, session_id="py-session")
        assert (first.duplicate, first.session_id) == (False, "py-session"), first
        again = await c.feedback.submit(score=2, useful=False, session_id="py-session")
        assert again.duplicate is True, again
        _, reply = await chat(c, "py-by-completion")
        by_id = await c.feedback.submit(score=8, useful=True, session_id=reply.id)
        assert by_id.duplicate is False, by_id
        # Two sessions are open by now: which one is meant must be said.
        nobody = c.feedback.submit(score=9, useful=True)
        error = await refused(floopy.FloopyValidationError, "invalid_request", nobody)
        assert "session_id" in str(error), error


async def decisions():
    async with client() as c:
        sent = [(await chat(c, "py-list"))[0] for _ in range(5)]
        one = await eventually(lambda: c.decisions.get(sent[0]))
        assert (one.request_id, one.session_id) == (sent[0], "py-list"), one
        assert one.status == "ok" and one.model and one.provider, one
        assert isinstance(one.latency_ms, int) and isinstance(one.cost_micro_usd, int), one
        assert isinstance(one.explanation, str) and one.decision_trace["candidates"], one
        await eventually(lambda: c.decisions.get(sent[-1]))
        page = await c.decisions.list(session_id="py-list", limit=2)
        assert len(page.items) == 2 and page.has_more and page.next_cursor, page
        rest = await c.decisions.list(session_id="py-list", cursor=page.next_cursor)
        assert len(rest.items) == 3 and not rest.has_more, rest
        every = [d async for d in c.decisions.iterate(session_id="py-list", limit=2)]
        assert sorted(d.request_id for d in every) == sorted(sent), every
        pages = [page async for page in c.decisions.pages(session_id="py-list", limit=2)]
        assert [len(page.items) for page in pages] == [2, 2, 1], pages
        early = await c.decisions.list(from_="2026-01-01T00:00:00Z", to="2026-01-02T00:00:00Z")
        assert early.items == [], early


async def constraints():
    limits = OrgConstraints(cost_limit_monthly_usd=250.0, max_requests_per_minute=100000)
    async with client() as c:
        assert (await c.constraints.get()).max_requests_per_minute is None
        put = await c.constraints.put(limits)
        assert put == await c.constraints.get() == limits, put
        code = "out_of_range_max_requests_per_minute"
        wrong = c.constraints.put(OrgConstraints(max_requests_per_minute=0))
        await refused(floopy.FloopyValidationError, code, wrong)
        assert await c.constraints.get() == limits
        # A limit holds for calls a moment later.
        await c.constraints.put(OrgConstraints(max_requests_per_minute=1))
        await eventually(lambda: is_limited(c))


async def is_limited(c):
    try:
        await chat(c, "py-limited")
    except openai.RateLimitError as error:
        assert error.code == "rate_limited", error
        assert int(error.response.headers["retry-after"]) >= 1, error
        return True
    return None


async def errors():
    async with client() as c:
        unknown = str(uuid.uuid4())
        for kind, code, asked in [
            (floopy.FloopyNotFoundError, "not_found", c.decisions.get(unknown)),
            (floopy.FloopyValidationError, "invalid_request_id", c.decisions.get("x")),
            (floopy.FloopyValidationError, "invalid_request", c.decisions.list(limit=0)),
            (floopy.FloopyValidationError, "invalid_request",
             c.feedback.submit(score=11, useful=True, session_id="s")),
        ]:
            await refused(kind, code, asked)
    async with client("fl_wrong") as c:
        for asked in [
            c.decisions.list(),
            c.constraints.get(),
            c.feedback.submit(score=9, useful=True, session_id="s"),
            c.routing.explain(model="auto", messages=MESSAGES),
            c.sessions.get("s"),
            c.experiments.list(),
            c.evaluations.get(unknown),
            c.files.list(),
            c.batches.list(),
        ]:
            error = await refused(floopy.FloopyAuthError, "invalid_api_key", asked)
            assert error.status == 401, error


async def explain():
    async with client() as c:
        said = await c.routing.explain(model="auto", messages=MESSAGES, max_completion_tokens=50)
        assert said.firewall_decision == "allow" and said.reasoning, said
        assert said.routing_rule_id is None, said
        raw = await c.chat.completions.with_raw_response.create(
            model="auto", messages=MESSAGES, max_completion_tokens=50
        )
        winner = f"{said.would_select['provider']}/{said.would_select['model']}"
        assert raw.headers["floopy-model"] == winner, (raw.headers["floopy-model"], said)
        named = await c.routing.explain(model=winner, messages=MESSAGES, temperature=0.5, top_p=0.9, max_tokens=9)
        assert f"{named.would_select['provider']}/{named.would_select['model']}" == winner, named
        for model, messages, code in [
            ("openai/gpt-4o", MESSAGES, "provider_not_configured"),
            ("auto", [], "invalid_request"),
        ]:
            asked = c.routing.explain(model=model, messages=messages)
            await refused(floopy.FloopyValidationError, code, asked)
        # Ten in a minute; those that are refused for what they say count.
        for _ in range(6):
            await c.routing.explain(model="auto", messages=MESSAGES)
        eleventh = c.routing.explain(model="auto", messages=MESSAGES)
        error = await refused(floopy.FloopyRateLimitError, "rate_limited", eleventh)
        assert 1 <= error.retry_after_seconds <= 60, error


async def delegate():
    """Chat, embeddings, models and responses come through the package's own OpenAI client."""
    async with client() as c:
        _, reply = await chat(c, "py-delegate")
        assert reply.choices[0].message.content, reply
        text = ""
        async for chunk in await c.chat.completions.create(model="auto", messages=MESSAGES, stream=True):
            if chunk.choices:
                text += chunk.choices[0].delta.content or ""
        assert text
        ids = [m.id async for m in c.models.list()]
        embedding = next(i for i in ids if "embed" in i)
        found = await c.embeddings.create(model=embedding, input="x")
        assert found.data[0].embedding, found
        said = await c.responses.create(model="auto", input="Good morning")
        assert said.output_text, said
    # The package sends its options with everything.
    options = FloopyOptions(cache=CacheOptions(enabled=True))
    async with client(options=options) as c:
        statuses = []
        for _ in range(2):
            raw = await c.chat.completions.with_raw_response.create(model="auto", messages=MESSAGES)
            statuses.append(raw.headers["floopy-cache-status"])
        assert statuses == ["miss", "exact"], statuses


CHECKS = {
    "feedback": feedback,
    "constraints": constraints,
    "decisions": decisions,
    "errors": errors,
    "explain": explain,
    "delegate": delegate,
}
asyncio.run(CHECKS[CHECK]())
