const [QUOTE, BACKSLASH, NEWLINE, BRACE, END_BRACE, BRACKET, END_BRACKET] = [34, 92, 10, 123, 125, 91, 93];

/**
 * How many records a text has: objects right inside of arrays. It need not be whole JSON: what was cut off, or damaged in one
 * place, has about as many as can be seen of it. A string ends with its line at the latest. `text`: its bytes in UTF-8, in
 * which all that counts is ASCII.
 */
export function recordsIn(text: Uint8Array): number {
  let count = 0;
  let depth = 0;
  const open: number[] = [];
  for (let at = 0; at < text.length; ) {
    const code = text[at++];
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === BRACE || code === BRACKET) {
      if (code === BRACE && depth > 0 && open[depth - 1] === BRACKET) count++;
      open[depth++] = code;
    } else if (code === END_BRACE || code === END_BRACKET) {
      depth = Math.max(0, depth - 1);
    }
  }
  return count;
}

function endOfString(text: Uint8Array, begin: number): number {
  for (let at = begin; at < text.length; ) {
    const code = text[at++];
    if (code === BACKSLASH) at++;
    else if (code === QUOTE || code === NEWLINE) return at;
  }
  return text.length;
}
