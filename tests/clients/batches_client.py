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


def floopy_package():
    with Floopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as client:
        data = LINES.encode()
        made = client.files.upload(file=data, purpose="batch", filename="in.jsonl", provider=PROVIDER)
        assert (made.filename, made.bytes) == ("in.jsonl", len(data)), made
        assert client.files.content(made.id, provider=PROVIDER) == data
        batch = client.batches.create(
            input_file_id=made.id, endpoint=CHAT, completion_window="24h", provider=PROVIDER
        )

        def done():
            now = client.batches.retrieve(batch.id, provider=PROVIDER)
            return now if now.status == "completed" else None

        done = eventually(done)
        output = client.files.content(done.output_file_id, provider=PROVIDER).decode()
        check_files(output, client.files.content(done.error_file_id, provider=PROVIDER).decode())
        assert [b.id for b in client.batches.list(limit=5, provider=PROVIDER).data] == [batch.id]
        assert client.files.delete(made.id, provider=PROVIDER).id == made.id
        try:
            client.batches.create(
                input_file_id=made.id, endpoint=CHAT, completion_window="24h", provider=PROVIDER
            )
        except floopy.FloopyValidationError as error:
            assert "input_file_id" in str(error), error
        else:
            raise AssertionError("a deleted file was taken")


async def floopy_async():
    async with AsyncFloopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as client:
        made = await client.files.upload(file=LINES.encode(), purpose="batch", provider=PROVIDER)
        assert made.filename == "file", made
        batch = await client.batches.create(
            input_file_id=made.id, endpoint=CHAT, completion_window="24h", provider=PROVIDER
        )
        until = time.monotonic() + 30
        while (now := await client.batches.retrieve(batch.id)).status != "completed":
            assert time.monotonic() < until, now
            await asyncio.sleep(0.05)
        content = await client.files.content(now.output_file_id)
        errors = await client.files.content(now.error_file_id)
        check_files(content.decode(), errors.decode())
        listed = await client.files.list(purpose="batch_output")
        assert len(listed.data) == 2, listed


CHECKS = {
    "openai": openai_package,
    "floopy": floopy_package,
    "floopy_async": lambda: asyncio.run(floopy_async()),
}
CHECKS[CHECK]()
