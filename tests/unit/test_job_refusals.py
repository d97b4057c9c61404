"""For how long a job that was refused lets others go first."""

from runyard.services.job_refusals import FIRST_S, LONGEST_S, JobRefusals


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_job_that_was_never_refused_lets_nobody_pass():
    refusals = JobRefusals(Clock())
    assert not refusals.lets_others_pass("a")
    assert refusals.last_s("a") == 0


def test_each_refusal_doubles_the_time_up_to_the_longest():
    clock = Clock()
    refusals = JobRefusals(clock)
    for number in range(1, 40):
        refusals.note("a")
        assert refusals.last_s("a") == clock.now_s
        assert not refusals.lets_others_pass("b")
        wait_s = min(FIRST_S * 2**number, LONGEST_S)
        clock.now_s += wait_s - 0.5
        assert refusals.lets_others_pass("a")
        clock.now_s += 0.5
        assert not refusals.lets_others_pass("a")


def test_what_is_over_is_forgotten():
    clock = Clock()
    refusals = JobRefusals(clock)
    for run_id in "ab":
        refusals.note(run_id)
    refusals.forget_all_but(["b", "c"])
    assert [refusals.lets_others_pass(each) for each in "abc"] == [False, True, False]
    refusals.note("a")
    clock.now_s += 2 * FIRST_S
    assert not refusals.lets_others_pass("a")
