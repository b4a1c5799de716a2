import { join } from 'node:path';
import { expect, it } from 'vitest';
import { look } from '../../../src/engine/portable/look.ts';
import { CLAIM_FILE, CLAIM_SIGNATURE } from '../../../src/engine/signature.ts';
import { Child, fixture } from '../../support/child.ts';
import { tempDirectory } from '../../support/temp.ts';

const CLAIMS = 10_000;

it('never takes claims that come and go for a directory of somebody else [H15, R66]', async () => {
  const path = join(tempDirectory(), 'mirror.lock');
  const others = new Child(process.execPath, [
    fixture('claims-come-and-go.mjs'),
    path,
    CLAIM_FILE,
    CLAIM_SIGNATURE,
  ]);
  await others.line('ready');

  const seen = new Set<string>();
  for (let claims = 0; claims < CLAIMS; ) {
    const { kind } = look(path);
    seen.add(kind);
    if (kind === 'claim') claims++;
  }

  await others.kill();
  expect(seen).toEqual(new Set(['nothing', 'claim']));
});
