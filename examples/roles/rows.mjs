import { isDeepStrictEqual } from 'node:util';

/**
 * @typedef {import('./model.mjs').Roles} Roles
 * @typedef {import('./model.mjs').Role} Role
 * @typedef {import('./model.mjs').RoleId} RoleId
 *
 * A place where two versions differ. `id`: of the role, or null for a member of the whole file; `member`: null for a role as a
 * whole, which one version has and the other has not. A value that is not there is left out. `kind`: who changed it.
 * `merged` is what a merge makes of it; of a conflict, it is ours.
 *
 * @typedef {object} Row
 * @property {RoleId | null} id
 * @property {string | null} member
 * @property {string} label the name of the role
 * @property {'ours' | 'theirs' | 'both' | 'conflict'} kind
 * @property {unknown} [base]
 * @property {unknown} [ours]
 * @property {unknown} [theirs]
 * @property {unknown} [merged]
 *
 * @typedef {{ readonly base: Roles, readonly ours: Roles, readonly theirs: Roles, readonly merged: Roles }} Versions
 * @typedef {Pick<import('holdfast/merge').Conflict, 'path'>} Conflict
 * @typedef {'base' | 'ours' | 'theirs' | 'merged'} Side
 */

/**
 * Every place where ours and theirs differ, role by role in the order of theirs.
 *
 * @param {Versions} versions
 * @param {readonly Conflict[]} conflicts
 * @returns {Row[]}
 */
export function rowsOf(versions, conflicts) {
  const { theirs, ours, base } = versions;
  const ids = new Set([theirs, ours, base].flatMap(({ roles }) => roles.map(({ id }) => id)));
  const found = [...ids].flatMap((id) => roleRows(id, versions));
  const whole = memberRows(
    null,
    '',
    sides((side) => withoutRoles(versions[side])),
  );
  return [...found, ...whole].map((row) => ({ ...row, kind: kindOf(row, conflicts) }));
}

/** @param {RoleId} id @param {Versions} versions @returns {Omit<Row, 'kind'>[]} */
function roleRows(id, versions) {
  const roles = sides((side) => versions[side].roles.find((role) => role.id === id));
  const { base, ours, theirs } = roles;
  const label = String((ours ?? theirs ?? base)?.name ?? id);
  if (base === undefined || ours === undefined || theirs === undefined) {
    return isDeepStrictEqual(ours, theirs) ? [] : [{ id, member: null, label, ...present(roles) }];
  }
  return memberRows(id, label, /** @type {Record<string, object | undefined>} */ (roles));
}

/** @param {RoleId | null} id @param {string} label @param {Record<string, object | undefined>} objects @returns {Omit<Row, 'kind'>[]} */
function memberRows(id, label, objects) {
  const { ours = {}, theirs = {} } = objects;
  const names = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
  return [...names].flatMap((member) => {
    const values = sides((side) => own(objects[side], member));
    if (isDeepStrictEqual(values.ours, values.theirs)) return [];
    return [{ id, member, label, ...present(values) }];
  });
}

/** @param {Omit<Row, 'kind'>} row @param {readonly Conflict[]} conflicts @returns {Row['kind']} */
function kindOf(row, conflicts) {
  if (conflicts.some(({ path }) => isAt(path, row))) return 'conflict';
  if (isDeepStrictEqual(row.ours, row.base)) return 'theirs';
  return isDeepStrictEqual(row.theirs, row.base) ? 'ours' : 'both';
}

/** @param {Conflict['path']} path @param {Omit<Row, 'kind'>} row */
function isAt([first, record, member], row) {
  if (first === undefined) return true;
  if (first !== 'roles') return row.id === null && row.member === first;
  if (row.id === null) return false;
  if (record === undefined) return true;
  if (typeof record !== 'object' || record.id !== row.id) return false;
  return row.member === null || member === undefined || member === row.member;
}

/** @template V @param {(side: Side) => V} value @returns {Record<Side, V>} */
function sides(value) {
  return { base: value('base'), ours: value('ours'), theirs: value('theirs'), merged: value('merged') };
}

/** Those that have a value. @param {Record<string, unknown>} values */
function present(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** @param {object | undefined} object @param {string} member @returns {unknown} */
function own(object = {}, member) {
  return Object.entries(object).find(([name]) => name === member)?.[1];
}

/** @param {Roles} value */
function withoutRoles(value) {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'roles'));
}
