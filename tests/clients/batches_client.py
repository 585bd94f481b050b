"""Drives files and batches with the real packages: batches_client.py BASE_URL KEY CHECK PROVIDER."""

import asyncio
import json
import sys
import time

import floopy
import openai
from floopy import AsyncFloopy, Floopy

BASE_URL, KEY, CHECK, PROVIDER = sys.argv[1:5]
HEADER = {"floopy-provider": PROVIDER}
CHAT = "/v1/chat/completions"


def line(custom_id, model="alpha"):
    messages = [{"role": "user", "content": f"Question {custom_id}"}]
    body = {"model": model, "max_tokens": 16, "messages": messages}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body})


LINES = "\n".join([line("one"), line("two"), line("bad", "alpha-fails")]) + "\n"


def eventually(probe):
    until = time.monotonic() + 30
    while True:
        found = probe()
        if found is not None:
            return found
        assert time.monotonic() < until, "not within 30 s"
        time.sleep(0.05)


def openai_client():
    return openai.OpenAI(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0, default_headers=HEADER)


def async_openai_client():
    return openai.AsyncOpenAI(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0, default_headers=HEADER)


def check_files(output, errors):
    lines = {line["custom_id"]: line for line in map(json.loads, output.splitlines())}
    assert set(lines) == {"one", "two"}, lines
    response = lines["one"]["response"]
    assert response["status_code"] == 200 and lines["one"]["error"] is None, lines
    assert response["body"]["choices"][0]["message"]["content"] == 'answer to "one"', lines
    assert response["body"]["usage"]["prompt_tokens"] == 11, lines
    failed = [json.loads(line) for line in errors.splitlines()]
    assert [line["custom_id"] for line in failed] == ["bad"], failed
    assert failed[0]["response"]["status_code"] in (400, 404), failed
    assert "no such model" in failed[0]["response"]["body"]["error"]["message"], failed


def openai_package():
    client = openai_client()
    data = LINES.encode()
    made = client.files.create(file=("in.jsonl", data), purpose="batch")
    assert (made.filename, made.bytes, made.purpose, made.object) == ("in.jsonl", len(data), "batch", "file"), made
    assert client.files.retrieve(made.id).to_dict() == made.to_dict()
    assert client.files.content(made.id).read() == data
    assert [file.id for file in client.files.list(purpose="batch")] == [made.id]
    batch = client.batches.create(
        input_file_id=made.id, endpoint=CHAT, completion_window="24h", metadata={"run": "7"}
    )
    assert (batch.input_file_id, batch.metadata, batch.object) == (made.id, {"run": "7"}, "batch"), batch
    assert batch.status in ("validating", "in_progress"), batch

    def done():
        now = client.batches.retrieve(batch.id)
        return now if now.status == "completed" else None

    done = eventually(done)
    counts = done.request_counts
    assert (counts.total, counts.completed, counts.failed) == (3, 2, 1), done
    output, errors = client.files.content(done.output_file_id), client.files.content(done.error_file_id)
    check_files(output.text, errors.text)
    told = client.files.retrieve(done.output_file_id)
    assert (told.bytes, told.purpose) == (len(output.content), "batch_output"), told
    assert [batch.id for batch in client.batches.list(limit=1)] == [batch.id]
    assert len(list(client.files.list(limit=1, order="asc"))) == 3
    deleted = client.files.delete(made.id)
    assert deleted.deleted is True and deleted.id == made.id, deleted
    try:
        client.files.retrieve(made.id)
    except openai.NotFoundError as error:
        assert error.code == "not_found", error
    else:
        raise AssertionError("a deleted file is there")
    print(batch.id)


async def openai_async():
    async with async_openai_client() as client:
        data = LINES.encode()
        made = await client.files.create(file=("in.jsonl", data), purpose="batch")
        assert (made.filename, made.bytes, made.purpose) == ("in.jsonl", len(data), "batch"), made
        assert (await client.files.retrieve(made.id)).to_dict() == made.to_dict()
        assert (await client.files.content(made.id)).read() == data
        assert [file.id async for file in client.files.list(purpose="batch")] == [made.id]
        batch = await client.batches.create(
            input_file_id=made.id, endpoint=CHAT, completion_window="24h", metadata={"run": "8"}
        )
        assert (batch.input_file_id, batch.metadata) == (made.id, {"run": "8"}), batch
        done = await until("completed", lambda: client.batches.retrieve(batch.id))
        output, errors = await client.files.content(done.output_file_id), await client.files.content(done.error_file_id)
        check_files(output.text, errors.text)
        assert [batch.id async for batch in client.batches.list(limit=1)] == [batch.id]
        # One to a page: the package asks for the next one by itself.
        assert len([file async for file in client.files.list(limit=1, order="asc")]) == 3
        deleted = await client.files.delete(made.id)
        assert deleted.deleted is True and deleted.id == made.id, deleted
        for gone in [client.files.retrieve(made.id), client.batches.retrieve("batch_none")]:
            try:
                await gone
            except openai.NotFoundError as error:
                assert error.code == "not_found", error
            else:
                raise AssertionError("what is gone was found")


