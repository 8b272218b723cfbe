"""Errors for people: one line that says what is wrong, where, and what to do."""

from __future__ import annotations


class DiffCXRError(Exception):
    """An expected failure, shown as one line without a traceback; `exit_code` is the process's.

    Args:
        what: what is wrong, e.g. "corpus has no shards"; never report text, never a secret.
        where: the URI, path or option, e.g. "s3://bucket/reports".
        fix: what the person can do about it.
    """

    exit_code = 2

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)  # all three in args, so that the error survives pickling
        self.what, self.where, self.fix = what, where, fix

    def __str__(self) -> str:
        line = f"{self.what}: {self.where}" if self.where else self.what
        return " ".join((f"{line}. {self.fix}" if self.fix else line).split())


class InputError(DiffCXRError):
    """Bad input or configuration."""

    exit_code = 2


class IncompleteError(DiffCXRError):
    """Interrupted or incomplete: the same command again goes on from here."""

    exit_code = 3


class FailingError(IncompleteError):
    """Workers or units keep failing: why, the logs of Ray's workers may say."""


class RefusedError(DiffCXRError):
    """The output holds another run."""

    exit_code = 4
