/**
 * Start file of a machine process: `node … machine.js LAUNCH.json`. Says `ready` on stdout when its socket is there,
 * runs until the guest powers off or crashes. Its stderr is the folder's machine.log.
 */
import {readFileSync} from 'node:fs';
import {endProcess} from './end-process.js';
import {EngineHost} from './engine-host.js';
import {launchSchema} from './link.js';
import {MachineServer} from './machine-server.js';
import {openState} from './saved/save-reader.js';

/** How long a daemon may take to save the machine when the host shuts down. */
const SAVE_GRACE_MS = 60_000;

process.umask(0o077);
// The daemon's terminal is not ours: only an explicit kill ends a machine.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGPIPE'] as const) process.on(signal, () => undefined);

const launch = launchSchema.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
process.title = `vivarium: ${launch.name}`;
// At once: a process that is started ahead of its time has nothing else to do.
const openedState =
  launch.savedPath === undefined ? undefined : openState(launch.savedPath, new Set(launch.soundStates));
openedState?.catch(() => undefined);
const server = new MachineServer(launch, (plan, listener, syncer, deputyOf) =>
  EngineHost.create({...plan, ports: [], network: plan.network && {...plan.network, id: plan.id}}, listener, {
    syncer,
    deputyOf,
    openedState,
  }),
);
// At the host's shutdown all processes get it: a daemon that is there saves the machine now, and then ends it.
process.on('SIGTERM', () => server.endUnattended(SAVE_GRACE_MS));
// Nobody reads it any more when the daemon has died.
process.stdout.on('error', () => undefined);
await server.serve(() => process.stdout.write('ready\n'));
endProcess();
