// Judges a run of test/stress/documents.mjs by what its processes said and by what lies beside the document in the end.

/**
 * @typedef {object} History
 * @property {Map<string, string>} confirmed ids of changes that were said to be on the disk, and who said it
 * @property {Map<string, string>} refused ids of changes that were said not to be, and the code of the error
 * @property {Set<string>} landed ids of versions of outsiders that stood at the path, whole or empty
 * @property {Set<string>} destroyed ids that an outsider knows that it has overwritten
 * @property {string[]} torn
 * @property {readonly string[]} final the ledger in the end
 * @property {Set<string>} beside all ids in backups, conflict files and other files beside it
 */

/**
 * An update by the rules is in the document, or an outsider has overwritten it, which no lock keeps it from. What an
 * outsider wrote is in the document, or was overwritten by an outsider, or is kept beside. What was refused is nowhere.
 *
 * @param {History} history
 */
export function violationsOf({ confirmed, refused, landed, destroyed, torn, final, beside }) {
  const present = new Set(final);
  const isGone = (/** @type {string} */ id) => !present.has(id) && !destroyed.has(id);
  return {
    lost: [...confirmed.keys()].filter(isGone),
    swallowed: [...landed].filter((id) => isGone(id) && !beside.has(id)),
    refusedAndWritten: [...refused].filter(([id]) => present.has(id)).map(([id, code]) => `${id} ${code}`),
    torn,
  };
}
