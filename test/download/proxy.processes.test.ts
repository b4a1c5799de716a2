import { execFile } from 'node:child_process';
import { expect, it } from 'vitest';
import { HANG_UP, head, scriptedServer } from '../support/scripted-server.ts';
import { proxyCases } from './proxy-cases.ts';

/** Direct connections are refused, or given up soon; only what reaches the proxy counts. */
const ARGUMENTS = [
  '-s',
  '--connect-timeout',
  '2',
  '--resolve',
  '*:80:127.0.0.1',
  '--resolve',
  '*:443:127.0.0.1',
];

it('has the proxies in its table from curl itself [K14]', async () => {
  const proxy = await scriptedServer(() => [head(503, { 'Content-Length': 0 }), HANG_UP]);
  const known = [...proxyCases];
  const chosen = await Promise.all(
    known.map(async ([address, given], number) => {
      const environment = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [
          name,
          value.replace(/\bp:1$/, `127.0.0.1:${proxy.port}`),
        ]),
      );
      await new Promise<void>((resolve) => {
        execFile('curl', [...ARGUMENTS, '-A', `case ${number}`, address], { env: environment }, () =>
          resolve(),
        );
      });
      return proxy.requests.some(({ headers }) => headers['user-agent'] === `case ${number}`);
    }),
  );
  const differing = known.filter(([, , expected], number) => chosen[number] !== (expected !== undefined));
  expect(differing).toEqual([]);
});
