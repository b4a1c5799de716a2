/** @typedef {string | number | undefined} Cell */

/** Plain text with aligned columns; the first column is left-aligned, all others right-aligned.
 * @param {readonly string[]} columns @param {readonly (readonly Cell[])[]} rows */
export function table(columns, rows) {
  const cells = [columns, ...rows].map((row) => columns.map((_, at) => String(row[at] ?? '–')));
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => (row[at] ?? '').length)));
  const lines = cells.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  );
  lines.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('  '));
  return lines.map((line) => `  ${line.trimEnd()}`).join('\n');
}

/** A span given in nanoseconds, with three digits and its unit. @param {number} ns */
export function span(ns) {
  if (!Number.isFinite(ns)) return '–';
  if (ns < 1e3) return `${digits(ns)} ns`;
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
  if (ns < 1e9) return `${digits(ns / 1e6)} ms`;
  return `${digits(ns / 1e9)} s`;
}

/** @param {number} value */
export function times(value) {
  return Number.isFinite(value) ? `${digits(value)}×` : '–';
}

/** @param {number} value */
export function digits(value) {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}