def floopy_package():
    with Floopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
        data = LINES.encode()
        made = c.files.upload(file=data, purpose="batch", filename="in.jsonl", provider=PROVIDER)
        assert (made.filename, made.bytes) == ("in.jsonl", len(data)), made
        assert c.files.retrieve(made.id, provider=PROVIDER) == made
        assert c.files.content(made.id, provider=PROVIDER) == data
        batch = c.batches.create(
            input_file_id=made.id, endpoint=CHAT, completion_window="24h", provider=PROVIDER
        )

        def done():
            now = c.batches.retrieve(batch.id, provider=PROVIDER)
            return now if now.status == "completed" else None

        done = eventually(done)
        output = c.files.content(done.output_file_id, provider=PROVIDER).decode()
        check_files(output, c.files.content(done.error_file_id, provider=PROVIDER).decode())
        assert [b.id for b in c.batches.list(limit=5, provider=PROVIDER).data] == [batch.id]
        assert c.files.list(purpose="batch", provider=PROVIDER).data == [made]
        assert c.files.delete(made.id, provider=PROVIDER).id == made.id
        try:
            c.batches.create(
                input_file_id=made.id, endpoint=CHAT, completion_window="24h", provider=PROVIDER
            )
        except floopy.FloopyValidationError as error:
            assert "input_file_id" in str(error), error
        else:
            raise AssertionError("a deleted file was taken")


async def floopy_async():
    async with AsyncFloopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
        data = LINES.encode()
        made = await c.files.upload(file=data, purpose="batch", provider=PROVIDER)
        # The package's own name for a file that is given none.
        assert (made.filename, made.bytes) == ("file", len(data)), made
        assert await c.files.retrieve(made.id) == made
        assert await c.files.content(made.id, provider=PROVIDER) == data
        batch = await c.batches.create(
            input_file_id=made.id, endpoint=CHAT, completion_window="24h", metadata={"run": "9"}
        )
        done = await until("completed", lambda: c.batches.retrieve(batch.id))
        content = await c.files.content(done.output_file_id)
        errors = await c.files.content(done.error_file_id)
        check_files(content.decode(), errors.decode())
        listed = await c.files.list(purpose="batch_output")
        assert len(listed.data) == 2, listed
        after = await c.files.list(limit=1, after=listed.data[0].id, provider=PROVIDER)
        assert after.data == listed.data[1:], after
        page = await c.batches.list(limit=1, provider=PROVIDER)
        assert [b.id for b in page.data] == [batch.id] and page.has_more is False, page
        assert (await c.batches.list(after=batch.id)).data == []
        assert (await c.files.delete(made.id, provider=PROVIDER)).id == made.id
        for wrong, kind in [
            (c.files.retrieve(made.id), floopy.FloopyNotFoundError),
            (c.files.content(made.id), floopy.FloopyNotFoundError),
            (c.files.upload(file=data, purpose="batch", provider="mistral"), floopy.FloopyValidationError),
            (c.batches.retrieve("batch_none"), floopy.FloopyNotFoundError),
            (
                c.batches.create(input_file_id=made.id, endpoint=CHAT, completion_window="24h"),
                floopy.FloopyValidationError,
            ),
        ]:
            try:
                await wrong
            except kind as error:
                assert error.code in ("not_found", "invalid_request"), error.code
            else:
                raise AssertionError(f"no {kind.__name__}")


def cancelled():
    """Each of the clients makes a batch that goes on and cancels it. The provider ends none by itself."""
    with openai_client() as client:
        made = client.files.create(file=("in.jsonl", LINES.encode()), purpose="batch")
        batch = client.batches.create(input_file_id=made.id, endpoint=CHAT, completion_window="24h")
        methods = later(client.batches.retrieve), later(client.batches.cancel)
        asyncio.run(ends(openai.BadRequestError, batch, *methods))
    with Floopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
        made = c.files.upload(file=LINES.encode(), purpose="batch", provider=PROVIDER)
        batch = c.batches.create(input_file_id=made.id, endpoint=CHAT, completion_window="24h")
        methods = later(c.batches.retrieve), later(c.batches.cancel)
        asyncio.run(ends(floopy.FloopyValidationError, batch, *methods))
    asyncio.run(cancelled_async())


async def cancelled_async():
    async with async_openai_client() as client:
        made = await client.files.create(file=("in.jsonl", LINES.encode()), purpose="batch")
        batch = await client.batches.create(input_file_id=made.id, endpoint=CHAT, completion_window="24h")
        await ends(openai.BadRequestError, batch, client.batches.retrieve, client.batches.cancel)
    async with AsyncFloopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
        made = await c.files.upload(file=LINES.encode(), purpose="batch", provider=PROVIDER)
        batch = await c.batches.create(input_file_id=made.id, endpoint=CHAT, completion_window="24h")
        await ends(floopy.FloopyValidationError, batch, c.batches.retrieve, c.batches.cancel)


def later(method):
    """A synchronous method, called like the asynchronous one."""

    async def call(batch_id):
        return method(batch_id)

    return call


async def ends(kind, batch, retrieve, cancel):
    await until("in_progress", lambda: retrieve(batch.id))
    said = await cancel(batch.id)
    assert (said.id, said.status) == (batch.id, "cancelling"), said
    done = await until("cancelled", lambda: retrieve(batch.id))
    assert done.output_file_id is None, done
    try:
        await cancel(batch.id)
    except kind as error:
        assert error.code == "invalid_request" and "the batch is cancelled" in str(error), error
    else:
        raise AssertionError("it was cancelled twice")


async def until(status, look):
    """What `look` finds once it has this status."""
    deadline = time.monotonic() + 30
    while (now := await look()).status != status:
        assert time.monotonic() < deadline, now
        await asyncio.sleep(0.05)
    return now


CHECKS = {
    "openai": openai_package,
    "openai_async": lambda: asyncio.run(openai_async()),
    "floopy": floopy_package,
    "floopy_async": lambda: asyncio.run(floopy_async()),
    "cancelled": cancelled,
}
CHECKS[CHECK]()
