import type { Dispatcher } from 'undici';
import { given } from '../lock/known-options.ts';
import { unlessAborted } from '../lock/on-abort.ts';
import { faultOf } from './fault.ts';
import type { Settings } from './options.ts';
import { proxyFor } from './proxy.ts';
import { basicCredentials, redacted } from './redact.ts';

/**
 * Sends requests, for one download. The client behind it is loaded by `load` and not before, and shares nothing with the
 * program's own `fetch`: its own agent, its own connections, gone with `close`.
 */
export class Client {
  readonly #settings: Settings;
  readonly #undici: Awaited<ReturnType<typeof loadUndici>>;
  readonly #dispatchers = new Map<string, Dispatcher>();

  private constructor(settings: Settings, undici: Awaited<ReturnType<typeof loadUndici>>) {
    this.#settings = settings;
    this.#undici = undici;
  }

  static async load(settings: Settings): Promise<Client> {
    return new Client(settings, await loadUndici());
  }

  /**
   * The answer to one GET, whatever it is. Plain http goes through a proxy as a request for the whole address, and only
   * https through a tunnel, as with curl: many proxies refuse tunnels to port 80.
   *
   * @throws {Fault} when there is no answer, and the signal's reason once that has aborted.
   */
  async get(
    url: URL,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const proxy = proxyFor(url, this.#settings.proxy);
    const path = `${url.pathname}${url.search}`;
    const direct = { origin: url.origin, path, headers };
    const isForwarded = proxy !== undefined && url.protocol === 'http:';
    const target = isForwarded
      ? {
          origin: proxy.origin,
          path: `${url.origin}${path}`,
          headers: {
            ...headers,
            host: url.host,
            ...given({ 'proxy-authorization': basicCredentials(proxy) }),
          },
        }
      : direct;
    const dispatcher = this.#dispatcher(isForwarded ? undefined : proxy);
    const options = { ...target, method: 'GET', signal, headersTimeout: 0, bodyTimeout: 0 } as const;
    const asked = this.#undici.request.call(dispatcher, options);
    // While a connection is being made, the client does not listen to the signal.
    const discard = ({ body }: Dispatcher.ResponseData) =>
      signal.aborted && body.on('error', () => {}).destroy();
    asked.then(discard, () => {});
    try {
      return await unlessAborted(asked, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw faultOf(error, proxy === undefined ? '' : ` through the proxy ${redacted(proxy)}`);
    }
  }

  /** Ends all connections, also those that are still being made. */
  async close(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((each) => each.destroy().catch(() => {})));
  }

  /** Through a tunnel of this proxy, if there is one. */
  #dispatcher(proxy: URL | undefined): Dispatcher {
    const key = proxy?.href ?? '';
    const dispatcher = this.#dispatchers.get(key) ?? this.#newDispatcher(proxy);
    this.#dispatchers.set(key, dispatcher);
    return dispatcher;
  }

  #newDispatcher(proxy: URL | undefined): Dispatcher {
    const { Agent, ProxyAgent, Pool, connect } = this.#undici;
    const { connectTimeout, ca } = this.#settings;
    const tls = { timeout: connectTimeout, ...given({ ca: typeof ca === 'object' ? Buffer.from(ca) : ca }) };
    if (proxy === undefined) return new Agent({ connect: tls });
    const clientFactory = (origin: URL, options: object) =>
      Object.assign(new Pool(origin, options), { connect });
    const tunnel = { uri: proxy.origin, clientFactory, requestTls: tls, proxyTls: tls };
    return new ProxyAgent({ ...tunnel, ...given({ token: basicCredentials(proxy) }) });
  }
}

async function loadUndici() {
  const [agent, pool, proxyAgent, request, connect] = await Promise.all([
    import('undici/lib/dispatcher/agent.js'),
    import('undici/lib/dispatcher/pool.js'),
    import('undici/lib/dispatcher/proxy-agent.js'),
    import('undici/lib/api/api-request.js'),
    import('undici/lib/api/api-connect.js'),
  ]);
  return {
    Agent: agent.default,
    Pool: pool.default,
    ProxyAgent: proxyAgent.default,
    request: request.default,
    connect: connect.default,
  };
}
