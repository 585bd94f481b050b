"""Runs an experiment with the real `floopy-sdk` package: floopy_experiments.py BASE_URL KEY CHECK RULE_A RULE_B."""

import asyncio
import sys
import time

import floopy
from floopy import AsyncFloopy, Floopy

BASE_URL, KEY, CHECK, RULE_A, RULE_B = sys.argv[1:6]
MESSAGES = [{"role": "user", "content": "Good morning"}]
UNKNOWN = "2f1f1c1e-8f5e-4b57-9d1c-0a1b2c3d4e5f"


def check_experiment(experiment, status):
    assert (experiment.status, experiment.split_percentage) == (status, 50), experiment
    assert experiment.variant_a_routing_rule_id == RULE_A, experiment
    assert experiment.variant_b_routing_rule_id == RULE_B, experiment
    assert experiment.created_at.endswith("Z"), experiment
    assert (experiment.rolled_back_at is not None) == (status == "rolled_back"), experiment


def check_results(results, is_counted):
    a, b = results.variant_a, results.variant_b
    assert (a.routing_rule_id, b.routing_rule_id) == (RULE_A, RULE_B), results
    assert (a.sample_size + b.sample_size > 0) == is_counted, results
    for variant in (a, b):
        assert isinstance(variant.sample_size, int) and isinstance(variant.average_latency_ms, int), results
        assert variant.success_rate == (1.0 if variant.sample_size else 0.0), results
    # A handful of calls decides nothing.
    assert results.winner is None and results.computed_at.endswith("Z"), results


def headers(session):
    return {"floopy-session-id": session, "floopy-routing-rule": "a"}


def synchronous():
    with Floopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
        made = c.experiments.create(
            name="mini", variant_a_routing_rule_id=RULE_A, variant_b_routing_rule_id=RULE_B
        )
        check_experiment(made, "active")
        assert (made.name, made.description) == ("mini", None), made
        page = c.experiments.list(status="active", limit=1)
        assert page.items[0] == made and page.has_more is False and page.next_cursor is None, page
        assert not c.experiments.list(status="completed").items
        check_results(c.experiments.results(made.id), False)
        served, deadline = set(), time.monotonic() + 20
        calls = 0
        while len(served) < 2:
            assert time.monotonic() < deadline, f"only {served} served within 20 s"
            raw = c.chat.completions.with_raw_response.create(
                model="auto", messages=MESSAGES, extra_headers=headers(f"py-{calls}")
            )
            served.add(raw.headers["floopy-model"])
            calls += 1
        while not sum(variant_sizes(c, made.id)):
            assert time.monotonic() < deadline, "no call is counted within 20 s"
            time.sleep(0.02)
        rolled = c.experiments.rollback(made.id)
        check_experiment(rolled, "rolled_back")
        assert c.experiments.rollback(made.id) == rolled
        check_results(c.experiments.results(made.id), True)
        for action, kind, code in [
            (lambda: c.experiments.results("x"), floopy.FloopyValidationError, "invalid_experiment_id"),
            (lambda: c.experiments.results(UNKNOWN), floopy.FloopyNotFoundError, "not_found"),
            (lambda: c.experiments.create(name="n", variant_a_routing_rule_id=UNKNOWN,
                                          variant_b_routing_rule_id=RULE_B),
             floopy.FloopyValidationError, "invalid_body"),
        ]:
            try:
                action()
            except kind as error:
                assert error.code == code, error.code
            else:
                raise AssertionError(f"no {kind.__name__}")


def variant_sizes(c, experiment):
    results = c.experiments.results(experiment)
    return results.variant_a.sample_size, results.variant_b.sample_size


def asynchronous():
    async def go():
        async with AsyncFloopy(api_key=KEY, base_url=BASE_URL, timeout=20, max_retries=0) as c:
            made = await c.experiments.create(
                name="mini", variant_a_routing_rule_id=RULE_A, variant_b_routing_rule_id=RULE_B,
                description="again, asynchronously", split_percentage=50,
            )
            check_experiment(made, "active")
            page = await c.experiments.list(from_="2026-01-01T00:00:00Z")
            assert page.items[0] == made, page
            check_results(await c.experiments.results(made.id), False)
            assert (await c.experiments.list(status="active", limit=1)).items == [made]
            rolled = await c.experiments.rollback(made.id)
            check_experiment(rolled, "rolled_back")
            assert await c.experiments.rollback(made.id) == rolled
            for asked, kind, code in [
                (c.experiments.results("x"), floopy.FloopyValidationError, "invalid_experiment_id"),
                (c.experiments.results(UNKNOWN), floopy.FloopyNotFoundError, "not_found"),
                (c.experiments.rollback(UNKNOWN), floopy.FloopyNotFoundError, "not_found"),
                (c.experiments.create(name="n", variant_a_routing_rule_id=UNKNOWN,
                                      variant_b_routing_rule_id=RULE_B),
                 floopy.FloopyValidationError, "invalid_body"),
            ]:
                try:
                    await asked
                except kind as error:
                    assert error.code == code, error.code
                else:
                    raise AssertionError(f"no {kind.__name__}")

    asyncio.run(go())


{"sync": synchronous, "async": asynchronous}[CHECK]()
