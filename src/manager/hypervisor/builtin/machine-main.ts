/**
 * Start file of a machine process: `node … machine.js LAUNCH.json`. Says `ready` on stdout when its socket is there,
 * runs until the guest powers off or crashes. Its stderr is the folder's machine.log. One that is started before its
 * machine is known reads the launch from standard input instead: `node … machine.js --spare FOLDER SHAPE`.
 */
import {readFileSync} from 'node:fs';
import {text} from 'node:stream/consumers';
import {endProcess} from './end-process.js';
import {EngineHost} from './engine-host.js';
import {layGroundwork, shapeHintSchema} from './groundwork.js';
import {launchSchema} from './link.js';
import {MachineServer} from './machine-server.js';
import {Places} from './places.js';
import {openState} from './saved/save-reader.js';
import {SPARE_ARGUMENT} from './spare-argument.js';

/** How long a daemon may take to save the machine when the host shuts down. */
const SAVE_GRACE_MS = 60_000;

process.umask(0o077);
// The daemon's terminal is not ours: only an explicit kill ends a machine.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGPIPE'] as const) process.on(signal, () => undefined);

const [, , first = '', folder = '', shape = ''] = process.argv;
const isSpare = first === SPARE_ARGUMENT;
if (isSpare) process.title = 'vivarium: waits for a machine';
const groundwork = isSpare ? layGroundwork(shapeHintSchema.parse(JSON.parse(shape))) : undefined;
const told = isSpare ? await text(process.stdin) : readFileSync(first, 'utf8');
// Nobody needs it any more, or its daemon has died.
if (told === '') endProcess();
const given = launchSchema.parse(JSON.parse(told));
const places = isSpare ? Places.of(given, folder) : Places.none;
const launch = places.launch(given);
process.title = `vivarium: ${launch.name}`;
// At once: a process that is started ahead of its time has nothing else to do.
const openedState =
  launch.savedPath === undefined ? undefined : openState(launch.savedPath, new Set(launch.soundStates));
openedState?.catch(() => undefined);
const server = new MachineServer(launch, places, (plan, listener, syncer, deputyOf) =>
  EngineHost.create({...plan, ports: [], network: plan.network && {...plan.network, id: plan.id}}, listener, {
    syncer,
    deputyOf,
    openedState,
    groundwork,
  }),
);
// At the host's shutdown all processes get it: a daemon that is there saves the machine now, and then ends it.
process.on('SIGTERM', () => server.endUnattended(SAVE_GRACE_MS));
// Nobody reads it any more when the daemon has died.
process.stdout.on('error', () => undefined);
await server.serve(() => process.stdout.write('ready\n'));
endProcess();
