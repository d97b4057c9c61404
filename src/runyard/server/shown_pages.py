"""Which page or file a browser asks for, of the two sets of pages: the Studio and MLflow's own."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from runyard.server.addresses import Address
from runyard.server.asked import MLFLOW_PAGES, PAGES
from runyard.server.mlflow_pages import MlflowPages
from runyard.server.studio_files import StudioFiles

SIGN_IN_FOR_MLFLOW = "../?to=mlflow"
"""Where MLflow's page sends who is not signed in: the Studio signs them in and sends them back.

It has no fragment of its own, so the browser keeps that of the page that was asked for.
"""


_RUN_IN_PORTAL = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.MachineLearningServices"
    r"/workspaces/(?P<workspace>[^/]+)/experiments/.+/runs/(?P<run_id>[^/]+)/?",
    re.DOTALL,
)


class ShownPage(NamedTuple):
    """What is answered to a browser.

    Args:
        response: The page or file.
        route: What the log and the counters call it.
        is_for_signed_in: Whether only who has signed in is to see it, on a server that asks who that is.
    """

    response: Response
    route: str
    is_for_signed_in: bool = False


class ShownPages:
    """Answers the pages of a server and the files that they load.

    Args:
        studio: The Studio.
        mlflow: MLflow's own pages.
    """

    def __init__(self, studio: StudioFiles, mlflow: MlflowPages) -> None:
        self._studio = studio
        self._mlflow = mlflow

    def find(self, scope: Scope, address: Address) -> ShownPage | None:
        """Return the page or file that a request asks for, or ``None`` if it asks for something else."""
        if scope["method"] not in ("GET", "HEAD"):
            return None
        if not address.path and (address.prefix or scope.get("root_path")):
            # "./": a workspace called "https:host" must not become the address of another host.
            path: str = Request(scope).url.path if address.prefix else scope["root_path"]
            return ShownPage(RedirectResponse("./" + path.rsplit("/", 1)[-1] + "/", status_code=308), PAGES)
        if address.path.startswith("/subscriptions/"):
            return _of_portal(address.path, scope.get("root_path", ""))
        return (
            self._of_mlflow(address.path) if address.is_mlflow_page else self._of_studio(address.path, scope)
        )

    def _of_studio(self, path: str, scope: Scope) -> ShownPage | None:
        if path != "/" and path != "/index.html" and not path.startswith("/studio/"):
            return None
        accepted = Headers(scope=scope).get("accept-encoding", "")
        file = self._studio.response(path.removeprefix("/"), accepted)
        return None if file is None else ShownPage(file, PAGES)

    def _of_mlflow(self, path: str) -> ShownPage | None:
        page = self._mlflow.page(path)
        if page is not None:
            return ShownPage(page, MLFLOW_PAGES, is_for_signed_in=self._mlflow.are_there)
        file = self._mlflow.file(path)
        return None if file is None else ShownPage(file, MLFLOW_PAGES)


def _of_portal(path: str, prefix: str) -> ShownPage | None:
    """Return the way to the Studio from where Azure's clients link to a run in Azure's portal.

    The Studio finds the run's experiment by itself; the one in its address is for want of a run.
    """
    asked = _RUN_IN_PORTAL.fullmatch(path)
    if asked is None:
        return None
    workspace, run_id = quote(asked["workspace"], safe=""), quote(asked["run_id"], safe="")
    url = f"{prefix}/workspaces/{workspace}/#/experiments/0/runs/{run_id}"
    return ShownPage(RedirectResponse(url, status_code=303), PAGES)
