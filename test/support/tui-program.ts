// The TUI with a scripted fleet behind it, as a program for a pseudo-terminal. FLEET: names, states and groups, `web-1:running:web`.

import type {MachineState} from '../../src/manager/protocol/machine.js';
import {runTui} from '../../src/tui/app/run-tui.js';
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

const machines = (process.env['FLEET'] ?? '')
  .split(',')
  .filter((entry) => entry !== '')
  .map((entry) => {
    const [name = '', state = 'defined', group] = entry.split(':');
    return fakeMachine(name, state as MachineState, group === undefined ? {} : {labels: {group, tags: []}});
  });
const fleet = new FakeFleet(machines);
for (let left = Number(process.env['POINTS'] ?? 0); left > 0; left--)
  fleet.addPoint({
    createdAtMs: Date.now() - left * 30_000,
    ...(left === 3 ? {kind: 'snapshot', note: 'before the change'} : {}),
  });
fleet.isTimelineOn = process.env['TIMELINE'] !== 'off';
if (process.env['POINT_MS']) setTimeout(() => fleet.addPoint({}), Number(process.env['POINT_MS']));
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
fleet.isImageReady = process.env['IMAGE'] !== 'missing';
if (process.env['BUILD_MS']) setTimeout(() => fleet.finishBuild(), Number(process.env['BUILD_MS']));
process.exitCode = await runTui({
  input: process.stdin,
  output: process.stdout,
  env: process.env,
  connect: async () => fleet.backend(),
});
