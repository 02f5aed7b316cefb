"""Addresses in PSUM: a bank, a partition and a byte inside the bank."""
from nki._tensor import MemoryRegion

from ._allocate import Placed, ask, modulo

#: Bytes of a bank in one partition (NKI 2.26, direct allocation guide).
BANK = 2048


def alloc(func):
    """``func(block, partitions, bytes)`` gives (bank, first partition, byte address in the bank)."""

    def place(block, partitions, width):
        bank, partition, address = ask(func, block, partitions, width)
        return int(partition), int(bank) * BANK + int(address)

    return Placed(MemoryRegion.psum, place)


def mod_alloc(*, base_bank=0, base_addr=0, base_partition=0, num_bank_tiles=(), num_par_tiles=(), num_free_tiles=()):
    """Banks, partitions and bytes taken in turn by blocks."""

    def place(block, partitions, width):
        bank = modulo(base_bank, num_bank_tiles, 1)(block)
        return modulo(base_partition, num_par_tiles, partitions)(block), bank * BANK + modulo(base_addr, num_free_tiles, width)(block)

    return Placed(MemoryRegion.psum, place)


def auto_alloc():
    """Placed by the engine."""
    return Placed(MemoryRegion.psum)
