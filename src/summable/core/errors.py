"""Errors that say what happened, where, and what to do next."""

from __future__ import annotations


class SummableError(Exception):
    """Base of every error that this library raises on purpose.

    `what` happened is a sentence without its full stop, `advice` a sentence with one. The places (shard, measure, round) are
    added once each, by whoever knows them, with `at`.
    """

    def __init__(self, what: str, advice: str = "", where: tuple[str, ...] = ()) -> None:
        self.what, self.advice, self.where = what, advice, where

    def at(self, place: str) -> SummableError:
        """The same error, one place better known."""
        return type(self)(self.what, self.advice, (*self.where, place))

    def __reduce__(self) -> tuple[type[SummableError], tuple[str, str, tuple[str, ...]]]:
        """How it travels from where it was raised; some of Python's own errors would drop the places."""
        return type(self), (self.what, self.advice, self.where)

    def __str__(self) -> str:
        place = (" " + ", ".join(self.where)) if self.where else ""
        return f"{self.what}{place}. {self.advice}".rstrip()


class DataError(SummableError, ValueError):
    """The rows cannot be what the question takes them for."""


class FormulaError(SummableError, ValueError):
    """The formula cannot be read, or asks for what its columns cannot give."""


class SourceError(SummableError, OSError):
    """A file or table is missing, unreadable, or no longer what it was."""

    def __str__(self) -> str:
        return SummableError.__str__(self)


class Lost(SourceError):
    """Rows that an engine had kept for itself are not there: it asks for them where it had them from."""


class Unsupported(SummableError, TypeError):
    """This place cannot answer this question; the advice says what would work."""


class SummableWarning(UserWarning):
    """The answer stands, but some of what was asked for cannot be given."""
