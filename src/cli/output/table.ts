const GAP = '  ';

/** Rows in columns as wide as their widest cell; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, width(cell));
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

/** Colour codes take no room on the screen. */
function width(cell: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts every colour code
  return [...cell.replace(/\u001b\[\d+m/g, '')].length;
}
