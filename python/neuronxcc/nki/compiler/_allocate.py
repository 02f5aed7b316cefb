"""Where a tile lies, as allocation functions of the user say it."""


def _count(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def modulo(base, tiles, scale):
    """The address of a block that takes turns in ``tiles`` slots."""

    def address(block):
        slots = tuple(tiles) or (1,) * len(block)
        return sum((i % s) * _count(slots[d + 1 :]) for d, (i, s) in enumerate(zip(block, slots))) * scale + base

    return address


class Placed:
    """A buffer= argument with a region and an address for every tile."""

    def __init__(self, region, place=None):
        self.region = region
        self.place = place
