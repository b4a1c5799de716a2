import { BlockList, isIP } from 'node:net';
import { InputError } from '../errors/input-error.ts';

/** All that a choice of proxy may go by. */
export const PROXY_VARIABLES = [
  'http_proxy',
  'https_proxy',
  'HTTPS_PROXY',
  'all_proxy',
  'ALL_PROXY',
  'no_proxy',
  'NO_PROXY',
];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for an address, as curl chooses it: `http_proxy` (lower case only: `HTTP_PROXY` can be set by whoever sends
 * a header `Proxy` to a CGI program), `https_proxy` or `HTTPS_PROXY`, else `all_proxy` or `ALL_PROXY`; none for the hosts
 * of `no_proxy` or `NO_PROXY`, which counts also for a proxy that was given. An empty variable counts as not set.
 *
 * Unlike curl, no SOCKS proxies.
 *
 * @param given an address; `false` for none, whatever the environment says
 * @throws {InputError} for a proxy that is no address of http or https.
 */
export function proxyFor(
  url: URL,
  given: string | false | undefined,
  environment: Environment = process.env,
): URL | undefined {
  if (given === false) return undefined;
  const [name, text] = given === undefined ? fromEnvironment(url.protocol, environment) : ['proxy', given];
  if (text === undefined || isExempt(url, variable(environment, 'no_proxy', 'NO_PROXY'))) return undefined;
  const proxy = typeof text === 'string' ? parse(text) : undefined; // whatever a program gave
  if (proxy !== undefined && /^https?:$/.test(proxy.protocol) && proxy.hostname !== '') return proxy;
  throw new InputError(
    name,
    'must be the address of an http or https proxy, such as http://proxy.example:3128',
  );
}

function fromEnvironment(protocol: string, environment: Environment): [string, string | undefined] {
  const own = protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : ['http_proxy'];
  for (const name of [...own, 'all_proxy', 'ALL_PROXY']) {
    const value = variable(environment, name);
    if (value !== undefined) return [name, value];
  }
  return ['proxy', undefined];
}

function variable(environment: Environment, ...names: readonly string[]): string | undefined {
  return names.map((name) => environment[name]).find((value) => value !== undefined && value !== '');
}

function parse(text: string): URL | undefined {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  return URL.canParse(full) ? new URL(full) : undefined;
}

/** `*` alone is every host; a name is that host and all below it; an address, or a net as `10.0.0.0/8`, is just that. */
function isExempt(url: URL, list: string | undefined): boolean {
  if (list === undefined) return false;
  if (list.trim() === '*') return true;
  const host = url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const entries = list.split(/[,\s]+/).filter(Boolean);
  if (isIP(host) > 0) return entries.some((entry) => isInNet(host, entry));
  return entries.some((entry) => {
    const name = entry.replace(/^\./, '').replace(/\.$/, '').toLowerCase();
    return name !== '' && (host === name || host.endsWith(`.${name}`));
  });
}

function isInNet(address: string, entry: string): boolean {
  const [net = '', bits] = entry.replace(/^\[|\]$/g, '').split('/');
  const family = isIP(net) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(net) === 0 || isIP(net) !== isIP(address)) return false;
  const list = new BlockList();
  try {
    if (bits === undefined) list.addAddress(net, family);
    else list.addSubnet(net, Number(bits), family);
  } catch {
    return false;
  }
  return list.check(address, family);
}
