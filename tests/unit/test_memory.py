"""What a large answer needed goes back to the system; in processes of their own, as each has one heap."""

from __future__ import annotations

import subprocess
import sys
import textwrap

CHURN = """
    import ctypes, sys
    from runyard.server.memory import keep_memory_small

    def resident_mb():
        with open("/proc/self/smaps_rollup") as told:
            return next(int(line.split()[1]) for line in told if line.startswith("Rss:")) / 1024

    if sys.argv[1] == "small":
        assert keep_memory_small()
    first = bytearray(30 << 20)
    del first  # from here on glibc keeps pieces of that size, unless it was told otherwise
    before_mb = resident_mb()
    pieces, between = [], []
    for _ in range(64):
        pieces.append(bytearray(b"x") * (1 << 20))
        between.append(ctypes.create_string_buffer(100_000))
    assert resident_mb() - before_mb > 60
    del pieces
    print(resident_mb() - before_mb)
"""


def kept_mb(how: str) -> float:
    command = [sys.executable, "-c", textwrap.dedent(CHURN), how]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_what_was_freed_goes_back_to_the_system():
    assert kept_mb("as it is") > 48
    assert kept_mb("small") < 16


def test_the_collector_looks_no_more_at_what_was_there():
    code = """
        import gc
        from runyard.server.memory import leave_out_what_stays
        leave_out_what_stays()
        assert gc.get_freeze_count() > 1000
        ring = []
        ring.append(ring)
        del ring
        assert gc.collect() >= 1, "what comes later is still looked at"
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
