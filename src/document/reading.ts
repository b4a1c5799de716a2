import { adopted } from './adopt.ts';
import type { LoadOptions } from './load.ts';
import type { Settings } from './settings.ts';

/** How the file of a document is read. */
export function readingOf(
  settings: Pick<Settings<unknown>, 'path' | 'maxBytes' | 'schema' | 'migrate' | 'holdLimit'>,
): LoadOptions {
  const { path: shown, maxBytes } = settings;
  return { shown, maxBytes, adopt: (json) => adopted(settings, json) };
}
