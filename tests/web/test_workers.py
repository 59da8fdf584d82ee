"""Processes that do jobs: one that ends loses no job, one that nobody needs any more is ended."""

import asyncio
import os
import signal
import time

import pytest

pytest.importorskip("starlette")

from tinyad.web import workers as module
from tinyad.web.workers import BusyError, Workers

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="groups of processes are ended")


def do(job):
    """Do what a job says, in a process of its own."""
    if job.get("once") and not os.path.exists(job["once"]):
        open(job["once"], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if job.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    if job.get("takes"):
        time.sleep(job["takes"])
    if job.get("memory"):
        try:
            bytearray(job["memory"])
        except MemoryError:
            return {"state": "stopped"}
    return {"state": "done", "process": os.getpid(), "nice": os.nice(0)}


def run(work, **options):
    """Do work with workers that are closed after it."""

    async def worked():
        workers = Workers(do, options.pop("number", 1), **options)
        try:
            return await work(workers)
        finally:
            workers.close()

    return asyncio.run(worked())


def is_there(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def soon(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_one_process_does_many_jobs():
    async def work(workers):
        return [await workers.do({}) for _ in range(3)]

    answers = run(work)
    assert len({answer["process"] for answer in answers}) == 1
    assert soon(lambda: not is_there(answers[0]["process"]))  # closed


def test_a_process_is_replaced_after_many_jobs(monkeypatch):
    monkeypatch.setattr(module, "JOBS_OF_PROCESS", 2)

    async def work(workers):
        return [(await workers.do({}))["process"] for _ in range(4)]

    first, second, third, fourth = run(work)
    assert first == second != third == fourth


def test_a_job_whose_process_ends_is_done_again(tmp_path):
    async def work(workers):
        answer = await workers.do({"once": str(tmp_path / "died")})
        return answer, workers.ended

    answer, ended = run(work)
    assert (answer["state"], ended) == ("done", 1)


def test_a_job_that_ends_every_process_takes_no_other_with_it():
    async def work(workers):
        return await asyncio.gather(workers.do({"dies": True}), *(workers.do({}) for _ in range(4)))

    dead, *others = run(work, number=2)
    assert dead == {"state": "stopped", "message": "the process that checked this text ended before it was done"}
    assert [answer["state"] for answer in others] == ["done"] * 4


def test_a_process_that_somebody_ends_between_jobs():
    async def work(workers):
        first = await workers.do({})
        os.kill(first["process"], signal.SIGKILL)
        await asyncio.sleep(0.1)
        return await workers.do({})

    assert run(work)["state"] == "done"


def test_a_job_that_takes_too_long(monkeypatch):
    monkeypatch.setattr(module, "JOB_SECONDS", 1.5)

    async def work(workers):
        await workers.do({})
        slow = await workers.do({"takes": 60})
        return slow, await workers.do({})

    slow, after = run(work)
    assert (slow["state"], "took more than" in slow["message"]) == ("stopped", True)
    assert after["state"] == "done"


def test_a_job_that_is_cancelled_frees_its_place():
    async def work(workers):
        before = await workers.do({})
        task = asyncio.create_task(workers.do({"takes": 60}))
        await asyncio.sleep(0.1)
        task.cancel()
        begun = time.monotonic()
        after = await workers.do({})
        return before["process"], after["process"], time.monotonic() - begun, task.cancelled()

    before, after, seconds, cancelled = run(work)
    assert before != after
    assert cancelled
    assert seconds < 5
    assert soon(lambda: not is_there(before))


def test_a_cancelled_job_that_is_nearly_done_keeps_its_process():
    async def work(workers):
        before = await workers.do({})
        task = asyncio.create_task(workers.do({"takes": 0.2}))
        await asyncio.sleep(0.1)
        task.cancel()
        return before["process"], (await workers.do({}))["process"]

    before, after = run(work, grace=5.0)
    assert before == after


def test_a_cancelled_job_that_waits_is_not_begun():
    async def work(workers):
        first = asyncio.create_task(workers.do({"takes": 0.3}))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(workers.do({"takes": 60}))
        await asyncio.sleep(0.05)
        waiting.cancel()
        return (await first)["process"], (await workers.do({}))["process"]

    first, after = run(work)
    assert first == after


def test_no_more_jobs_wait_than_may(monkeypatch):
    monkeypatch.setattr(module, "JOBS_WAITING", 2)

    async def work(workers):
        tasks = [asyncio.create_task(workers.do({"takes": 0.2})) for _ in range(3)]
        await asyncio.sleep(0.05)
        with pytest.raises(BusyError):
            await workers.do({})
        return await asyncio.gather(*tasks)

    assert len(run(work)) == 3


def test_processes_have_limits_and_give_way():
    async def work(workers):
        return await workers.do({"memory": 10**11}), await workers.do({})

    (large, after) = run(work, low=True)
    assert large["state"] == "stopped"
    assert after["nice"] == min(os.nice(0) + module.NICENESS, 19)


def test_a_long_job_gives_way_to_short_ones():
    async def work(workers):
        done = []

        async def one(name, later):
            await workers.do({"takes": 0.02}, later)
            done.append(name)

        await workers.do({})
        await asyncio.gather(one("first", 0.0), one("long", 5.0), one("short", 0.0), one("shorter", 0.0))
        return done

    assert run(work) == ["first", "short", "shorter", "long"]


def test_a_place_that_is_given_to_nobody_is_free():
    async def work(workers):
        first = asyncio.create_task(workers.do({"takes": 0.1}))
        await asyncio.sleep(0.02)
        waiting = [asyncio.create_task(workers.do({})) for _ in range(3)]
        await asyncio.sleep(0.02)
        waiting[0].cancel()
        first.add_done_callback(lambda _: waiting[1].cancel())
        await asyncio.gather(*waiting, return_exceptions=True)
        return await asyncio.wait_for(workers.do({}), 5)

    assert run(work)["state"] == "done"
