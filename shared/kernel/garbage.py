"""Python's search for cyclic garbage, set for a process that has started and stays.

With CPython's defaults a batch of 2,000 decoded events sets off several searches, and some go through every object that
the imports have made: a pause of 50 to 200 ms that finds nothing.
"""

import gc

BETWEEN = (20_000, 20, 20)


def settle() -> None:
    """What lives by now lives as long as the process and is not looked at again; what is new is, less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*BETWEEN)
