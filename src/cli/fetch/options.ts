import { basename, join, sep } from 'node:path';
import type { Policy } from '../../cache/policy.ts';
import { parseIntegrity } from '../../content/integrity.ts';
import { download } from '../../download/download.ts';
import type { DownloadProducer } from '../../download/producer.ts';
import { InputError } from '../../errors/input-error.ts';
import { statOrNothing } from '../../storage/fs/stat.ts';
import { absolute } from '../../storage/working-directory.ts';
import { type CacheFlags, cacheDirectory, refusePlacesOfLocks } from '../cache/place.ts';
import { type Address, addressOf } from './address.ts';

export interface FetchFlags extends CacheFlags {
  readonly to?: string;
  readonly integrity?: string;
  readonly policy?: 'never' | 'if-missing' | 'always';
  /** Milliseconds. */
  readonly maxAge?: number;
  readonly key?: string;
  readonly allowEmpty?: true;
  readonly jobs: number;
  readonly header?: readonly string[];
  /** Milliseconds. */
  readonly timeout?: number;
}

/** One address to fetch. */
export interface Job extends Address {
  /** For a narrow line. */
  readonly label: string;
  readonly producer: DownloadProducer;
}

/** What `holdfast fetch` was asked for. */
export interface FetchCall {
  readonly directory: string;
  /** In the order of the words; the same object for the same key. */
  readonly jobs: readonly Job[];
  readonly policy: Policy;
  readonly integrity?: string;
  readonly allowEmpty: boolean;
  /** The path of a file, or a directory for all of them. */
  readonly to?: { readonly file: string } | { readonly directory: string };
  readonly parallel: number;
  readonly timeout: number;
}

/** @throws {InputError} before anything is fetched. */
export function readCall(words: readonly string[], flags: FetchFlags): FetchCall {
  const { to, integrity, key, maxAge, jobs: parallel, timeout = Number.POSITIVE_INFINITY } = flags;
  refusePlacesOfLocks(flags, 'fetch');
  const headers = headersOf(flags.header ?? []);
  if (integrity !== undefined) parseIntegrity(integrity);
  const jobs = new Map<string, Job>();
  const wanted = words.map((word) => {
    const address = addressOf(word);
    const job = jobs.get(key ?? address.key) ?? {
      ...address,
      key: key ?? address.key,
      label: basename(address.url.pathname) || address.url.host,
      producer: download(address.url, { headers }),
    };
    jobs.set(job.key, job);
    return job;
  });
  const place = to === undefined ? undefined : placeOf(to);
  if (words.length > 1) {
    if (key !== undefined) refuseForSeveral('--key');
    if (integrity !== undefined) refuseForSeveral('--integrity');
    if (place !== undefined && 'file' in place) {
      throw new InputError('--to', `must be a directory for several URLs: write ${join(to as string, sep)}`);
    }
  }
  return {
    directory: cacheDirectory(flags),
    jobs: wanted,
    policy: maxAge === undefined ? (flags.policy ?? 'if-missing') : { maxAge },
    ...(integrity === undefined ? {} : { integrity }),
    allowEmpty: flags.allowEmpty === true,
    ...(place === undefined ? {} : { to: place }),
    parallel,
    timeout,
  };
}

function refuseForSeveral(option: string): never {
  throw new InputError(option, 'is for one URL: fetch each with a call of its own');
}

/** A directory is one that ends so, or is there. */
function placeOf(to: string): Exclude<FetchCall['to'], undefined> {
  const endsSo = to.endsWith('/') || to.endsWith(sep) || /(^|[/\\])\.\.?$/.test(to);
  return endsSo || statOrNothing(to)?.isDirectory() === true
    ? { directory: absolute(to) }
    : { file: absolute(to) };
}

/** Headers that are no lists: HTTP knows no way to send several values of them (RFC 9110, 5.3). */
const SINGLE =
  /^((proxy-)?authorization|host|user-agent|referer|from|date|origin|max-forwards|range|if-(range|(un)?modified-since)|content-(type|length|location|range|md5))$/;

/**
 * A header that is given several times is one list, which says the same to a server as several lines do.
 *
 * @throws {InputError} without what may be secret.
 */
function headersOf(lines: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, written, value] = /^([^:\s]+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (written === undefined || value === undefined) {
      throw new InputError(
        '-H, --header',
        'must be a name, a colon and a value, such as "Authorization: Bearer …"',
      );
    }
    const name = written.toLowerCase();
    const before = headers.get(name);
    if (before !== undefined && SINGLE.test(name)) {
      throw new InputError('-H, --header', `gives ${name} more than once: a request has one value of it`);
    }
    const between = name === 'cookie' ? '; ' : ', ';
    headers.set(name, before === undefined ? value : `${before}${between}${value}`);
  }
  return Object.fromEntries(headers);
}
