/** What every wrapper says about itself; a file without it is not ours to replace. */
export const SIGNATURE = 'A wrapper made by holdfast guard --shim.';
