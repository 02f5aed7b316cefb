"""Every form that the linter reports; lines say which in a comment. Read as text by test_lint.py, never run."""
import random
import time
from enum import Enum

import numpy as np

import nki
import nki.isa as nisa
import nki.language as nl

TABLE = {}
counter = 0


class Sizes:  # lint: class-base
    rows = 128


class Mixed(nl.NKIObject, Sizes):  # lint: class-base
    pass


class Good(nl.NKIObject):
    rows: int = 128


class Mode(Enum):
    a = 1
    b = 2


def count():
    global counter  # lint: impure
    counter += 1


@nki.jit
def inner(x):
    return x


def helper(x, *, flag=True):  # lint: keyword-only
    return x


def variadic(*parts):  # lint: star-arguments
    return parts


def pieces(n):
    for i in range(n):
        yield i  # lint: generator


def counted(i):
    return i  # lint: loop-body


def endless(r):  # lint: loop-body
    nisa.register_move(r, r)


@nki.jit
def bad(x, sizes: Sizes, shape=[128, 4], mode=Mode.a):  # lint: list-argument
    import math  # lint: import

    out = nl.ndarray((128, 4), dtype=x.dtype, buffer=nl.hbm)  # lint: output-buffer
    t = nl.ndarray((128, 4), dtype=x.dtype, buffer="sbuf")  # lint: string-buffer
    nisa.dma_copy(dst=t, src=x, dge_mode=2)  # lint: integer-enum
    nisa.dma_copy(dst=t, src=x, dst_rmw_op=nl.add)  # lint: removed
    nisa.reciprocal(data=t)  # lint: missing-dst
    t[...] = nisa.tensor_copy(t, t)  # lint: missing-dst
    nisa.tensor_copy(dst=nisa.activation(t, nl.exp, t), src=t)  # lint: missing-dst
    names = {1: "one"}  # lint: dict-key
    names["two"] = 2
    names[3] = 3  # lint: dict-key
    if mode is Mode.b:  # lint: is
        pass
    if sizes is None or mode == Mode.a:
        pass
    if mode < Mode.b:  # lint: enum-operator
        pass
    reg = nisa.register_alloc(3)
    if reg:  # lint: register-value
        pass
    if reg > 0:  # lint: register-value
        pass
    for i in range(reg):  # lint: register-value
        pass
    for j in nl.dynamic_range(0, reg, -1):  # lint: loop-step
        k = j + 1  # lint: register-value
    with nl.no_reorder():
        for j in nl.dynamic_range(4):  # lint: no-reorder-loop
            pass
        while reg:  # lint: no-reorder-loop
            pass
    nl.fori_loop(0, reg, counted)
    nl.while_loop(reg, endless)
    values = t.numpy()  # lint: tensor-value
    TABLE["last"] = 1  # lint: impure
    TABLE.update(names)  # lint: impure
    seed = random.random() + time.time() + np.random.rand()  # lint: impure
    inner(t)  # lint: nested-kernel
    breakpoint()  # lint: breakpoint
    try:  # lint: try
        count()
    except ValueError:
        pass
    with open("log"):  # lint: with impure
        pass
    scale = lambda v: v * 2  # lint: lambda
    tiles = [t for _ in range(2)]  # lint: comprehension
    total = sum(tiles)  # lint: builtin
    kinds = {1, 2}  # lint: set
    helper(*tiles)  # lint: star-arguments
    helper(**names)  # lint: star-arguments
    for _ in pieces(2):
        variadic(Mixed(), Good(), math, values, seed, scale, total, kinds, i, k)
    return out


@nki.jit
def good(x, config: Good, mode: Mode = Mode.a, bias=None):
    """What looks similar and is fine."""
    assert x.shape[0] <= nl.tile_size.pmax
    out = nl.ndarray(x.shape, dtype=x.dtype, buffer=nl.shared_hbm)
    options = {"rows": config.rows}
    tiles = []
    for _ in range(options["rows"] // 64):
        tiles.append(nl.load(x))
    if bias is not None and mode != Mode.b:
        nisa.tensor_scalar(tiles[0], tiles[0], nl.add, bias)
    first = nisa.tensor_copy(tiles[1], tiles[0])
    nisa.dma_copy(out, tiles[1]).depends_on(first)

    def body(i):
        with nl.no_reorder():
            nisa.dma_copy(out, x.ap([[4, 128], [1, 4]], scalar_offset=i))

    nl.fori_loop(0, nisa.register_alloc(1), body)
    print("shape", out.shape, f"{x.dtype}")
    return out
