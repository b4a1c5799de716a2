import type { Dispatcher } from 'undici';
import { onAbort } from '../../lock/on-abort.ts';
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
    const isForwarded = proxy !== undefined && url.protocol === 'http:';
    const target = isForwarded
      ? {
          origin: proxy.origin,
          path: `${url.origin}${path}`,
          headers: { ...headers, host: url.host, ...authorization(proxy) },
        }
      : { origin: url.origin, path, headers };
    const dispatcher = proxy === undefined || isForwarded ? this.#direct() : this.#tunnel(proxy);
    const asked = this.#undici.request.call(dispatcher, {
      ...target,
      method: 'GET',
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    try {
      return await orAborted(asked, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw faultOf(error, proxy === undefined ? '' : ` through the proxy ${redacted(proxy)}`);
    }
  }

  /** Ends all connections, also those that are still being made. */
  async close(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map((each) => each.destroy().catch(() => {})));
  }

  #direct(): Dispatcher {
    const connect = this.#connect();
    return this.#dispatcher('', () => new this.#undici.Agent({ connect }));
  }

  #tunnel(proxy: URL): Dispatcher {
    const tls = this.#connect();
    const token = basicCredentials(proxy);
    return this.#dispatcher(proxy.href, () => {
      const options = {
        uri: proxy.origin,
        clientFactory: (origin: URL, given: object) =>
          Object.assign(new this.#undici.Pool(origin, given), { connect: this.#undici.connect }),
        requestTls: tls,
        proxyTls: tls,
        ...(token === undefined ? {} : { token }),
      };
      return new this.#undici.ProxyAgent(options);
    });
  }

  #connect(): { readonly timeout: number; readonly ca?: string | Buffer } {
    const { connectTimeout, ca } = this.#settings;
    return {
      timeout: connectTimeout,
      ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : Buffer.from(ca) }),
    };
  }

  #dispatcher(key: string, make: () => Dispatcher): Dispatcher {
    const dispatcher = this.#dispatchers.get(key) ?? make();
    this.#dispatchers.set(key, dispatcher);
    return dispatcher;
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

function authorization(proxy: URL): Record<string, string> {
  const token = basicCredentials(proxy);
  return token === undefined ? {} : { 'proxy-authorization': token };
}

/** While a connection is being made, the client does not listen to the signal. */
function orAborted(
  asked: Promise<Dispatcher.ResponseData>,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, () => {
      asked.then(
        ({ body }) => body.on('error', () => {}).destroy(),
        () => {},
      );
      reject(signal.reason);
    });
    asked.then(resolve, reject).finally(stop);
  });
}
