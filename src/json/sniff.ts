/** How a text is laid out. */
export interface Layout {
  /** The white space of one level; empty where everything stands on one line. */
  readonly indent: string;
  /** The first line end; LF where there is none. */
  readonly newline: string;
  /** Whether the text begins with a byte order mark. */
  readonly bom: boolean;
  readonly finalNewline: boolean;
  /** What stands after the colon of a member on one line with its value, and after a comma there: a space, or nothing. */
  readonly gap: string;
  /** What stands between braces and members on the same line: a space, or nothing. */
  readonly pad: string;
}

/** The layout of a text, from its first lines; a text with nothing in it counts as indented by two spaces. */
export function sniff(text: string): Layout {
  const [newline = '\n'] = /\r\n?|\n/.exec(text) ?? [];
  const [, indent = /[[{]\s*[^\s\]}/]/.test(text) ? '' : '  '] = /[\r\n]([ \t]+)[^\s/*]/.exec(text) ?? [];
  const [, gap = indent === '' ? '' : ' '] = /":([ \t]?)/.exec(text) ?? [];
  let pad: string | undefined;
  return {
    indent,
    newline,
    bom: text.startsWith('\ufeff'),
    finalNewline: /[\r\n]\s*$/.test(text.slice(-100)),
    gap: gap === '' ? '' : ' ',
    /** Looked for where it is asked for: a text in which every member has its line is looked through to its end. */
    get pad() {
      pad ??= /\{( ?)"/.exec(text)?.[1] ?? (indent === '' ? '' : ' ');
      return pad;
    },
  };
}
