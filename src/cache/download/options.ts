import { InputError, shown } from '../../errors/input-error.ts';
import { checkNames, namesOf } from '../../lock/known-options.ts';
import { type Integrity, parseIntegrity } from '../integrity.ts';
import { proxyFor } from './proxy.ts';

/** How something is downloaded. All spans are milliseconds. */
export interface DownloadOptions {
  /** Sent to the origin of the address, and to no other one that it redirects to. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the bytes must match, as Subresource Integrity: `sha256-<base64>`. */
  readonly integrity?: string;
  /** Whether `sha1` and `md5` count in `integrity`. Default false. */
  readonly allowWeak?: boolean;
  /** How many bytes it must be. */
  readonly size?: number;
  /** The most bytes it may be. */
  readonly maxBytes?: number;
  /** The media types that are accepted, such as `application/zip` or `image/*`. Refuses a login page, for one. */
  readonly accept?: string | readonly string[];
  /** Whether to go on with what an earlier download has left. Default true. */
  readonly resume?: boolean;
  /** How many requests in a row may bring nothing new, for each address. Default 5. */
  readonly attempts?: number;
  /** How long nothing may come while something is waited for. Default 30 s. */
  readonly stallTimeout?: number;
  /** How long a connection may take. Default 10 s. */
  readonly connectTimeout?: number;
  /** The proxy; `false` for none. Default: as the environment says, see `proxyFor`. */
  readonly proxy?: string | false;
  /** Certificates of authorities, in PEM, in the place of those that Node.js knows. */
  readonly ca?: string | Uint8Array;
  /** Whether to undo a `Content-Encoding` (gzip, deflate, br). Default false: the bytes as they are sent. No resume then. */
  readonly decode?: boolean;
  /** Whether to take a body whose end cannot be told from a broken connection, without `integrity` or `size`. Default false. */
  readonly allowUnverified?: boolean;
}

/** The same with all defaults. */
export interface Settings extends Omit<DownloadOptions, 'integrity' | 'accept' | 'headers'> {
  readonly headers: Readonly<Record<string, string>>;
  readonly integrity: Integrity | undefined;
  readonly accept: readonly string[];
  readonly resume: boolean;
  readonly attempts: number;
  readonly stallTimeout: number;
  readonly connectTimeout: number;
  readonly decode: boolean;
  readonly allowUnverified: boolean;
}

const NAMES = namesOf<DownloadOptions>({
  headers: true,
  integrity: true,
  allowWeak: true,
  size: true,
  maxBytes: true,
  accept: true,
  resume: true,
  attempts: true,
  stallTimeout: true,
  connectTimeout: true,
  proxy: true,
  ca: true,
  decode: true,
  allowUnverified: true,
});

/** What a download decides itself. */
const OWN_HEADERS =
  /^(range|if-.*|accept-encoding|connection|content-.*|host|keep-alive|proxy-.*|te|transfer-encoding|upgrade)$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @throws {InputError} naming the option. No secret is in its message. */
export function checkOptions(options: DownloadOptions): Settings {
  checkNames(options, NAMES);
  const { accept = [], integrity, allowWeak = false } = options;
  for (const name of ['stallTimeout', 'connectTimeout'] as const) {
    check(name, options[name], (value) => value > 0, 'a number of milliseconds above 0');
  }
  for (const name of ['size', 'maxBytes'] as const) {
    check(name, options[name], isExtent, 'a whole number of bytes');
  }
  check(
    'attempts',
    options.attempts,
    (value) => Number.isInteger(value) && value > 0,
    'a whole number above 0',
  );
  proxyFor(new URL('https://invalid'), options.proxy, {});
  return {
    ...options,
    headers: checkHeaders(options.headers ?? {}),
    integrity: integrity === undefined ? undefined : parseIntegrity(integrity, { allowWeak }),
    accept: [accept].flat().map(mediaType),
    resume: options.resume ?? true,
    attempts: options.attempts ?? 5,
    stallTimeout: options.stallTimeout ?? 30_000,
    connectTimeout: options.connectTimeout ?? 10_000,
    decode: options.decode ?? false,
    allowUnverified: options.allowUnverified ?? false,
  };
}

/** @throws {InputError} for anything but addresses of http and https, of which there must be one. */
export function checkUrls(given: string | URL | readonly (string | URL)[]): readonly URL[] {
  const urls = [given].flat().map(checkUrl);
  if (urls.length === 0) throw new InputError('url', 'must be an address, or several; got none');
  return urls;
}

function checkUrl(given: unknown): URL {
  const text = String(given);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    throw new InputError('url', 'must be an absolute address, such as https://host.example/file');
  if (!/^https?:$/.test(url.protocol)) {
    throw new InputError('url', `must be an address of http or https, got one of ${shown(url.protocol)}`);
  }
  return url;
}

function isExtent(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function check(name: string, value: unknown, isRight: (value: number) => boolean, what: string): void {
  if (value === undefined || (typeof value === 'number' && isRight(value))) return;
  throw new InputError(name, `must be ${what}, got ${shown(value)}`);
}

function mediaType(type: string): string {
  if (typeof type === 'string' && /^[\w.+*-]+\/[\w.+*-]+$/.test(type)) return type.toLowerCase();
  throw new InputError('accept', `must be a media type such as application/zip, got ${shown(type)}`);
}

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(([given, value]) => [given.toLowerCase(), value] as const);
  for (const [name, value] of entries) {
    if (OWN_HEADERS.test(name))
      throw new InputError('headers', `must not have ${shown(name)}, which download sends itself`);
    if (!HEADER_NAME.test(name) || typeof value !== 'string' || !HEADER_VALUE.test(value)) {
      throw new InputError('headers', `has ${shown(name)}, which is no header, or whose value is none`);
    }
  }
  return Object.fromEntries(entries);
}
