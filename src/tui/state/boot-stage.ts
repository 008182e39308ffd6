/** How far a guest has come in its boot, read off what it printed. */

/** Stages in their order, by what guests print in them; the newest line that tells decides. */
const SIGNS = [
  {stage: 'boot loader', sign: /U-Boot |GNU GRUB|OpenSBI v|EFI stub:|Welcome to GRUB/},
  {stage: 'kernel', sign: /Linux version |^\[ *\d+\.\d{6}\] /},
  {stage: 'initramfs', sign: /Run \/init as init process|Loading, please wait|Begin: /},
  {stage: 'file systems', sign: /EXT4-fs \(|Checking file system|fsck\.|systemd-fsck/},
  {stage: 'services', sign: /systemd\[1\]: |\[ {2}OK {2}\]|Starting .*\.\.\.|Started .*\./},
] as const;

/** What a guest prints when it is there: it waits for somebody. */
const ARRIVED = /(login: ?$)|([#$%>] ?$)/;

/** A stage of a boot. */
export type BootStage = (typeof SIGNS)[number]['stage'];

/** Lines of a screen that are looked at, from the last one up. */
const LINES_LOOKED_AT = 12;

/**
 * The stage that the lines of a console tell, or `undefined` when the guest has arrived or nothing tells.
 * Shape:  lines of the screen from above, the newest last
 */
export function bootStageOf(lines: readonly string[]): BootStage | undefined {
  const told = lines.map((line) => line.trimEnd()).filter((line) => line !== '');
  const newest = told.at(-1);
  if (newest === undefined || ARRIVED.test(newest)) return undefined;
  // A later stage looks like an earlier one as well: services print behind the kernel's time.
  for (const line of told.slice(-LINES_LOOKED_AT).reverse())
    for (const {stage, sign} of [...SIGNS].reverse()) if (sign.test(line)) return stage;
  return undefined;
}

/** A boot is told of for so long; a guest that takes longer, or prints such lines later, is not booting. */
export const BOOT_TOLD_MS = 300_000;
