"""What a run is now, asked of the server anew."""

from __future__ import annotations

from abc import ABC, abstractmethod

from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.run_record import RunRecord


@names_arguments
class RunReading(RunRecord, ABC):
    """A run that is read again whenever it is asked."""

    @abstractmethod
    def _refresh(self) -> None:
        """Read the run again, with all that was logged before."""

    def get_params(self) -> dict[str, str]:
        """Return the params, which MLflow keeps as text.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.log_params({"alpha": 0.1})
            >>> run.get_params()
            {'alpha': '0.1'}
        """
        self._refresh()
        return self.params

    def get_tags(self) -> dict[str, str]:
        """Return the tags, those that MLflow's client set (``mlflow.*``) among them.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.tag("team", "robots")
            >>> run.get_tags()["team"]
            'robots'
        """
        self._refresh()
        return self.tags

    def get_properties(self) -> dict[str, str]:
        """Return what was added as properties, and what MLflow's client recorded when the run began.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.add_properties({"data": "2026-11"})
            >>> run.get_properties()["data"]
            '2026-11'
        """
        self._refresh()
        return self.properties

    def get_status(self) -> str:
        """Return where the run is now: ``Queued``, ``Running``, ``Completed``, ``Failed`` or ``Canceled``.

        One that was submitted may be ``Starting`` or ``Preparing`` too, or ``NotResponding``: nothing is
        heard of it.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.get_status()
            'Running'
        """
        self._refresh()
        return self.status
