"""What a workspace has of runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, cast

from runyard.entities.experiment import View
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.run import Run
from runyard.sdk.run_search import NEWEST_FIRST, search_runs

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class HasRuns:
    """What a workspace has about runs."""

    def get_run(self, run_id: str) -> Run:
        """Return the run of that id, whichever experiment it belongs to.

        Raises:
            NotFound: This workspace has no such run.

        Example:
            >>> ws.get_run(run.id).display_name
            'ridge'
        """
        return Run.get(cast("Workspace", self), run_id)


def find_runs(
    workspace: Workspace,
    experiment_ids: Collection[str],
    *,
    filter_text: str = "",
    order_by: Collection[str] = NEWEST_FIRST,
    view: View = View.ACTIVE_ONLY,
) -> Iterator[Run]:
    """Yield the runs of some experiments that a filter lets through, reading pages as they are needed.

    Args:
        workspace: Where to look.
        experiment_ids: The experiments.
        filter_text: Conditions in MLflow's grammar, as ``metrics.rmse < 60 and params.alpha = '0.1'``.
        order_by: MLflow's order clauses, as ``metrics.rmse ASC``.
        view: Whether to look at active runs, at those in the trash, or at both.

    Raises:
        InvalidFilter: The filter or the order does not follow the grammar.
        Unavailable: No server answers at the workspace's address.
    """
    found = search_runs(
        workspace.connection, experiment_ids, filter_text=filter_text, order_by=order_by, view=view
    )
    return (Run._of(workspace, record) for record in found)
