/** An empty fleet, and the making of its first machine. */
export const firstRun = {
  making: 'Making your first machine',
  boot: (image: string) => `Boot ${image}`,
  press: 'press Enter',
  about: 'a small Debian 13 for riscv64: its kernel and a shell, in seconds',
  once: 'once; the first time its packages are downloaded',
  looking: 'Looking for the image…',
  cancel: 'Esc cancels and leaves nothing half-made',
};
