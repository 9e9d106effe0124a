"""Runs a command and prints what its processes took: wall time, user and system CPU time, and the largest resident memory.

    python measure.py COMMAND [ARGUMENTS...]

The same for every quantizer, so it is measured from outside, with the start of the process and the reading and writing of files.
CPU times add up all descendants that were waited for; memory is that of the largest single process. Ends with the command's status.
"""

import os
import resource
import subprocess
import sys
import time


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    start = time.monotonic()
    status = subprocess.call(sys.argv[1:], env=dict(os.environ))
    wall = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    mebibytes = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"process: wall {wall:.1f} s, user {used.ru_utime:.1f} s, system {used.ru_stime:.1f} s, peak {mebibytes:.0f} MiB")
    sys.exit(status)


if __name__ == "__main__":
    main()
