"""Evaluations with the real `floopy-sdk` package: evaluations_client.py BASE_URL KEY CHECK DATASET."""

import asyncio
import sys
import time

import floopy
from floopy import AsyncFloopy, Floopy

BASE_URL, KEY, CHECK, DATASET = sys.argv[1:5]
OVER = ("completed", "failed", "cancelled")


def check_rows(run, rows):
    assert run.status == "completed" and run.started_at and run.finished_at, run
    assert sorted(row.input_id for row in rows) == [f"r{n}" for n in range(7)], rows
    for row in rows:
        assert row.run_id == run.id and row.output.startswith("reply "), row
        assert 0 <= row.score <= 1 and row.metadata["provider"] == "up", row


def sync():
    with Floopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
        config = {"temperature": 0, "concurrency": 3}
        run = c.evaluations.create(dataset_id=DATASET, model="auto", config=config)
        assert run.status == "pending" and run.dataset_id == DATASET, run
        assert run.config["concurrency"] == 3 and run.prompt_id is None, run
        until = time.monotonic() + 40
        while run.status not in OVER:
            assert time.monotonic() < until, run
            time.sleep(0.05)
            run = c.evaluations.get(run.id)
        rows, cursor = [], None
        while True:
            page = c.evaluations.results(run.id, limit=3, cursor=cursor)
            rows += page.items
            if not page.has_more:
                break
            cursor = page.next_cursor
        check_rows(run, rows)
        # What is over stays as it is.
        assert c.evaluations.cancel(run.id).status == "completed"
        for wrong, kind in [
            (lambda: c.evaluations.get("nobody"), floopy.FloopyNotFoundError),
            (
                lambda: c.evaluations.create(dataset_id=DATASET, model="auto", config={"heat": 1}),
                floopy.FloopyValidationError,
            ),
        ]:
            try:
                wrong()
            except kind:
                pass
            else:
                raise AssertionError(kind)


def asynchronous():
    async def go():
        async with AsyncFloopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
            run = await c.evaluations.create(dataset_id=DATASET, model="up/beta")
            until = time.monotonic() + 40
            while run.status not in OVER:
                assert time.monotonic() < until, run
                await asyncio.sleep(0.05)
                run = await c.evaluations.get(run.id)
            page = await c.evaluations.results(run.id)
            assert not page.has_more and page.next_cursor is None, page
            check_rows(run, page.items)
            first = await c.evaluations.results(run.id, limit=3)
            rest = await c.evaluations.results(run.id, cursor=first.next_cursor)
            check_rows(run, first.items + rest.items)
            slow = await c.evaluations.create(dataset_id=DATASET, model="auto", config={"concurrency": 1})
            assert (await c.evaluations.cancel(slow.id)).status == "cancelled"
            assert (await c.evaluations.cancel(run.id)).status == "completed"
            for wrong, kind in [
                (c.evaluations.get("nobody"), floopy.FloopyNotFoundError),
                (c.evaluations.results("nobody"), floopy.FloopyNotFoundError),
                (
                    c.evaluations.create(dataset_id=DATASET, model="auto", config={"heat": 1}),
                    floopy.FloopyValidationError,
                ),
            ]:
                try:
                    await wrong
                except kind:
                    pass
                else:
                    raise AssertionError(kind)

    asyncio.run(go())


{"sync": sync, "async": asynchronous}[CHECK]()
