"""What a notebook shows and keeps up to date: an anywidget where that is installed, plain HTML elsewhere."""

from __future__ import annotations

import functools
import importlib.util
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from runyard.errors import RunyardError
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.optional_libraries import optional_library
from runyard.sdk.progress import interactive_shell
from runyard.sdk.run_sinks import print_line
from runyard.sdk.widgets.content import Content
from runyard.sdk.widgets.plain import as_html

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
REFRESH = "refresh"
_HERE = Path(__file__).parent


@names_arguments
class LiveView(ABC):
    """Something of runs that a notebook shows, and that follows them while they go on.

    A thread of the kernel reads what is new and sends it to the page, so a cell that trains in the same
    kernel does not hold it up. The page itself asks no server for anything.
    """

    def __init__(self) -> None:
        self._content = self._read()
        self._page: Any = None
        self._is_closed = threading.Event()

    @abstractmethod
    def _read(self) -> Content:
        """Return what is to be shown, as the server has it now."""

    @property
    @abstractmethod
    def _is_active(self) -> bool:
        """Whether what is shown may still change by itself."""

    @property
    def content(self) -> Content:
        """What is shown, as JSON.

        Example:
            >>> RunWidget(run).content["run"]["name"]
            'ridge'
        """
        return self._content

    @property
    def widget(self) -> Any:
        """The widget itself, to be put beside others.

        Raises:
            InvalidParameter: anywidget is not installed.

        Example:
            >>> RunWidget(run).widget.content["run"]["name"]
            'ridge'
        """
        if self._page is None:
            self._page = _page_class()(content=self._content)
            self._page.on_msg(self._hear)
            if self._is_active:
                threading.Thread(target=self._follow, name="runyard-widget", daemon=True).start()
        return self._page

    def refresh(self) -> None:
        """Read anew what is shown.

        Raises:
            NotFound: A run is not there any more.
            Unavailable: No server answers at the workspace's address.

        Example:
            >>> widget = RunWidget(run)
            >>> run.complete()
            >>> widget.refresh()
            >>> widget
            RunWidget('...', name='ridge', status='Completed')
        """
        self._put(self._read())

    def show(self) -> None:
        """Show it below the cell; outside of notebooks, print a line.

        Example:
            >>> RunWidget(run).show()
            RunWidget('...', name='ridge', status='Running')
        """
        if interactive_shell() is not None:
            optional_library("IPython.display", "A notebook", "ipython").display(self)
        else:
            print_line(repr(self))

    def close(self) -> None:
        """Follow nothing any more, and take the widget off the page.

        Example:
            >>> widget = CompareWidget([run, run.child_run("fold 1")])
            >>> widget.close()
        """
        self._is_closed.set()
        if self._page is not None:
            self._page.close()

    def _put(self, content: Content) -> bool:
        """Show other content; return whether it differs from what was shown."""
        changed = content != self._content
        self._content = content
        if changed and self._page is not None and not self._is_closed.is_set():
            self._page.content = content
        return changed

    def _follow(self) -> None:
        pause_s = SHORTEST_PAUSE_S
        while self._is_active and not self._is_closed.wait(pause_s):
            # A run whose process died goes on for ever: it is asked about ever more seldom.
            changed = self._refreshed()
            pause_s = SHORTEST_PAUSE_S if changed else min(LONGEST_PAUSE_S, pause_s * 1.5)

    def _hear(self, page: Any, message: Any, buffers: Any) -> None:
        if message == REFRESH:
            self._refreshed()

    def _refreshed(self) -> bool:
        try:
            return self._put(self._read())
        except RunyardError as error:
            # What was read last stays in sight, beside why it is not newer.
            self._put({**self._content, "problem": str(error)})
            return False

    def _repr_html_(self) -> str:
        return as_html(self._content)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        plain = {"text/plain": repr(self), "text/html": self._repr_html_()}
        if not has_widgets():
            return plain
        shown = self.widget._repr_mimebundle_()
        # A page without a kernel, as a notebook that was saved, shows the tables.
        return {**(shown[0] if isinstance(shown, tuple) else shown), **plain}


def has_widgets() -> bool:
    """Tell whether anywidget is installed."""
    return importlib.util.find_spec("anywidget") is not None


@functools.cache
def _page_class() -> Any:
    anywidget = optional_library("anywidget", "A widget", "'runyard[notebook]'")
    traits = optional_library("traitlets", "A widget", "'runyard[notebook]'")
    members = {
        "_esm": (_HERE / "page.js").read_text(),
        "_css": (_HERE / "page.css").read_text(),
        "content": traits.Dict().tag(sync=True),
        "selected": traits.List(traits.Unicode()).tag(sync=True),
        "__module__": __name__,
    }
    return type("Page", (anywidget.AnyWidget,), members)
