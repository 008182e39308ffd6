import {afterEach, describe, expect, it} from 'vitest';
import {type ConsoleActivity, consoleActive} from '../../../src/manager/protocol/console.js';
import {daemonStop} from '../../../src/manager/protocol/daemon.js';
import {subscribe} from '../../../src/manager/protocol/events.js';
import {ACTIVITY_INTERVAL_MS} from '../../../src/manager/services/console-hub.js';
import {TestConsole, TestDaemon, until} from '../../support/daemon.js';

let daemon: TestDaemon;

afterEach(() => daemon[Symbol.asyncDispose]());

describe('what is new on consoles', () => {
  it('is pushed to who subscribed, with bells, and at most twice a second', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect();
    const {id} = await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    const told: {readonly at: number; readonly consoles: readonly ConsoleActivity[]}[] = [];
    using _ = client.on(consoleActive, ({consoles}) => told.push({at: performance.now(), consoles}));
    await client.request(subscribe, {topics: ['consoles']});
    await console.type('print ring\x07\n');
    await until(() => told.some(({consoles}) => consoles.some(({machineId, hasBell}) => machineId === id && hasBell)));
    for (let line = 0; line < 20; line++) await console.type(`print ${line}\n`);
    await console.until('\n19');
    const end = () => told.at(-1)?.consoles.find(({machineId}) => machineId === id);
    const before = told.length;
    await until(() => told.length > before);
    expect(end()?.hasBell).toBe(false);
    // A timer may fire a little early; what is tested is that pieces are gathered.
    for (const [at, {at: ms}] of told.entries())
      if (at > 0) expect(ms - told[at - 1]!.at).toBeGreaterThan(ACTIVITY_INTERVAL_MS * 0.8);
  });
});

describe('a client that outlives its daemon', () => {
  it('waits when the daemon was asked to end, starts none, and goes on with the next', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect({reconnects: true, outlivesDaemon: true});
    const {bootId} = client.daemon;
    await daemon.run(client, 'one');
    const console = await TestConsole.open(client, 'one');
    await console.type('print 1\n');
    await console.until('\n1');
    const states: string[] = [];
    using _ = client.onState((state) => states.push(state));
    await client.request(daemonStop, {machines: 'keep'});
    await until(() => client.state === 'ended');
    await client.untilDaemonGone();
    const other = await daemon.connect();
    await until(() => client.state === 'connected');
    expect(states).toEqual(['ended', 'connected']);
    expect(client.daemon.bootId).toBe(other.daemon.bootId);
    expect(client.daemon.bootId).not.toBe(bootId);
    await console.type('print 2\n');
    await console.until('\n2');
    expect(console.gaps).toBe(0);
  });

  it('without being asked to it is closed then, as before', async () => {
    daemon = await TestDaemon.create();
    const client = await daemon.connect({reconnects: true});
    await client.request(daemonStop, {machines: 'keep'});
    await until(() => client.state !== 'connected');
    expect(client.state).toBe('closed');
  });
});
