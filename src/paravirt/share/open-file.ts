/** What a handle has open: a file of the host, or the names in a folder as they were when reading it began. */
import {closeSync} from 'node:fs';

/** A file of the host. Closed when its handle is, and when nothing uses it any more. */
export class OpenFile {
  readonly kind = 'file';
  readonly fd: number;
  /** As the guest asked, for a restore. */
  readonly flags: number;
  readonly canWrite: boolean;
  #uses = 1;

  constructor(fd: number, flags: number, canWrite: boolean) {
    this.fd = fd;
    this.flags = flags;
    this.canWrite = canWrite;
  }

  use(): void {
    this.#uses++;
  }

  release(): void {
    if (--this.#uses === 0) closeSync(this.fd);
  }
}

/** A folder that is read: cookies that the guest goes on from are places in this list. */
export class OpenFolder {
  readonly kind = 'folder';
  names: readonly string[] | undefined;
}

/** A file that was open when the machine was saved, and cannot be opened any more. */
export class LostFile {
  readonly kind = 'lost';
}
