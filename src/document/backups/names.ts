import { stamp, timeOf } from '../file/names.ts';

/** When a copy was made, and which it is of several in that millisecond, from 0. */
export interface Stamp {
  readonly time: number;
  readonly turn: number;
}

/** The names of copies of one file: `roles.json.20261127T194201.123Z.bak`, or `….123Z-1.bak` where that one is taken. */
export class Names {
  readonly #beginning: string;
  readonly #end: string;

  /** `kind`: `bak`, `corrupt`. */
  constructor(name: string, kind: string) {
    this.#beginning = `${name}.`;
    this.#end = `.${kind}`;
  }

  at({ time, turn }: Stamp): string {
    return `${this.#beginning}${stamp(time)}${turn === 0 ? '' : `-${turn}`}${this.#end}`;
  }

  /** Undefined for every name that `at` does not make. */
  read(name: string): Stamp | undefined {
    if (!name.startsWith(this.#beginning) || !name.endsWith(this.#end)) return undefined;
    const parts = STAMP.exec(name.slice(this.#beginning.length, -this.#end.length));
    if (parts === null) return undefined;
    const [, time = '', turn = '0'] = parts;
    const stamp = { time: timeOf(time), turn: Number(turn) };
    return !Number.isNaN(stamp.time) && this.at(stamp) === name ? stamp : undefined;
  }
}

const STAMP = /^(.*Z)(?:-(\d{1,3}))?$/;
