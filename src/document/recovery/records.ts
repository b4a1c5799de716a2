const [QUOTE, BACKSLASH, NEWLINE, BRACE, END_BRACE, BRACKET, END_BRACKET] = [34, 92, 10, 123, 125, 91, 93];

/**
 * How many records a text has: objects right inside of arrays. It need not be whole JSON: what was cut off, or damaged in one
 * place, has about as many as can be seen of it. A string ends with its line at the latest.
 */
export function recordsIn(text: string): number {
  let count = 0;
  let isInString = false;
  const open: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE || code === NEWLINE) isInString = false;
    } else if (code === QUOTE) {
      isInString = true;
    } else if (code === BRACE || code === BRACKET) {
      if (code === BRACE && open.at(-1) === BRACKET) count++;
      open.push(code);
    } else if (code === END_BRACE || code === END_BRACKET) {
      open.pop();
    }
  }
  return count;
}
