"""One generator per file: the textbook's algorithm, with a `yield from` for each round of communication."""
