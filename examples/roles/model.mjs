/**
 * @typedef {number | string} RoleId
 *
 * A role. Members that this program does not know stay as they are.
 *
 * @typedef {object} Role
 * @property {RoleId} id
 * @property {string} name
 * @property {string} [description]
 * @property {number} [seats]
 * @property {string[]} [permissions]
 *
 * What is in the file.
 *
 * @typedef {object} Roles
 * @property {Role[]} roles
 *
 * @typedef {import('holdfast/document').StandardSchema<Roles>} Schema
 */

/** Most of everything, so that no file makes a window useless. */
export const LIMITS = { roles: 500, id: 64, name: 200, description: 2_000, permissions: 50, permission: 64 };

/** What a new file begins with. @type {Roles} */
export const SAMPLE = {
  roles: [
    { id: 1, name: 'Reader', description: 'Sees what is published.', seats: 40, permissions: ['read'] },
    {
      id: 2,
      name: 'Reviewer',
      description: 'Reads drafts, and says what is wrong with them.',
      seats: 12,
      permissions: ['read', 'comment'],
    },
    {
      id: 3,
      name: 'Editor',
      description: 'Writes, and publishes what was reviewed.',
      seats: 6,
      permissions: ['read', 'comment', 'write', 'publish'],
    },
    {
      id: 4,
      name: 'Administrator',
      description: 'Gives roles to people, and takes them away.',
      seats: 2,
      permissions: ['read', 'comment', 'write', 'publish', 'manage'],
    },
  ],
};

/** The schema of the file, by the Standard Schema interface; a library that has it would do as well. @type {Schema} */
export const schema = {
  '~standard': {
    version: 1,
    vendor: 'holdfast-example',
    validate(value) {
      const problem = problemOf(value);
      if (problem !== undefined) return { issues: [{ message: problem }] };
      return { value: /** @type {Roles} */ (value) };
    },
  },
};

/** What keeps a value from being that of a file of roles, in words; undefined if nothing does. @param {unknown} value */
export function problemOf(value) {
  if (!isObject(value)) return 'must be an object with the member roles';
  const { roles } = value;
  if (!Array.isArray(roles)) return 'roles must be a list';
  if (roles.length > LIMITS.roles) return `roles must be ${LIMITS.roles} at most`;
  const seen = new Set();
  for (const [at, role] of roles.entries()) {
    const problem = isObject(role) ? problemOfRole(role, seen) : 'must be an object';
    if (problem !== undefined) return `roles[${at}] ${problem}`;
  }
  return hasInfinity(value) ? 'has a number that is larger than this program can count' : undefined;
}

/** JSON has no infinity, but `1e400`, which no program reads as what it is. @param {unknown} value @returns {boolean} */
function hasInfinity(value) {
  if (typeof value !== 'object' || value === null) return value === Infinity || value === -Infinity;
  return Object.values(value).some(hasInfinity);
}

/** @param {Record<string, unknown>} role @param {Set<unknown>} seen */
function problemOfRole({ id, name, description, seats, permissions }, seen) {
  if (!(Number.isSafeInteger(id) || isText(id, 1, LIMITS.id))) return 'needs an id: a whole number or a text';
  if (seen.has(id)) return `has the id ${JSON.stringify(id)}, as another one has`;
  seen.add(id);
  if (!isText(name, 0, LIMITS.name)) return `needs a name: a text of ${LIMITS.name} characters at most`;
  if (description !== undefined && !isText(description, 0, LIMITS.description)) {
    return `has a description that is no text of ${LIMITS.description} characters at most`;
  }
  if (seats !== undefined && !(Number.isSafeInteger(seats) && Number(seats) >= 0)) {
    return 'has seats that are no whole number from 0';
  }
  return permissions === undefined || isListOfTexts(permissions)
    ? undefined
    : `has permissions that are no list of ${LIMITS.permissions} different texts at most`;
}

/** @param {unknown} value */
function isListOfTexts(value) {
  return (
    Array.isArray(value) &&
    value.length <= LIMITS.permissions &&
    value.every((each) => isText(each, 1, LIMITS.permission)) &&
    new Set(value).size === value.length
  );
}

/** @param {unknown} value @param {number} least @param {number} most */
function isText(value, least, most) {
  return typeof value === 'string' && value.length >= least && value.length <= most;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
