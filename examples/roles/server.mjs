#!/usr/bin/env node
// Shows one file of roles to windows of this machine:  node server.mjs [FILE] [--port N]
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openDocument } from 'holdfast/document';
import { backupsOf } from './backups.mjs';
import { SAMPLE } from './model.mjs';
import { RolesFile } from './roles-file.mjs';
import { Web } from './web.mjs';

const LONG_ENOUGH = /^[\w-]{32,}$/;

const { values, positionals } = parseArgs({
  options: { port: { type: 'string', default: '0' } },
  allowPositionals: true,
});
const port = Number(values.port);
const token = process.env.ROLES_TOKEN ?? randomBytes(32).toString('base64url');
if (!(Number.isInteger(port) && port >= 0 && port < 65_536))
  fail(`--port must be 0 to 65535, got ${values.port}`);
if (positionals.length > 1) fail(`One file is shown, got ${positionals.length}`);
if (!LONG_ENOUGH.test(token)) fail('ROLES_TOKEN must be 32 letters, digits, _ or - at least');

const path = resolve(positionals[0] ?? 'roles.json');
// A file that is gone while its backups are there was deleted: whoever opens a window is asked.
if (!existsSync(path) && backupsOf(path).length === 0) {
  await (await openDocument(path, { create: SAMPLE })).close();
}
const roles = new RolesFile(path);
await roles.open();
const web = new Web(roles, token);
const address = await web.start(port);
console.log(`${path} is at ${address}#token=${token}`);
console.log('Open that in as many windows as you like; Ctrl-C ends it.');

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.once(signal, async () => {
    await web.stop();
    await roles.close();
    process.exit(0);
  });
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`${message}.`);
  process.exit(2);
}
