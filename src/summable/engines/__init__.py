"""Places that hold rows, and answer measures with sums."""
