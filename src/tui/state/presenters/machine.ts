/** A machine as words: state, list row, title and footer of its pane. */

import {DISK_IMAGE} from '../../../manager/protocol/image.js';
import type {Machine, MachineState} from '../../../manager/protocol/machine.js';
import type {MachineSample} from '../../../manager/protocol/metrics.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {ThemeToken} from '../../theme.js';
import {type BootSeen, toldStage} from '../boot-stage.js';
import type {Tab} from '../model.js';
import {formatBytes, formatDuration, formatMips, formatRate} from './units.js';

/** How a state looks: glyph, word, short word, colour token. Never by colour alone. */
export interface StateLook {
  readonly glyph: string;
  readonly word: string;
  readonly short: string;
  readonly token: ThemeToken;
}

const LOOKS: Readonly<Record<MachineState, Pick<StateLook, 'glyph' | 'token'>>> = {
  defined: {glyph: '○', token: 'off'},
  starting: {glyph: '◐', token: 'busy'},
  running: {glyph: '●', token: 'running'},
  paused: {glyph: '‖', token: 'paused'},
  stopping: {glyph: '◐', token: 'busy'},
  saving: {glyph: '◐', token: 'busy'},
  saved: {glyph: '◇', token: 'off'},
  crashed: {glyph: '✗', token: 'failed'},
  broken: {glyph: '✗', token: 'failed'},
};

/** A tab as people read it. */
export function tabLabel(tab: Tab): string {
  return text.machine.tabs[tab];
}

/** The look of a state. */
export function stateLook(state: MachineState): StateLook {
  return {...LOOKS[state], word: text.states.words[state], short: text.states.shorts[state]};
}

/** True in states in which the newest sample tells how the machine is now. */
export const hasSamples = (state: MachineState): boolean => ['running', 'paused', 'saving', 'stopping'].includes(state);

/** Title of a machine's pane: name, state, how long it has been up, and while it boots the stage it is in. */
export function machineTitle(machine: Machine, nowMs: number, boot?: BootSeen): string {
  const look = stateLook(machine.state);
  const isUp = machine.state === 'running' || machine.state === 'paused';
  const uptime = isUp && machine.startedAtMs !== undefined ? `  ${formatDuration(nowMs - machine.startedAtMs)}` : '';
  const stage = toldStage(boot, machine, nowMs);
  return `${visibleText(machine.name)}  ${look.glyph} ${look.word}${uptime}${stage === undefined ? '' : `  ${text.machine.booting(stage)}`}`;
}

/**
 * Footer of a machine's pane: disk and net rates of the last second, instructions; why a machine does not run that failed.
 * Empty without either.
 */
export function machineFooter(machine: Machine, samples: readonly MachineSample[]): string {
  if (!hasSamples(machine.state)) return visibleText(machine.reason ?? '');
  const last = samples.at(-1);
  if (!last) return '';
  const {received, sent} = netRates(samples);
  const rate = (pick: (sample: MachineSample) => number) => formatRate(rateOf(samples, pick));
  const net = text.machine.traffic(formatRate(received), formatRate(sent));
  const disk = text.machine.diskTraffic(
    rate((s) => s.diskReadBytes),
    rate((s) => s.diskWrittenBytes),
  );
  return `${net}  ${disk}  ${formatMips(last.instructionsPerSecond)}`;
}

/** What the network card received and sent in the last second. Units: bytes a second */
export function netRates(samples: readonly MachineSample[]): {readonly received: number; readonly sent: number} {
  return {received: rateOf(samples, (s) => s.netReceivedBytes), sent: rateOf(samples, (s) => s.netSentBytes)};
}

/** What the disks read and wrote in the last second. Units: bytes a second */
export function machineDiskRates(samples: readonly MachineSample[]): {readonly read: number; readonly written: number} {
  return {read: rateOf(samples, (s) => s.diskReadBytes), written: rateOf(samples, (s) => s.diskWrittenBytes)};
}

/** How much a counter grew a second between the last two samples; 0 with fewer. */
function rateOf(samples: readonly MachineSample[], pick: (sample: MachineSample) => number): number {
  const [last, before] = [samples.at(-1), samples.at(-2)];
  if (!last || !before) return 0;
  return Math.max(0, pick(last) - pick(before)) / Math.max(0.001, (last.atMs - before.atMs) / 1000);
}

/** Why a machine stands where it is, for an empty console pane. */
export function machineNotice(machine: Machine): string {
  if (machine.reason) return visibleText(machine.reason);
  if (machine.state === 'defined') return text.machine.off;
  if (machine.state === 'saved') return text.machine.saved;
  if (machine.state === 'starting') return text.machine.starting;
  return '';
}

/** What a machine boots, in a few words. */
export function bootSummary(machine: Machine): string {
  const boot = machine.config?.boot;
  if (!boot) return '?';
  if (boot.kind === 'image') return boot.image === DISK_IMAGE ? text.machine.itsDisks : boot.image;
  switch (boot.kind) {
    case 'linux':
      return boot.origin ?? boot.kernelPath;
    case 'disk':
      return text.machine.itsDisks;
    case 'firmware':
      return boot.elfPath;
  }
}

/** Guest memory in use for a running machine, else what it is given; empty when unknown. */
export function memorySummary(machine: Machine, sample: MachineSample | undefined): string {
  if (sample && hasSamples(machine.state)) return formatBytes(sample.memoryTouchedBytes);
  return machine.config ? formatBytes(machine.config.memoryBytes) : '';
}
