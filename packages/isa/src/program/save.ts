/** Saves a Program as one record stream and loads it back through the same checks; what is loaded equals what was saved. */
import { OpenTrnError } from "@opentrn/base";
import { type Chip, chipNamed } from "@opentrn/chips";
import { dtypeId } from "@opentrn/numerics";
import { ProgramBuilder } from "./builder.ts";
import { readInstruction } from "./codec.ts";
import { checkLoops } from "./loop-nest.ts";
import type { Program } from "./program.ts";
import { ProgramStream } from "./stream.ts";
import { control, WordReader, WordWriter } from "./words.ts";

/** "OTRN" as a little-endian word, then the format version. */
const MAGIC = 0x4e52544f;
const VERSION = 1;
const spaces = ["sbuf", "psum", "hbm"];
const kinds = ["input", "output", "internal", "constant"];

class StreamWriter {
  readonly words: number[] = [];
  private readonly strings = new Map<string, number>([["", 0]]);

  text(s: string): number {
    const known = this.strings.get(s);
    if (known !== undefined) return known;
    const id = this.strings.size;
    this.strings.set(s, id);
    this.words.push(control.string, id, ...packBytes(new TextEncoder().encode(s)));
    return id;
  }
}

/** `[length, words…]` of a byte string. */
function packBytes(bytes: Uint8Array): number[] {
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return [bytes.length, ...new Int32Array(padded.buffer)];
}

/** The binary form: magic, version, name and target, then the record stream. */
export function saveProgram(program: Program): Uint8Array {
  const w = new StreamWriter();
  const body = w.words;
  program.lines.forEach((l, id) => {
    if (id === 0) return;
    const [file, fn] = [w.text(l.file), w.text(l.function)];
    body.push(control.line, id, file, l.line, fn);
  });
  for (const s of program.storages) {
    const name = w.text(s.name);
    const pin = s.pinned ?? { partition: 0, offset: 0 };
    body.push(
      control.storage,
      s.line,
      s.id,
      spaces.indexOf(s.space),
      dtypeId[s.dtype],
      kinds.indexOf(s.kind),
      s.core,
    );
    body.push(s.pinned ? 1 : 0, pin.partition, pin.offset, name, s.shape.length, ...s.shape);
    if (s.data) body.push(control.constant, s.id, ...packBytes(s.data));
  }
  let core = 0;
  const onCore = (n: number): void => {
    if (n === core) return;
    core = n;
    body.push(control.core, core);
  };
  const beforeInstruction = (i: number): void => {
    for (const p of program.prints)
      if (p.before === i) {
        onCore(p.core);
        const prefix = w.text(p.prefix);
        const operand = new WordWriter();
        operand.operand(p.operand);
        body.push(control.print, prefix, ...operand.words);
      }
    for (const [from, to] of program.ordered) {
      if (from === to) continue;
      if (to === i) body.push(control.order, 0);
      if (from === i) body.push(control.order, 1);
    }
  };
  for (let i = 0; i < program.starts.length; i++) {
    beforeInstruction(i);
    onCore(program.coreOf[i]!);
    // Instructions that were put in another order lie where they were made.
    const reader = new WordReader(program.words, program.starts[i]!);
    readInstruction(reader, i);
    for (let k = program.starts[i]!; k < reader.at; k++) body.push(program.words[k]!);
  }
  beforeInstruction(program.starts.length);
  for (const [consumer, producer] of program.depends)
    body.push(control.depends, consumer, producer);
  for (const o of program.outputs) body.push(control.output, o);
  body.push(control.end);
  const names = [
    ...packBytes(new TextEncoder().encode(program.name)),
    ...packBytes(new TextEncoder().encode(program.chip.name)),
  ];
  const all = Int32Array.of(MAGIC, VERSION, program.cores, ...names);
  const out = new Int32Array(all.length + body.length);
  out.set(all);
  out.set(body, all.length);
  return new Uint8Array(out.buffer);
}

/** Reads the binary form, checking every rule again; throws `bad input` for what is not a Program. */
export function loadProgram(file: Uint8Array, chipOf: (name: string) => Chip = chipNamed): Program {
  const bad = (why: string): never => {
    throw new OpenTrnError(`not a Program: ${why}`, {
      category: "bad input",
      rule: "program file",
    });
  };
  if (file.length % 4 !== 0 || file.length < 20)
    bad(`${file.length} bytes is no whole number of records`);
  const words = new Int32Array(Uint8Array.from(file).buffer);
  if (words[0] !== MAGIC) bad("it does not start with OTRN");
  if (words[1] !== VERSION) bad(`it is version ${words[1]}, this build reads version ${VERSION}`);
  let at = 3;
  const text = (): string => {
    const length = words[at] ?? -1;
    const count = Math.ceil(length / 4);
    if (length < 0 || at + 1 + count > words.length) bad("a name is cut off");
    const bytes = new Uint8Array(words.slice(at + 1, at + 1 + count).buffer, 0, length);
    at += 1 + count;
    return new TextDecoder().decode(bytes);
  };
  const name = text();
  const builder = new ProgramBuilder({ name, chip: chipOf(text()), cores: words[2]! });
  const stream = new ProgramStream(builder);
  stream.push(words.slice(at));
  stream.finish();
  const program = builder.finish();
  checkLoops(program);
  return program;
}
