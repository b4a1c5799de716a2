import { type Integrity, integrityIn } from '../content/integrity.ts';
import { InputError, shown } from '../errors/input-error.ts';
import {
  anything,
  checkKinds,
  count,
  extent,
  flag,
  given,
  type Kind,
  type Kinds,
  span,
} from '../lock/known-options.ts';
import { PROXY_VARIABLES, proxyFor } from './proxy.ts';

/** How something is downloaded. All spans are milliseconds. */
export interface DownloadOptions {
  /** Sent to the origin of the address, of each one where there are several, and to no other one that it redirects to. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What the bytes must match, as Subresource Integrity: `sha256-<base64>`. */
  readonly integrity?: string | undefined;
  /** Whether `sha1` and `md5` count in `integrity`. Default false. */
  readonly allowWeak?: boolean | undefined;
  /** How many bytes it must be. */
  readonly size?: number | undefined;
  /** The most bytes it may be. */
  readonly maxBytes?: number | undefined;
  /** The media types that are accepted, such as `application/zip` or `image/*`. Refuses a login page, for one. */
  readonly accept?: string | readonly string[] | undefined;
  /** Whether to go on with what an earlier download has left. Default true. */
  readonly resume?: boolean | undefined;
  /** How many requests in a row may bring nothing new, for each address. Default 5. */
  readonly attempts?: number | undefined;
  /** How long nothing may come while something is waited for. Default 30 s. */
  readonly stallTimeout?: number | undefined;
  /** How long a connection may take. Default 10 s. */
  readonly connectTimeout?: number | undefined;
  /** The proxy; `false` for none. Default: as the environment says, see `proxyFor`. */
  readonly proxy?: string | false | undefined;
  /** Certificates of authorities, in PEM, in the place of those that Node.js knows. */
  readonly ca?: string | Uint8Array | undefined;
  /** Whether to undo a `Content-Encoding` (gzip, deflate, br). Default false: the bytes as they are sent. No resume then. */
  readonly decode?: boolean | undefined;
  /** Whether to take a body whose end cannot be told from a broken connection, without `integrity` or `size`. Default false. */
  readonly allowUnverified?: boolean | undefined;
}

/** The same with all defaults. */
export type Settings = Omit<DownloadOptions, 'integrity' | 'accept'> &
  typeof DEFAULTS & {
    readonly headers: Readonly<Record<string, string>>;
    readonly integrity: Integrity | undefined;
    readonly accept: readonly string[];
  };

const DEFAULTS = {
  resume: true,
  attempts: 5,
  stallTimeout: 30_000,
  connectTimeout: 10_000,
  decode: false,
  allowUnverified: false,
};

const aboveZero = { ...span, fits: (value: unknown) => span.fits(value) && value !== 0 };

const pem: Kind = {
  what: 'certificates in PEM, as one text or its bytes',
  fits: (value) => (typeof value === 'string' && value !== '') || value instanceof Uint8Array,
};

const KINDS: Kinds<DownloadOptions> = {
  headers: anything, // `checkHeaders` looks
  integrity: anything, // `parseIntegrity` looks
  allowWeak: flag,
  size: extent,
  maxBytes: extent,
  accept: anything, // `mediaType` looks
  resume: flag,
  attempts: count,
  stallTimeout: aboveZero,
  connectTimeout: aboveZero,
  proxy: anything, // `proxyFor` looks
  ca: pem,
  decode: flag,
  allowUnverified: flag,
};

/** What a download decides itself. */
const OWN_HEADERS =
  /^(range|if-.*|accept-encoding|connection|content-.*|host|keep-alive|proxy-.*|te|transfer-encoding|upgrade)$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** @throws {InputError} naming the option. No secret is in its message. */
export function checkOptions(options: DownloadOptions): Settings {
  checkKinds(options, KINDS);
  proxyFor(new URL('https://invalid'), options.proxy, {});
  const { accept = [], headers = {} } = options;
  return {
    ...DEFAULTS,
    ...(given(options) as Partial<typeof DEFAULTS>),
    headers: checkHeaders(headers),
    integrity: integrityIn(options),
    accept: [accept].flat().map(mediaType),
  };
}

/** What Node.js takes its certificates and its own options from. */
const NODE_VARIABLES = [
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_USE_SYSTEM_CA',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
];

/** What was asked for and what the process adds to that, in one order. */
export function termsOf(urls: readonly URL[], settings: Settings): string {
  const { headers, ca, ...others } = settings;
  const sorted = (values: object) => Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    urls.map(({ href }) => href),
    sorted(others),
    sorted(headers),
    ca === undefined ? ca : Buffer.from(ca).toString('base64'),
    [...PROXY_VARIABLES, ...NODE_VARIABLES].map((name) => process.env[name]),
    process.execArgv,
  ]);
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

function mediaType(type: string): string {
  if (typeof type === 'string' && /^[\w.+*-]+\/[\w.+*-]+$/.test(type)) return type.toLowerCase();
  throw new InputError('accept', `must be a media type such as application/zip, got ${shown(type)}`);
}

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  // The members of anything else, of Headers or a Map, are not the headers in it: credentials would be left out in silence.
  if (!isPlain(headers)) {
    throw new InputError('headers', `must be an object of names and values, got ${shown(headers)}`);
  }
  const entries = Object.entries(headers).map(([given, value]) => [given.toLowerCase(), value] as const);
  for (const [name, value] of entries) {
    if (OWN_HEADERS.test(name))
      throw new InputError('headers', `must not have ${shown(name)}, which download sends itself`);
    if (!HEADER_NAME.test(name) || typeof value !== 'string' || !HEADER_VALUE.test(value)) {
      throw new InputError('headers', `has ${shown(name)}, which is no header, or whose value is none`);
    }
  }
  const twice = entries.find(([name], at) => entries.findIndex((each) => each[0] === name) < at);
  if (twice !== undefined) {
    throw new InputError(
      'headers',
      `has ${shown(twice[0])} twice, in upper and lower case: write one of them`,
    );
  }
  return Object.fromEntries(entries);
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
