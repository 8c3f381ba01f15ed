"""Serves all tasks: worker.py LIMIT, which is how many run at once."""

import sys

from prefect.task_worker import serve

from tasks import TASKS

serve(*TASKS, limit=int(sys.argv[1]))
