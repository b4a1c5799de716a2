import { readFileSync } from 'node:fs';

/** What Node.js makes of bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * The words to start a command by whose arguments are not all UTF-8, such as a file name in an old encoding. Node.js
 * passes on text only, so the shell makes the bytes again: `sh -c 'exec "$@"'` with each such argument written in octal.
 * The same words when there is nothing to be made, or the bytes cannot be read on this system.
 */
export function exactWords(words: readonly [string, ...string[]]): readonly [string, ...string[]] {
  if (!words.some((word) => word.includes(REPLACEMENT))) return words;
  const bytes = ownArguments().slice(-words.length);
  const parts = words.map((word, at) => {
    const exact = bytes[at];
    const isLossy = exact !== undefined && exact.toString() === word && !exact.equals(Buffer.from(word));
    return isLossy
      ? { setup: octal(exact, at), word: `"\${a${at}%x}"` }
      : { setup: '', word: `"\${${at + 1}}"` };
  });
  if (parts.every(({ setup }) => setup === '')) return words;
  const script = `${parts.map(({ setup }) => setup).join('')}exec ${parts.map(({ word }) => word).join(' ')}`;
  return ['/bin/sh', '-c', script, 'sh', ...words];
}

/** An `x` at the end keeps the shell from dropping line feeds there. */
function octal(bytes: Buffer, at: number): string {
  const digits = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`);
  return `a${at}=$(printf '${digits.join('')}x'); `;
}

function ownArguments(): Buffer[] {
  try {
    const all = readFileSync('/proc/self/cmdline');
    const words: Buffer[] = [];
    for (let at = 0; at < all.length; ) {
      const end = all.indexOf(0, at);
      words.push(all.subarray(at, end));
      at = end + 1;
    }
    return words;
  } catch {
    return [];
  }
}
