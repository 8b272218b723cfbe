"""What an object store or a disk says when it refuses, as one line for a person."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from typing import Literal

from botocore.exceptions import BotoCoreError
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from diffcxr.errors import IncompleteError, InputError

Action = Literal["read", "write", "list", "connect to"]


class MissingError(InputError):
    """The object, or the whole bucket, does not exist."""

    @property
    def bucket_is_missing(self) -> bool:
        return self.what == _NO_BUCKET


class UnavailableError(InputError):
    """The store did not answer, or failed on its side, after some seconds of retries."""


class BrokenOffError(UnavailableError):
    """The answer did not come whole, or another write was under way: asked again, the store may say it."""


class CredentialsError(InputError):
    """The store does not take these keys: wrong, or expired."""


class DiskFullError(InputError):
    """The disk, or a quota on it, is used up."""


_NO_BUCKET = "no such bucket"
_CHECK_URI = "Check the spelling."
_CHECK_KEYS = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE."
_CHECK_ENDPOINT = (
    "Check the endpoint (s3: AWS_ENDPOINT_URL) and the network, then run the same command again."
)
_BAD_KEYS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
)
_OF_ERRNO = {
    errno.ENOSPC: ("disk full", "Free some space, then run the same command again."),
    errno.EDQUOT: ("disk quota used up", "Free some space, then run the same command again."),
    errno.EFBIG: ("file too large for this disk or user", "Lift the limit, or choose another place."),
    errno.EROFS: ("read-only file system", "Choose another place."),
    errno.EACCES: ("permission denied", "Choose another place, or change its permissions."),
    errno.EPERM: ("permission denied", "Choose another place, or change its permissions."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", _CHECK_URI),
    errno.EISDIR: ("a folder, not a file", _CHECK_URI),
    errno.ENAMETOOLONG: ("name too long", "Choose a shorter one."),
}


@contextlib.contextmanager
def explained(where: str, action: Action) -> Iterator[None]:
    """Turns what obstore, botocore and the disk raise inside into an InputError about `where`."""
    try:
        yield
    except (BaseError, BotoCoreError, OSError, ValueError) as error:
        raise explain(error, where, action) from error


@contextlib.contextmanager
def on_the_way() -> Iterator[None]:
    """Around the work of a run that has begun: a store that goes away, or a disk that fills up, leaves it
    incomplete (exit 3), and not wrongly set up (exit 2)."""
    try:
        yield
    except (UnavailableError, DiskFullError) as error:
        raise IncompleteError(error.what, error.where, error.fix) from error


def explain(error: Exception, where: str, action: Action) -> InputError:
    """The InputError that tells a missing bucket, wrong keys, a dead endpoint and a full disk apart."""
    text = str(error).partition("\n\nDebug source")[0]
    number = _errno(error)
    if "NoSuchBucket" in text:
        return MissingError(_NO_BUCKET, where, "Create it, or check the spelling.")
    if any(code in text for code in _BAD_KEYS) or isinstance(error, UnauthenticatedError):
        return CredentialsError("the store refused the credentials", where, _CHECK_KEYS)
    if isinstance(error, PermissionDeniedError) or "AccessDenied" in text:
        return InputError(f"no permission to {action}", where, "Ask for it, or choose another place.")
    if number in _OF_ERRNO:
        what, fix = _OF_ERRNO[number]
        kind = DiskFullError if number in (errno.ENOSPC, errno.EDQUOT) else InputError
        return kind(f"cannot {action}: {what}", where, fix)
    if isinstance(error, FileNotFoundError) or number == errno.ENOENT:
        if action == "write":
            return InputError("cannot write: no folder can be made there", where, "Choose another place.")
        return MissingError("does not exist", where, _CHECK_URI)
    if isinstance(error, BotoCoreError | ValueError):
        return InputError(f"cannot {action}: {_first_line(text)}", where, "Check the settings of the store.")
    if isinstance(error, AlreadyExistsError):  # a 409: what exists is no error to whoever creates
        return BrokenOffError("another write is under way", where, _CHECK_ENDPOINT)
    if re.search(r"after (\d+) retries, max_retries: \1\b", text):
        return UnavailableError("the store does not answer", where, _CHECK_ENDPOINT)
    # Before 5xx answers: obstore asks again after these, but not after a reset that follows one.
    if re.search(r"error sending request|response body|timed? ?out", text):
        return BrokenOffError("the store does not answer", where, _CHECK_ENDPOINT)
    if re.search(r"after \d+ retries|status code: 5\d\d", text):
        return UnavailableError("the store does not answer", where, _CHECK_ENDPOINT)
    if number is not None:
        return InputError(f"cannot {action}: {os.strerror(number)}", where, "Check the disk.")
    return InputError(
        f"cannot {action}: {_first_line(text)}", where, "Check the URI and the settings of the store."
    )


def _errno(error: Exception) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = re.search(r"os error (\d+)", str(error))  # how obstore passes on the disk's errors
    return int(found.group(1)) if found else None


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:300].rstrip(".")
