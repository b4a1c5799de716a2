// One job, in a process of its own.
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { compare } from './jobs/compare.mjs';
import { index } from './jobs/index.mjs';
import { words } from './jobs/words.mjs';
import { Library } from './library.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    server: { type: 'string', default: '' },
    data: { type: 'string', default: '' },
    policy: { type: 'string', default: 'if-missing' },
  },
});
const { server, data } = values;
const [job = ''] = positionals;
const run = new Map(Object.entries({ words, index, compare })).get(job);
if (run === undefined) throw new Error(`There is no job ${JSON.stringify(job)}: words, index, compare`);

/** A number of milliseconds is the age up to which a data set is taken as it is. */
const policy = /^\d+$/.test(values.policy)
  ? { maxAge: Number(values.policy) }
  : /** @type {import('holdfast/cache').Policy} */ (values.policy);

try {
  const library = await Library.open({ server, data, policy, job });
  const path = await run(library);
  console.log(`${job}: ${library.story.join(', ')}; ${statSync(path).size} bytes in ${path}`);
} catch (error) {
  console.error(`${job}: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
