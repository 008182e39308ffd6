/** The services of a daemon in the test's own process, with a driver of the test's. */

import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import type {HypervisorDriver} from '../../src/manager/hypervisor/contract.js';
import {findPaths} from '../../src/manager/paths.js';
import {ConsoleHub} from '../../src/manager/services/console-hub.js';
import {EventLog} from '../../src/manager/services/event-log.js';
import {Fleet} from '../../src/manager/services/fleet.js';
import {ImageService, openImageStore} from '../../src/manager/services/image-service.js';
import {JobService} from '../../src/manager/services/job-service.js';
import {MachineDefiner} from '../../src/manager/services/machine-definer.js';
import {MachineEditor} from '../../src/manager/services/machine-editor.js';
import {MachineForker} from '../../src/manager/services/machine-forker.js';
import {MachineInstaller} from '../../src/manager/services/machine-installer.js';
import {MachineLayers} from '../../src/manager/services/machine-layers.js';
import {MachineRunner} from '../../src/manager/services/machine-runner.js';
import {MachineSaver} from '../../src/manager/services/machine-saver.js';
import {MachineSnapshots} from '../../src/manager/services/machine-snapshots.js';
import {MachineUndo} from '../../src/manager/services/machine-undo.js';
import {MetricsService} from '../../src/manager/services/metrics-service.js';
import {Turns} from '../../src/manager/services/turns.js';
import {Volumes} from '../../src/manager/services/volumes.js';
import {loadSettings} from '../../src/manager/settings/settings.js';
import {ImageLocks} from '../../src/manager/store/image-locks.js';
import {MachineStore} from '../../src/manager/store/machine-store.js';
import {TemplateStore} from '../../src/manager/store/template-store.js';
import {UndoStore} from '../../src/manager/store/undo-store.js';

/** What `openServices` gives. */
export type MachineServices = Awaited<ReturnType<typeof openServices>>;

/** Opens a home as the daemon does, and finds the machines that are there. Its diary lies beside the home. */
export async function openServices(home: string, runtime: string, driver: HypervisorDriver) {
  const paths = findPaths({VIVARIUM_HOME: home, VIVARIUM_RUNTIME: runtime});
  const settings = await loadSettings(join(runtime, 'no-settings'));
  await mkdir(runtime, {recursive: true});
  const store = new MachineStore(paths);
  await store.open();
  const log = await EventLog.open(join(runtime, 'events.jsonl'), settings.events.keptCount);
  const jobs = new JobService(10);
  const metrics = new MetricsService(60_000);
  const consoles = new ConsoleHub(
    settings.console,
    (id) => store.folder(id),
    async () => undefined,
  );
  const images = new ImageService(
    openImageStore(paths, settings, async () => driver),
    new TemplateStore(paths.templates),
    jobs,
    log,
    settings.machines,
  );
  const fleet = new Fleet();
  const volumes = new Volumes(settings.disks, new ImageLocks(paths.imageLocks));
  const layers = new MachineLayers({fleet, store, volumes});
  const keysFor = async () => [];
  const installer = new MachineInstaller({fleet, store, layers, volumes, keysFor, log});
  const shared = {fleet, store, images, volumes, installer, consoles, metrics, log, settings: settings.machines};
  const definer = new MachineDefiner({...shared, driver, keysFor, privateFolders: [paths.home, paths.runtime]});
  const editor = new MachineEditor({...shared, definitionTurns: new Turns()});
  const runner = new MachineRunner({...shared, jobs});
  const saver = new MachineSaver({...shared, runner, layers});
  const snapshots = new MachineSnapshots({...shared, runner, saver, layers});
  const undoStore = new UndoStore(paths.undo);
  const undo = new MachineUndo({fleet, definer, editor, runner, saver, snapshots, undo: undoStore});
  const forker = new MachineForker({...shared, definer, runner, layers, saver, snapshots});
  for (const entry of await store.list()) {
    const machine = definer.adopt(entry);
    if (machine.state !== 'broken') await runner.recover(machine, entry.life);
  }
  return {
    ...{fleet, store, volumes, definer, editor, runner, saver, snapshots, forker, undo, undoStore, log},
    /** Resolves when all that was begun is done, folds too. */
    settle: async () => {
      for (const {id} of fleet.all()) await saver.inTurn(id, async () => undefined);
      await runner.release();
      await log[Symbol.asyncDispose]();
      metrics[Symbol.dispose]();
      await consoles.close();
    },
  };
}
