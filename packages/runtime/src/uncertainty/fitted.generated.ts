/** Fitted to the measured rows; written by `trn validate --write`. docs/accuracy.md says how. */
import type { Tables } from "./tables.ts";

export const fitted: Tables = {
  "residuals": {
    "low": -0.071,
    "high": 0.24,
    "collectives": {
      "low": -0.143,
      "high": 0.208
    },
    "generations": [
      "inf2",
      "trn1",
      "trn2"
    ]
  },
  "measured": {
    "inf2": {
      "shortestUs": 985.8,
      "regimes": [
        "all_reduce on one chip",
        "dma_copy by ring descriptors, pieces below 512 B",
        "dma_copy by ring descriptors, pieces of 512 B or more",
        "nc_matmul 16 bit"
      ]
    },
    "trn1": {
      "shortestUs": 132.4,
      "regimes": [
        "activation on scalar 32 bit",
        "all_reduce on one chip",
        "dma_copy by ring descriptors, pieces below 512 B",
        "dma_copy by ring descriptors, pieces of 512 B or more",
        "nc_matmul 16 bit",
        "nc_matmul 32 bit",
        "nc_matmul 32 bit, half the rows or fewer",
        "permute between chips",
        "tensor_tensor on vector 32 bit",
        "tensor_tensor_scan on vector 32 bit"
      ]
    },
    "trn2": {
      "shortestUs": 18.8,
      "regimes": [
        "activation on scalar 16 bit",
        "activation on scalar 32 bit",
        "all_gather between chips",
        "all_gather on one chip",
        "all_reduce on one chip",
        "dma_copy by hardware descriptors, pieces below 512 B",
        "dma_copy by hardware descriptors, pieces of 512 B or more",
        "dma_copy by ring descriptors, pieces of 512 B or more",
        "dma_copy by software descriptors, pieces below 512 B",
        "dma_copy by software descriptors, pieces of 512 B or more",
        "nc_matmul 16 bit",
        "nc_matmul 16 bit, half the rows or fewer",
        "nc_matmul 32 bit",
        "nc_matmul 32 bit, half the rows or fewer",
        "nc_matmul 32 bit, transpose",
        "nc_transpose on tensor 32 bit",
        "reciprocal on vector 32 bit",
        "scalar_tensor_tensor on vector 32 bit",
        "tensor_copy on scalar 32 bit",
        "tensor_copy on vector 32 bit",
        "tensor_reduce on vector 32 bit",
        "tensor_scalar on vector 16 bit",
        "tensor_scalar on vector 32 bit",
        "tensor_tensor on vector 16 bit",
        "tensor_tensor on vector 32 bit",
        "tensor_tensor_scan on vector 32 bit"
      ]
    }
  }
};
