"""Sets the clock of a process, as far as Prefect reads it, wrong."""

import datetime
import sys


def shift(seconds):
    """Sets the clock of Prefect ahead by this number of seconds. Call it before Prefect is imported."""
    if not seconds:
        return
    import prefect.types._datetime as clock

    ahead = datetime.timedelta(seconds=seconds)
    true = clock.now

    def now(tz="UTC"):
        return true(tz) + ahead

    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()) if hasattr(module, "__dict__") else []:
            if value is true:
                setattr(module, name, now)
