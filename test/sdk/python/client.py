"""Submits tasks and waits for them.

client.py submit TASK COUNT PREFIX [ARGUMENT...]   prints the ids of the runs
client.py wait SECONDS ID...                       prints ID STATE-TYPE STATE-NAME RESULT for each, all awaited at once
client.py insist TASK COUNT PREFIX [ARGUMENT...]   as submit, but tries again what fails
client.py keys                                     prints TASK KEY for each task
"""

import asyncio
import sys
import time
import uuid

from prefect.futures import PrefectDistributedFuture

import tasks


def submit(name, count, prefix, *arguments):
    for i in range(int(count)):
        submit_one(name, f"{prefix}{i}", arguments)


def submit_one(name, key, arguments):
    future = getattr(tasks, name).delay(key, *[float(a) for a in arguments])
    print(future.task_run_id, flush=True)


def insist(name, count, prefix, *arguments):
    for i in range(int(count)):
        while True:
            try:
                submit_one(name, f"{prefix}{i}", arguments)
                break
            except Exception as problem:
                print(f"again: {problem!r}", file=sys.stderr, flush=True)
                time.sleep(0.2)


async def wait_for(run_id, seconds):
    future = PrefectDistributedFuture(task_run_id=uuid.UUID(run_id))
    await future.wait_async(timeout=seconds)
    state = future.state
    result = ""
    if state.is_completed() and state.data is not None:
        result = await future.result_async(raise_on_failure=False) or ""
    print(run_id, state.type.value, state.name, result, sep="\t", flush=True)


async def wait(seconds, *run_ids):
    print("waiting", flush=True)
    await asyncio.gather(*[wait_for(run_id, float(seconds)) for run_id in run_ids])


def keys():
    for task in tasks.TASKS:
        print(task.fn.__name__, task.task_key)


command, arguments = sys.argv[1], sys.argv[2:]
if command == "wait":
    asyncio.run(wait(*arguments))
else:
    {"submit": submit, "insist": insist, "keys": keys}[command](*arguments)
