/**
 * Splits a neuron-profile JSON dump into the rows of its tables without building the whole document: a dump of a long run is larger
 * than one string may be. Rows are handed out as text, in file order. Format: `neuron-profile view --output-format json`, as seen in
 * dumps of profiler 2.28 (`{"table": [{row}, ...], ...}`).
 */
import { OpenTrnError } from "@opentrn/base";

export interface TableRow {
  readonly table: string;
  readonly text: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

const bad = (message: string): OpenTrnError =>
  new OpenTrnError(
    `profile: ${message}; expected the JSON that neuron-profile or Neuron Explorer writes, one array of objects a table`,
    { category: "bad input", rule: "profile JSON" },
  );

/** Feed text in any pieces with `push`; `end` throws "bad input" when the document stopped in the middle. */
export class TableScanner {
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** Characters of the key or row being read; they may span pieces. */
  private partial = "";
  private collecting = false;
  private table: string | undefined;
  private finished = false;

  *push(text: string): Generator<TableRow> {
    // Start, in `text`, of what is being collected.
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (c === BACKSLASH) this.escaped = true;
        else if (c === QUOTE) {
          this.inString = false;
          if (this.depth === 1) {
            this.table = this.take(text, from, i);
          }
        }
        continue;
      }
      if (c === QUOTE) {
        this.inString = true;
        if (this.depth === 1) from = this.collect(i + 1);
      } else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
        this.open(c);
        if (c === OPEN_OBJECT && this.depth === 3) from = this.collect(i);
      } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) {
        this.depth--;
        if (this.depth === 0) this.finished = true;
        if (this.depth === 2 && c === CLOSE_OBJECT) {
          yield { table: this.table!, text: this.take(text, from, i + 1) };
        }
      }
    }
    if (this.collecting) this.partial += text.slice(from);
  }

  end(): void {
    if (!this.finished) throw bad("the file ends in the middle of the document");
  }

  private open(c: number): void {
    if (this.finished) throw bad("text follows the end of the document");
    if (this.depth === 0 && c !== OPEN_OBJECT) throw bad("the document is no object");
    if (this.depth === 1 && c !== OPEN_ARRAY) throw bad(`table ${this.table} is no array`);
    if (this.depth === 2 && c !== OPEN_OBJECT) throw bad(`table ${this.table} holds no objects`);
    this.depth++;
  }

  private collect(from: number): number {
    this.collecting = true;
    return from;
  }

  private take(text: string, from: number, to: number): string {
    const whole = this.partial + text.slice(from, to);
    this.partial = "";
    this.collecting = false;
    return whole;
  }
}

/**
 * One row as an object. Identifiers are 64-bit, more than a number holds, so they are read as strings.
 * @throws OpenTrnError "bad input" when the row is no JSON.
 */
export function parseRow(row: TableRow): Readonly<Record<string, unknown>> {
  const text = row.text.replace(/(?<!\\)"(id|packet_aggregation_id)"\s*:\s*(\d+)/g, '"$1":"$2"');
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw bad(`a row of table ${row.table} is no JSON (${(cause as Error).message})`);
  }
}
