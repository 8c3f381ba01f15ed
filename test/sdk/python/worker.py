"""Serves all tasks: worker.py LIMIT, which is how many run at once.

CLOCK_AHEAD is how many seconds the clock of this process is ahead; negative: behind.
"""

import os
import sys

import clock

clock.shift(float(os.environ.get("CLOCK_AHEAD", "0")))

from prefect.task_worker import serve

from tasks import TASKS

serve(*TASKS, limit=int(sys.argv[1]))
