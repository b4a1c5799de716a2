/** What a producer returns when the entry that there is still holds. */
export const NOT_MODIFIED = Object.freeze({ notModified: true as const });
export type NotModified = typeof NOT_MODIFIED;
