import { digits, table } from './table.mjs';

/** @typedef {import('./table.mjs').Cell} Cell */
/** @typedef {{ what: string, value: number, relation: string, limit: number, met: boolean }} Target */

/** What a benchmark has to say: printed at once, and kept for the results file. */
export class Report {
  /** @type {{ title: string, columns: readonly string[], rows: readonly (readonly Cell[])[] }[]} */
  tables = [];
  /** @type {Target[]} */
  targets = [];
  /** @type {Record<string, unknown>} */
  figures = {};

  /** @param {string} title @param {readonly string[]} columns @param {readonly (readonly Cell[])[]} rows */
  table(title, columns, rows) {
    this.tables.push({ title, columns, rows });
    console.log(`\n${title}\n${table(columns, rows)}`);
  }

  /** A bound the project has set itself. @param {string} what @param {number} value @param {number} limit */
  atMost(what, value, limit) {
    this.#target(what, value, limit, value <= limit, 'at most');
  }

  /** @param {string} what @param {number} value @param {number} limit */
  atLeast(what, value, limit) {
    this.#target(what, value, limit, value >= limit, 'at least');
  }

  /** @param {string} key @param {unknown} value */
  figure(key, value) {
    this.figures[key] = value;
  }

  /** @param {string} what @param {number} value @param {number} limit @param {boolean} met @param {string} relation */
  #target(what, value, limit, met, relation) {
    this.targets.push({ what, value, relation, limit, met });
    console.log(
      `  ${met ? 'met' : 'MISSED'}: ${what} is ${digits(value)}, wanted ${relation} ${digits(limit)}`,
    );
  }
}
