/** What this process has used: figures that do not grow because others use the machine too. */
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';

/** Processor time of this process, all its threads together. Units: milliseconds */
export function processorMs(): number {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
}

/** Memory that is held once garbage is gone. Units: bytes */
export function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('V8 has no collector to call');
  collect();
  const {heapUsed, arrayBuffers} = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
