"""
A pre-norm transformer block in bf16 with fp32 sums: y = x + attention(rmsnorm(x)), out = y + swiglu(rmsnorm(y)).
Tokens lie on partitions where rows are normalised, rotated and soft-maxed; features lie on partitions where TensorE contracts over
them, so activations are transposed once on the way into each group of matmuls and never on the way out.
"""
import math

import nki
import nki.isa as nisa
import nki.language as nl

P = 128
# Columns of one PSUM bank in fp32, and of one matmul.
BANK = 512
EPSILON = 1e-6
TWO_PI = 2.0 * math.pi
# Logarithm of the base of the rotary frequencies.
LOG_THETA = math.log(10000.0)


def tile(shape, dtype):
    return nl.ndarray(shape, dtype=dtype, buffer=nl.sbuf)


def load(source):
    """A matrix [n, columns] of HBM in SBUF as [128, n/128, columns]."""
    n, columns = source.shape
    dst = tile((P, n // P, columns), source.dtype)
    for i in range(n // P):
        nisa.dma_copy(dst=dst[:, i, :], src=source[i * P : (i + 1) * P, :])
    return dst


def load_row(source):
    """A vector of HBM on every partition."""
    n = source.shape[0]
    dst = tile((P, n), source.dtype)
    nisa.dma_copy(dst=dst, src=source.reshape((1, n)).broadcast(0, P))
    return dst


def normalise(x, weight, epsilon):
    """bf16 rows x / rms(x) * weight."""
    n = x.shape[1]
    squares = tile((P, n), nl.float32)
    result = tile((P, n), nl.bfloat16)
    total = tile((P, 1), nl.float32)
    inverse = tile((P, 1), nl.float32)
    nisa.activation(
        dst=squares,
        op=nl.square,
        data=x,
        reduce_op=nl.add,
        reduce_res=total,
        reduce_cmd=nisa.reduce_cmd.reset_reduce,
    )
    nisa.activation(dst=inverse, op=nl.rsqrt, data=total, scale=1.0 / n, bias=epsilon)
    nisa.scalar_tensor_tensor(
        dst=result,
        data=x,
        op0=nl.multiply,
        operand0=inverse,
        op1=nl.multiply,
        operand1=weight,
    )
    return result


def turn(dst, source, start):
    """Transposes bf16 tokens [128, n] into columns start to start + 128 of dst [128, n/128, tokens], four blocks to a PSUM bank."""
    blocks = source.shape[1] // P
    for first in range(0, blocks, 4):
        last = min(first + 4, blocks)
        turned = nl.ndarray((P, last - first, P), dtype=nl.bfloat16, buffer=nl.psum)
        for i in range(first, last):
            nisa.nc_transpose(dst=turned[:, i - first, :], data=source[:, i * P : (i + 1) * P])
        nisa.tensor_copy(dst=dst[:, first:last, start : start + P], src=turned, engine=nisa.engine.scalar)


def product(left, rows, right, columns):
    """left[:, :, rows].T @ right[:, :, columns] in PSUM, contracted over the first two dimensions; rows and columns are (start, stop)."""
    sums = nl.ndarray((rows[1] - rows[0], columns[1] - columns[0]), dtype=nl.float32, buffer=nl.psum)
    for k in range(left.shape[1]):
        nisa.nc_matmul(
            dst=sums,
            stationary=left[:, k, rows[0] : rows[1]],
            moving=right[:, k, columns[0] : columns[1]],
            accumulate=k > 0,
        )
    return sums


def ranges(total, size):
    """(start, stop) of the pieces that cover total."""
    pieces = []
    for start in range(0, total, size):
        pieces.append((start, min(start + size, total)))
    return pieces


def wave(turns, phase):
    """sin(2 pi (turns + phase)): whole turns are taken off first, because ScalarE's sine is right from -pi to pi."""
    shifted = tile(turns.shape, nl.float32)
    part = tile(turns.shape, nl.float32)
    whole = tile(turns.shape, nl.int32)
    nisa.tensor_scalar(dst=shifted, data=turns, op0=nl.add, operand0=phase)
    nisa.tensor_copy(dst=whole, src=shifted, engine=nisa.engine.vector)
    nisa.tensor_tensor(dst=part, data1=shifted, data2=whole, op=nl.subtract)
    result = tile(turns.shape, nl.float32)
    nisa.activation(dst=result, op=nl.sin, data=part, scale=TWO_PI)
    return result


def rotary_turns(tokens, d, positions):
    """Rotary angles of tokens x 128 positions in turns, [128, tokens, d / 2]: position / 10000^(2 j / d) / (2 pi)."""
    frequencies = tile((P, d // 2), nl.float32)
    nisa.iota(dst=frequencies, pattern=[[1, d // 2]])
    step = -2.0 * LOG_THETA / d
    nisa.activation(dst=frequencies, op=nl.exp, data=frequencies, scale=step)
    turns = tile((P, tokens, d // 2), nl.float32)
    for i in range(tokens):
        nisa.tensor_scalar(
            dst=turns[:, i, :],
            data=frequencies,
            op0=nl.multiply,
            operand0=positions[:, i : i + 1],
            op1=nl.multiply,
            operand1=1.0 / TWO_PI,
        )
    return turns


def rotate(dst, x, cos, sin, minus_sin):
    """Rotary embedding of projected heads [128, n]: each head's halves (x1, x2) become (x1 cos - x2 sin, x2 cos + x1 sin)."""
    half = cos.shape[1]
    heads = x.shape[1] // (2 * half)
    shape = (P, heads, 2, half)
    parts = x.reshape(shape)
    straight = tile(shape, nl.float32)
    crossed = tile(shape, nl.float32)
    cos = cos.expand_dim(1).broadcast(1, heads).expand_dim(2).broadcast(2, 2)
    sin = sin.expand_dim(1).broadcast(1, heads)
    minus_sin = minus_sin.expand_dim(1).broadcast(1, heads)
    nisa.tensor_tensor(dst=straight, data1=parts, data2=cos, op=nl.multiply)
    nisa.tensor_tensor(dst=crossed[:, :, 0, :], data1=parts[:, :, 1, :], data2=minus_sin, op=nl.multiply)
    nisa.tensor_tensor(dst=crossed[:, :, 1, :], data1=parts[:, :, 0, :], data2=sin, op=nl.multiply)
    nisa.tensor_tensor(
        dst=dst.reshape(shape),
        data1=straight,
        data2=crossed,
        op=nl.add,
        engine=nisa.engine.gpsimd,
    )


def score(q, k, seen):
    """Scores of 128 queries q [d, 128] with the first `seen` keys k [d, seq], in PSUM [128, seen]."""
    scores = nl.ndarray((P, seen), dtype=nl.float32, buffer=nl.psum)
    for start, stop in ranges(seen, BANK):
        nisa.nc_matmul(dst=scores[:, start:stop], stationary=q, moving=k[:, start:stop], accumulate=False)
    return scores


def soften(scores, queries, scale):
    """bf16 causal softmax of scores * scale; queries [128, 1] holds the last key that each query may see."""
    masked = tile(scores.shape, nl.float32)
    weights = tile(scores.shape, nl.float32)
    top = tile((P, 1), nl.float32)
    shift = tile((P, 1), nl.float32)
    total = tile((P, 1), nl.float32)
    inverse = tile((P, 1), nl.float32)
    nisa.range_select(
        dst=masked,
        on_true_tile=scores,
        comp_op0=nl.less_equal,
        comp_op1=nl.less_equal,
        bound0=queries,
        bound1=queries,
        reduce_res=top,
    )
    nisa.tensor_scalar(dst=shift, data=top, op0=nl.multiply, operand0=-scale)
    nisa.activation(
        dst=weights,
        op=nl.exp,
        data=masked,
        scale=scale,
        bias=shift,
        reduce_op=nl.add,
        reduce_res=total,
        reduce_cmd=nisa.reduce_cmd.reset_reduce,
    )
    nisa.reciprocal(dst=inverse, data=total)
    shares = tile(scores.shape, nl.bfloat16)
    nisa.tensor_scalar(dst=shares, data=weights, op0=nl.multiply, operand0=inverse)
    return shares


@nki.jit
def transformer_block(x, norm1, wq, wk, wv, wo, norm2, gate, up, down, head=128):
    seq, width = x.shape
    d = head
    tokens = seq // P
    heads = width // d
    hidden = gate.shape[1] // P
    out = nl.ndarray((seq, width), dtype=x.dtype, buffer=nl.shared_hbm)

    inputs = load(x)
    scale1 = load_row(norm1)
    scale2 = load_row(norm2)
    query = load(wq)
    key = load(wk)
    value = load(wv)
    output = load(wo)
    gates = load(gate)
    ups = load(up)
    downs = load(down)
    epsilon = tile((P, 1), nl.float32)
    nisa.memset(dst=epsilon, value=EPSILON)
    # positions[p, i] = p + 128 i: the position of a token, and the last key that it may see.
    positions = tile((P, tokens), nl.float32)
    nisa.iota(dst=positions, pattern=[[P, tokens]], channel_multiplier=1)
    turns = rotary_turns(tokens, d, positions)
    cos = wave(turns, 0.25)
    sin = wave(turns, 0.0)
    minus_sin = wave(turns, 0.5)

    # Attention: normalise, project, rotate; q and k turn to features on partitions.
    normal = tile((P, width // P, seq), nl.bfloat16)
    for i in range(tokens):
        turn(normal, normalise(inputs[:, i, :], scale1, epsilon), i * P)
    q = tile((d, heads, seq), nl.bfloat16)
    k = tile((d, heads, seq), nl.bfloat16)
    v = tile((P, tokens, width), nl.bfloat16)
    # A turn is issued one projection late, so that TensorE does not wait for a rotation that has only just begun.
    turns = []
    for i in range(tokens):
        rows = (i * P, (i + 1) * P)
        for columns in ranges(width, BANK):
            start, stop = columns
            for weight, turned in ((query, q), (key, k)):
                sums = product(normal, rows, weight, columns)
                rotated = tile(sums.shape, nl.bfloat16)
                rotate(rotated, sums, cos[:, i, :], sin[:, i, :], minus_sin[:, i, :])
                turns.append((turned[:, start // d : stop // d, :], rotated, i * P))
                if len(turns) > 1:
                    dst, source, at = turns[len(turns) - 2]
                    turn(dst, source, at)
            sums = product(normal, rows, value, columns)
            nisa.tensor_copy(dst=v[:, i, start:stop], src=sums, engine=nisa.engine.scalar)
    dst, source, at = turns[len(turns) - 1]
    turn(dst, source, at)

    # One step is one head of 128 queries; TensorE scores step n, turns the weights of n - 1 and applies those of n - 2.
    attended = tile((d, heads, seq), nl.bfloat16)
    shares = []
    turned = []
    steps = tokens * heads
    for n in range(steps + 2):
        if n < steps:
            i = n // heads
            h = n % heads
            scores = score(q[:, h, i * P : (i + 1) * P], k[:, h, :], (i + 1) * P)
            shares.append(soften(scores, positions[:, i : i + 1], 1.0 / d**0.5))
        if n >= 1 and n - 1 < steps:
            source = shares[n - 1]
            turned.append(tile((P, source.shape[1] // P, P), nl.bfloat16))
            turn(turned[n - 1], source, 0)
        if n >= 2:
            i = (n - 2) // heads
            h = (n - 2) % heads
            sums = product(v[:, 0 : i + 1, :], (h * d, (h + 1) * d), turned[n - 2], (0, P))
            nisa.tensor_copy(dst=attended[:, h, i * P : (i + 1) * P], src=sums, engine=nisa.engine.vector)

    # Residual, second norm; again the turn comes one tile late.
    middle = tile((P, tokens, width), nl.float32)
    normal2 = tile((P, width // P, seq), nl.bfloat16)
    normals = []
    for i in range(tokens):
        for start, stop in ranges(width, BANK):
            sums = product(attended, (i * P, (i + 1) * P), output, (start, stop))
            nisa.tensor_tensor(
                dst=middle[:, i, start:stop],
                data1=sums,
                data2=inputs[:, i, start:stop],
                op=nl.add,
            )
        normals.append(normalise(middle[:, i, :], scale2, epsilon))
        if i >= 1:
            turn(normal2, normals[i - 1], (i - 1) * P)
    turn(normal2, normals[tokens - 1], (tokens - 1) * P)

    # SwiGLU with hidden features on partitions, which is how the last matmul wants them; residual.
    gated = tile((P, hidden, seq), nl.bfloat16)
    for start, stop in ranges(seq, BANK):
        for f in range(hidden):
            opened = tile((P, stop - start), nl.float32)
            g = product(gates, (f * P, (f + 1) * P), normal2, (start, stop))
            u = product(ups, (f * P, (f + 1) * P), normal2, (start, stop))
            nisa.activation(dst=opened, op=nl.silu, data=g)
            nisa.tensor_tensor(dst=gated[:, f, start:stop], data1=opened, data2=u, op=nl.multiply)
    for i in range(tokens):
        row = tile((P, width), nl.bfloat16)
        for start, stop in ranges(width, BANK):
            sums = product(gated, (i * P, (i + 1) * P), downs, (start, stop))
            nisa.tensor_tensor(
                dst=row[:, start:stop],
                data1=sums,
                data2=middle[:, i, start:stop],
                op=nl.add,
            )
        nisa.dma_copy(dst=out[i * P : (i + 1) * P, :], src=row)
    return out
