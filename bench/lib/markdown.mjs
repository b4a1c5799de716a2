import { digits } from './table.mjs';

/**
 * One benchmark's result as a section of a page: its tables, and what it had to hold.
 *
 * @param {{ name: string, measures: string, tables: import('./report.mjs').Report['tables'],
 *   targets: readonly import('./report.mjs').Target[] }} result
 */
export function markdown({ name, measures, tables, targets }) {
  return [
    `### ${name}`,
    `${measures.charAt(0).toUpperCase()}${measures.slice(1)}.`,
    ...tables.map(({ title, columns, rows }) => `${title}:\n\n${grid(columns, rows)}`),
    ...(targets.length === 0 ? [] : [targets.map(line).join('\n')]),
  ].join('\n\n');
}

/** The bounds that were missed, of all results together. @param {readonly { targets: readonly import('./report.mjs').Target[] }[]} results */
export function misses(results) {
  const targets = results.flatMap((result) => result.targets);
  const missed = targets.filter(({ met }) => !met);
  const count = `${targets.length - missed.length} of ${targets.length} bounds are met`;
  return missed.length === 0 ? `${count}.` : [`${count}; these are not:`, '', ...missed.map(line)].join('\n');
}

/** @param {readonly string[]} columns @param {readonly (readonly import('./table.mjs').Cell[])[]} rows */
function grid(columns, rows) {
  const row = (/** @type {readonly unknown[]} */ cells) => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, at) => (at === 0 ? '---' : '--:'));
  return [columns, rule, ...rows.map((cells) => cells.map((cell) => cell ?? '–'))].map(row).join('\n');
}

/** @param {import('./report.mjs').Target} target */
function line({ what, value, relation, limit, met }) {
  return `- ${met ? 'met' : '**missed**'}: ${what}: ${digits(value)}, wanted ${relation} ${digits(limit)}`;
}
