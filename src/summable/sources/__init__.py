"""Shards of arrays, frames and files, opened as rows block by block."""
