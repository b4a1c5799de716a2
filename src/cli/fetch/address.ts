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
  const url = URL.canParse(word) ? new URL(word) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) {
    const text = redacted(url);
    const query = url.search === '' ? '' : `#${fingerprintOf(url).slice(0, HASH)}`;
    return { url, shown: text, key: `${text}${query}` };
  }
  const got = shown(withoutSecrets(word));
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(word)) {
    throw new InputError('URL', `must be an address of http or https, got ${got}`);
  }
  const isHost = /^[\w-]+(\.[\w-]+)+([:/]|$)/.test(word);
  const hint = isHost ? `; put https:// before it` : '';
  throw new InputError(
    'URL',
    `must be an absolute address such as https://host.example/file, got ${got}${hint}`,
  );
}

/** The key that a word of `holdfast cache` names: a key, or an address that was fetched without one. */
export function keyOfWord(word: string): string {
  if (word === '') throw new InputError('KEY', 'must not be empty, got ""');
  return isAddress(word) ? addressOf(word).key : word;
}

/** The words of a command line, as they may be recorded: others can read who holds a lock. */
export function recordableWords(words: readonly string[]): string[] {
  return words.map((word, at) => {
    const isHeader = /^(-H|--header)$/.test(words[at - 1] ?? '');
    const [, option, header = word] = /^(--header=|-H)(.+)$/.exec(word) ?? [];
    if (isHeader || option !== undefined) return `${option ?? ''}${header.replace(/:.*$/s, ': …')}`;
    return isAddress(word) ? addressOf(word).shown : word.includes('://') ? withoutSecrets(word) : word;
  });
}

/** A key that is already one of ours has no query. */
function isAddress(word: string): boolean {
  return /^https?:\/\//i.test(word) && URL.canParse(word) && !/\?…#[0-9a-f]{16}$/.test(word);
}

function withoutSecrets(word: string): string {
  return word.replace(/(^|\/\/)[^/?#]*@/, '$1').replace(/[?#].*$/s, '?…');
}
