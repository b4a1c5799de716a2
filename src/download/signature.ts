/** How clouds sign an address for a time: by the parameters that all of these have, and which differ at the next signing. */
const SIGNATURES: readonly (readonly [has: readonly string[], differs: RegExp])[] = [
  [['x-amz-signature'], /^x-amz-(credential|date|expires|security-token|signature)$/],
  [['x-goog-signature'], /^x-goog-(credential|date|expires|signature)$/],
  [['key-pair-id', 'signature'], /^(expires|key-pair-id|policy|signature)$/], // CloudFront
  [['sig', 'sv'], /^(jwt|se|sig|ske|skt|st)$/], // Azure
];

/** The same address without what another signature of it would have otherwise. */
export function unsigned(url: URL): URL {
  const names = [...new Set(url.searchParams.keys())];
  const has = (name: string) => names.some((each) => each.toLowerCase() === name);
  const kinds = SIGNATURES.filter(([marks]) => marks.every(has)).map(([, differs]) => differs);
  const bare = new URL(url);
  for (const name of names) {
    if (kinds.some((differs) => differs.test(name.toLowerCase()))) bare.searchParams.delete(name);
  }
  return bare;
}
