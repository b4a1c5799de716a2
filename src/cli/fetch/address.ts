import { fingerprintOf, redacted } from '../../download/redact.ts';
import { InputError, shown } from '../../errors/input-error.ts';

/** What is fetched, and what may be shown of it. */
export interface Address {
  readonly url: URL;
  /** Without its secrets. */
  readonly shown: string;
  /** What it is kept under: of a query, which may be a secret, only a hash. */
  readonly key: string;
}

const HASH = 16;

/** @throws {InputError} for what is no address of http or https; without what may be secret in it. */
export function addressOf(word: string): Address {
  const url = urlOf(word);
  if (url !== undefined) {
    const text = redacted(url);
    const query = url.search === '' ? '' : `#${fingerprintOf(url).slice(0, HASH)}`;
    return { url, shown: text, key: `${text}${query}` };
  }
  const got = shown(withoutSecrets(word));
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(word) && !MEANS_HTTP.test(word)) {
    throw new InputError('URL', `must be an address of http or https, got ${got}`);
  }
  const isHost = /^[\w-]+(\.[\w-]+)+([:/]|$)/.test(word);
  const hint = isHost ? `; put https:// before it` : '';
  throw new InputError(
    'URL',
    `must be an absolute address such as https://host.example/file, got ${got}${hint}`,
  );
}

/**
 * The key that a word of `holdfast cache` names: a key, or an address that was fetched without one.
 *
 * @throws {InputError} for what begins as an address of http or https and is none: nothing is kept under it.
 */
export function keyOfWord(word: string): string {
  if (word === '') throw new InputError('KEY', 'must not be empty, got ""');
  const isAddress = MEANS_HTTP.test(word) || urlOf(word) !== undefined;
  return isAddress && !isOurKey(word) ? addressOf(word).key : word;
}

/** The words of a command line, as they may be recorded: others can read who holds a lock. */
export function recordableWords(words: readonly string[]): string[] {
  return words.map((word, at) => {
    if (HEADER.exec(words[at - 1] ?? '')?.[2] === '') return withoutValue(word);
    const [, header, line = ''] = HEADER.exec(word) ?? [];
    if (header !== undefined) return `${header}${withoutValue(line)}`;
    const [, option = '', value = word] = /^(--[^=]+=)(.*)$/s.exec(word) ?? [];
    return `${option}${recordable(value)}`;
  });
}

/** The option with what is written in the same word: nothing, where the header is the next word. */
const HEADER = /^(--header(?:=|$)|-[a-z]*H)(.*)$/s;

/** Of a header, its name. */
function withoutValue(line: string): string {
  return line.replace(/:.*$/s, ': …');
}

function recordable(word: string): string {
  if (isOurKey(word)) return word;
  if (urlOf(word) !== undefined) return addressOf(word).shown;
  return MAY_HAVE_SECRETS.test(word) ? withoutSecrets(word) : word;
}

const MEANS_HTTP = /^\s*https?:/i;

/** An address of any scheme, also with a slash too few or the wrong ones, and `user:password@host`. */
const MAY_HAVE_SECRETS = /^\s*https?:|[a-z][a-z\d+.-]+:[/\\]|:.*@/is;

/** An address to fetch, in every spelling that is one: `http:/user:pw@host`, without slashes or with backslashes, too. */
function urlOf(word: string): URL | undefined {
  const url = URL.canParse(word) ? new URL(word) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** A key that `addressOf` made has no query, only the hash of one. */
function isOurKey(word: string): boolean {
  const url = urlOf(word);
  return url !== undefined && /^#[\da-f]{16}$/.test(url.hash) && word === `${redacted(url)}${url.hash}`;
}

/** In doubt, nothing behind the scheme: a password may have any character, also those that end one in an address. */
function withoutSecrets(word: string): string {
  const [clear = ''] = /^[^?#]*/.exec(word) ?? [];
  if (word.includes('@') || !PLAIN.test(clear)) return `${/^\s*[a-z][a-z\d+.-]*:/i.exec(word)?.[0] ?? ''}…`;
  return clear === word ? word : `${clear}?…`;
}

/** A host with its scheme and port, if it has them, and a path. */
const PLAIN = /^([a-z][a-z\d+.-]*:\/\/)?[^:/\\]*(:\d+)?(\/[^\\]*)?$/i;
