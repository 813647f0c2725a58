"""Several shards as one: the rows of one after those of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from summable.core.design import Design
from summable.core.rows import Rows, Shard


@dataclass(frozen=True)
class Union:
    """What one partition holds, where that is more than a shard."""

    shards: Sequence[Shard]

    @property
    def name(self) -> str:
        return f"{self.shards[0].name} to {self.shards[-1].name}"

    def kinds(self) -> Mapping[str, str]:
        return self.shards[0].kinds()

    def rows(self, design: Design, limit: int | None = None) -> Iterator[Rows]:
        for shard in self.shards if limit is None else self.shards[:1]:
            yield from shard.rows(design, limit)
