import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { download, openCache } from 'holdfast/cache';

/**
 * @typedef {import('./corpus.mjs').Name} Name
 * @typedef {import('holdfast/cache').Entry} Entry
 */

/** The data sets that all jobs share, and what was made of them. */
export class Library {
  /** How this job came by what it used, for people. @type {string[]} */
  story = [];
  #cache;
  #options;

  /**
   * @param {import('holdfast/cache').Cache} cache
   * @param {{ server: string, data: string, policy: import('holdfast/cache').Policy, job: string }} options
   */
  constructor(cache, options) {
    this.#cache = cache;
    this.#options = options;
  }

  /** @param {ConstructorParameters<typeof Library>[1]} options */
  static async open(options) {
    return new Library(await openCache(join(options.data, 'cache')), options);
  }

  /**
   * Runs a body with a data set, which stays where it is meanwhile. Whichever job comes first downloads it.
   *
   * @template T
   * @param {Name} name
   * @param {(entry: Entry) => Promise<T>} body
   * @returns {Promise<T>}
   */
  use(name, body) {
    const { server, policy, job } = this.#options;
    const headers = { 'user-agent': `${job} (pid ${process.pid})` };
    const source = download(`${server}/${name}.txt`, { headers, accept: 'text/plain', proxy: false });
    return this.#cache.use(name, source, { policy }, (entry) => {
      this.story.push(`${name} ${howCame(entry)}`);
      return body(entry);
    });
  }

  /**
   * The result of a computation, which is an entry as well: named after what it was made of, so it is made once for each
   * edition. It is put beside the cache, where people look for it.
   *
   * @template T
   * @param {string} title
   * @param {readonly Entry[]} sources
   * @param {() => Promise<T>} compute
   * @returns {Promise<string>} where it is
   */
  async result(title, sources, compute) {
    const path = join(this.#options.data, `${title}.json`);
    const key = [title, ...sources.map(({ integrity }) => integrity)].join(' ');
    const { fromCache } = await this.#cache.fetch(
      key,
      async ({ temp }) => writeFile(temp, JSON.stringify(await compute())),
      { mirror: path },
    );
    this.story.push(fromCache ? 'computed before' : 'computed');
    return path;
  }
}

/** @param {Entry} entry */
function howCame({ joined, fromCache, produced, checked }) {
  if (joined) return 'shared';
  if (fromCache) return 'from the cache';
  return produced === checked ? 'fetched' : 'not changed';
}
