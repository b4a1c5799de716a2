/** Space, tab, line feed, carriage return: what JSON allows between its signs. */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Where the comment at `at` ends, before the end of its line if it is one of a line; undefined if none stands there, or it has no end. */
export function commentEnd(text: string, at: number): number | undefined {
  if (text.startsWith('//', at)) {
    const end = /[\r\n]/g;
    end.lastIndex = at;
    return end.exec(text)?.index ?? text.length;
  }
  if (!text.startsWith('/*', at)) return undefined;
  const end = text.indexOf('*/', at + 2);
  return end === -1 ? undefined : end + 2;
}
