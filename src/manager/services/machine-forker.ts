/** Makes second machines of running ones: a saved state in the folder of a new machine, which is started from it. */
import {rename, rm} from 'node:fs/promises';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Job} from '../protocol/job.js';
import type {FleetMachine} from './fleet.js';
import type {MachineDefiner} from './machine-definer.js';
import {type MachineSaver, type SaverParts, savedState} from './machine-saver.js';

/** What it works with. */
export interface ForkerParts extends SaverParts {
  readonly definer: MachineDefiner;
  readonly saver: MachineSaver;
}

/** See the module. */
export class MachineForker {
  readonly #parts: ForkerParts;

  constructor(parts: ForkerParts) {
    this.#parts = parts;
  }

  /** See `machineFork` for the errors. */
  async fork(
    reference: string,
    name: string | undefined,
  ): Promise<{readonly machine: FleetMachine; readonly job: Job | undefined}> {
    const {fleet, store, definer, saver, runner, log} = this.#parts;
    const source = fleet.findFor('fork', reference);
    const fork = await definer.copySaved(source, name, (path) =>
      saver.hold(source, async (run) => {
        // Its process writes nowhere but in its own folder.
        const own = store.temporaryPath(source.id);
        try {
          const saved = await run.save(own);
          await rename(own, path);
          return savedState(saved);
        } catch (thrown) {
          await rm(own, {force: true});
          throw thrown;
        }
      }),
    );
    log.record('machine-forked', `${fork.name} was forked from ${source.name}.`, fork);
    try {
      return await runner.start(fork.id, 'saved');
    } catch (thrown) {
      const {code, message} = toManagerError(thrown);
      throw new ManagerError(
        code,
        `${fork.name} was made and could not be started: ${message}`,
        `It is saved: \`viv start ${fork.name}\` tries again, \`viv rm ${fork.name}\` removes it.`,
      );
    }
  }
}
