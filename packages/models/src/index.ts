/** Transformer architectures as tensor programs, their checkpoints and tokenizers. */
export {};
