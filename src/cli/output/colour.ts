import { isatty } from 'node:tty';

type Paint = (text: string) => string;

/** The few colours in use; plain text where they would not be seen, or `NO_COLOR` is set (no-color.org). */
export interface Colours {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

export function coloursFor(descriptor: 1 | 2, env: NodeJS.ProcessEnv = process.env): Colours {
  const wanted = isatty(descriptor) && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const paint = (on: number, off: number): Paint =>
    wanted ? (text) => `\u001b[${on}m${text}\u001b[${off}m` : (text) => text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
  };
}
