// The TUI with a scripted fleet behind it, as a program for a pseudo-terminal. FLEET: names, states, groups and harts,
// `web-1:running:web:2`.

import {ManagerError} from '../../src/manager/protocol/errors.js';
import type {MachineState} from '../../src/manager/protocol/machine.js';
import {type Backend, connectDaemon} from '../../src/tui/app/backend.js';
import {wantsSpoken} from '../../src/tui/app/front-end.js';
import {playCast} from '../../src/tui/app/play-cast.js';
import {runSpoken} from '../../src/tui/app/run-spoken.js';
import {runTui} from '../../src/tui/app/run-tui.js';
import {openCast} from '../../src/tui/casts/cast-reader.js';
import {FakeFleet, fakeMachine} from './fake-fleet.js';

// In place of what the terminal is lent to: says so, and reads a line from it.
if (process.argv[2] !== undefined) {
  process.stdout.write(`lent to ${process.argv.slice(2).join(' ')}\n`);
  if (process.env['LENT_STATUS'] === '0') {
    process.stdout.write('typed in the login? ');
    await new Promise((resolve) => process.stdin.once('data', resolve));
  }
  process.exit(Number(process.env['LENT_STATUS']));
}

// REPLAY: a recording to play instead.
if (process.env['REPLAY']) {
  const cast = await openCast(process.env['REPLAY']);
  const streams = {input: process.stdin, output: process.stdout, env: process.env};
  const how = {title: 'cast', speed: Number(process.env['SPEED'] ?? 1), idleSeconds: Number.POSITIVE_INFINITY};
  process.exit(await playCast(cast, {...streams, ...how}));
}
// FROZEN: a clock that stands still, so that a screen is the same each time.
if (process.env['FROZEN'] === '1') Date.now = () => Date.UTC(2026, 0, 2, 3, 4, 5);

const machines = (process.env['FLEET'] ?? '')
  .split(',')
  .filter((entry) => entry !== '')
  .map((entry) => {
    const [name = '', state = 'defined', group = '', hartCount = '1'] = entry.split(':');
    const machine = fakeMachine(name, state as MachineState, group === '' ? {} : {labels: {group, tags: []}});
    return {...machine, config: {...machine.config!, hartCount: Number(hartCount)}};
  });
const fleet = new FakeFleet(machines);
for (let left = Number(process.env['POINTS'] ?? 0); left > 0; left--)
  fleet.addPoint({
    createdAtMs: Date.now() - left * 30_000,
    ...(left === 3 ? {kind: 'snapshot', note: 'before the change'} : {}),
  });
fleet.isTimelineOn = process.env['TIMELINE'] !== 'off';
if (process.env['POINT_MS']) setTimeout(() => fleet.addPoint({}), Number(process.env['POINT_MS']));
// METRICS=busy: every number moves.
fleet.isBusy = process.env['METRICS'] === 'busy';
if (process.env['SAMPLE_MS']) fleet.sampleMs = Number(process.env['SAMPLE_MS']);
// NETWORK=busy: a port forward, connections, and a packet from time to time.
if (process.env['NETWORK'] === 'busy') {
  const flow = {protocol: 'tcp', state: 'open', receivedBytes: 5e6, sentBytes: 1200} as const;
  const ends = {guestAddress: '10.0.2.15', guestPort: 40_000, peerAddress: '192.0.2.7'};
  const flows = Array.from({length: 40}, (_, i) => ({...flow, ...ends, peerPort: 8000 + i}));
  fleet.network = {...fleet.network, flows, flowCount: 40};
  const arp = [0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 1, 2, 3, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2];
  let host = 0;
  setInterval(() => {
    const bytes = Buffer.from([...new Array<number>(12).fill(2), 8, 6, ...arp, host++ & 0xff]);
    fleet.pass({atUs: Date.now() * 1000, direction: 'sent', frameBytes: 42, data: bytes.toString('base64')});
  }, 100).unref();
}
// GUEST: what every guest has printed already.
if (process.env['GUEST']) fleet.printAll(process.env['GUEST']);
// START_FAULT: why no machine starts; BOOT: what guests print after their start.
fleet.startFault = process.env['START_FAULT'];
if (process.env['BOOT']) fleet.bootTexts = process.env['BOOT'].split('|');
fleet.refusedName = process.env['TAKEN'];
if (process.env['IMAGES'] === 'many')
  fleet.otherImages = Array.from({length: 8}, (_, index) => ({
    ...{name: `base-${index}`, title: `Base ${index}`, description: `The base of number ${index}.`, state: 'available'},
    ...{defaults: {memoryBytes: 2 ** 30, hartCount: 2, diskBytes: 2 ** 34}, downloadBytes: 163 * 2 ** 20},
  }));
// ASK: names by which the guest of the first machine wants to reach something, from the beginning; REACH: when told to.
const questionsOf = (names = '') =>
  names.split(',').flatMap((name, index) =>
    name === ''
      ? []
      : {
          ...{id: `00000000-0000-4000-8000-00000000000${index}`, protocol: 'tcp' as const, address: '192.0.2.7'},
          ...{port: 443 + index, name, askedAtMs: Date.now()},
        },
  );
fleet.wanted = questionsOf(process.env['REACH']);
if (process.env['ASK']) fleet.ask(machines[0]!.name, questionsOf(process.env['ASK']));
fleet.isImageReady = process.env['IMAGE'] !== 'missing';
if (process.env['BUILD_MS']) setTimeout(() => fleet.finishBuild(), Number(process.env['BUILD_MS']));
// FLEET=daemon: the daemon of this environment. MANAGER: it does not answer (`slow`), or there is none (`none`).
async function connect(): Promise<Backend> {
  if (process.env['MANAGER'] === 'slow') return new Promise(() => undefined);
  if (process.env['MANAGER'] === 'none')
    throw new ManagerError('daemon-unreachable', 'The manager cannot be started.', 'See viv doctor.');
  return process.env['FLEET'] === 'daemon' ? connectDaemon() : fleet.backend();
}
const run = wantsSpoken([], process.env) ? runSpoken : runTui;
process.exitCode = await run({
  input: process.stdin,
  output: process.stdout,
  env: process.env,
  connect,
});
