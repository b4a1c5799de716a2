/** Bytes; with some to spare for the name of a temporary file beside it. */
const LONGEST = 200;
/** Names of devices on Windows, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * The name of the file for what was fetched: the one that the server gave (`Content-Disposition`), else the last part of
 * the address's path. Safe in any directory: no path, no control characters, not hidden, no option, no device.
 */
export async function fileNameFor(url: URL, disposition: string | undefined): Promise<string> {
  return safe(await given(disposition)) ?? safe(lastPart(url)) ?? 'download';
}

async function given(disposition: string | undefined): Promise<string> {
  if (disposition === undefined) return '';
  try {
    const { parse } = await import('content-disposition');
    return String(parse(disposition).parameters.filename ?? '');
  } catch {
    return ''; // what cannot be read gives no name
  }
}

function lastPart({ pathname }: URL): string {
  const part = pathname.slice(pathname.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function safe(name: string): string | undefined {
  const clean = withoutMiddle(name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1))
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}<>:"|?*]/gu, '_')
    .replace(/^[\s.-]+/, (start) => '_'.repeat(start.trim().length))
    .replace(/[\s.]+$/, '');
  if (/^_*$/.test(clean)) return undefined;
  return shortened(DEVICE.test(clean) ? `_${clean}` : clean);
}

/** Of a name that is too long anyhow, an address can have a hundred thousand characters. */
function withoutMiddle(name: string): string {
  return name.length <= 2 * LONGEST ? name : name.slice(0, LONGEST) + name.slice(-LONGEST);
}

/** Keeps the extension. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= LONGEST) return name;
  const [extension = ''] = /\.[\w.]{1,16}$/.exec(name) ?? [];
  const characters = [...name.slice(0, name.length - extension.length)];
  while (Buffer.byteLength(characters.join('') + extension) > LONGEST) characters.pop();
  return characters.join('') + extension;
}
