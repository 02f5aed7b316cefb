"""Runs the kernels of a checkout with their own tests and drivers; ``trn conformance`` is the command (docs/conformance.md)."""
