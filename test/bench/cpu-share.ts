/** How much of a core processes take, read from the kernel's accounts. */
import {readFile} from 'node:fs/promises';
import {setTimeout as delay} from 'node:timers/promises';

const TICKS_PER_SECOND = 100;

/** Shares of a core that processes take during some seconds, all their threads together. Units: percent */
export async function cpuShares(pids: readonly number[], seconds: number): Promise<number[]> {
  const before = await Promise.all(pids.map(ticksOf));
  const began = performance.now();
  await delay(seconds * 1000);
  const after = await Promise.all(pids.map(ticksOf));
  const passed = (performance.now() - began) / 1000;
  return after.map((ticks, index) => (100 * (ticks - (before[index] ?? 0))) / TICKS_PER_SECOND / passed);
}

async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
