"""The tasks that the tests submit. Each notes its starts and ends in the file RUN_LOG."""

import os
import pathlib
import time

from prefect import task
from prefect.cache_policies import INPUTS
from prefect.states import Completed


def note(what, key):
    with open(os.environ["RUN_LOG"], "a") as log:
        log.write(f"{what} {key} {os.getpid()} {time.time():.6f}\n")


def noted(key, seconds):
    note("start", key)
    time.sleep(seconds)
    note("end", key)


@task(persist_result=True)
def work(key, seconds=0.0):
    noted(key, seconds)
    return f"done {key}"


@task(persist_result=True, retries=1)
def tried_again(key, seconds):
    """Takes its time at the first start only."""
    seen = pathlib.Path(os.environ["RUN_LOG"] + "." + key)
    first = not seen.exists()
    seen.touch()
    noted(key, seconds if first else 0)
    return f"done {key}"


@task(persist_result=True, retries=2, retry_delay_seconds=[0.3, 0.6])
def flaky(key):
    """Fails twice."""
    note("start", key)
    if pathlib.Path(os.environ["RUN_LOG"]).read_text().count(f"start {key} ") < 3:
        raise ValueError("not yet")
    note("end", key)
    return f"done {key}"


@task(persist_result=True, retries=20)
def robust(key, seconds=0.0):
    """Is tried again when its worker is lost."""
    noted(key, seconds)
    return f"done {key}"


@task(timeout_seconds=0.2)
def too_slow(key):
    note("start", key)
    time.sleep(5)


@task
def named(key):
    note("start", key)
    return Completed(name="Fine", message="a name of its own")


@task(persist_result=True, cache_policy=INPUTS)
def cached(key):
    note("start", key)
    return f"done {key}"


@task
def moment():
    """Has no parameters, so nothing but its key is needed to submit it."""
    note("start", "moment")


TASKS = [work, tried_again, robust, flaky, too_slow, named, cached, moment]
