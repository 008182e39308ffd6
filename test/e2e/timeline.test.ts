/** A Debian guest that goes back in time: as a user does it, through `bin/viv`. */
import {expect, it} from 'vitest';
import {Client} from '../../src/manager/client.js';
import {type Snapshot, snapshotList} from '../../src/manager/protocol/snapshot.js';
import {TestConsole, until} from '../support/daemon.js';
import {Home} from '../support/home.js';

const RUN_MS = 180_000;

/** Runs a line in the guest's shell; resolves with what it printed when it has printed `done`. */
async function type(console: TestConsole, line: string): Promise<string> {
  const start = console.text.length;
  await console.type(`${line}\necho "do"ne\n`);
  await console.until(new RegExp(`^.{${start},}done\\r\\n`, 's'));
  return console.text.slice(start);
}

it(
  'goes back to what its files and its disk were, and forth again',
  async () => {
    await using home = await Home.createWithImage({timeline: {isEnabled: true, intervalMs: 1000}});
    const viv = async (...args: string[]) => {
      const result = await home.viv(args);
      expect(result).toMatchObject({status: 0});
      return result.stdout + result.stderr;
    };
    await viv('create', 'debian-mini', '--name', 'one', '--memory', '256M', '--disk', '16M');
    await viv('start', 'one');
    await using client = await Client.connect({environment: {...process.env, ...home.environment}});
    const console = await TestConsole.open(client, 'one');
    await console.until(/:~# /);
    const points = async (): Promise<Snapshot[]> =>
      (await client.request(snapshotList, {machine: 'one'})).snapshots.filter(({kind}) => kind === 'checkpoint');
    /** Waits for a point of what is there now, and until a time of whole seconds means it. */
    const settle = async () => {
      const sinceMs = Date.now();
      const isOfNow = ({createdAtMs, pausedMs}: Snapshot) => createdAtMs - pausedMs > sinceMs + 1000;
      await until(async () => (await points()).some(isOfNow));
      const newest = (await points()).at(-1)?.createdAtMs ?? 0;
      await until(() => Date.now() > newest + 1000);
    };
    const put = (word: string) => type(console, `echo ${word} >/tmp/file; printf ${word} >/dev/vda; sync`);
    const look = () => type(console, 'cat /tmp/file; head -c 3 /dev/vda; echo');

    // A guest that does nothing gets no points: this one always does something.
    await type(console, '(while sleep 0.3; do head -c 20000000 /dev/zero >/dev/null; done) &');
    await put('old');
    await settle();
    const before = new Date().toTimeString().slice(0, 8);
    await put('new');
    await settle();
    expect(await look()).toMatch(/new\r\nnew\r\n/);

    expect(await viv('rewind', 'one', '--to', before)).toMatch(/^one is running, as it was \d+s ago: at auto-\d+/);
    expect(await look()).toMatch(/old\r\nold\r\n/);
    const {snapshots} = await client.request(snapshotList, {machine: 'one'});
    const undo = snapshots.find(({kind}) => kind === 'undo');
    expect(await viv('rewind', 'one', '--to', undo?.name ?? '')).toContain('What was there before stays as undo-');
    expect(await look()).toMatch(/new\r\nnew\r\n/);
    // Longer ago than the guest lives: the oldest point, from while it booted.
    expect(await viv('rewind', 'one', '--to', '-2h')).toContain('That is the oldest point there is.');
    expect(await viv('timeline', 'one', 'off')).toContain('is off');
  },
  RUN_MS,
);
