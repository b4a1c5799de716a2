/**
 * The role files that the rate of clean merges is measured with: 20 roles, and one to three edits a side. Of a hundred
 * edits, 30 change a text of a role, 22 a limit, 22 grant or take a permission, 6 switch a role on or off, 5 change a
 * setting, 6 add a role under the next free id, 5 remove one, and 4 move one. Each stamps the role with its time.
 */
export interface Role {
  readonly id: number;
  name: string;
  description: string;
  permissions: string[];
  limits: { seats: number; projects: number; storage: number };
  active: boolean;
  lastUpdated: string;
}

export interface RoleFile {
  readonly version: number;
  settings: { theme: string; language: string; autosave: number; notify: boolean };
  roles: Role[];
}

export const volatile: readonly string[] = ['lastUpdated'];

const WORDS = [
  'reader',
  'author',
  'editor',
  'auditor',
  'owner',
  'guest',
  'support',
  'billing',
  'intern',
  'lead',
];
const PERMISSIONS = [
  'read',
  'write',
  'share',
  'delete',
  'invite',
  'export',
  'billing',
  'audit',
  'admin',
  'deploy',
];

/** Numbers below `limit`, the same ones for the same seed (mulberry32, by T. Ettinger, in the public domain). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

export function roleFile(random: Random, roles = 20): RoleFile {
  return {
    version: 1,
    settings: { theme: 'dark', language: 'en', autosave: 30, notify: true },
    roles: Array.from({ length: roles }, (_, at) => role(random, at + 1)),
  };
}

/** What one side makes of it: `count` edits, some of which may undo one another. */
export function edited(file: RoleFile, random: Random, count: number): RoleFile {
  const copy = structuredClone(file);
  for (let edit = 0; edit < count; edit++) editOnce(copy, random);
  return copy;
}

function role(random: Random, id: number): Role {
  return {
    id,
    name: `${random.one(WORDS)} ${id}`,
    description: `${random.one(WORDS)}s who ${random.one(PERMISSIONS)}`,
    permissions: PERMISSIONS.filter(() => random.below(2) === 0),
    limits: { seats: random.below(100), projects: random.below(20), storage: random.below(1000) },
    active: true,
    lastUpdated: time(random),
  };
}

function time(random: Random): string {
  return `2026-11-${10 + random.below(20)}T${10 + random.below(10)}:${10 + random.below(50)}:00.000Z`;
}

function editOnce({ settings, roles }: RoleFile, random: Random): void {
  const which = random.below(100);
  const at = random.below(roles.length);
  const one = roles[at] as Role;
  if (which < 5) settings.autosave = random.below(600);
  else if (which < 11) roles.push(role(random, Math.max(...roles.map(({ id }) => id)) + 1));
  else if (which < 16) roles.splice(at, 1);
  else if (which < 20) roles.splice(random.below(roles.length), 0, ...roles.splice(at, 1));
  else {
    editRole(one, which, random);
    one.lastUpdated = time(random);
  }
}

function editRole(one: Role, which: number, random: Random): void {
  if (which < 26) one.active = !one.active;
  else if (which < 48) one.limits[random.one(['seats', 'projects', 'storage'] as const)] = random.below(1000);
  else if (which < 70) {
    const permission = random.one(PERMISSIONS);
    const rest = one.permissions.filter((each) => each !== permission);
    one.permissions = rest.length < one.permissions.length ? rest : [...rest, permission];
  } else one[random.one(['name', 'description'] as const)] = `${random.one(WORDS)} ${random.below(1000)}`;
}
