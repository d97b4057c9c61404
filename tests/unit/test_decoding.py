"""Types are learnt by one thread at a time."""

import subprocess
import sys

from runyard.decoding import learnt

# Threads that convert to a type which none of them has met, time and again, switched as often as can be.
# By msgspec alone the process ends with a segmentation fault within the first hundred.
AT_ONCE = """
import sys, threading
import msgspec
from runyard.decoding import learnt

sys.setswitchinterval(1e-6)
FIELDS = {f"f{number}": dict[str, list[int | str | None]] | None for number in range(40)}

def at_once():
    inner = msgspec.defstruct("Inner", [(name, kind, None) for name, kind in FIELDS.items()])
    outer = msgspec.defstruct("Outer", [(f"g{number}", inner | None, None) for number in range(20)])
    together = threading.Barrier(4)

    def convert():
        together.wait(60)
        sent = {f"g{number}": {"f39": {"a": [1]}} for number in range(20)}
        got.append(msgspec.convert(sent, learnt(outer)))

    got = []
    threads = [threading.Thread(target=convert) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [each.g19.f39 for each in got]

for _ in range(200):
    assert at_once() == [{"a": [1]}] * 4
print("alive")
"""


def test_threads_that_meet_a_type_at_once_read_by_it_and_live():
    ran = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "alive\n"), ran.stderr


def test_what_was_learnt_is_the_type_itself():
    assert learnt(dict[str, int]) == dict[str, int]
    assert learnt(int | None) == int | None
