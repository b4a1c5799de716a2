import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** What Node.js makes of bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

/** A command as the system takes it: bytes without NUL. */
export interface ExactCommand {
  readonly words: readonly [Buffer, ...Buffer[]];
  /** Each of them `NAME=value`. */
  readonly env: readonly Buffer[];
}

/**
 * The command in bytes. Those of this process' own last arguments, and of variables that it was started with, are what it
 * was given itself: Node.js tells them as text only, in which what is no UTF-8 has become U+FFFD.
 */
export function exactCommand(words: readonly [string, ...string[]], env: NodeJS.ProcessEnv): ExactCommand {
  const [first, ...rest] = exactWords(words);
  return { words: [first as Buffer, ...rest], env: exactEntries(env) };
}

/** The same where text does not say it all, so that `spawn` cannot start it; undefined elsewhere. */
export function commandBeyondText(
  words: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): ExactCommand | undefined {
  const isSuspect = words.some(isLossy) || Object.values(env).some(isLossy) || hasLossyName();
  if (!isSuspect) return undefined;
  const command = exactCommand(words, env);
  return [...command.words, ...command.env].every(isUtf8) ? undefined : command;
}

function isLossy(text: string | undefined): boolean {
  return text?.includes(REPLACEMENT) === true;
}

/** Words as bytes: those of this process' own last arguments as it was given them. Compared from the end, for what stands before the command differs, as its file does behind a wrapper. */
export function exactWords(words: readonly string[]): Buffer[] {
  const own = words.some(isLossy) ? ownStrings('cmdline') : [];
  const shift = own.length - words.length;
  const differs = words.findLastIndex((word, at) => own[at + shift]?.toString() !== word);
  return words.map((word, at) => (at > differs ? own[at + shift] : undefined) ?? Buffer.from(word));
}

function exactEntries(env: NodeJS.ProcessEnv): Buffer[] {
  const given = Object.entries(env).filter(([, value]) => value !== undefined);
  const texts = given.map(([name, value]) => `${name}=${value}`);
  if (!texts.some(isLossy) && !hasLossyName()) return texts.map((text) => Buffer.from(text));
  const own = ownStrings('environ').filter((entry) => !isUtf8(entry));
  const known = new Map(own.map((entry) => [entry.toString(), entry]));
  const unnamed = own.filter((entry) => !isUtf8(entry.subarray(0, entry.indexOf('='))));
  return [...texts.map((text) => known.get(text) ?? Buffer.from(text)), ...unnamed];
}

/** Node.js lists such variables, and gives no value of them. */
function hasLossyName(): boolean {
  return Reflect.ownKeys(process.env).some((name) => isLossy(String(name)));
}

/** What this process was started with, as far as this system tells. */
function ownStrings(file: 'cmdline' | 'environ'): Buffer[] {
  try {
    const all = readFileSync(`/proc/self/${file}`);
    const strings: Buffer[] = [];
    for (let at = 0; at < all.length; ) {
      const end = all.indexOf(0, at);
      strings.push(all.subarray(at, end < 0 ? all.length : end));
      at = end < 0 ? all.length : end + 1;
    }
    return strings;
  } catch {
    return [];
  }
}
