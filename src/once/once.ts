import { callback, check } from '../lock/known-options.ts';
import { unlessAborted } from '../lock/on-abort.ts';
import { failed } from './failure.ts';
import { Flight, type FlightPlan, type Patience } from './flight.ts';
import { digestOf } from './inputs.ts';
import { type CommandContext, marksOf, type Outcome, type RunContext } from './job.ts';
import { failureStands, type Judgement, judge, type Terms } from './judgement.ts';
import { checkKey, checkOptions, DEFAULT_ATTEMPTS, type OnceOptions } from './options.ts';
import { takeParsed } from './record.ts';
import { type Place, placeOf } from './scope.ts';
import { Store } from './store.ts';
import { decodeValue, type Encoded } from './value.ts';

/**
 * Runs `work` in exactly one of all processes that call with the same key at the same time, and gives its result to all
 * of them, and to later calls for as long as `ttl` says, across restarts.
 *
 * Guaranteed: no two runs of a key at the same time. A result is recorded durably before anybody gets it, and every
 * caller gets a copy of its own. The death of the process that runs is not a result: the next in line runs, up to
 * `attempts` times in a row. Not guaranteed: that work which was killed half-way left nothing behind, so it should bear
 * being run again.
 *
 * The result is any JSON value, `undefined`, a `Buffer` or `Uint8Array`; properties that are undefined are left out.
 * What the work throws, its own caller gets; so do the callers of the same process. Those who waited in other processes
 * get an `OnceFailedError` with its name and message, and a later call runs again unless `failureTtl` says otherwise.
 *
 * @throws {OnceFailedError} the run that was waited for failed, or a failure is remembered.
 * @throws {OnceAbandonedError} `attempts` runs in a row ended without a result.
 * @throws {OnceStoppedError} somebody stopped the run that was waited for (`holdfast once --stop`).
 * @throws {UnrecordedError} the result is none of the above values, or the disk did not take it.
 * @throws {InaccessibleError} what is recorded cannot be read.
 * @throws {TimeoutError} somebody else's run took longer than `timeout`; it goes on.
 * @throws {DeadlockError} the call is part of the work it would wait for.
 * @throws {InputError} the key or an option cannot be used.
 * @throws the reason of `signal`; what `validate` throws; and as `LockManager.acquire` does.
 *
 * @example
 * const catalogue = await once('catalogue', () => download(url), { ttl: 3_600_000, timeout: 60_000 });
 */
export async function once<T>(
  key: string,
  work: (context: RunContext) => T | PromiseLike<T>,
  options: OnceOptions<T> = {},
): Promise<T> {
  checkKey(key);
  check('work', work, callback);
  checkOptions(options);
  const outcome = await outcomeOf(key, ({ signal, attempt }) => work({ signal, attempt }), options);
  return recordedValue(outcome) as T;
}

/** What is known of work that is a command. */
type Extras = Partial<Pick<FlightPlan, 'task' | 'holding' | 'purpose' | 'before'>> & {
  readonly at?: Pick<FlightPlan, 'place' | 'store'>;
};

/** What `once` does, for work that wants to know of its lock, and for callers that want the record. */
export async function outcomeOf<T>(
  key: string,
  work: (context: CommandContext) => unknown,
  options: OnceOptions<T> & Extras,
): Promise<Outcome> {
  options.signal?.throwIfAborted();
  const { place, store } = options.at ?? functionAt(key, options);
  const terms = await unlessAborted(termsOf(options), options.signal);
  const judged = judge(store, terms);
  const rejected = await idOfInvalid(judged, options);
  if (judged.state === 'failed') throw failed(key, judged.record, terms);
  if (judged.state !== 'none' && rejected === undefined) {
    if (judged.state === 'stale' && failureStands(store, terms) === undefined) {
      revalidate(flightPlan(key, work, options, { place, store, rejected }), terms);
    }
    return { record: judged.record, from: 'recorded' };
  }
  const plan = flightPlan(key, work, options, { place, store, rejected });
  const outcome = await join(plan, terms, options);
  if (outcome.from !== 'recorded' || (await holds(outcome, options))) return outcome;
  const again = { ...plan, rejected: outcome.record.header.id };
  return join(again, terms, options);
}

function functionAt(key: string, { scope, directory }: OnceOptions<never>): NonNullable<Extras['at']> {
  const place = placeOf(key, scope, directory);
  return { place, store: new Store(place.records, key, 'functions') };
}

/** A copy of the recorded value, which nobody else has. */
export function recordedValue({ record }: Pick<Outcome, 'record'>): unknown {
  return takeParsed(record) ?? decodeValue({ kind: record.header.kind, body: record.body } as Encoded);
}

async function termsOf({
  ttl,
  failureTtl,
  staleWhileRevalidate,
  inputs,
}: OnceOptions<never>): Promise<Terms> {
  return { ttl, failureTtl, staleWhileRevalidate, inputs: await digestOf(inputs) };
}

/** The run whose success does not hold any more, if `validate` says so. */
async function idOfInvalid<T>(judged: Judgement, options: OnceOptions<T>): Promise<string | undefined> {
  if (judged.state === 'none' || judged.state === 'failed') return undefined;
  const { record } = judged;
  return (await holds({ record, from: 'recorded' }, options)) ? undefined : record.header.id;
}

async function holds<T>(outcome: Outcome, { validate, signal }: OnceOptions<T>): Promise<boolean> {
  if (validate === undefined) return true;
  return Boolean(await unlessAborted(validate(recordedValue(outcome) as T), signal));
}

function flightPlan<T>(
  key: string,
  work: (context: CommandContext) => unknown,
  options: OnceOptions<T> & Extras,
  found: { readonly place: Place; readonly store: Store; readonly rejected: string | undefined },
): FlightPlan {
  const { attempts = DEFAULT_ATTEMPTS, before = marksOf(found.store), task, holding, purpose } = options;
  const { project } = found.place;
  const extras = Object.fromEntries(
    Object.entries({ task, holding, purpose }).filter(([, value]) => value !== undefined),
  );
  return { key, project, work, attempts, before, terms: () => termsOf(options), ...found, ...extras };
}

/** A call that is over already starts no flight, which nobody would be there to abort. */
function join(plan: FlightPlan, terms: Terms, patience: Omit<Patience, 'attempts'>): Promise<Outcome> {
  patience.signal?.throwIfAborted();
  return flightFor(plan, terms).join({ ...patience, attempts: plan.attempts });
}

const flights = new Map<string, Flight>();

/** The flight that is under way in this thread for these inputs, or a new one. */
function flightFor(plan: FlightPlan, { inputs }: Terms): Flight {
  const id = `${plan.store.id}\0${inputs}`;
  const known = flights.get(id);
  if (known !== undefined) return known;
  const flight: Flight = new Flight(plan, () => {
    if (flights.get(id) === flight) flights.delete(id);
  });
  flights.set(id, flight);
  return flight;
}

/** Runs again behind a stale result, unless somebody does already. How it ends is recorded, and nobody's error. */
function revalidate(plan: FlightPlan, terms: Terms): void {
  const { place } = plan;
  if (place.locks.inspect({ name: place.lock }).state !== 'free') return;
  flightFor(plan, terms)
    .join({ attempts: plan.attempts })
    .catch(() => {});
}
