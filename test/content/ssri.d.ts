/** What is used of it; it brings no types. */
declare module 'ssri' {
  const ssri: { checkData(data: Uint8Array, integrity: string): unknown };
  export default ssri;
}
