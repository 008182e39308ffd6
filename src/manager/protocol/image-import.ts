/** What an image can be made of that is there already: kernel, initrd, firmware and disks, here or elsewhere. */
import * as z from 'zod';
import {diskFormatSchema, MAX_DISKS, MAX_HARTS} from './machine.js';

const path = z.string().min(1).max(4096);
const url = z.string().min(1).max(4096);
const sha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'is not a SHA-256 in hexadecimal')
  .transform((text) => text.toLowerCase());

/** Where one file is. What comes from elsewhere has to be what was meant: its checksum is not optional. */
export const importSourceSchema = z.union([z.strictObject({path}), z.strictObject({url, sha256})]);
/** See `importSourceSchema`. */
export type ImportSource = z.output<typeof importSourceSchema>;

const diskOptions = {format: diskFormatSchema.optional(), isReadOnly: z.boolean().default(false)};

/** What both a request and a recipe say. */
export const importContents = {
  title: z
    .string()
    .min(1)
    .max(60)
    .regex(/^\P{Cc}*$/u, 'has control characters')
    .optional(),
  /** Without kernel and firmware, machines boot from the disks. */
  kernel: importSourceSchema.optional(),
  initrd: importSourceSchema.optional(),
  /** An ELF file in place of a kernel. */
  firmware: importSourceSchema.optional(),
  disks: z
    .array(z.union([z.strictObject({path, ...diskOptions}), z.strictObject({url, sha256, ...diskOptions})]))
    .max(MAX_DISKS)
    .default([]),
  commandLine: z
    .string()
    .max(1500)
    .regex(/^[\x20-\x7e]*$/, 'holds characters a kernel command line cannot have')
    .optional(),
  hartCount: z.number().int().min(1).max(MAX_HARTS).default(1),
};

/** What an image is to be made of; paths are absolute. Units: memoryBytes is a multiple of 4096, or as machines have it */
export const importSchema = z.strictObject({
  ...importContents,
  memoryBytes: z.number().int().min(1).optional(),
});
/** See `importSchema`. */
export type ImageImport = z.output<typeof importSchema>;
