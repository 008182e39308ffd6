import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {AppState} from '../model.js';
import {countInStates} from '../selectors.js';
import {formatBytes, formatMips, formatPercent} from './units.js';

/** The top line without its name: machine counts, host load, instructions, jobs. */
export function headerLine(state: AppState): string {
  if (state.connection.state !== 'connected') return text.manager.header[state.connection.state];
  const {header} = text.fleet;
  const running = countInStates(state, 'running', 'starting', 'stopping');
  const paused = countInStates(state, 'paused');
  const crashed = countInStates(state, 'crashed', 'broken');
  const counts = [header.running(running)];
  if (paused > 0) counts.push(header.paused(paused));
  if (crashed > 0) counts.push(header.crashed(crashed));
  counts.push(header.total(state.machines.length));
  const parts = [header.place(counts.join(' '))];
  if (state.host) {
    const {cpuPercent, memoryUsedBytes, memoryTotalBytes} = state.host;
    parts.push(header.host(formatPercent(cpuPercent), formatBytes(memoryUsedBytes), formatBytes(memoryTotalBytes)));
    parts.push(formatMips(totalInstructions(state)));
  }
  for (const id of state.console.recordings.keys())
    parts.push(header.recording(visibleText(state.machines.find((machine) => machine.id === id)?.name ?? '')));
  const jobs = state.jobs.filter((job) => job.state === 'running').length;
  if (jobs > 0) parts.push(header.jobs(jobs));
  return parts.join(' · ');
}

function totalInstructions(state: AppState): number {
  let total = 0;
  for (const machine of state.machines)
    if (machine.state === 'running') total += state.samples.get(machine.id)?.at(-1)?.instructionsPerSecond ?? 0;
  return total;
}
