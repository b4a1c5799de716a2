import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { launchBrowser, RolesOnDisk, RolesServer, TOKEN, Window } from './roles.ts';

let browser: Browser;
let directory: string;
/** The server that all tests share, on one file. */
let server: RolesServer;
let file: RolesOnDisk;
let start: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  chmodSync(directory, 0o755);
  file = new RolesOnDisk(directory, 'shared');
  start = file.text;
  [browser, server] = await Promise.all([launchBrowser(), RolesServer.start(file.path)]);
});

afterAll(async () => {
  await Promise.all([browser?.close(), server?.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

beforeEach(() => file.write(start));

const backups = () => readdirSync(file.directory).filter((name) => name.endsWith('.bak'));
const nameOf = (id: number) => file.roles.find((role) => role.id === id)?.name;

describe('two windows on one file', () => {
  it('are told of each other, keep what is unsaved, and lose neither change [R21, R22, R27, R28, R82]', async () => {
    const [one, other] = (await Window.all(browser, server.url, server.url)) as [Window, Window];
    await one.edit('Reader', 'Seats', '50');
    await other.edit('Editor', 'Name', 'Author');
    await one.status.getByText('1 unsaved change').waitFor();
    await one.save();

    await other.told('changed in another window');
    expect(await other.page.getByLabel('Name', { exact: true }).inputValue()).toBe('Author');
    expect(await other.button(/^Reader 40 seats/).count()).toBe(1);
    await other.button('Reload').click();
    await other.button(/^Reader 50 seats/).waitFor();
    expect(await other.page.getByLabel('Name', { exact: true }).inputValue()).toBe('Author');

    await other.save();
    expect(file.roles.map(({ name, seats }) => [name, seats])).toEqual([
      ['Reader', 50],
      ['Author', 6],
      ['Administrator', 2],
    ]);
    await one.told('changed in another window');
    expect([...one.complaints, ...other.complaints]).toEqual([]);
  });

  it('that save at one instant both find their change in the file', async () => {
    const [one, other] = (await Window.all(browser, server.url, server.url)) as [Window, Window];
    await one.edit('Reader', 'Name', 'Guest');
    await other.edit('Administrator', 'Name', 'Owner');
    await Promise.all([one.save(), other.save()]);
    expect(file.roles.map(({ name }) => name)).toEqual(['Guest', 'Editor', 'Owner']);
  });

  it('ask about what both changed, and write nothing before the answer: theirs, and that is undone [R37, R38, R82]', async () => {
    const [one, other] = (await Window.all(browser, server.url, server.url)) as [Window, Window];
    await one.edit('Editor', 'Name', 'Author');
    await one.edit('Administrator', 'Seats', '3');
    await other.edit('Editor', 'Name', 'Publisher');
    await other.save();

    await one.press('Control+s');
    await one.heading('Choose what is saved').waitFor();
    expect(nameOf(2)).toBe('Publisher');
    expect(await one.button('Save this result').isDisabled()).toBe(true);
    const sides = await one.choice('Author – name').getByRole('radio').all();
    expect(await Promise.all(sides.map((side) => side.isChecked()))).toEqual([false, false, false, false]);

    await one.press('Escape'); // chooses nothing
    expect(await one.page.getByLabel('Seats').inputValue()).toBe('3');
    expect(nameOf(2)).toBe('Publisher');

    await one.press('Control+s');
    await one.choose('Author – name', 'Mine');
    await one.choose('Author – name', 'Theirs');
    await one.press('Alt+z');
    expect(await one.choice('Author – name').getByRole('radio', { name: /^Mine/ }).isChecked()).toBe(true);
    await one.choose('Author – name', 'Theirs');
    await one.button('Save this result').click();
    await one.told(/Saved\. The version before is in roles\.json\..*\.bak/);
    expect(file.roles.map(({ name, seats }) => [name, seats])).toEqual([
      ['Reader', 40],
      ['Publisher', 6],
      ['Administrator', 3],
    ]);
  });

  it('keep mine, or what is typed instead, where that is the answer, after a backup of theirs [R38, R40]', async () => {
    const window = await Window.open(browser, server.url);
    await window.edit('Editor', 'Name', 'Author');
    await window.edit('Reader', 'Name', 'Guest');
    file.change(2, { name: 'Publisher' });
    await window.told('changed by another program');
    file.change(1, { name: 'Visitor' });
    await until(() => file.roles[0]?.name === 'Visitor', 'the editor has saved');
    const before = new Set(backups());

    await window.press('Control+s');
    await window.choose('Author – name', 'Mine');
    const typed = window.choice('Guest – name').getByRole('textbox', { name: 'Other value' });
    await typed.fill('Friend');
    await typed.press('Tab');
    await window.press('Control+s');
    await window.told('Saved.');
    expect([nameOf(1), nameOf(2)]).toEqual(['Friend', 'Author']);
    const [fresh = ''] = backups().filter((name) => !before.has(name));
    expect(readFileSync(join(file.directory, fresh), 'utf8')).toMatch(/"Visitor"[\s\S]*"Publisher"/);
  });
});

describe('a change from outside', () => {
  it('is a notice and nothing else: keep editing closes it, compare shows both, and a save merges [R20, R21, R22, R23]', async () => {
    const window = await Window.open(browser, server.url);
    await window.edit('Reader', 'Seats', '41');
    file.change(1, { permissions: ['read', 'comment'] });
    await window.told('changed by another program');
    expect(await window.focused()).toBe('seats');

    await window.press('Alt+c');
    await window.choice('Reader – permissions').waitFor();
    await window.press('Escape');
    expect(await window.focused()).toBe('seats');
    await window.press('Alt+k');
    await window.notice.waitFor({ state: 'hidden' });
    await window.save();
    expect(file.roles[0]).toMatchObject({ seats: 41, permissions: ['read', 'comment'] });
  });

  it('during a comparison keeps the answers that still fit', async () => {
    const window = await Window.open(browser, server.url);
    await window.edit('Reader', 'Name', 'Guest');
    await window.edit('Editor', 'Name', 'Author');
    file.write({ roles: file.roles.map((role) => ({ ...role, name: `${role.name}!` })) });
    await window.told('changed by another program');
    await window.press('Control+s');
    await window.choose('Guest – name', 'Theirs');
    await window.choose('Author – name', 'Theirs');
    file.change(2, { name: 'Publisher' });
    await window.choice('Author – name').getByText('Publisher').waitFor();
    expect(
      await window
        .choice('Guest – name')
        .getByRole('radio', { name: /^Theirs/ })
        .isChecked(),
    ).toBe(true);
    expect(await window.choice('Author – name').getByRole('radio', { checked: true }).count()).toBe(0);
  });

  it('that leaves no JSON, or deletes the file, is told; a backup takes its place, and edits stay [R82]', async () => {
    const window = await Window.open(browser, server.url);
    await window.edit('Reader', 'Name', 'Guest');
    await window.save();
    await window.edit('Editor', 'Name', 'Author');
    const slip = '{ "roles": [ ';
    file.write(slip);
    await window.told(/roles\.json:1:\d+ /);
    await window.press('Control+s');
    await until(() => file.text === slip, 'the file is as it was left');

    await window.press('Alt+b');
    await window.page.getByRole('row', { name: /Guest/ }).waitFor();
    await window.button('Restore this version').click();
    await window.notice.getByText('cannot').waitFor({ state: 'hidden' });
    await until(() => file.text === start, 'the backup is in place, byte by byte');
    expect(readdirSync(file.directory).some((name) => name.endsWith('.corrupt'))).toBe(true);
    await window.status.getByText('1 unsaved change').waitFor();

    file.delete();
    await window.told('was deleted');
    await window.button('Write it again').click();
    await window.status.getByText('All changes saved').waitFor();
    expect(file.roles.map(({ name }) => name)).toEqual(['Reader', 'Author', 'Administrator']);
  });
});

it('shows a backup before it is restored, and the version before can be had back [R82, B2]', async () => {
  const window = await Window.open(browser, server.url);
  await window.edit('Reader', 'Seats', '99');
  await window.save();
  await window.button('Backups').click();
  await window.page.getByRole('row', { name: 'Reader seats 99 40' }).waitFor();
  expect(file.roles[0]?.seats).toBe(99);
  await window.button('Restore this version').click();
  await window.told('Restored.');
  expect(file.text).toBe(start);
  await window.press('Alt+b');
  await window.page.getByRole('row', { name: 'Reader seats 40 99' }).waitFor();
});

it('is used by the keyboard alone: every control has its turn, a visible focus, and Escape goes back [R82]', async () => {
  const window = await Window.open(browser, server.url);
  await window.button(/^Reader /).waitFor();
  const order: string[] = [];
  for (let step = 0; step < 40 && order.at(-1) !== 'remove'; step++) {
    await window.press('Tab');
    order.push(await window.focused());
  }
  const items = ['role-1', 'role-2', 'role-3', 'add', 'name', 'description', 'seats'];
  const boxes = ['read', 'comment', 'write', 'publish', 'manage'].map((each) => `permission-${each}`);
  expect(order).toEqual(['A', 'backups', 'another', ...items, ...boxes, 'remove']);
  await window.page.locator('#role-1').focus();
  await window.press('ArrowDown', 'Enter');
  expect(await window.focused()).toBe('role-2');
  const outline = 'getComputedStyle(document.activeElement).outlineStyle';
  expect(await window.page.evaluate(outline)).toBe('solid');

  await window.press('Tab', 'Tab', 'Tab');
  await window.page.keyboard.type('Author'); // what is there is selected
  file.change(2, { name: 'Publisher' });
  await window.told('changed by another program');
  await window.press('Control+s');
  await window.heading('Choose what is saved').waitFor();
  expect(await window.focused()).toBe('compare-heading');
  await window.press('Tab', 'Tab', 'Tab', 'Space'); // All mine, All theirs, the first place
  expect(await window.choice('Author – name').getByRole('radio', { name: /^Mine/ }).isChecked()).toBe(true);
  await window.press('ArrowRight', 'Control+s');
  await window.told('The file is shown as it is.');
  expect(nameOf(2)).toBe('Publisher');
  await window.press('Escape', 'Alt+b');
  await window.heading('Backups').waitFor();
  await window.press('Escape');
  await window.page.getByLabel('Name', { exact: true }).waitFor();
});

it('says in the tree of accessibility what each thing is and is called, and notices aloud [R82]', async () => {
  const window = await Window.open(browser, server.url);
  await window.edit('Editor', 'Name', 'Author');
  file.change(2, { name: 'Publisher' });
  await window.told('changed by another program');
  const tree = await window.accessibilityTree();
  const has = (role: string, name: string | RegExp) =>
    tree.some(
      (node) => node.role === role && (typeof name === 'string' ? node.name === name : name.test(node.name)),
    );
  const wanted: [string, string | RegExp][] = [
    ['banner', ''],
    ['main', ''],
    ['heading', 'Roles'],
    ['navigation', 'Roles'],
    ['button', 'Author 6 seats unsaved changes'],
    ['form', 'Author'],
    ['textbox', 'Name'],
    ['textbox', 'Description'],
    ['spinbutton', 'Seats'],
    ['group', 'Permissions'],
    ['checkbox', 'write'],
    ['group', 'File'],
    ['button', 'Save'],
    ['region', 'Notice'],
    ['button', 'Reload'],
    ['button', 'Compare'],
    ['button', 'Keep editing'],
  ];
  expect(wanted.filter(([role, name]) => !has(role, name))).toEqual([]);
  const nameless = tree.filter(
    ({ role, name }) => name === '' && /^(button|textbox|link|radio|checkbox|group|table)$/.test(role),
  );
  expect(nameless).toEqual([]);
  const aloud = window.page.getByRole('status');
  expect(await aloud.textContent()).toMatch(/changed by another program .* Reload, Alt\+R; Compare, Alt\+C/);

  await window.press('Control+s');
  await window.heading('Choose what is saved').waitFor();
  const compared = await window.accessibilityTree();
  const named = compared
    .filter(({ role }) => /^(group|radio)$/.test(role))
    .map(({ role, name }) => `${role} ${name}`);
  expect(named.sort()).toEqual([
    'group Author – name',
    'group Choices',
    ...['radio Before Editor', 'radio Mine Author', 'radio Other', 'radio Theirs Publisher'],
  ]);
  expect(await aloud.textContent()).toMatch(/^Not saved: .* 1 choice to make/);
});

it('is readable in light and dark, narrow and at 200 %, and moves nothing for those who do not want that', async () => {
  const looks = await Window.open(browser, server.url, { colorScheme: 'dark', reducedMotion: 'reduce' });
  await looks.button(/^Reader /).waitFor();
  for (const colorScheme of ['dark', 'light'] as const) {
    await looks.page.emulateMedia({ colorScheme });
    const found = await looks.contrasts();
    expect(found.length).toBeGreaterThan(20);
    expect(found.filter(([, ratio]) => ratio < 4.5)).toEqual([]);
  }
  const paper = 'getComputedStyle(document.body).backgroundColor';
  const light = await looks.page.evaluate(paper);
  await looks.page.emulateMedia({ colorScheme: 'dark' });
  expect(await looks.page.evaluate(paper)).not.toBe(light);

  file.change(1, { seats: 1 });
  await looks.told('changed by another program');
  expect(await looks.page.evaluate('document.getAnimations().length')).toBe(0);
  const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
  for (const width of [500, 320]) {
    await looks.page.setViewportSize({ width, height: 640 }); // 1,000 pixels at 200 %; a telephone
    expect(await looks.page.evaluate(overflow)).toBe(0);
    await looks.press('Alt+c');
    await looks.heading('Compare').waitFor();
    expect(await looks.page.evaluate(overflow)).toBe(0);
    await looks.press('Escape');
  }
});

it('shows a window that has another token nothing', async () => {
  const window = await Window.open(browser, server.url.replace(TOKEN, 'x'.repeat(40)));
  await window.told('its key is missing or old');
  expect(await window.page.locator('#main').textContent()).not.toContain('Reader');
});

it('shows markup as text, and a member of any name as data', async () => {
  const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  const members = `"id": 1, "name": ${JSON.stringify(evil)}, "__proto__": {"seats": 7}, "constructor": "c"`;
  file.write(`{ "roles": [{ ${members} }], "__proto__": { "roles": [] } }`);
  const window = await Window.open(browser, server.url);
  const name = window.page.getByLabel('Name', { exact: true });
  await name.waitFor();
  expect(await name.inputValue()).toBe(evil);
  expect(await window.page.locator('img, script:not([src])').count()).toBe(0);
  await name.fill('Guest');
  file.write(file.text.replace('"c"', '"<b>d</b>"').replace('seats": 7', 'seats": 8'));
  await window.told('changed by another program');
  await window.press('Alt+c');
  await window.choice(`Guest – constructor`).getByText('<b>d</b>').waitFor();
  await window.choice(`Guest – __proto__`).getByText('8').waitFor();
  await window.press('Control+s', 'Control+s');
  await window.status.getByText('All changes saved').waitFor();
  expect(file.text).toContain('"name": "Guest", "__proto__": {"seats": 8}, "constructor": "<b>d</b>"');
  expect(file.text).toContain('"__proto__": { "roles": [] }');
  expect(window.complaints).toEqual([]);
});

it('a second server on the same file, and one that is killed and started anew, lose nothing that is unsaved [R21, R28, R82]', async () => {
  const own = new RolesOnDisk(directory, 'two-servers');
  const another = new RolesOnDisk(directory, 'another');
  const [first, second] = await Promise.all([RolesServer.start(own.path), RolesServer.start(own.path)]);
  let again: RolesServer | undefined;
  try {
    const [one, other] = (await Window.all(browser, first.url, second.url)) as [Window, Window];
    await one.edit('Reader', 'Name', 'Guest');
    await other.edit('Editor', 'Name', 'Author');
    await Promise.all([one.save(), other.save()]);
    expect(own.roles.map(({ name }) => name)).toEqual(['Guest', 'Author', 'Administrator']);

    await one.edit('Guest', 'Seats', '7');
    await first.kill();
    await one.told('Not connected. Your changes are kept in this window.');
    await other.edit('Administrator', 'Name', 'Owner');
    await other.save();
    again = await RolesServer.start(own.path, first.port);
    await one.told('was changed');
    await one.button(/^Guest 7 seats/).waitFor();
    await one.page.reload();
    await one.button(/^Guest 7 seats unsaved changes/).waitFor();
    await one.save();
    const saved = own.text;
    expect(own.roles.map(({ name, seats }) => [name, seats])).toEqual([
      ['Guest', 7],
      ['Author', 6],
      ['Owner', 2],
    ]);

    await one.edit('Guest', 'Seats', '8');
    await again.kill();
    again = await RolesServer.start(another.path, first.port);
    await one.button(/^Reader 40 seats/).waitFor();
    await one.status.getByText('All changes saved').waitFor();
    expect([own.text, another.text]).toEqual([saved, start]);
  } finally {
    await Promise.all([first.kill(), second.stop(), again?.stop()]);
  }
});
