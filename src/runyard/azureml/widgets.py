"""What ``azureml.widgets`` offers: a run, shown in a notebook."""

from __future__ import annotations

import importlib
import sys

from runyard.sdk.run import Run


class RunDetails:
    """A run as a notebook shows it.

    Args:
        run_instance: The run.
    """

    def __init__(self, run_instance: Run) -> None:
        self._run = run_instance

    def show(self) -> None:
        """Show the run as it is now: as a table in a notebook, as a line elsewhere."""
        notebook = sys.modules.get("IPython")
        if notebook is not None and notebook.get_ipython() is not None:
            importlib.import_module("IPython.display").display(self._run)
        else:
            sys.stdout.write(f"{self._run!r}\n")
