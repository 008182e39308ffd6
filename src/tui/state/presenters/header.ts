import {visibleText} from '../../terminal/visible-text.js';
import type {AppState} from '../model.js';
import {countInStates} from '../selectors.js';
import {formatBytes, formatMips, formatPercent} from './units.js';

/** The top line without its name: machine counts, host load, instructions, jobs. */
export function headerLine(state: AppState): string {
  if (state.connection.state === 'connecting') return 'starting the manager…';
  if (state.connection.state === 'lost') return 'connection to the manager lost, reconnecting…';
  if (state.connection.state === 'ended') return 'the manager was stopped; any viv command starts it again';
  if (state.connection.state === 'closed') return 'the manager has ended';
  const running = countInStates(state, 'running', 'starting', 'stopping');
  const paused = countInStates(state, 'paused');
  const crashed = countInStates(state, 'crashed', 'broken');
  const counts = [`${running} running`];
  if (paused > 0) counts.push(`${paused} paused`);
  if (crashed > 0) counts.push(`${crashed} crashed`);
  counts.push(`${state.machines.length} total`);
  const parts = [`local · ${counts.join(' ')}`];
  if (state.host) {
    const {cpuPercent, memoryUsedBytes, memoryTotalBytes} = state.host;
    parts.push(
      `host cpu ${formatPercent(cpuPercent)} mem ${formatBytes(memoryUsedBytes)}/${formatBytes(memoryTotalBytes)}`,
    );
    parts.push(formatMips(totalInstructions(state)));
  }
  for (const id of state.console.recordings.keys())
    parts.push(`rec ${visibleText(state.machines.find((machine) => machine.id === id)?.name ?? '')}`);
  const jobs = state.jobs.filter((job) => job.state === 'running').length;
  if (jobs > 0) parts.push(`jobs ${jobs}`);
  return parts.join(' · ');
}

function totalInstructions(state: AppState): number {
  let total = 0;
  for (const machine of state.machines)
    if (machine.state === 'running') total += state.samples.get(machine.id)?.at(-1)?.instructionsPerSecond ?? 0;
  return total;
}
