"""New databases without their price: one is migrated for all tests of a process, the others are copies."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from runyard.stores.database import Database
from runyard.stores.sqlite import open_sqlite


def open_migrated(path: Path) -> Database:
    """Open the database at `path`; if there is none yet, a new one."""
    if not path.exists():
        shutil.copy(_template(), path)
    return open_sqlite(path)


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="runyard-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_sqlite(folder / "runyard.db").close()
    return folder / "runyard.db"
