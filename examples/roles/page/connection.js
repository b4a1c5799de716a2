/**
 * @typedef {{ readonly ok: boolean, readonly status: number, readonly body: any }} Answer
 * @typedef {'open' | 'lost' | 'refused'} Link
 */

/** Milliseconds without a sign of life: the server tells that it is there every ten seconds. */
const SILENCE = 25_000;
/** Milliseconds between tries, the first ones and the later ones. */
const TRIES = [100, 250, 500, 1_000, 2_000];

const token = tokenOfAddress();

/** @param {string} path @param {object} [body] @returns {Promise<Answer>} */
export async function ask(path, body = {}) {
  try {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    return { ok: response.ok, status: response.status, body: await response.json() };
  } catch {
    const message = 'The server does not answer. What is unsaved stays in this window.';
    return { ok: false, status: 0, body: { message } };
  }
}

/** The address of another window on the same file. */
export function addressOfAnother() {
  return `/#token=${token}`;
}

/** Follows the state of the file, and comes back by itself when the server does. */
export class Events {
  #onState;
  #onLink;
  #tries = 0;
  /** @type {AbortController | undefined} */
  #wait;

  /** @param {(state: any) => void} onState @param {(link: Link) => void} onLink */
  constructor(onState, onLink) {
    this.#onState = onState;
    this.#onLink = onLink;
  }

  async run() {
    for (;;) {
      const status = await this.#follow().catch(() => 0);
      this.#onLink(status === 401 ? 'refused' : 'lost');
      if (status === 401) return;
      await this.#pause(TRIES[Math.min(this.#tries++, TRIES.length - 1)] ?? 0);
    }
  }

  /** Does not wait for the next try. */
  hurry() {
    this.#wait?.abort();
  }

  /** Resolves, or rejects, when the connection is over. */
  async #follow() {
    const cut = new AbortController();
    let silence = setTimeout(() => cut.abort(), SILENCE);
    try {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch('/events', { headers, signal: cut.signal });
      if (!response.ok || response.body === null) return response.status;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return response.status;
        clearTimeout(silence);
        silence = setTimeout(() => cut.abort(), SILENCE);
        const events = (text + value).split('\n\n');
        text = events.pop() ?? '';
        const data = events.filter((event) => event.startsWith('data: ')).at(-1);
        if (data === undefined) continue;
        this.#tries = 0;
        this.#onLink('open');
        this.#onState(JSON.parse(data.slice('data: '.length)));
      }
    } finally {
      clearTimeout(silence);
    }
  }

  /** @param {number} ms */
  async #pause(ms) {
    const wait = new AbortController();
    this.#wait = wait;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wait.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve(undefined);
      });
    });
  }
}

/** The token leaves the address at once, so that it is in no history and no picture of the screen. */
function tokenOfAddress() {
  const given = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (given === undefined) return sessionStorage.getItem('token') ?? '';
  sessionStorage.setItem('token', given);
  history.replaceState(null, '', location.pathname);
  return given;
}
