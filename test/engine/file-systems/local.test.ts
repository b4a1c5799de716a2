import { describe } from 'vitest';
import { mountedImage, mountedOverlay, mountedTmpfs } from '../../support/mounts.ts';
import { conformanceOn } from './choice.ts';

describe('on ext4 [F1, R14]', () => conformanceOn('ext4', mountedImage('ext4'), 'kernel'));
describe('on xfs [F1, R14]', () => conformanceOn('xfs', mountedImage('xfs'), 'kernel'));
describe('on tmpfs [F1, R14]', () => conformanceOn('tmpfs', mountedTmpfs(), 'kernel'));
describe('on overlayfs [F1, R14]', () => conformanceOn('overlayfs', mountedOverlay(), 'kernel'));
