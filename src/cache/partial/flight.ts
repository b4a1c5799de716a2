import type { FileHandle } from 'node:fs/promises';

/** Bytes on their way to their place in a file. */
export interface Batch {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly landed: Promise<void>;
  isDone: boolean;
}

/** Starts a write; `landed` never rejects, and `onEnd` is told of the error, if there was one. */
export function launch(
  file: Pick<FileHandle, 'write'>,
  bytes: Uint8Array,
  position: number,
  onEnd: (error?: unknown) => void,
): Batch {
  const batch = { position, bytes, isDone: false };
  const landed = writeAll(file, bytes, position).then(
    () => {
      batch.isDone = true;
      onEnd();
    },
    (error: unknown) => onEnd(error ?? new Error('a write failed')),
  );
  return Object.assign(batch, { landed });
}

/** The system may take a part of what it is given. */
async function writeAll(file: Pick<FileHandle, 'write'>, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
