/**
 * Consoles. A console is one stream of bytes counted from the machine's first start in this life of its log: every
 * byte has an offset, so a client that lost its connection asks for what follows the last one it has.
 * A viewer that reads slowly is never buffered for: it skips ahead, and the gap shows in `offset`.
 */
import * as z from 'zod';
import {defineNotification, defineRequest} from './define.js';
import {machineRefSchema} from './machine.js';

/** Bytes as base64. Bound: 1.5 MiB of text, above the largest scrollback. */
export const bytesSchema = z
  .string()
  .max(1_600_000)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);

/** Terminal width and height in cells. */
export const terminalSizeSchema = z.object({
  columns: z.number().int().min(1).max(1000),
  rows: z.number().int().min(1).max(1000),
});
/** See `terminalSizeSchema`. */
export type TerminalSize = z.output<typeof terminalSizeSchema>;

/** Largest input in one request. Units: bytes before base64. */
export const MAX_INPUT_BYTES = 65_536;

/**
 * Joins a machine's console, running or not. `replay` is the scrollback from `sinceOffset` on (all there is when left
 * out, clipped to the newest `maxReplayBytes`), starting at `replayOffset`; `consoleOutput` goes on from there.
 * `wantsKeyboard` takes the keyboard from whoever has it. `maxBytesPerSecond` is for who only shows the end: what a guest
 * floods beyond it is skipped. Errors: machine-not-found
 */
export const consoleAttach = defineRequest(
  'console/attach',
  z.object({
    machine: machineRefSchema,
    wantsKeyboard: z.boolean().default(false),
    size: terminalSizeSchema.optional(),
    sinceOffset: z.number().int().min(0).optional(),
    maxReplayBytes: z.number().int().min(0).max(1_048_576).default(1_048_576),
    maxBytesPerSecond: z.number().int().min(65_536).max(1_073_741_824).optional(),
  }),
  z.object({
    viewerId: z.string(),
    machineId: z.string(),
    hasKeyboard: z.boolean(),
    size: terminalSizeSchema,
    replayOffset: z.number(),
    replay: bytesSchema,
  }),
);

/** Leaves the console. Unknown viewers are ignored: the machine may be gone. */
export const consoleDetach = defineRequest('console/detach', z.object({viewerId: z.string()}), z.object({}));

/** Takes the keyboard for a viewer, or gives it back. Errors: viewer-not-found */
export const consoleKeyboard = defineRequest(
  'console/keyboard',
  z.object({viewerId: z.string(), isWanted: z.boolean()}),
  z.object({}),
);

/** Types into the guest. Errors: viewer-not-found, keyboard-taken, wrong-state (not running), bad-request (too long) */
export const consoleInput = defineRequest(
  'console/input',
  z.object({viewerId: z.string(), data: bytesSchema}),
  z.object({}),
);

/**
 * Tells the size of a viewer's pane. The guest gets the size of the keyboard's holder, or with no holder the last one
 * told. Errors: viewer-not-found
 */
export const consoleResize = defineRequest(
  'console/resize',
  z.object({viewerId: z.string(), size: terminalSizeSchema}),
  z.object({}),
);

/** The newest `maxBytes` of the log file, including runs before this one. Errors: machine-not-found */
export const consoleLog = defineRequest(
  'console/log',
  z.object({machine: machineRefSchema, maxBytes: z.number().int().min(0).max(1_048_576).default(262_144)}),
  z.object({data: bytesSchema}),
);

/** To one viewer: bytes of the console; `offset` is that of the first one. */
export const consoleOutput = defineNotification(
  'console/output',
  z.object({viewerId: z.string(), offset: z.number(), data: bytesSchema}),
);

/** To every viewer of a console: who holds the keyboard now, or that nobody does. */
export const consoleKeyboardMoved = defineNotification(
  'console/keyboardMoved',
  z.object({viewerId: z.string(), hasKeyboard: z.boolean()}),
);

/** To every viewer of a console: the guest's terminal has another size. */
export const consoleResized = defineNotification(
  'console/resized',
  z.object({viewerId: z.string(), size: terminalSizeSchema}),
);

/** To every viewer of a console: the machine was removed and with it the console. */
export const consoleClosed = defineNotification('console/closed', z.object({viewerId: z.string()}));

/**
 * What is new on a console: where its output ends now, and whether a bell rang since the last telling. Offsets are those of
 * `consoleOutput`, so a mirror that knows one does not take old output for new when a daemon comes back.
 */
export const consoleActivitySchema = z.object({
  machineId: z.string(),
  endOffset: z.number(),
  hasBell: z.boolean(),
});
/** See `consoleActivitySchema`. */
export type ConsoleActivity = z.output<typeof consoleActivitySchema>;

/** Topic `consoles`: guests printed something; at most twice a second for all consoles together. */
export const consoleActive = defineNotification('console/active', z.object({consoles: z.array(consoleActivitySchema)}));
