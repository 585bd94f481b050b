"""Drives a running proxy with the real `floopy-sdk` package: floopy_client.py BASE_URL KEY CHECK [FROM TO ROWS]."""

import asyncio
import json
import sys
import time
import urllib.request
import uuid

import floopy
import openai
from floopy import AsyncFloopy, Floopy
from floopy.types.constraints import OrgConstraints

BASE_URL, KEY, CHECK = sys.argv[1:4]
MESSAGES = [{"role": "user", "content": "Good morning"}]


def client(key=KEY):
    return Floopy(api_key=key, base_url=BASE_URL, timeout=20, max_retries=0)


def chat(c, session):
    raw = c.chat.completions.with_raw_response.create(
        model="auto", messages=MESSAGES, extra_headers={"floopy-session-id": session}
    )
    return raw.headers["x-request-id"], raw.parse()


def eventually(probe):
    """The result of `probe` once it is neither None nor an error of not being there yet."""
    until = time.monotonic() + 15
    while True:
        try:
            found = probe()
            if found is not None:
                return found
        except floopy.FloopyNotFoundError:
            pass
        assert time.monotonic() < until, "not within 15 s"
        time.sleep(0.02)


def feedback():
    with client() as c:
        chat(c, "py-session")
        first = c.feedback.submit(score=9, useful=True, session_id="py-session")
        assert (first.duplicate, first.session_id) == (False, "py-session"), first
        again = c.feedback.submit(score=2, useful=False, session_id="py-session")
        assert again.duplicate is True, again
        # As the package's own examples do: the completion's id stands for the session.
        _, reply = chat(c, "py-by-completion")
        by_id = c.feedback.submit(score=8, useful=True, session_id=reply.id)
        assert by_id.duplicate is False, by_id
        # Two sessions are open by now: which one is meant must be said.
        try:
            c.feedback.submit(score=9, useful=True)
        except floopy.FloopyValidationError as error:
            assert error.code == "invalid_request" and "session_id" in str(error), error
        else:
            raise AssertionError("a rating was given to a session by chance")


def decisions():
    with client() as c:
        sent = [chat(c, "py-list")[0] for _ in range(5)]
        one = eventually(lambda: c.decisions.get(sent[0]))
        assert (one.request_id, one.session_id) == (sent[0], "py-list"), one
        assert one.status == "ok" and one.model and one.provider, one
        assert isinstance(one.latency_ms, int) and isinstance(one.cost_micro_usd, int), one
        assert isinstance(one.explanation, str) and one.decision_trace["candidates"], one
        eventually(lambda: c.decisions.get(sent[-1]))
        page = c.decisions.list(session_id="py-list", limit=2)
        assert len(page.items) == 2 and page.has_more and page.next_cursor, page
        every = list(c.decisions.iterate(session_id="py-list", limit=2))
        assert sorted(d.request_id for d in every) == sorted(sent), every
        pages = list(c.decisions.pages(session_id="py-list", limit=2))
        assert [len(page.items) for page in pages] == [2, 2, 1], pages
        assert c.decisions.list(limit=1).items


