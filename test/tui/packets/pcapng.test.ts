import {execFile} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {expect} from 'vitest';
import {type Frame, PCAPNG_END_BYTES, pcapngEnd, pcapngFrame, pcapngHead} from '../../../src/tui/packets/pcapng.js';
import {describeWith, itWith} from '../../support/tools.js';

const run = promisify(execFile);

async function tshark(content: Uint8Array, args: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'viv-pcapng-'));
  try {
    await writeFile(join(folder, 'a.pcapng'), content);
    const {stdout} = await run('tshark', ['-r', join(folder, 'a.pcapng'), ...args], {env: {...process.env, TZ: 'UTC'}});
    return stdout;
  } finally {
    await rm(folder, {recursive: true});
  }
}

const arp = Buffer.from([
  ...[255, 255, 255, 255, 255, 255, 0x52, 0x54, 0, 1, 2, 3, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
  ...[0x52, 0x54, 0, 1, 2, 3, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2],
]);
const frame = (changes: Partial<Frame> = {}): Frame => ({
  atUs: 1_700_000_000_123_456,
  direction: 'sent',
  frameBytes: arp.length,
  data: arp.toString('base64'),
  ...changes,
});

describeWith(['tshark'], 'a pcapng file', () => {
  itWith(['tshark'], 'shows frames with their time, direction, length and kept length', async () => {
    const short = frame({direction: 'received', frameBytes: 42, data: arp.subarray(0, 21).toString('base64')});
    const file = Buffer.concat([
      pcapngHead('Vivarium test', 'web-1', 65_589),
      pcapngFrame(frame()),
      pcapngFrame(short),
    ]);
    const fields = [
      'frame.time_epoch',
      'frame.len',
      'frame.cap_len',
      'frame.packet_flags_direction',
      'frame.interface_name',
    ];
    const out = await tshark(file, ['-T', 'fields', ...fields.flatMap((field) => ['-e', field])]);
    expect(out.trim().split('\n')).toEqual([
      '1700000000.123456000\t42\t42\t0x00000002\tweb-1',
      '1700000000.123456000\t42\t21\t0x00000001\tweb-1',
    ]);
    expect(await tshark(file, [])).toMatch(/Who has 10\.0\.2\.2\? Tell 10\.0\.2\.15/);
  });

  itWith(['tshark'], 'ends with how many frames passed and how many are missing', async () => {
    const end = pcapngEnd(1_700_000_000_000_000, 1_700_000_009_000_000, 5_000_000_001, 17);
    expect(end.length).toBe(PCAPNG_END_BYTES);
    const file = Buffer.concat([pcapngHead('Vivarium test', 'web-1', 65_589), pcapngFrame(frame()), end]);
    const folder = await mkdtemp(join(tmpdir(), 'viv-pcapng-'));
    await writeFile(join(folder, 'a.pcapng'), file);
    // Read by its own dissector, as a file in a file.
    const {stdout} = await run('tshark', ['-r', join(folder, 'a.pcapng'), '-X', 'read_format:MIME Files Format', '-V']);
    await rm(folder, {recursive: true});
    expect(stdout).toContain('Number of Received Packets: 5000000001');
    expect(stdout).toContain('Number of Dropped Packets: 17');
  });
});
