import { integrityIn } from '../content/integrity.ts';
import { type NotModified, strongValidator } from '../content/validators.ts';
import { DownloadError, IncompleteError, IntegrityError, NoSpaceError } from '../errors/content-errors.ts';
import { Address, type Job } from './address.ts';
import { Client } from './client.ts';
import { Expected } from './expected.ts';
import { Fault } from './fault.ts';
import type { Settings } from './options.ts';
import type { Clock } from './pause.ts';
import type { DownloadContext, Downloaded } from './producer.ts';

interface Failure {
  readonly address: Address;
  readonly fault: Fault;
}

/** Downloads from the first of these addresses that serves it. What went wrong here, as on the disk, is thrown at once. */
export async function transfer(
  urls: readonly URL[],
  settings: Settings,
  context: DownloadContext,
  clock: Clock,
): Promise<Downloaded | NotModified> {
  context.signal.throwIfAborted();
  const asked = integrityIn({ integrity: context.integrity, allowWeak: settings.allowWeak });
  const expected = new Expected(
    [settings.integrity, asked],
    [settings.size, context.size],
    settings.maxBytes,
  );
  context.partial.hash(expected.integrities.map(({ algorithm }) => algorithm));
  const job = { settings, context, expected, clock };
  const whole = await alreadyWhole(job);
  if (whole !== undefined) return whole;
  const client = await Client.load(settings);
  const failures: Failure[] = [];
  try {
    for (const url of urls) {
      const address = new Address(url, job, client);
      try {
        return await address.fetch();
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        failures.push({ address, fault });
      }
    }
  } finally {
    await client.close();
  }
  throw errorOf(failures, job);
}

/**
 * A download that was whole when its process died needs no request where an integrity tells that it is right. Without
 * one, the server is asked for what lies behind the last byte, and says whether that is still the end.
 */
async function alreadyWhole({ context, expected, settings }: Job): Promise<Downloaded | undefined> {
  const { partial } = context;
  const { state, offset } = partial;
  if (offset === 0 || state?.total !== offset || !settings.resume) return undefined;
  if (expected.integrities.length === 0) return undefined;
  const finished = await partial.finish();
  const isRight = expected.differs(finished) === undefined && (expected.size ?? offset) === offset;
  if (isRight) return { validators: { ...state.validators, source: state.source }, url: state.url };
  await partial.restart();
  return undefined;
}

function errorOf(failures: readonly Failure[], job: Job): Error {
  const errors = failures.map((failure) => explained(failure, job));
  const [last] = failures.slice(-1);
  if (last === undefined) return new Error('there was no address');
  if (errors.length === 1) return errors[0] as Error;
  if (errors.every((error) => error instanceof NoSpaceError)) return errors.at(-1) as Error;
  const attempts = failures.reduce((sum, { address }) => sum + address.requests, 0);
  const list = failures.map(({ address, fault }) => `${address.url}: ${fault.problem}`).join('; ');
  const problem = `none of ${failures.length} addresses served it (${list})`;
  const { next, status } = last.fault.facts;
  const cause = new AggregateError(errors);
  return new DownloadError({ url: last.address.url, attempts, status }, { problem, next, cause });
}

function explained({ address, fault }: Failure, { context, expected }: Job): Error {
  const { url, requests: attempts } = address;
  const { problem, cause } = fault;
  if (cause instanceof NoSpaceError) return cause;
  const { mismatch, isIncomplete, next, status } = fault.facts;
  if (mismatch !== undefined) return new IntegrityError({ what: url, ...mismatch });
  if (!isIncomplete) return new DownloadError({ url, attempts, status }, { problem, next, cause });
  const { offset: got, state } = context.partial;
  const isTold = expected.integrities.length > 0 || strongValidator(state?.validators ?? {}) !== undefined;
  const step = got > 0 && state !== undefined && isTold ? 'Run it again to go on from there' : next;
  return new IncompleteError({ url, attempts, got, expected: state?.total }, { problem, next: step, cause });
}
