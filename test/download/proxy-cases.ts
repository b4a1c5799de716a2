export type Environment = Readonly<Record<string, string>>;

/** An address, an environment, and the proxy that curl then uses. */
export const proxyCases: readonly [address: string, Environment, proxy: string | undefined][] = [
  ['http://a.example/', {}, undefined],
  ['http://a.example/', { http_proxy: 'http://p:1' }, 'http://p:1/'],
  ['http://a.example/', { http_proxy: 'p:1' }, 'http://p:1/'],
  ['http://a.example/', { HTTP_PROXY: 'http://p:1' }, undefined],
  ['http://a.example/', { https_proxy: 'http://p:1' }, undefined],
  ['https://a.example/', { https_proxy: 'http://p:1' }, 'http://p:1/'],
  ['https://a.example/', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1/'],
  ['https://a.example/', { https_proxy: 'http://p:1', HTTPS_PROXY: 'http://q:1' }, 'http://p:1/'],
  ['https://a.example/', { http_proxy: 'http://p:1' }, undefined],
  ['https://a.example/', { all_proxy: 'http://p:1' }, 'http://p:1/'],
  ['http://a.example/', { ALL_PROXY: 'http://p:1' }, 'http://p:1/'],
  ['http://a.example/', { http_proxy: '', all_proxy: 'http://p:1' }, 'http://p:1/'],
  ['http://a.example/', { http_proxy: 'http://p:1', no_proxy: '*' }, undefined],
  ['http://a.example/', { http_proxy: 'http://p:1', no_proxy: 'a.example' }, undefined],
  ['http://a.example./', { http_proxy: 'http://p:1', no_proxy: 'A.Example' }, undefined],
  ['http://a.example/', { http_proxy: 'http://p:1', NO_PROXY: 'b.example, example' }, undefined],
  ['http://a.example/', { http_proxy: 'http://p:1', no_proxy: '.example' }, undefined],
  ['http://an.example/', { http_proxy: 'http://p:1', no_proxy: 'n.example' }, 'http://p:1/'],
  ['http://a.example/', { http_proxy: 'http://p:1', no_proxy: '', NO_PROXY: 'example' }, undefined],
  ['http://10.1.2.3/', { http_proxy: 'http://p:1', no_proxy: '10.0.0.0/8' }, undefined],
  ['http://11.1.2.3/', { http_proxy: 'http://p:1', no_proxy: '10.0.0.0/8,x/8,11.1.2.3/99' }, 'http://p:1/'],
  ['http://10.1.2.3/', { http_proxy: 'http://p:1', no_proxy: '10.1.2.3' }, undefined],
  ['http://10.1.2.3/', { http_proxy: 'http://p:1', no_proxy: '2.3' }, 'http://p:1/'],
  ['http://[::1]/', { http_proxy: 'http://p:1', no_proxy: '::1' }, undefined],
];
