"""Flows that the tests run: flows.py NAME [ARGUMENT...] prints what the flow returns as JSON.

Nothing here is particular to the server under test.
"""

import asyncio
import json
import sys
import time
from uuid import UUID

from prefect import flow, pause_flow_run, tags, task
from prefect.flow_runs import wait_for_flow_run
from prefect.input import RunInput


@task
def add(x, y):
    return x + y


@task(retries=1)
def fails_once(calls=[]):
    calls.append(None)
    if len(calls) == 1:
        raise ValueError("not yet")
    return "ok"


@flow
def child(n):
    return add(n, 1)


@flow(flow_run_name="tree-{n}")
def tree(n):
    """Has mapped tasks, a subflow, and a task that is tried again."""
    return [future.result() for future in add.map(range(int(n)), 2)], child(int(n)), fails_once()


@flow(retries=2, retry_delay_seconds=1)
def tried_again(calls=[]):
    calls.append(None)
    if len(calls) < 3:
        raise ValueError("not yet")
    return len(calls)


@flow(retries=1)
def paused_and_tried_again(calls=[]):
    """Pauses in its first attempt, and fails after the pause."""
    calls.append(None)
    if len(calls) == 1:
        pause_flow_run(timeout=100, poll_interval=1)
        raise ValueError("not yet")
    return len(calls)


class Answer(RunInput):
    color: str
    size: int = 1


@flow
def asks():
    answer = pause_flow_run(wait_for_input=Answer, timeout=100, poll_interval=1)
    return answer.color, answer.size


@flow
def steps(count, seconds):
    """Takes its time, with a subflow in each step."""
    total = 0
    for i in range(int(count)):
        print("step", i, file=sys.stderr, flush=True)
        total += child(i)
        time.sleep(float(seconds))
    return total


@flow
def batch(count):
    return sum(future.result() for future in add.map(range(int(count)), 1))


def batches(flows, count):
    """Runs flows with tasks, one after the other. Returns the ids of those that completed, and what became of the others."""
    completed, others = [], []
    for _ in range(int(flows)):
        try:
            state = batch(int(count), return_state=True)
        except Exception as problem:
            others.append(repr(problem))
            continue
        if state.is_completed():
            completed.append(str(state.state_details.flow_run_id))
        else:
            others.append(repr(state))
    return {"completed": completed, "others": others}


@flow
def echo(text):
    return len(text)


def large(size):
    """The flow gets a text of so many bytes."""
    return echo("x" * int(size))


def waits(flow_run_id):
    """Waits for the end of a run of another process, which it gets by an event."""
    return asyncio.run(wait_for_flow_run(UUID(flow_run_id), timeout=120)).state.name


if __name__ == "__main__":
    name, arguments = sys.argv[1], sys.argv[2:]
    with tags("sdk", name):
        print(json.dumps(globals()[name](*arguments)))
