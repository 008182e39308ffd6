// The TUI with a scripted fleet behind it, as a program for a pseudo-terminal. FLEET: names and states, `web-1:running`.

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
    const [name = '', state = 'defined'] = entry.split(':');
    return fakeMachine(name, state as MachineState);
  });
const fleet = new FakeFleet(machines);
for (let left = Number(process.env['POINTS'] ?? 0); left > 0; left--)
  fleet.addPoint({
    createdAtMs: Date.now() - left * 30_000,
    ...(left === 3 ? {kind: 'snapshot', note: 'before the change'} : {}),
  });
fleet.isTimelineOn = process.env['TIMELINE'] !== 'off';
if (process.env['POINT_MS']) setTimeout(() => fleet.addPoint({}), Number(process.env['POINT_MS']));
fleet.isImageReady = process.env['IMAGE'] !== 'missing';
if (process.env['BUILD_MS']) setTimeout(() => fleet.finishBuild(), Number(process.env['BUILD_MS']));
process.exitCode = await runTui({
  input: process.stdin,
  output: process.stdout,
  env: process.env,
  connect: async () => fleet.backend(),
});
