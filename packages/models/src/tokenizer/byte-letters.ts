/** The letter that stands for a byte in byte-level vocabularies. Source: GPT-2's `bytes_to_unicode`. */

/** Printable bytes stand for themselves, the others for the characters from U+0100 on, in order. */
const letters: readonly string[] = (() => {
  const own = (b: number): boolean =>
    (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, b) => String.fromCharCode(own(b) ? b : next++));
})();

export const letterOf = (byte: number): string => letters[byte]!;

const encoder = new TextEncoder();
/** Text as the letters of its UTF-8 bytes. */
export const lettersOf = (text: string): string =>
  Array.from(encoder.encode(text), letterOf).join("");
