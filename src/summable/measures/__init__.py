"""One question and its answer per file."""
