/** Where a guest spends its time: samples of the pc of its harts. */
import * as z from 'zod';
import {defineRequest} from './define.js';
import {machineRefSchema} from './machine.js';

/** Bounds of one look. Units: milliseconds. A client that wants more asks again. */
export const MIN_PROFILE_MS = 10;
export const MAX_PROFILE_MS = 10_000;
/** Different places that one look tells at most; the most frequent come first. */
export const MAX_PROFILE_POINTS = 4096;

/**
 * Samples of some time. A hart that runs leaves one every 65536 instructions; one that sleeps leaves none.
 * `lostCount` samples came too fast, or fell on more places than are told.
 * Units: `pc` is a virtual address in hex, without 0x
 */
export const guestProfileSchema = z.object({
  sampleCount: z.number().int(),
  lostCount: z.number().int(),
  points: z
    .array(
      z.object({
        pc: z.string().regex(/^[0-9a-f]{1,16}$/),
        mode: z.enum(['user', 'kernel']),
        count: z.number().int().positive(),
      }),
    )
    .max(MAX_PROFILE_POINTS),
});
/** See `guestProfileSchema`. */
export type GuestProfile = z.output<typeof guestProfileSchema>;

/** Samples a running machine for a while and resolves then. Errors: machine-not-found, wrong-state, machine-failed */
export const machineProfile = defineRequest(
  'machine/profile',
  z.object({
    machine: machineRefSchema,
    durationMs: z.number().int().min(MIN_PROFILE_MS).max(MAX_PROFILE_MS),
  }),
  guestProfileSchema,
);
