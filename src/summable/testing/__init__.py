"""Checks that anyone can run on measures and engines of their own: the laws of a measure, and the contract of an engine."""

from __future__ import annotations

from summable.testing.contract import Check, contract
from summable.testing.laws import Law, hostile_tables, laws

__all__ = ["Check", "Law", "contract", "hostile_tables", "laws"]
