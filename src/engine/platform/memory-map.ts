/**
 * Where everything is in guest-physical memory: the map of QEMU's `virt` machine, so that any kernel or firmware built
 * for that runs here.
 */

/**
 * Start addresses of the platform's windows.
 * Units:  guest-physical bytes
 * Source: QEMU hw/riscv/virt.c `virt_memmap`
 */
export const memoryMap = {
  test: 0x10_0000,
  rtc: 0x10_1000,
  // Ours; nothing is there in the map above.
  generationId: 0x10_2000,
  aclint: 0x200_0000,
  plic: 0xc00_0000,
  uart: 0x1000_0000,
  virtioMmio: 0x1000_1000,
  ram: 0x8000_0000,
} as const;

/** Interrupt source numbers at the PLIC. */
export const irqMap = {virtioFirst: 1, uart: 10, rtc: 11, generationId: 12, virtioMore: 13} as const;

/** Ticks per second of `mtime` and of the `time` CSR, the device tree's `timebase-frequency`. */
export const TIMEBASE_HZ = 10_000_000;

/** Virtio-mmio slots of the platform: QEMU's eight, whose sources are 1 to 8, and four of ours, with 13 to 16. */
export const VIRTIO_SLOT_COUNT = 12;
const FIRST_SLOTS = 8;

/** Distance of two virtio-mmio slots in bytes. */
export const VIRTIO_SLOT_BYTES = 0x1000;

/** Address and interrupt of a virtio-mmio slot, or undefined for an index the platform does not have. */
export function virtioSlot(index: number): {readonly address: number; readonly irq: number} | undefined {
  if (!Number.isInteger(index) || index < 0 || index >= VIRTIO_SLOT_COUNT) return undefined;
  const irq = index < FIRST_SLOTS ? irqMap.virtioFirst + index : irqMap.virtioMore + index - FIRST_SLOTS;
  return {address: memoryMap.virtioMmio + index * VIRTIO_SLOT_BYTES, irq};
}
