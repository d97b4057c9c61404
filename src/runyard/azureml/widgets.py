"""What ``azureml.widgets`` offers: a run, shown in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.errors import InvalidParameter
from runyard.sdk.arguments import shown
from runyard.sdk.run import Run
from runyard.sdk.widgets.content import Content
from runyard.sdk.widgets.views import RunWidget


class RunDetails:
    """A run as a notebook shows it.

    Args:
        run_instance: The run.

    Raises:
        InvalidParameter: It is no run.

    Example:
        >>> details = RunDetails(run)
    """

    def __init__(self, run_instance: Run) -> None:
        if not isinstance(run_instance, Run):
            raise InvalidParameter(f"run_instance must be a Run, not {shown(run_instance)}.")
        self._run = run_instance

    def show(self, render_lib: Any = None, widget_settings: Mapping[str, Any] | None = None) -> None:
        """Show the run below the cell, kept up to date while it goes on; elsewhere print a line.

        Args:
            render_lib: Taken for Azure's scripts; no effect.
            widget_settings: Taken for Azure's scripts; no effect.

        Example:
            >>> RunDetails(run).show()
            Run('...', name='ridge', status='Running')
        """
        self._run.show()

    def get_widget_data(self, widget_settings: Mapping[str, Any] | None = None) -> Content:
        """Return what is shown.

        Args:
            widget_settings: Taken for Azure's scripts; no effect.

        Example:
            >>> RunDetails(run).get_widget_data()["kind"]
            'run'
        """
        return RunWidget(self._run).content
