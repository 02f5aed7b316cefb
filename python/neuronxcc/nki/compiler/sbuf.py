"""Addresses in SBUF: ``alloc(func)`` with the user's function, ``mod_alloc`` with slots that blocks share in turn."""
from nki._errors import NkiValidationError
from nki._tensor import MemoryRegion

from ._allocate import Placed, ask, modulo


def alloc(func):
    """``func(block, partitions, bytes)`` gives (first partition, byte address)."""

    def place(block, partitions, width):
        partition, address = ask(func, block, partitions, width)
        return int(partition), int(address)

    return Placed(MemoryRegion.sbuf, place)


def mod_alloc(*, base_addr, base_partition=0, num_par_tiles=(), num_free_tiles=()):
    """Slots along partitions and bytes, taken in turn by blocks."""

    def place(block, partitions, width):
        # Slots for tiles without block dimensions count from outside, by the free dimensions of the tile.
        if not block:
            return base_partition, base_addr
        if num_free_tiles and len(num_free_tiles) != len(block):
            raise NkiValidationError("num_free_tiles %s does not match the block %s" % (tuple(num_free_tiles), block), "mod_alloc")
        return modulo(base_partition, num_par_tiles, partitions)(block), modulo(base_addr, num_free_tiles, width)(block)

    return Placed(MemoryRegion.sbuf, place)


def auto_alloc():
    """Placed by the engine."""
    return Placed(MemoryRegion.sbuf)
