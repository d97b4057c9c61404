"""What a large answer needed goes back to the system; in processes of their own, as each has one heap."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

CHURN = """
    import ctypes
    from runyard.server.memory import GROWN_BYTES, FreedMemory, share_heaps

    def resident_mb():
        with open("/proc/self/smaps_rollup") as told:
            return next(int(line.split()[1]) for line in told if line.startswith("Rss:")) / 1024

    assert share_heaps()
    first = bytearray(30 << 20)
    del first  # from here on glibc keeps pieces of that size
    freed = FreedMemory()
    before_mb = resident_mb()
    assert not freed.give_back(), "there is nothing to give"
    pieces, between = [], []
    for _ in range(128):
        pieces.append(bytearray(b"x") * (1 << 20))
        between.append(ctypes.create_string_buffer(100_000))
    assert resident_mb() - before_mb > GROWN_BYTES >> 20
    del pieces
    assert resident_mb() - before_mb > 100
    assert freed.give_back()
    print(resident_mb() - before_mb)
    assert not freed.give_back(), "it has not grown since"
"""


def test_what_was_freed_goes_back_to_the_system():
    command = [sys.executable, "-c", textwrap.dedent(CHURN)]
    assert float(subprocess.check_output(command, text=True)) < 32


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


REUSE = """
    import resource
    from runyard.server.memory import REUSED_BYTES, reuse_what_is_freed

    def faults_of_a_large_answer():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        bytearray(b"x") * (REUSED_BYTES // 2)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    assert reuse_what_is_freed()
    first = faults_of_a_large_answer()
    assert first > 1000, "its pages are new"
    print(max(faults_of_a_large_answer() for _ in range(5)))
"""


def test_what_was_freed_is_used_again_at_once():
    command = [sys.executable, "-c", textwrap.dedent(REUSE)]
    assert int(subprocess.check_output(command, text=True)) < 100


QUIET = """
    import ctypes
    from runyard.server.memory import GROWN_BYTES, LOOKS_EVERY_S, FreedMemory, reuse_what_is_freed

    assert reuse_what_is_freed()
    used_s = 0.0
    freed = FreedMemory(lambda: used_s)
    pieces, between = [], []
    for _ in range(GROWN_BYTES >> 21):
        pieces.append(bytearray(b"x") * (1 << 20))
        between.append(ctypes.create_string_buffer(100_000))
    del pieces
    used_s += LOOKS_EVERY_S / 2
    assert not freed.give_back(), "it is at work, and has not grown much"
    used_s += LOOKS_EVERY_S / 100
    assert freed.give_back()
    assert not freed.give_back(), "it has not grown since"
"""


def test_a_server_that_has_little_to_do_gives_more_back():
    subprocess.run([sys.executable, "-c", textwrap.dedent(QUIET)], check=True)


LATER = """
    import ctypes
    import itertools
    import sys
    from runyard.server.memory import GROWN_BYTES, LOOKS_BETWEEN, FreedMemory, reuse_what_is_freed

    assert reuse_what_is_freed()
    freed = FreedMemory(itertools.count(step=int(sys.argv[1])).__next__)
    pieces, between = [], []
    for _ in range(GROWN_BYTES >> 20):
        pieces.append(bytearray(b"x") * (1 << 20))
        between.append(ctypes.create_string_buffer(100_000))
    assert freed.give_back(), "it has grown, though all of it is in use"
    held_bytes = freed._kept_bytes
    del pieces
    assert [freed.give_back() for _ in range(LOOKS_BETWEEN)] == [False] * (LOOKS_BETWEEN - 1) + [True]
    assert held_bytes - freed._kept_bytes > GROWN_BYTES / 2
"""


@pytest.mark.parametrize("cpu_s_a_look", [0, 1], ids=["quiet", "busy"])
def test_what_was_in_use_the_last_time_goes_back_once_it_is_free(cpu_s_a_look: int):
    subprocess.run([sys.executable, "-c", textwrap.dedent(LATER), str(cpu_s_a_look)], check=True)
