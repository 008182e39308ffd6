import {isAbsolute, join} from 'node:path';
import type {DiskStatus} from '../protocol/disks.js';
import type {Disk} from '../protocol/machine.js';
import type {Fleet} from './fleet.js';
import {inspectImage} from './volume-tools.js';
import type {Volumes} from './volumes.js';

/** Tells what the disks of machines are made of. */
export class DiskReports {
  readonly #fleet: Fleet;
  readonly #volumes: Volumes;

  constructor({fleet, volumes}: {readonly fleet: Fleet; readonly volumes: Volumes}) {
    this.#fleet = fleet;
    this.#volumes = volumes;
  }

  /** A disk that cannot be read is told with why. Errors: machine-not-found */
  async of(reference: string): Promise<readonly DiskStatus[]> {
    const {folder, definition} = this.#fleet.find(reference);
    return Promise.all((definition?.config.disks ?? []).map((disk) => this.#report(folder, disk)));
  }

  async #report(folder: string, disk: Disk): Promise<DiskStatus> {
    const path = isAbsolute(disk.path) ? disk.path : join(folder, disk.path);
    const {isReadOnly} = disk;
    try {
      const [plan] = await this.#volumes.plan(folder, [disk]);
      const images = await Promise.all((plan?.images ?? []).map(inspectImage));
      const layers = images.map(({path: at, format, usedBytes}) => ({path: at, format, usedBytes}));
      const sizeBytes = images[0]?.sizeBytes;
      return {path, isReadOnly, layers, ...(sizeBytes === undefined ? {} : {sizeBytes})};
    } catch (error) {
      return {path, isReadOnly, layers: [], problem: error instanceof Error ? error.message : String(error)};
    }
  }
}
