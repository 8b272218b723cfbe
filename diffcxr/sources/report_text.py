"""A report that is a file of its own, or part of one."""

from __future__ import annotations

from diffcxr.sources.row import RejectedError

MAX_BYTES = 1 << 17


def report_text(data: bytes) -> str:
    """The text of UTF-8 bytes, with or without a byte order mark; at most MAX_BYTES.

    Raises RejectedError.
    """
    if len(data) > MAX_BYTES:
        raise RejectedError("text too large")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RejectedError("wrong encoding") from error


def is_text(name: str) -> bool:
    """Whether a name can be written as UTF-8: file names of other encodings come with surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    """The name, with what is no UTF-8 in it written as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()