def constraints():
    limits = OrgConstraints(cost_limit_monthly_usd=250.0, max_requests_per_minute=100000)
    with client() as c:
        assert c.constraints.get().max_requests_per_minute is None
        put = c.constraints.put(limits)
        assert put == c.constraints.get() == limits, put
        # The groups that the package does not know were not mentioned, so they are as they were.
        request = urllib.request.Request(
            f"{BASE_URL}/constraints", headers={"authorization": f"Bearer {KEY}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            gates = json.load(answer)
        assert gates["max_cost_increase"] is None and gates["defaults"]["max_cost_increase"], gates
        try:
            c.constraints.put(OrgConstraints(max_requests_per_minute=0))
        except floopy.FloopyValidationError as error:
            assert error.code == "out_of_range_max_requests_per_minute", error
        else:
            raise AssertionError("0 was taken")
        # A limit holds for calls a moment later.
        c.constraints.put(OrgConstraints(max_requests_per_minute=1))
        until = time.monotonic() + 15
        while True:
            try:
                chat(c, "py-limited")
            except openai.RateLimitError as error:
                assert int(error.response.headers["retry-after"]) >= 1, error
                break
            assert time.monotonic() < until, "not limited within 15 s"


def errors():
    with client() as c:
        unknown = str(uuid.uuid4())
        for action, kind, code in [
            (lambda: c.decisions.get(unknown), floopy.FloopyNotFoundError, "not_found"),
            (lambda: c.decisions.get("x"), floopy.FloopyValidationError, "invalid_request_id"),
            (lambda: c.feedback.submit(score=11, useful=True, session_id="s"),
             floopy.FloopyValidationError, "invalid_request"),
        ]:
            try:
                action()
            except kind as error:
                assert error.code == code and error.request_id, (error.code, error.request_id)
            else:
                raise AssertionError(f"no {kind.__name__}")
    with client("fl_wrong") as c:
        try:
            c.decisions.list()
        except floopy.FloopyAuthError as error:
            assert error.status == 401, error
        else:
            raise AssertionError("a wrong key was accepted")


def explain():
    with client() as c:
        said = c.routing.explain(model="auto", messages=MESSAGES, max_completion_tokens=50)
        assert said.firewall_decision == "allow" and said.reasoning, said
        assert said.routing_rule_id is None, said
        # Without a session the conversation's own beginning stands for it: the very next call is this one.
        raw = c.chat.completions.with_raw_response.create(
            model="auto", messages=MESSAGES, max_completion_tokens=50
        )
        winner = f"{said.would_select['provider']}/{said.would_select['model']}"
        assert raw.headers["floopy-model"] == winner, (raw.headers["floopy-model"], said)
        named = c.routing.explain(model=winner, messages=MESSAGES, temperature=0.5, max_tokens=9)
        assert f"{named.would_select['provider']}/{named.would_select['model']}" == winner, named
        for model, messages, code in [
            ("openai/gpt-4o", MESSAGES, "provider_not_configured"),
            ("auto", [], "invalid_request"),
        ]:
            try:
                c.routing.explain(model=model, messages=messages)
            except floopy.FloopyValidationError as error:
                assert error.code == code, error.code
            else:
                raise AssertionError(f"{model} was explained")
        try:
            for _ in range(11):
                c.routing.explain(model="auto", messages=MESSAGES)
        except floopy.FloopyRateLimitError as error:
            assert error.code == "rate_limited" and 1 <= error.retry_after_seconds <= 60, error
        else:
            raise AssertionError("explaining has no limit")


def delegate():
    """Chat, embeddings, models and responses come through the package's own OpenAI client."""
    with client() as c:
        _, reply = chat(c, "py-delegate")
        assert reply.choices[0].message.content, reply
        ids = [m.id for m in c.models.list()]
        embedding = next(i for i in ids if "embed" in i)
        assert c.embeddings.create(model=embedding, input="x").data[0].embedding
        assert c.responses.create(model="auto", input="Good morning").output_text


def export():
    from_, to, expected = sys.argv[4], sys.argv[5], int(sys.argv[6])
    with client() as c:
        rows = list(c.export.decisions(from_=from_, to=to))
        assert len({r.request_id for r in rows}) == len(rows) == expected, len(rows)
        row = rows[0]
        assert row.organization_id == "tenant-0000" and row.created_at and row.status == "ok", row
        assert isinstance(row.latency_ms, int) and isinstance(row.cost_micro_usd, int), row
        stream = c.export.decisions_with_trailer(from_=from_, to=to, format="jsonl")
        assert sum(1 for _ in stream) == expected
        trailer = stream.trailer
        assert (trailer.rows_emitted, trailer.truncated, trailer.reason) == (expected, False, None), trailer

    async def go():
        async with AsyncFloopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
            rows = [row async for row in c.export.decisions(from_=from_, to=to, format="jsonl")]
            assert len({r.request_id for r in rows}) == len(rows) == expected, len(rows)
            stream = c.export.decisions_with_trailer(from_=from_, to=to)
            assert len([row async for row in stream]) == expected
            assert stream.trailer.rows_emitted == expected, stream.trailer
            try:
                async for _ in c.export.decisions(from_=to, to=from_):
                    raise AssertionError("there is nothing before the beginning")
            except floopy.FloopyValidationError as error:
                assert error.code == "invalid_request", error

    asyncio.run(go())


{
    "export": export,
    "feedback": feedback,
    "constraints": constraints,
    "decisions": decisions,
    "errors": errors,
    "explain": explain,
    "delegate": delegate,
}[CHECK]()
