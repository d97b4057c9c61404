"""When a run of a sweep is ended early, in the words of Azure's first SDK."""

from __future__ import annotations

from collections.abc import Mapping

from runyard.entities.sweep import StoppingKind
from runyard.errors import NotImplementedHere
from runyard.sdk.arguments import number, whole_number


class EarlyTerminationPolicy:
    """When a run is ended early.

    Args:
        stopping: In the words of a SweepConfig; None for never.

    Example:
        >>> EarlyTerminationPolicy({"rule": "median"}).stopping
        {'rule': 'median'}
    """

    def __init__(self, stopping: Mapping[str, object] | None) -> None:
        self.stopping = stopping


class NoTerminationPolicy(EarlyTerminationPolicy):
    """No run is ended early.

    Example:
        >>> NoTerminationPolicy().stopping is None
        True
    """

    def __init__(self) -> None:
        super().__init__(None)


class BanditPolicy(EarlyTerminationPolicy):
    """When it is further from the best run than a slack.

    Example:
        >>> BanditPolicy(slack_factor=0.1, evaluation_interval=2).stopping["slack_factor"]
        0.1
    """

    def __init__(
        self,
        slack_factor: float | None = None,
        slack_amount: float | None = None,
        evaluation_interval: int = 1,
        delay_evaluation: int = 0,
    ) -> None:
        super().__init__(
            {
                "rule": StoppingKind.BANDIT.value,
                "every": whole_number(evaluation_interval, "evaluation_interval"),
                "delay": whole_number(delay_evaluation, "delay_evaluation"),
                "slack_factor": number(slack_factor or 0.0, "slack_factor"),
                "slack_amount": number(slack_amount or 0.0, "slack_amount"),
            }
        )


class MedianStoppingPolicy(EarlyTerminationPolicy):
    """When its best is worse than the median of the averages of all runs.

    Example:
        >>> MedianStoppingPolicy(delay_evaluation=5).stopping["delay"]
        5
    """

    def __init__(self, evaluation_interval: int = 1, delay_evaluation: int = 0) -> None:
        super().__init__(
            {
                "rule": StoppingKind.MEDIAN.value,
                "every": whole_number(evaluation_interval, "evaluation_interval"),
                "delay": whole_number(delay_evaluation, "delay_evaluation"),
            }
        )


class TruncationSelectionPolicy(EarlyTerminationPolicy):
    """When it is among the worst, a percentage of all runs; those that have ended count with them.

    Example:
        >>> TruncationSelectionPolicy(truncation_percentage=20).stopping["percentage"]
        20
    """

    def __init__(
        self,
        truncation_percentage: int,
        evaluation_interval: int = 1,
        delay_evaluation: int = 0,
        exclude_finished_jobs: bool = False,
    ) -> None:
        if exclude_finished_jobs:
            raise NotImplementedHere(
                "exclude_finished_jobs has no counterpart: runs are compared with all others."
            )
        super().__init__(
            {
                "rule": StoppingKind.TRUNCATION.value,
                "every": whole_number(evaluation_interval, "evaluation_interval"),
                "delay": whole_number(delay_evaluation, "delay_evaluation"),
                "percentage": whole_number(truncation_percentage, "truncation_percentage"),
            }
        )
