"""Sessions with the real `floopy-sdk` package: session_client.py BASE_URL KEY CHECK."""

import asyncio
import sys
import time

import floopy
from floopy import AsyncFloopy, Floopy

BASE_URL, KEY, CHECK = sys.argv[1:4]
SYSTEM = {"role": "system", "content": "You are brief."}


def eventually(probe):
    """What `probe` finds once it is neither None nor not there yet."""
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


def client():
    return Floopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0)


def say(c, session, messages, **options):
    return c.chat.completions.create(
        model="up/alpha",
        messages=messages,
        extra_headers={"floopy-session-id": session},
        **options,
    )


def told(c, session, turns):
    def probe():
        found = c.sessions.get(session)
        return found if found.turn_count == turns else None

    return eventually(probe)


def sync():
    with client() as c:
        session = "a talk/1"
        messages = [SYSTEM, {"role": "user", "content": "Good morning"}]
        for question in ["How are you?", "And tomorrow?"]:
            reply = say(c, session, messages).choices[0].message
            # As the package hands it out, empty fields and all.
            messages = [*messages, reply.model_dump(), {"role": "user", "content": question}]
        found = told(c, session, 2)
        assert found.session_id == session, found
        roles = [message["role"] for message in found.messages]
        assert roles == ["system", "user", "assistant", "user", "assistant"], found
        assert [m["content"] for m in found.messages if m["role"] == "user"] == [
            "Good morning",
            "How are you?",
        ], found
        turn = found.turns[0]
        assert (turn.provider, turn.model) == ("up", "alpha") and turn.created_at.endswith("Z"), turn
        # What is told is what the next call is made of.
        again = [*found.messages, {"role": "user", "content": "And tomorrow?"}]
        reply = say(c, session, again).choices[0].message.content
        found = told(c, session, 3)
        expected = [*again, {"role": "assistant", "content": reply}]
        assert found.messages == expected, found
        chunks = list(say(c, "streamed", [{"role": "user", "content": "hi"}], stream=True))
        text = "".join(x.choices[0].delta.content or "" for x in chunks if x.choices)
        found = told(c, "streamed", 1)
        assert text and found.messages[1] == {"role": "assistant", "content": text}, found


def unknown():
    with client() as c:
        try:
            c.sessions.get("nobody")
        except floopy.FloopyNotFoundError as error:
            assert error.code == "not_found", error
        else:
            raise AssertionError("nobody said anything")
        try:
            c.sessions.get("  ")
        except floopy.FloopyValidationError as error:
            assert "session id" in str(error), error
        else:
            raise AssertionError("that is no id")


def asynchronous():
    async def go():
        with client() as c:
            say(c, "async", [{"role": "user", "content": "hi"}])
            told(c, "async", 1)
        async with AsyncFloopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
            found = await c.sessions.get("async")
            assert [m["role"] for m in found.messages] == ["user", "assistant"], found
            assert found.turn_count == len(found.turns) == 1, found
            for session, kind in [
                ("nobody", floopy.FloopyNotFoundError),
                ("  ", floopy.FloopyValidationError),
            ]:
                try:
                    await c.sessions.get(session)
                except kind as error:
                    assert error.code and error.request_id, error
                else:
                    raise AssertionError(f"no {kind.__name__}")

    asyncio.run(go())


{"sync": sync, "unknown": unknown, "async": asynchronous}[CHECK]()
