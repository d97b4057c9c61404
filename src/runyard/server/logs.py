"""The server's log: what a line looks like, and where it goes."""

from __future__ import annotations

import json
import logging
import logging.config
import re
from datetime import datetime, timezone
from typing import Any, Final

from runyard.settings import LogFormat, Settings

ACCESS: Final = "runyard.access"
EVENTS: Final = "runyard.events"
"""Programs read all of them; people only as much as they ask the log to tell."""
ASKED: Final = "asked"
"""The attribute of a record that holds what is known of its request, by name."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class JsonLine(logging.Formatter):
    """Writes a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object's text."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, tz=timezone.utc).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, ASKED, {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


class TextLine(logging.Formatter):
    """Writes a record as one line for people, and whatever follows of an exception.

    What somebody called a run is in some messages: it makes no second line, which would look like another
    record, and tells a terminal nothing.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        record.message = _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], record.message.rstrip("\n"))
        return super().formatMessage(record)


def configure_logs(settings: Settings) -> None:
    """Send what this server and its HTTP library log to stderr, as the settings say."""
    level = settings.log_level.value.upper()
    is_json = settings.log_format is LogFormat.JSON
    text = {"()": TextLine, "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    to_stderr = {"handlers": ["stderr"], "propagate": False}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": JsonLine} if is_json else text},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "loggers": {
                "runyard": {"level": level, **to_stderr},
                "uvicorn": {"level": level, **to_stderr},
                ACCESS: {"level": "INFO", **to_stderr},
                EVENTS: {"level": "INFO" if is_json else level, **to_stderr},
            },
        }
    )
