// Makes the pictures in docs/images anew, of examples/roles in Chromium:  npm run screenshots [-- --into DIR]
// The fonts are those of this machine; the pictures in the repository have Inter (Debian: fonts-inter).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

/** Bytes of the largest picture. */
const MOST = 150_000;
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];

const root = fileURLToPath(new URL('..', import.meta.url));
const options = /** @type {const} */ ({ into: { type: 'string', default: join(root, 'docs/images') } });
const { into } = parseArgs({ options }).values;
mkdirSync(into, { recursive: true });

const home = mkdtempSync(join(tmpdir(), 'team-'));
const file = join(home, 'roles.json');
const server = spawn(process.execPath, [join(root, 'examples/roles/server.mjs'), file]);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', ...QUIET],
});
try {
  const [greeting] = await once(createInterface({ input: server.stdout }), 'line');
  const context = await browser.newContext({
    viewport: { width: 1000, height: 750 },
    deviceScaleFactor: 1.5,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  /** @param {string} name */
  const shoot = async (name) => {
    await page.evaluate('scrollTo(0, 0)');
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme });
      const path = join(into, `${name}-${colorScheme}.png`);
      await page.screenshot({ path });
      const { size } = statSync(path);
      console.log(`${path}: ${size} bytes`);
      if (size > MOST) throw new Error(`${path} is larger than ${MOST} bytes`);
    }
  };

  await page.goto(/http:\S+/.exec(greeting)?.[0] ?? '');
  await page.getByRole('button', { name: /^Editor / }).click();
  await page.getByLabel('Name').fill('Author');
  await page.getByLabel('Seats').fill('8');
  edit((text) =>
    text
      .replace('"Editor"', '"Publisher"')
      .replace('"seats": 40', '"seats": 55')
      .replace('"read",\n        "comment"\n', '"read",\n        "comment",\n        "write"\n'),
  );
  await page.getByRole('button', { name: 'Keep editing' }).waitFor();
  await shoot('roles-notice');

  await page.keyboard.press('Control+s');
  await page.getByRole('heading', { name: 'Choose what is saved' }).waitFor();
  await page.getByRole('radio', { name: /^Theirs Publisher/ }).check();
  await shoot('roles-conflict');

  await page.keyboard.press('Control+s');
  await page.getByText('All changes saved').waitFor();
  await page.getByRole('button', { name: /^Reader / }).click();
  await page.getByLabel('Description').fill('Sees what is published, and what was.');
  await page.getByRole('checkbox', { name: 'comment' }).check();
  await page.keyboard.press('Control+s');
  await page.getByText('All changes saved').waitFor();
  await page.keyboard.press('Alt+b');
  await page.getByRole('table').waitFor();
  await shoot('roles-backups');
} finally {
  await browser.close();
  server.kill();
  rmSync(home, { recursive: true });
}

/** As an editor does it. @param {(text: string) => string} change */
function edit(change) {
  const text = readFileSync(file, 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error('The file is not as it was expected to be');
  writeFileSync(file, changed);
}
