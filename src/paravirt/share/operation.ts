/** What one kind of request is: how it is read, and what it does. */
import type {GuestBytes} from '../virtqueue/buffers.js';
import type {Deputy} from './deputy.js';
import type {Fids} from './fids.js';
import type {HostFolder} from './host-folder.js';
import type {MessageReader, MessageWriter} from './message.js';

/** Most bytes of a name, as everywhere on Linux. */
export const NAME_BYTES_MAX = 255;
/** Most bytes of what a symbolic link holds. */
export const TARGET_BYTES_MAX = 4095;

/** What requests work on. */
export interface ShareState {
  readonly folder: HostFolder;
  readonly fids: Fids;
  readonly deputy: Deputy;
  readonly files: FileTransfers;
  /** Names that folders being read hold; at most `LISTED_NAMES_MAX`. */
  listedNames: number;
}

/** Moves bytes between files and guest RAM, at once or in the thread pool. */
export interface FileTransfers {
  read(fd: number, buffers: readonly Uint8Array[], position: number): number | Promise<number>;
  write(fd: number, buffers: readonly Uint8Array[], position: number): number | Promise<number>;
}

/** One request's way back. */
export interface Exchange {
  /** The reply's own fields. */
  readonly reply: MessageWriter;
  /** Room in guest RAM for data behind a field of four bytes, at most `count` bytes of it. Only once, and last. */
  takeRoom(count: number): readonly GuestBytes[];
  /** What the guest sent behind the request's fields, at most `count` bytes. Only once. */
  takeData(count: number): readonly GuestBytes[];
  /** How many bytes of the room were filled; the reply is their number and they. */
  filled(count: number): void;
}

/**
 * One kind of request. `run` answers by what it writes into the exchange.
 * Errors: ShareError, and system errors of the host; both become an error's number in the reply
 */
export interface Operation<Fields = unknown> {
  readonly type: number;
  /** It changes something: refused in a share that is only read. */
  readonly changes?: boolean;
  parse(reader: MessageReader): Fields;
  run(share: ShareState, fields: Fields, exchange: Exchange): undefined | Promise<void>;
}

/** Has the compiler check a request's fields against how they are used. */
export function defineOperation<Fields>(operation: Operation<Fields>): Operation {
  // The table calls `run` with what this same operation's `parse` gave.
  return operation as Operation;
}
