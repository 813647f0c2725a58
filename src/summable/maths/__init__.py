"""Element-wise languages, linear algebra and kernels; no rows, no engines."""
