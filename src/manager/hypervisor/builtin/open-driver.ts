import {bundledEntry, packageFolder} from '../../bundle.js';
import type {Paths} from '../../paths.js';
import type {Settings} from '../../settings/settings.js';
import {BuiltinDriver} from '../registry.js';

/** The driver as the settings say, on the installation's own program. For `spareIdleMs` a process waits for the next machine. */
export function openBuiltinDriver(
  environment: NodeJS.ProcessEnv,
  paths: Pick<Paths, 'runtime' | 'spares'>,
  settings: Settings,
  spareIdleMs: number,
): BuiltinDriver {
  return new BuiltinDriver({
    runtimeFolder: paths.runtime,
    // Tests put a scripted machine here.
    program: environment['VIVARIUM_MACHINE_PROGRAM'] || bundledEntry('machine'),
    packageFolder: packageFolder(),
    sparesFolder: paths.spares,
    // A scripted one cannot wait.
    spareIdleMs: environment['VIVARIUM_MACHINE_PROGRAM'] ? 0 : spareIdleMs,
    scrollbackBytes: settings.console.scrollbackBytes,
    logMaxBytes: settings.console.logMaxBytes,
    sampleIntervalMs: settings.metrics.intervalMs,
    startTimeoutMs: settings.machines.startTimeoutMs,
    defaultTier: settings.machines.defaultTier,
    regions: settings.regions,
  });
}
