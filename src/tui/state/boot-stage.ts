/** How far a guest has come in its boot, read off what it printed. */

import type {Machine} from '../../manager/protocol/machine.js';
import {text} from '../text/text.js';

/** Stages in their order, in words, by what guests print in them; the newest line that tells decides. */
const SIGNS = [
  {stage: text.states.boots.loader, sign: /U-Boot |GNU GRUB|OpenSBI v|EFI stub:|Welcome to GRUB/},
  {stage: text.states.boots.kernel, sign: /Linux version |^\[ *\d+\.\d{6}\] /},
  {stage: text.states.boots.initramfs, sign: /Run \/init as init process|Loading, please wait|Begin: /},
  {stage: text.states.boots.fileSystems, sign: /EXT4-fs \(|Checking file system|fsck\.|systemd-fsck/},
  {stage: text.states.boots.services, sign: /systemd\[1\]: |\[ {2}OK {2}\]|Starting .*\.\.\.|Started .*\./},
];

/** What a guest prints when it is there: it waits for somebody. */
const ARRIVED = /(login: ?$)|([#$%>] ?$)/;
/** A shell's prompt with a command behind it: somebody was there already. */
const ANSWERED = /^[\w.-]+(@[\w.-]+)?:\S*[#$%>] \S/;

/** Lines of a screen that are looked at, from the last one up. */
const LINES_LOOKED_AT = 12;

/**
 * The stage that the lines of a console tell, or `undefined` when the guest has arrived or nothing tells.
 * Shape:  lines of the screen from above, the newest last
 */
export function bootStageOf(lines: readonly string[]): string | undefined {
  const told = lines.map((line) => line.trimEnd()).filter((line) => line !== '');
  if (told.length === 0 || hasArrived(told)) return undefined;
  // A later stage looks like an earlier one as well: services print behind the kernel's time.
  for (const line of told.slice(-LINES_LOOKED_AT).reverse())
    for (const {stage, sign} of [...SIGNS].reverse()) if (sign.test(line)) return stage;
  return undefined;
}

/** True when the newest line waits for somebody: a prompt, of a login or a shell; or when one was answered before. */
export function hasArrived(lines: readonly string[]): boolean {
  if (lines.some((line) => ANSWERED.test(line))) return true;
  const newest = lines.findLast((line) => line.trim() !== '')?.trimEnd();
  // Numbers of the kernel and of services end in such signs as well.
  return newest !== undefined && ARRIVED.test(newest) && !SIGNS.some(({sign}) => sign.test(newest));
}

/** What is known of the boot of a machine: its stage in words; `startedAtMs` says of which start. */
export interface BootSeen {
  readonly machineId: string;
  readonly startedAtMs: number;
  readonly stage: string | undefined;
}

/** The stage to be told of a machine now, if it boots. */
export function toldStage(
  boot: BootSeen | undefined,
  machine: Pick<Machine, 'id' | 'state' | 'startedAtMs'>,
  nowMs: number,
): string | undefined {
  if (boot === undefined || boot.machineId !== machine.id || boot.startedAtMs !== machine.startedAtMs) return undefined;
  return machine.state === 'running' && nowMs - boot.startedAtMs < BOOT_TOLD_MS ? boot.stage : undefined;
}

/** A boot is told of for so long; a guest that takes longer, or prints such lines later, is not booting. */
export const BOOT_TOLD_MS = 300_000;
