"""Times and durations as protobuf's JSON writes them: ``2025-01-31T12:00:00.250Z`` and ``1.500s``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from runyard.protocol.wire import invalid

MAX_MS = 253_402_300_799_999
"""The last moment of the year 9999."""
MAX_DURATION_MS = 315_576_000_000_000

_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MS = timedelta(milliseconds=1)
_DAY = timedelta(days=1)
_FIRST_MS = (datetime.min.replace(tzinfo=timezone.utc) + _DAY - _EPOCH) // _MS
_LAST_MS = (datetime.max.replace(tzinfo=timezone.utc) - _DAY - _EPOCH) // _MS


def milliseconds_of(text: str, field: str) -> int:
    """Return a timestamp as milliseconds since the epoch.

    Raises:
        InvalidParameter: It is none.
    """
    read = _TIMESTAMP.fullmatch(text)
    if read is None:
        raise invalid(field, text, "A timestamp like 2025-01-31T12:00:00.250Z is expected.")
    day, clock, fraction, zone = read.groups()
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        return (whole - _EPOCH) // _MS + _thousandths(fraction)
    except (ValueError, OverflowError):
        raise invalid(field, text, "There is no such day or hour.") from None


def moment_of(ms: int) -> datetime:
    """Return the moment that is so many milliseconds after the epoch; clients may send any 64 bits.

    What no calendar has is its first or last day but one: that day begins and ends within it in any zone.
    """
    return _EPOCH + timedelta(milliseconds=min(max(ms, _FIRST_MS), _LAST_MS))


def timestamp_of(ms: int) -> str:
    """Return milliseconds since the epoch as a timestamp."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


def duration_ms_of(text: str, field: str) -> int:
    """Return a duration in milliseconds.

    Raises:
        InvalidParameter: It is none.
    """
    read = _DURATION.fullmatch(text)
    if read is None:
        raise invalid(field, text, "A duration like 1.5s is expected.")
    sign, seconds, fraction = read.groups()
    ms = int(seconds) * 1000 + _thousandths(fraction)
    if ms > MAX_DURATION_MS:
        raise invalid(field, text, f"At most {MAX_DURATION_MS // 1000} seconds are expected.")
    return -ms if sign else ms


def duration_of(ms: int) -> str:
    """Return milliseconds as a duration."""
    seconds, thousandths = divmod(abs(ms), 1000)
    sign = "-" if ms < 0 else ""
    return f"{sign}{seconds}.{thousandths:03d}s" if thousandths else f"{sign}{seconds}s"


def _thousandths(fraction: str | None) -> int:
    return int((fraction or "").ljust(3, "0")[:3])
