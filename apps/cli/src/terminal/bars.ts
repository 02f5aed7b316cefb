/** A bar of block characters, eighths of a cell fine. */
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** `share` of `width` cells, 0 to 1; a share above nothing shows at least an eighth. */
export function bar(share: number, width: number): string {
  const clamped = Math.min(1, Math.max(0, share));
  const cells = Math.max(clamped > 0 ? 1 : 0, Math.round(clamped * width * 8));
  return ("█".repeat(Math.floor(cells / 8)) + eighths[cells % 8]).padEnd(width);
}
