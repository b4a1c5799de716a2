// A registry: packs every directory of packages/ and serves the archives, with their checksums, on the loopback interface.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8070' } } });
const packages = fileURLToPath(new URL('packages', import.meta.url));

/** @type {Map<string, Buffer>} What is served, by its path. */
const served = new Map();
const temporary = mkdtempSync(join(tmpdir(), 'mirror-registry-'));
try {
  for (const name of readdirSync(packages)) served.set(`/${name}.tgz`, pack(name));
} finally {
  rmSync(temporary, { recursive: true });
}
const sums = [...served].map(([path, bytes]) => `${sha256(bytes)}  ${path.slice(1)}\n`);
served.set('/SHA256SUMS', Buffer.from(sums.join('')));

const server = createServer(({ url = '' }, response) => {
  const bytes = served.get(url);
  response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
});
server.listen(Number(values.port), '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`registry of ${served.size - 1} packages on http://127.0.0.1:${address.port}`);
});

/** @param {string} name */
function pack(name) {
  const archive = join(temporary, `${name}.tgz`);
  const { status, stderr } = spawnSync('tar', ['-czf', archive, '-C', join(packages, name), '.']);
  if (status !== 0) throw new Error(`tar failed on ${name}: ${stderr}`);
  return readFileSync(archive);
}

/** @param {Buffer} bytes */
function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
