import { readSync, writeSync } from 'node:fs';
import type { BackgroundCall } from './options.ts';

/** What the process in the background tells the one that started it, one line each. */
export type News =
  /** It waits for another one's run. */
  | { readonly event: 'waiting' }
  /** It is about to run the command. */
  | { readonly event: 'running' }
  /** There is an outcome on record: of this run. */
  | { readonly event: 'end'; readonly exitCode: number; readonly run: string }
  /** There is none, and this is why: the code of an error, or how a command ended. */
  | {
      readonly event: 'error';
      readonly message: string;
      readonly reason?: string;
      readonly exitCode?: number;
      readonly signal?: NodeJS.Signals;
    };

export interface Plan extends Omit<BackgroundCall, 'words'> {
  /** How many descriptors the command may have: the limit of the process that made the call. */
  readonly descriptorLimit?: number | undefined;
}

/** The descriptor on which the process in the background gets its plan, one line, and tells its news. */
export const PLAN_AND_NEWS = 3;

const SPANS = ['ttl', 'failureTtl', 'grace'] as const;

/** JSON has no infinite numbers. */
export function formatPlan(plan: Plan): string {
  const spans = SPANS.flatMap((name) => (plan[name] === undefined ? [] : [[name, String(plan[name])]]));
  return `${JSON.stringify({ ...plan, ...Object.fromEntries(spans) })}\n`;
}

/** Reads the plan of this process. It comes from the same version of the package. */
export function readPlan(): Plan {
  const plan = JSON.parse(readLine()) as Plan;
  const spans = SPANS.flatMap((name) => (plan[name] === undefined ? [] : [[name, Number(plan[name])]]));
  return { ...plan, ...Object.fromEntries(spans) };
}

function readLine(): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(65_536);
    const count = readSync(PLAN_AND_NEWS, chunk);
    chunks.push(chunk.subarray(0, count));
    if (count === 0 || chunk[count - 1] === 10) return Buffer.concat(chunks).toString();
  }
}

export function tell(news: News): void {
  try {
    writeSync(PLAN_AND_NEWS, `${JSON.stringify(news)}\n`);
  } catch {
    // Nobody listens any more.
  }
}

export function parseNews(line: string): News {
  return JSON.parse(line) as News;
}
