import { clock, duration, holders, printable } from '../../errors/describe.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { Date } from '../../time/time.ts';
import { type Colours, coloursFor } from '../output/colour.ts';

/** What a line of the audit log may hold; all of it is checked, for the file may hold anything. */
interface Entry {
  readonly at?: unknown;
  readonly event?: unknown;
  readonly resource?: unknown;
  readonly mode?: unknown;
  readonly pid?: unknown;
  readonly user?: unknown;
  readonly command?: unknown;
  readonly purpose?: unknown;
  readonly waited?: unknown;
  readonly held?: unknown;
  readonly holders?: unknown;
  readonly reason?: unknown;
  readonly degradation?: { readonly detail?: unknown };
}

const EVENT_WIDTH = 9;

/** One line of the audit log for people; a line that is not one is shown as it is. */
export function pretty(line: string): string {
  const entry = parse(line);
  if (entry === undefined) return printable(line);
  const colours = coloursFor(1);
  const event = word(entry.event);
  const details = [
    shared(entry),
    span('waited', entry.waited),
    span('held', entry.held),
    others(entry),
    why(entry),
  ];
  return [
    colours.dim(time(entry.at)),
    paint(event, colours)(event.padEnd(EVENT_WIDTH)),
    colours.bold(word(entry.resource)),
    ...details.filter((detail) => detail !== ''),
    who(entry),
  ]
    .filter((part) => part !== '')
    .join('  ');
}

function parse(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'event' in value ? value : undefined;
  } catch {
    return undefined;
  }
}

function paint(event: string, { green, yellow, red, dim }: Colours): (text: string) => string {
  if (event === 'granted') return green;
  if (event === 'requested' || event === 'released') return dim;
  return event === 'lost' || event === 'timed-out' ? red : yellow;
}

function time(at: unknown): string {
  return clock(new Date(word(at)));
}

function shared({ mode }: Entry): string {
  return mode === 'shared' ? 'shared' : '';
}

function span(label: string, ms: unknown): string {
  return typeof ms === 'number' && ms > 0 ? `${label} ${duration(ms)}` : '';
}

function isRecords(value: unknown): value is readonly HolderRecord[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'object' && each !== null);
}

/** Since when they held it is counted up to this line, not to the day on which it is read. */
function others({ holders: records, at }: Entry): string {
  if (!isRecords(records) || records.length === 0) return '';
  const then = new Date(word(at));
  if (!Number.isNaN(then.getTime())) return `behind ${holders(records, then)}`;
  return `behind ${holders(records.map(({ since: _, ...record }) => record))}`;
}

function why({ reason, degradation }: Entry): string {
  return [reason, degradation?.detail]
    .filter((each) => typeof each === 'string')
    .map(word)
    .join(' ');
}

function who({ command, purpose, pid, user }: Entry): string {
  const title = word(purpose ?? command);
  const facts = [
    typeof pid === 'number' ? `pid ${pid}` : '',
    typeof user === 'string' ? `user ${word(user)}` : '',
  ];
  const known = facts.filter((fact) => fact !== '').join(', ');
  return [title === '' ? '' : `"${title}"`, known === '' ? '' : `(${known})`].filter(Boolean).join(' ');
}

function word(value: unknown): string {
  return typeof value === 'string' ? printable(value) : '';
}
