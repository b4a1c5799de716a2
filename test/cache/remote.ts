import type { Remote } from '../support/agent.ts';

/** For agents: fetches a text, and tells what became of it. */
export const fetchText = async ({ cache, fs }: Remote, directory: string, key: string, mirror?: string) => {
  const opened = await cache.openCache(directory);
  const make = async ({ temp }: { temp: string }) => fs.writeFileSync(temp, 'words');
  const entry = await opened.fetch(key, make, mirror === undefined ? {} : { mirror });
  return {
    fromCache: entry.fromCache,
    mirroredBy: entry.mirroredBy,
    text: fs.readFileSync(entry.path, 'utf8'),
  };
};
