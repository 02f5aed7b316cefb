"""
Causal flash attention, forward, one head: softmax(q k^T / sqrt(d)) v for q, k, v [seq, d], d = 128, without the [seq, seq] matrix.
Every 128 queries walk over their keys in blocks with an online softmax; keys after the last query are never touched. The work is a
software pipeline over blocks, because every engine runs in order: while VectorE and ScalarE make weights of one block's scores,
TensorE transposes the weights of the block two before and multiplies those four before with v.
"""
import nki
import nki.isa as nisa
import nki.language as nl

# Keys of one matmul, whose scores fill one PSUM bank.
BANK = 512


def walk(seq, block):
    """(tile of 128 queries, first key, keys) of every block, tile by tile."""
    steps = []
    for tile in range(seq // 128):
        end = (tile + 1) * 128
        for start in range(0, end, block):
            steps.append((tile, start, min(block, end - start)))
    return steps


def ring(count, shape, dtype, buffer):
    """Tensors that steps use in turn, so that one step's data outlives the next steps' writes."""
    tensors = []
    for _ in range(count):
        tensors.append(nl.ndarray(shape, dtype=dtype, buffer=buffer))
    return tensors


@nki.jit
def flash_attention(q, k, v, block=1024):
    seq, d = q.shape
    scale = 1.0 / d**0.5
    out = nl.ndarray((seq, d), dtype=q.dtype, buffer=nl.shared_hbm)

    # q and k come in transposed, [d, seq]; v keeps keys on partitions and gets a column of ones, whose product is the row sum.
    q_t = nl.ndarray((d, seq), dtype=q.dtype, buffer=nl.sbuf)
    k_t = nl.ndarray((d, seq), dtype=k.dtype, buffer=nl.sbuf)
    v_ones = nl.ndarray((128, seq // 128, d + 1), dtype=v.dtype, buffer=nl.sbuf)
    nisa.memset(dst=v_ones[:, :, d : d + 1], value=1.0)
    for start in range(0, seq, BANK):
        stop = min(start + BANK, seq)
        nisa.dma_transpose(dst=k_t[:, start:stop], src=k[start:stop, :])
        nisa.dma_transpose(dst=q_t[:, start:stop], src=q[start:stop, :])
        keys = v[start:stop, :].reshape(((stop - start) // 128, 128, d)).permute((1, 0, 2))
        nisa.dma_copy(dst=v_ones[:, start // 128 : stop // 128, 0:d], src=keys)
    # queries[p, i] = p + 128 i, the last key that query p of tile i may see.
    queries = nl.ndarray((128, seq // 128), dtype=nl.float32, buffer=nl.sbuf)
    nisa.iota(dst=queries, pattern=[[128, seq // 128]], channel_multiplier=1)

    chunks = block // 128
    scores = ring(2, (128, block), nl.float32, nl.psum)
    turned = ring(2, (128, chunks, 128), nl.bfloat16, nl.psum)
    products = ring(2, (128, d + 1), nl.float32, nl.psum)
    masked = ring(2, (128, block), nl.float32, nl.sbuf)
    weights = ring(3, (128, block), nl.bfloat16, nl.sbuf)
    weights_t = ring(3, (128, chunks, 128), nl.bfloat16, nl.sbuf)
    block_max = ring(2, (128, 1), nl.float32, nl.sbuf)
    negative_max = ring(6, (128, 1), nl.float32, nl.sbuf)
    correction = ring(6, (128, 1), nl.float32, nl.sbuf)
    sums = ring(2, (128, d + 1), nl.float32, nl.sbuf)
    inverse = ring(2, (128, 1), nl.float32, nl.sbuf)
    result = ring(2, (128, d), nl.bfloat16, nl.sbuf)

    steps = walk(seq, block)
    # Order inside a round and rounds of delay: found by trying, with the predicted timeline as the judge.
    for n in range(len(steps) + 4):
        if n < len(steps):
            # TensorE: scores[n] = q_tile k_block^T.
            tile, start, width = steps[n]
            for part in range(0, width, BANK):
                stop = min(part + BANK, width)
                nisa.nc_matmul(
                    dst=scores[n % 2][:, part:stop],
                    stationary=q_t[:, tile * 128 : (tile + 1) * 128],
                    moving=k_t[:, start + part : start + stop],
                    accumulate=False,
                )

        if 0 <= n - 2 < len(steps):
            # TensorE turns weights to [keys, queries]; ScalarE, which has time left, copies them out of PSUM.
            s = n - 2
            tile, start, width = steps[s]
            for c in range(width // 128):
                nisa.nc_transpose(dst=turned[s % 2][:, c, :], data=weights[s % 3][:, c * 128 : (c + 1) * 128])
            nisa.tensor_copy(
                dst=weights_t[s % 3][:, 0 : width // 128, :],
                src=turned[s % 2][:, 0 : width // 128, :],
                engine=nisa.engine.scalar,
            )

        if n < len(steps):
            # VectorE: the new running maximum, kept as -scale * maximum; ScalarE: weights = exp(scale * scores - scale * maximum).
            tile, start, width = steps[n]
            data = scores[n % 2][:, 0:width]
            if start + width == (tile + 1) * 128:
                nisa.range_select(
                    dst=masked[n % 2][:, 0:width],
                    on_true_tile=data,
                    comp_op0=nl.less_equal,
                    comp_op1=nl.less_equal,
                    bound0=queries[:, tile : tile + 1],
                    bound1=queries[:, tile : tile + 1],
                    reduce_res=block_max[n % 2],
                    range_start=start,
                )
                data = masked[n % 2][:, 0:width]
            else:
                nisa.tensor_reduce(dst=block_max[n % 2], op=nl.maximum, data=data, axis=1)
            new = negative_max[n % 6]
            if start == 0:
                nisa.tensor_scalar(dst=new, data=block_max[n % 2], op0=nl.multiply, operand0=-scale)
            else:
                old = negative_max[(n - 1) % 6]
                nisa.tensor_scalar(
                    dst=new,
                    data=block_max[n % 2],
                    op0=nl.multiply,
                    operand0=-scale,
                    op1=nl.minimum,
                    operand1=old,
                )
                nisa.activation(dst=correction[n % 6], op=nl.exp, data=old, scale=-1.0, bias=new)
            nisa.activation(dst=weights[n % 3][:, 0:width], op=nl.exp, data=data, scale=scale, bias=new)

        if 0 <= n - 4:
            # TensorE: products = weights [v | 1]; VectorE: sums = sums * correction + products; at the end of the walk, the quotient.
            s = n - 4
            tile, start, width = steps[s]
            for c in range(width // 128):
                nisa.nc_matmul(
                    dst=products[s % 2],
                    stationary=weights_t[s % 3][:, c, :],
                    moving=v_ones[:, start // 128 + c, :],
                    accumulate=c > 0,
                )
            if start == 0:
                nisa.tensor_copy(dst=sums[tile % 2], src=products[s % 2], engine=nisa.engine.vector)
            else:
                nisa.scalar_tensor_tensor(
                    dst=sums[tile % 2],
                    data=sums[tile % 2],
                    op0=nl.multiply,
                    operand0=correction[s % 6],
                    op1=nl.add,
                    operand1=products[s % 2],
                )
            if start + width == (tile + 1) * 128:
                nisa.reciprocal(dst=inverse[tile % 2], data=sums[tile % 2][:, d : d + 1])
                nisa.tensor_scalar(
                    dst=result[tile % 2],
                    data=sums[tile % 2][:, 0:d],
                    op0=nl.multiply,
                    operand0=inverse[tile % 2],
                )
                nisa.dma_copy(dst=out[tile * 128 : (tile + 1) * 128, :], src=result[tile % 2])
    return out
