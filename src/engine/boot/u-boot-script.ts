/**
 * What U-Boot is told to do, in the language of its shell. It reads the command from `bootcmd` under `/config` of the device
 * tree, in place of its own, which knows two disks only and would ask the network for minutes.
 * Source: U-Boot doc/device-tree-bindings/config.txt, doc/usage/cmd/bootefi.rst
 */

/** Seconds in which a key leads to U-Boot's own prompt instead. */
export const BOOT_DELAY_SECONDS = 1;
/** Nobody may be there to see what went wrong, and its prompt keeps a processor busy. Units: seconds */
const PATIENCE_SECONDS = 60;

/** Finds a file system without a partition as well. */
const ANY_EFI = `bootefi bootmgr \${fdtcontroladdr}`;

/**
 * Boots the first disk that has a boot loader: of EFI (`EFI/BOOT/BOOTRISCV64.EFI`, or what EFI variables on the disk name),
 * extlinux, or a script of U-Boot's. `virtio_boot` is in U-Boot's environment, and returns when there is nothing.
 */
export function bootDisks(diskCount: number): string {
  const disks = Array.from({length: diskCount}, (_, disk) => disk).join(' ');
  const tries = diskCount === 0 ? [] : [`for devnum in ${disks}; do run virtio_boot; done`, ANY_EFI];
  return [...tries, ...giveUp('No disk of this machine has a boot loader that could be started.')].join('; ');
}

/** Starts an EFI program at an address, with a command line. Units: guest-physical bytes */
export function bootProgram(
  commandLine: string,
  {address, sizeBytes}: {readonly address: number; readonly sizeBytes: number},
): string {
  return [
    `setenv bootargs ${quote(commandLine)}`,
    `bootefi 0x${address.toString(16)}:0x${sizeBytes.toString(16)} \${fdtcontroladdr}`,
    ...giveUp('The kernel could not be started.'),
  ].join('; ');
}

function giveUp(message: string): string[] {
  return [
    `echo ${quote(message)}`,
    `echo ${quote(`Power off in ${PATIENCE_SECONDS} seconds; Ctrl-C leads to the prompt of U-Boot.`)}`,
    `if sleep ${PATIENCE_SECONDS}; then poweroff; fi`,
  ];
}

/** One word, whatever is in it. A backslash is kept by its shell only when it stands before nothing special. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "'\\''")}'`;
}
