import { expect, it } from 'vitest';
import { proxyFor } from '../../src/download/proxy.ts';
import { proxyCases } from './proxy-cases.ts';

it.each(proxyCases)(
  'chooses the proxy for %s with %o as curl does: %s [K14]',
  (address, environment, proxy) => {
    expect(proxyFor(new URL(address), undefined, environment)?.href).toBe(proxy);
  },
);

it('knows nets of IPv6 as well, which curl 7.88 looks for in IPv4 alone [K14]', () => {
  const environment = { http_proxy: 'http://p:1', no_proxy: 'fe80::/10' };
  expect(proxyFor(new URL('http://[fe80::1]/'), undefined, environment)).toBeUndefined();
  expect(proxyFor(new URL('http://[fec0::1]/'), undefined, environment)?.href).toBe('http://p:1/');
});

it('prefers the proxy that was given, or none, to the environment, and heeds no_proxy all the same [K14]', () => {
  const url = new URL('http://a.example/');
  const environment = { http_proxy: 'http://p:1' };
  expect(proxyFor(url, 'http://q:2', environment)?.href).toBe('http://q:2/');
  expect(proxyFor(url, false, environment)).toBeUndefined();
  expect(proxyFor(url, 'http://q:2', { no_proxy: 'example' })).toBeUndefined();
});

it.each(['socks5://p:1', 'file:///p', 'http://'])(
  'refuses %s as a proxy, without its secrets [K13, K14]',
  (text) => {
    const given = text.replace('//p', '//u:s3cret@p');
    expect(() => proxyFor(new URL('http://a/'), given, {})).toThrow(
      /^proxy must be the address of an http or https proxy/,
    );
    expect(() => proxyFor(new URL('http://a/'), undefined, { http_proxy: given })).toThrow(
      /^http_proxy must be/,
    );
  },
);
