import { join } from 'node:path';
import { PartialFile } from '../content/partial/partial-file.ts';
import { checkOptions, checkUrls, type DownloadOptions, termsOf } from './options.ts';
import { type Clock, realClock } from './pause.ts';
import { DOWNLOAD, type DownloadContext, type DownloadProducer, TERMS } from './producer.ts';
import { transfer } from './transfer.ts';

/**
 * A producer for `cache.fetch` that downloads a file over http or https.
 *
 * Guarantees: what is published has the length that the server announced, and matches `integrity` and `size` where they
 * are given. A download that broke off goes on where it ended, in this call or, after a crash, in a later one, if the
 * server has the same version still. The bytes are those on the wire, whatever their `Content-Encoding`. Of several
 * addresses, the next one is tried when the one before does not serve it; `headers` go to each of them. Nothing secret of an address or a header gets
 * into records, errors or file names.
 *
 * Not guaranteed: without `integrity`, that the bytes are those that whoever published them had in mind.
 *
 *     await cache.fetch('corpus', download('https://data.example/corpus.tar', { integrity: 'sha256-…' }))
 *
 * Fails with `DownloadError`, `IncompleteError` (run it again), `IntegrityError` or `NoSpaceError`.
 *
 * @throws {InputError} for an address or option that cannot be used, before anything is asked.
 */
export function download(
  url: string | URL | readonly (string | URL)[],
  options: DownloadOptions = {},
): DownloadProducer {
  return downloadWith(realClock, url, options);
}

/** The same with a clock of one's own, for tests. */
export function downloadWith(
  clock: Clock,
  url: string | URL | readonly (string | URL)[],
  options: DownloadOptions = {},
): DownloadProducer {
  const urls = checkUrls(url);
  const settings = checkOptions(options);
  const run = (context: DownloadContext) => transfer(urls, settings, context, clock);
  const alone = async ({ temp, signal, progress }: Parameters<DownloadProducer>[0]) => {
    const partial = await PartialFile.open(join(temp, 'download'), { resume: false });
    try {
      await run({ partial, signal, progress });
      await partial.seal();
      return partial.path;
    } finally {
      await partial.close();
    }
  };
  return Object.assign(alone, { [DOWNLOAD]: run, [TERMS]: () => termsOf(urls, settings) });
}
