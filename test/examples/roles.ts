import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { Child } from '../support/child.ts';

const SERVER = fileURLToPath(new URL('../../examples/roles/server.mjs', import.meta.url));
/** Known to the tests, so that a server that is started anew is the same one for its windows. */
export const TOKEN = 'a-token-of-thirty-two-characters-or-more';

export interface Role {
  id: number | string;
  name: string;
  seats?: number;
  permissions?: string[];
  [more: string]: unknown;
}

const ROLES: readonly Role[] = [
  { id: 1, name: 'Reader', description: 'Sees what is published.', seats: 40, permissions: ['read'] },
  { id: 2, name: 'Editor', description: 'Writes.', seats: 6, permissions: ['read', 'write'] },
  { id: 3, name: 'Administrator', seats: 2, permissions: ['read', 'manage'] },
];

/** Chromium, with nothing of anybody's in it and nothing that it would ask the network for. */
export function launchBrowser(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', ...quiet],
  });
}

/** The file of one test, in a directory of its own. */
export class RolesOnDisk {
  readonly directory: string;
  readonly path: string;

  constructor(parent: string, name: string) {
    this.directory = join(parent, name);
    this.path = join(this.directory, 'roles.json');
    mkdirSync(this.directory);
    this.write({ roles: ROLES });
  }

  get text(): string {
    return readFileSync(this.path, 'utf8');
  }

  get roles(): Role[] {
    return (JSON.parse(this.text) as { roles: Role[] }).roles;
  }

  /** As an editor does it. */
  write(value: unknown): void {
    writeFileSync(this.path, typeof value === 'string' ? value : `${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** Changes one role, as an editor does it. */
  change(id: number, members: Partial<Role>): void {
    this.write({ roles: this.roles.map((role) => (role.id === id ? { ...role, ...members } : role)) });
  }

  delete(): void {
    rmSync(this.path);
  }
}

/** The example, started by its one command. */
export class RolesServer {
  readonly url: string;
  readonly port: number;
  readonly #child: Child;

  private constructor(child: Child, greeting: string) {
    this.#child = child;
    this.url = /http:\S+/.exec(greeting)?.[0] ?? '';
    this.port = Number(new URL(this.url).port);
  }

  static async start(path: string, port = 0): Promise<RolesServer> {
    const args = [SERVER, path, '--port', String(port)];
    const child = new Child(process.execPath, args, { env: { ROLES_TOKEN: TOKEN }, lifetime: 'own' });
    return new RolesServer(child, await child.line(path));
  }

  get errors(): string {
    return this.#child.stderr;
  }

  kill(): Promise<unknown> {
    return this.#child.kill('SIGKILL');
  }

  stop(): Promise<unknown> {
    return this.#child.kill('SIGTERM');
  }
}

/** One window on a file, and what a person does in it. */
export class Window {
  readonly page: Page;
  readonly notice: Locator;
  readonly status: Locator;
  /** What the page complained about: there should be nothing. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    this.notice = page.getByRole('region', { name: 'Notice' });
    this.status = page.locator('#status');
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (message) => {
      const isRefusal = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isRefusal) this.complaints.push(message.text());
    });
  }

  /** Opens one. It is closed when the test is over. */
  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Window> {
    const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const window = new Window(page);
    await page.goto(url);
    return window;
  }

  /** Several at once. */
  static all(browser: Browser, ...urls: readonly string[]): Promise<Window[]> {
    return Promise.all(urls.map((url) => Window.open(browser, url)));
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }

  heading(name: string): Locator {
    return this.page.getByRole('heading', { name });
  }

  press(...keys: readonly string[]): Promise<void> {
    return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), Promise.resolve());
  }

  async edit(role: string, field: string, value: string): Promise<void> {
    await this.button(new RegExp(`^${role} `)).click();
    await this.page.getByLabel(field, { exact: true }).fill(value);
  }

  async save(): Promise<void> {
    await this.press('Control+s');
    await this.status.filter({ hasText: 'All changes saved' }).waitFor();
  }

  /** The notice, once it says this. */
  async told(says: string | RegExp): Promise<void> {
    await this.notice.getByText(says).waitFor();
  }

  /** The options of one place where versions differ. */
  choice(place: string): Locator {
    return this.page.getByRole('group', { name: place });
  }

  async choose(place: string, side: string): Promise<void> {
    await this.choice(place)
      .getByRole('radio', { name: new RegExp(`^${side}`) })
      .check();
  }

  /** What Chromium hands to screen readers: role and name of each node that is not ignored. */
  async accessibilityTree(): Promise<{ readonly role: string; readonly name: string }[]> {
    const session = await this.page.context().newCDPSession(this.page);
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    return nodes
      .filter(({ ignored }) => !ignored)
      .map(({ role, name }) => ({ role: String(role?.value), name: String(name?.value ?? '') }));
  }

  /** All text that is not disabled, and its contrast to what is behind it. */
  async contrasts(): Promise<[text: string, ratio: number][]> {
    return (await this.page.evaluate(CONTRASTS)) as [string, number][];
  }

  /** The name of what has the focus, as a person would say it. */
  focused(): Promise<string> {
    return this.page.evaluate('document.activeElement.id || document.activeElement.tagName');
  }
}

/** Text and its contrast to what is behind it, for all text that is not disabled. */
const CONTRASTS = `(() => {
  const parse = (color) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest(':disabled, .hidden, noscript')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    found.push([walker.currentNode.data, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
})()`;
