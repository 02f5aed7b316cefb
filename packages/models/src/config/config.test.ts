/** Configurations: those that come along, those that Hugging Face writes, and everything that is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parameterCount } from "../parameters/counts.ts";
import { fixtureJson } from "../pytorch.fixture.ts";
import { smallModels } from "../testing.ts";
import { architectures } from "./model-config.ts";
import { parseConfig } from "./parse-config.ts";
import { presetConfig, presetNames } from "./presets.ts";

describe("presets", () => {
  test.each([
    // Counts of published models are theirs: 124 M, 1.24 B and 8.03 B.
    ["gpt2", 124_439_808],
    ["llama-3-8b", 8_030_261_248],
    ["llama-3.2-1b", 1_235_814_400],
    ["llama-10m", 10_059_840],
    ["tiny-llama", 918_656],
    ["demo-llama", 623_232],
    ["tiny-qwen3", 918_912],
    ["tiny-gpt2", 989_952],
  ])("%s has %i parameters", (name, count) => {
    expect(parameterCount(presetConfig(name))).toBe(count);
    expect(presetConfig(name).notes).toEqual([]);
  });

  test("all are tested here", () => {
    expect(presetNames()).toHaveLength(8);
  });

  test("an unknown one names those there are", () => {
    expect(() => presetConfig("llama-9")).toThrow(
      "no preset is called llama-9; there are demo-llama, gpt2,",
    );
    expect(() => presetConfig("../package")).toThrow("no preset is called");
  });
});

describe("files that Hugging Face writes", () => {
  test.each(architectures)("%s", (name) => {
    const config = parseConfig(fixtureJson<Record<string, unknown>>(`pytorch/${name}/config.json`));
    expect(config).toMatchObject({
      architecture: name,
      vocabSize: 48,
      width: 24,
      layers: 2,
      heads: 4,
    });
    expect(config.notes).toEqual([]);
  });

  test("the fields of GPT-2's own file, dropout reported", () => {
    const config = parseConfig({
      ...smallModels["gpt2"],
      attn_pdrop: 0.1,
      n_ctx: 16,
      summary_type: "cls_index",
      task_specific_params: { "text-generation": { max_length: 50 } },
      something_new: 1,
    });
    expect(config.notes).toEqual([
      "attn_pdrop 0.1: dropout is not applied while training",
      "something_new is not read",
    ]);
    expect(config.feedForward).toBe(32);
  });

  test("Llama's older fields", () => {
    const { num_key_value_heads: _, head_dim: __, ...old } = smallModels["llama, grouped, tied"]!;
    const config = parseConfig({
      ...old,
      rope_theta: 5e5,
      rope_scaling: { type: "linear", factor: 2 },
      eos_token_id: [1, 2],
      bos_token_id: -1,
      pretraining_tp: 2,
    });
    expect(config).toMatchObject({
      keyHeads: 4,
      headSize: 2,
      rope: { theta: 5e5, scaling: { type: "linear", factor: 2 } },
      specials: { eos: [1, 2] },
    });
    expect(config.specials.bos).toBeUndefined();
  });

  test("a sliding window is kept where it is used", () => {
    const { mistral } = smallModels;
    expect(parseConfig({ ...mistral, sliding_window: 8 }).slidingWindow).toBe(8);
    expect(parseConfig({ ...mistral, sliding_window: null }).slidingWindow).toBeUndefined();
    const qwen = { ...smallModels["qwen2, biases"], sliding_window: 8, max_window_layers: 2 };
    expect(parseConfig({ ...qwen, use_sliding_window: false }).slidingWindow).toBeUndefined();
    expect(parseConfig({ ...qwen, use_sliding_window: true }).slidingWindow).toBe(8);
    const types = ["full_attention", "sliding_attention"];
    expect(() => parseConfig({ ...qwen, layer_types: types })).toThrow("layer_types");
    expect(
      parseConfig({ ...qwen, use_sliding_window: true, layer_types: types }).slidingWindow,
    ).toBe(8);
  });
});

describe("what is refused", () => {
  const llama = smallModels["llama, grouped, tied"]!;
  const gpt2 = smallModels["gpt2"]!;
  const rope = (scaling: object) => ({ ...llama, rope_scaling: scaling });
  const llama3 = {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8,
  };
  const cases: readonly (readonly [unknown, string])[] = [
    ["{", "is no JSON"],
    ["[]", "holds no JSON object"],
    ["null", "holds no JSON object"],
    [" ".repeat(2 ** 22 + 1), "a configuration has at most"],
    [{}, "model_type null is not supported; name one of llama, mistral, qwen2, qwen3, gpt2"],
    [{ architectures: ["BertModel"] }, 'model_type "BertModel" is not supported'],
    [
      { ...llama, model_type: "mamba" },
      'model_type "mamba" is not supported; known are llama, mistral',
    ],
    [{ ...llama, model_type: "__proto__" }, "is not supported"],
    [
      { ...llama, architectures: ["LlamaForSequenceClassification"] },
      'architectures "LlamaForSequenceClassification" is not supported',
    ],
    [{ ...llama, hidden_size: undefined }, "hidden_size is missing"],
    [{ ...llama, hidden_size: -8 }, "hidden_size is -8; it takes a whole number from 1 to"],
    [{ ...llama, hidden_size: 1e300 }, "hidden_size is 1e+300"],
    [{ ...llama, hidden_size: Number.NaN }, "hidden_size is NaN"],
    [{ ...llama, hidden_size: "8" }, 'hidden_size is "8"'],
    [{ ...llama, hidden_size: [8] }, "hidden_size is [8]"],
    [{ ...llama, num_hidden_layers: 2.5 }, "num_hidden_layers is 2.5"],
    [{ ...llama, num_hidden_layers: 1e9 }, "num_hidden_layers is 1000000000"],
    [
      { ...llama, num_key_value_heads: 3 },
      "num_key_value_heads is 3; it divides num_attention_heads 4",
    ],
    [
      { ...llama, num_key_value_heads: 8 },
      "num_key_value_heads is 8; it takes a whole number from 1 to 4",
    ],
    [{ ...llama, head_dim: null, hidden_size: 9 }, "hidden_size is 9; without head_dim"],
    [{ ...llama, head_dim: 5 }, "head_dim is 5; rotary positions turn pairs"],
    [{ ...llama, vocab_size: 0 }, "vocab_size is 0"],
    [{ ...llama, rms_norm_eps: -1 }, "rms_norm_eps is -1"],
    [{ ...llama, rope_theta: 0 }, "rope_theta is 0"],
    [{ ...llama, hidden_act: "mish" }, 'hidden_act "mish" is not supported; known are silu'],
    [{ ...llama, tie_word_embeddings: 1 }, "tie_word_embeddings is 1; it takes true or false"],
    [
      { ...llama, eos_token_id: 11 },
      "eos_token_id is 11; it takes token numbers below vocab_size 11",
    ],
    [{ ...llama, eos_token_id: "2" }, 'eos_token_id is "2"'],
    [{ ...llama, attention_dropout: 2 }, "attention_dropout is 2"],
    [{ ...llama, layer_types: ["full_attention"] }, "layer_types takes one entry for each"],
    [
      { ...llama, layer_types: ["linear_attention", "full_attention"] },
      'layer_types "linear_attention"',
    ],
    [{ ...llama, num_local_experts: 8 }, "num_local_experts 8 is not supported"],
    [{ ...llama, quantization_config: { bits: 4 } }, "quantization_config"],
    [{ ...llama, final_logit_softcapping: 30 }, "final_logit_softcapping 30"],
    [{ ...llama, partial_rotary_factor: 0.5 }, "partial_rotary_factor 0.5"],
    [
      rope({ rope_type: "longrope" }),
      'rope_scaling.rope_type "longrope" is not supported; known are default',
    ],
    [rope({ type: "linear" }), "rope_scaling.factor is missing"],
    [rope({ type: "linear", factor: 0.5 }), "rope_scaling.factor is 0.5"],
    [rope({ ...llama3, high_freq_factor: 1 }), "rope_scaling.high_freq_factor is 1"],
    [
      rope({ ...llama3, original_max_position_embeddings: null }),
      "original_max_position_embeddings is missing",
    ],
    [rope({ type: "linear", factor: 2, short_factor: [1] }), "rope type linear does not take it"],
    [rope({ rope_type: "default", partial_rotary_factor: 0.5 }), "partial_rotary_factor 0.5"],
    [{ ...llama, rope_scaling: 3 }, "rope_scaling is 3; it takes an object"],
    [{ ...llama, model_type: "qwen3", head_dim: null }, "head_dim is missing"],
    [
      { ...llama, model_type: "mistral", num_key_value_heads: null },
      "num_key_value_heads is missing",
    ],
    [{ ...gpt2, n_embd: 9 }, "n_embd is 9; it is a multiple of n_head 2"],
    [{ ...gpt2, scale_attn_weights: false }, "scale_attn_weights false is not supported"],
    [{ ...gpt2, scale_attn_by_inverse_layer_idx: true }, "only false is implemented"],
    [{ ...gpt2, add_cross_attention: true }, "add_cross_attention true"],
  ];
  test.each(cases.map(([json, message]) => [message, json] as const))("%s", (message, json) => {
    expect(() => parseConfig(json as string)).toThrow(message);
  });

  test("an object that cannot be a text is shown as JSON", () => {
    const odd = { ...llama, num_attention_heads: { toString: 0 } };
    expect(() => parseConfig(odd)).toThrow('is {"toString":0}');
  });

  test("any JSON gives a model or an error of ours", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(llama)), fc.jsonValue(), (field, value) => {
        try {
          const config = parseConfig({ ...llama, [field]: value });
          expect(parameterCount(config)).toBeGreaterThan(0);
        } catch (e) {
          expect((e as Error).name).toBe("OpenTrnError");
          expect((e as Error).message).toContain("config.json: ");
        }
      }),
      { numRuns: 300 },
    );
  });
});
