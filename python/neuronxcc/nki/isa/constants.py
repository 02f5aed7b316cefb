"""Enumerations of ``nki.isa`` under their older path."""
from enum import Enum

from nki._enums import dge_mode, engine, nc_version, oob_mode, reduce_cmd  # noqa: F401


class dma_engine(Enum):
    """DMA queues, where an older instruction takes an engine."""

    dma = 1
