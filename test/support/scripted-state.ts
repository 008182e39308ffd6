/** States of scripted machines in the format of real ones: the text is what lies in their memory. */
import {readFile} from 'node:fs/promises';
import {CHUNK_BYTES} from '../../src/manager/hypervisor/builtin/saved/format.js';
import {SaveReader} from '../../src/manager/hypervisor/builtin/saved/save-reader.js';
import {writeSave} from '../../src/manager/hypervisor/builtin/saved/save-writer.js';
import {RAM_PAGE_BYTES} from '../../src/manager/hypervisor/builtin/saved/saved-ram.js';

/** Writes one. */
export function writeScriptedState(path: string, text: string, make: {memoryBytes: number; hartCount: number}) {
  const {memoryBytes, hartCount} = make;
  const take = (first: number, count: number) => {
    const bytes = Buffer.alloc(count * RAM_PAGE_BYTES);
    if (first === 0) bytes.write(text);
    return bytes;
  };
  const source = {sizeBytes: memoryBytes, isTouched: (page: number) => page === 0, isChanged: () => true, take};
  const machine = {
    memoryBytes,
    hasSbi: true,
    tohost: -1,
    clockNs: 0,
    harts: Array(hartCount).fill(scriptedHart()),
    devices: [],
  };
  const head = {writer: 'test', savedAtMs: 1, machine, devices: []};
  return writeSave(path, head, {...source, isAbsent: () => false, leave: () => undefined}, {packing: 'small'});
}

/** The text of a state, in this format or as it is. */
export async function readScriptedState(path: string): Promise<string> {
  const content = await readFile(path);
  if (!content.toString('latin1').startsWith('VIVSAVE')) return content.toString();
  await using reader = await SaveReader.open(path);
  const [row] = reader.rows;
  const chunk = row && (await reader.readChunk(row, Buffer.allocUnsafeSlow(CHUNK_BYTES)));
  return chunk?.toString('latin1').replace(/\0+$/, '') ?? '';
}

function scriptedHart() {
  const zeros = Array<string>(32).fill('0');
  const rest = {privilege: 1, csrs: {}, pending: 0, supervisorDeadline: null, machineDeadline: null, hsmState: 0};
  const place = {startAddress: '0', startOpaque: '0', instructions: 0, reservation: null};
  return {pc: '0', x: zeros, f: zeros, fcsr: 0, ...rest, ...place};
}
