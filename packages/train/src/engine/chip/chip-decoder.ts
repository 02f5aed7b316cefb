/** Generation on the virtual chip: a Program for the prompt's length, one for a token; keys and values stay in HBM. */
import { cacheTypes, decode, parameterSpecs, prefill, ropeTables } from "@opentrn/models";
import { tensorOf } from "@opentrn/runtime";
import type { DecodeEngine, DecodePrediction } from "../../generate/decode-engine.ts";
import type { Placement, Say } from "../engines.ts";
import type { DecodeEngineRequest } from "../interpreter-decoder.ts";
import { ChipFunction } from "./chip-function.ts";

const advice = "Take a shorter prompt or a smaller --max-new-tokens.";

export class ChipDecoder implements DecodeEngine {
  readonly name = "chip";
  readonly context: number;
  private readonly request: DecodeEngineRequest;
  private readonly placement: Placement;
  /** In the compute type, rounded once. */
  private readonly weights: ReadonlyMap<string, Uint8Array>;
  private readonly token: ChipFunction;
  private readonly tokenNs: number;
  private ttftNs: number | undefined;
  private length = 0;

  private constructor(request: DecodeEngineRequest, placement: Placement, token: ChipFunction) {
    this.request = request;
    this.placement = placement;
    this.token = token;
    this.context = request.context;
    const { config, parameters, computeDtype } = request;
    this.weights = new Map(
      parameterSpecs(config).map(({ name, shape }) => [
        name,
        tensorOf(computeDtype, shape, parameters[name]!).bytes,
      ]),
    );
    this.load(token, request.context);
    this.tokenNs = token.time().totalNs;
  }

  static async of(
    request: DecodeEngineRequest,
    placement: Placement,
    say?: Say,
  ): Promise<ChipDecoder> {
    const made = decode(request.config, optionsOf(request));
    const options = { ...placement, ranks: 1, advice, ...(say ? { say } : {}) };
    return new ChipDecoder(request, placement, await ChipFunction.of(made, options));
  }

  get predicted(): DecodePrediction | undefined {
    if (this.ttftNs === undefined) return undefined;
    return { ttftNs: this.ttftNs, tokenNs: this.tokenNs, cores: 1 };
  }

  async prefill(prompt: Int32Array): Promise<Float32Array> {
    const { config } = this.request;
    const made = prefill(config, { ...optionsOf(this.request), seq: prompt.length });
    const f = await ChipFunction.of(made, { ...this.placement, ranks: 1, advice });
    this.load(f, prompt.length);
    this.ttftNs = f.time().totalNs;
    for (const [name, { shape }] of Object.entries(cacheTypes(config, optionsOf(this.request))))
      f.write(name, new Float32Array(shape.reduce((n, d) => n * d, 1)));
    f.write("tokens", prompt);
    f.write("last", [prompt.length - 1]);
    await f.execute();
    this.carry(f);
    this.length = prompt.length;
    const logits = Float32Array.from(f.read("logits"));
    await f.close();
    return logits;
  }

  async decode(token: number): Promise<Float32Array> {
    const f = this.token;
    f.write("tokens", [token]);
    f.write("start", [this.length++]);
    await f.execute();
    this.carry(f);
    return Float32Array.from(f.read("logits"));
  }

  async close(): Promise<void> {
    await this.token.close();
  }

  /** Weights and rotary tables of that many positions. */
  private load(f: ChipFunction, positions: number): void {
    for (const [name, bytes] of this.weights) if (f.takes(name)) f.writeBytes(name, bytes);
    if (!f.takes("rope.cos")) return;
    const { cos, sin } = ropeTables(this.request.config, positions);
    f.write("rope.cos", cos);
    f.write("rope.sin", sin);
  }

  /** Caches become the next token's. */
  private carry(from: ChipFunction): void {
    for (const name of Object.keys(cacheTypes(this.request.config, optionsOf(this.request))))
      if (from === this.token) from.carry(name);
      else this.token.writeBytes(name, from.readBytes(name));
  }
}

const optionsOf = ({ context, computeDtype }: DecodeEngineRequest) => ({
  batch: 1,
  maxLength: context,
  computeDtype,
});
