import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export const read = (path: string) => readFileSync(join(root, path), 'utf8');

export interface Block {
  readonly language: string;
  readonly text: string;
  readonly line: number;
}

export function blocks(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(
    ({ 1: language = '', 2: text = '', index }) => ({
      language,
      text,
      line: markdown.slice(0, index).split('\n').length,
    }),
  );
}

export const prose = (markdown: string) => markdown.replace(/^```[\s\S]*?^```$/gm, '');

/** The rows of the table under a heading, without its head; cells as plain text. */
export function table(markdown: string, heading: string): string[][] {
  const [, section] = markdown.split(`\n## ${heading}\n`);
  const rows = section?.split(/\n## /)[0]?.match(/^\|.*\|$/gm) ?? [];
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
}

export const ownDocuments = [
  'README.md',
  ...[
    'guarantees',
    'recovery',
    'file-systems',
    'platforms',
    'events',
    'rules',
    'once',
    'documents',
    'merge',
  ].map((name) => `docs/${name}.md`),
];
