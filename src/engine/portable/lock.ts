import { statSync } from 'node:fs';
import type { LockRequest } from '../engine.ts';
import { mayCommandLive } from './child.ts';
import { removeQuietly, writeNew } from './files.ts';
import type { FoundClaim } from './look.ts';
import { makeQueue, Place } from './place.ts';
import { newToken } from './record.ts';
import type { Settings } from './settings.ts';
import { judge, type Verdict } from './verdict.ts';

/** One request as the parts of the portable engine pass it to each other. */
export class PortableLock {
  readonly request: LockRequest;
  readonly place: Place;
  readonly settings: Settings;

  constructor(request: LockRequest, settings: Settings) {
    this.request = request;
    this.place = new Place(request.path);
    this.settings = settings;
  }

  judge(found: FoundClaim): Verdict {
    const verdict = judge(found, this.settings, () => this.#fileSystemNow());
    // A right has no lease, also where it is the claim of its owner by another name.
    if (verdict === 'lease-over' && this.place.isRight(found.path)) return 'held';
    return verdict === 'owner-dead' && mayCommandLive(this.place, found) ? 'held' : verdict;
  }

  /** Whether a file was last changed so long ago that it counts as nobody's, where it proves nothing itself. */
  isOld(path: string): boolean {
    const changed = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return changed !== undefined && this.#fileSystemNow() - changed >= this.settings.staleAfter;
  }

  /** The clock that stamps files here, which may be a server's; 0, at which everything is young, when it cannot be asked. */
  #fileSystemNow(): number {
    const probe = this.place.privatePath(newToken());
    try {
      makeQueue(this.request, this.place);
      writeNew(probe, '', this.request, 'quick');
      return statSync(probe).mtimeMs;
    } catch {
      return 0;
    } finally {
      removeQuietly(probe);
    }
  }
}
