import { InputError, shown } from '../errors/input-error.ts';

/** The algorithms of Subresource Integrity, the strongest first, and below them those that no longer prove anything. */
const STRONG = ['sha512', 'sha384', 'sha256'] as const;
const WEAK = ['sha1', 'md5'] as const;
const BYTES = { sha512: 64, sha384: 48, sha256: 32, sha1: 20, md5: 16 };

export type Algorithm = (typeof STRONG)[number] | (typeof WEAK)[number];

/** Digests of one content by algorithm, in hexadecimal digits. */
export type Digests = Readonly<Partial<Record<Algorithm, string>>>;

/** What content must match: any one of several digests, all of the strongest algorithm that was given. */
export interface Integrity {
  readonly algorithm: Algorithm;
  /** Hexadecimal digits. */
  readonly digests: readonly string[];
  /** As it was given. */
  readonly text: string;
}

const EXPRESSION = /^([A-Za-z0-9]+)-([A-Za-z0-9+/_-]+)(={0,2})(?:\?[!-~]*)?$/;

/**
 * Reads the metadata of Subresource Integrity: `sha256-<base64>`, several of them separated by white space. Only the
 * strongest algorithm among them counts, with each of its digests as an alternative. Unknown algorithms and options
 * (`?…`) are passed over. Padding may be left out, and both alphabets of Base64 are read.
 *
 * Unlike a browser, which lets everything pass when nothing in the text can be checked, this refuses such a text, and a
 * digest whose length does not fit its algorithm: both are a mistake of the caller's. `sha1` and `md5` count only with
 * `allowWeak`, and never beside a stronger one.
 *
 * @throws {InputError} for a text of which nothing can be checked.
 */
export function parseIntegrity(
  text: string,
  { allowWeak = false }: { readonly allowWeak?: boolean | undefined } = {},
): Integrity {
  if (typeof text !== 'string') throw new InputError('integrity', `must be a string, got ${shown(text)}`);
  const found = text.split(/\s+/).filter(Boolean).flatMap(readExpression);
  const accepted: readonly Algorithm[] = allowWeak ? [...STRONG, ...WEAK] : STRONG;
  const algorithm = accepted.find((each) => found.some((one) => one.algorithm === each));
  if (algorithm === undefined) {
    const only = found.length > 0 ? ', and sha1 and md5 are refused unless a program sets allowWeak' : '';
    throw new InputError(
      'integrity',
      `must have a digest such as sha256-<base64>, sha384-… or sha512-…, got ${shown(text)}${only}`,
    );
  }
  const digests = found.filter((one) => one.algorithm === algorithm).map(({ digest }) => digest);
  return { algorithm, digests, text };
}

function readExpression(word: string): { algorithm: Algorithm; digest: string }[] {
  const [, name = '', base64 = '', padding = ''] = EXPRESSION.exec(word) ?? [];
  const algorithm = name.toLowerCase() as Algorithm;
  if (!Object.hasOwn(BYTES, algorithm)) return word.includes('-') ? [] : refuse(word);
  const digest = Buffer.from(base64, 'base64');
  const isPadded = padding === '' || (base64.length + padding.length) % 4 === 0;
  if (digest.length !== BYTES[algorithm] || !isPadded) return refuse(word);
  return [{ algorithm, digest: digest.toString('hex') }];
}

function refuse(word: string): never {
  throw new InputError('integrity', `has ${shown(word)}, which is no digest of its algorithm in Base64`);
}

/** Whether content with these digests is what was expected. @throws {Error} when the algorithm was not computed. */
export function matches({ algorithm, digests }: Integrity, computed: Digests): boolean {
  const digest = computed[algorithm];
  if (digest === undefined) throw new Error(`the ${algorithm} of the content was not computed`);
  return digests.includes(digest);
}

/** What these options say that content must match. @throws {InputError} */
export function integrityIn(options: {
  readonly integrity?: string | undefined;
  readonly allowWeak?: boolean | undefined;
}): Integrity | undefined {
  return options.integrity === undefined ? undefined : parseIntegrity(options.integrity, options);
}

/** A digest as Subresource Integrity writes it. */
export function formatIntegrity(algorithm: Algorithm, hex: string): string {
  return `${algorithm}-${Buffer.from(hex, 'hex').toString('base64')}`;
}

/** All of them, the SHA-256 that an entry is named after first. */
export function integrityOf(digests: Digests): string {
  const names = ['sha256', 'sha384', 'sha512', ...WEAK] as const;
  return names
    .flatMap((name) => (digests[name] === undefined ? [] : formatIntegrity(name, digests[name])))
    .join(' ');
}
