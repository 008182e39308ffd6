/**
 * A 9P2000.L server over one folder of the host: takes a request out of a descriptor chain, has its operation done, and
 * writes the reply into the chain's room. What a guest asks for in vain is an error's number in its reply.
 *
 *   no session ──version──▶ session ──version──▶ session, all handles forgotten …
 *
 * Source: diod protocol.md (9P2000.L)
 */
import type {DescriptorChain} from '../virtqueue/chain.js';
import type {Deputy} from './deputy.js';
import {ERRNO, errnoOf} from './errno.js';
import {ChainExchange} from './exchange.js';
import {Fids} from './fids.js';
import {PatientTransfers} from './file-transfers.js';
import type {HostFolder} from './host-folder.js';
import {HEADER_BYTES, MessageReader, SHORT_REPLY_BYTES} from './message.js';
import type {ShareState} from './operation.js';
import {operations} from './operations.js';
import {readSavedShare, restoreFids, type SavedShare, saveFids} from './saved-share.js';
import {ShareError} from './share-error.js';

/** Largest message, with its data; Linux asks for 512 KB at most. */
export const MESSAGE_BYTES_MAX = 1 << 20;
/** Smallest that a client may ask for: a page of data and what goes with it. */
const MESSAGE_BYTES_MIN = 4096;
/** Largest request without its data: a walk of 16 names, or a link's name and target. */
export const REQUEST_BYTES_MAX = 8192;
/** Fields of a write before its data: handle, position, count. */
const WRITE_FIELDS_BYTES = 16;
const T_WRITE = 118;
const T_VERSION = 100;
const T_FLUSH = 108;
const PROTOCOL = '9P2000.L';
const VERSION_TEXT_BYTES_MAX = 32;

/** See the module. */
export class ShareServer {
  readonly #state: ShareState;
  /** Requests that wait for the host, by their tags. */
  readonly #waiting = new Map<number, Promise<void>>();
  /** What both sides agreed on; 0 without a session. */
  #messageBytes = 0;

  constructor(folder: HostFolder, deputy: Deputy) {
    this.#state = {folder, fids: new Fids(), deputy, files: new PatientTransfers(), listedNames: 0};
  }

  /** Handles that the guest has. */
  get fidCount(): number {
    return this.#state.fids.size;
  }

  /** Answers a request, at once or when the promise resolves. False for one that leaves no room even for an error. */
  answer(chain: DescriptorChain): boolean | Promise<boolean> {
    const {reader, writer} = chain;
    if (reader.totalBytes < HEADER_BYTES || writer.totalBytes < SHORT_REPLY_BYTES) return false;
    const header = new MessageReader(reader.copy(HEADER_BYTES));
    const size = header.u32();
    const type = header.u8();
    const tag = header.u16();
    const roomBytes = Math.min(writer.totalBytes, this.#messageBytes || MESSAGE_BYTES_MIN);
    const exchange = new ChainExchange(chain, type, tag, roomBytes);
    // A write's size does not count its data in some kernels, so the chain says how much that is.
    const fieldBytes = type === T_WRITE ? WRITE_FIELDS_BYTES : Math.min(size - HEADER_BYTES, reader.remainingBytes);
    if (fieldBytes < 0 || fieldBytes > REQUEST_BYTES_MAX) return exchange.fail(ERRNO.EINVAL);
    const fields = new MessageReader(reader.copy(fieldBytes));
    let pending: Promise<void> | undefined;
    try {
      pending = this.#perform(type, fields, exchange);
    } catch (thrown) {
      return exchange.fail(numberOf(thrown));
    }
    if (pending === undefined) return exchange.succeed();
    const answered = pending.then(
      () => exchange.succeed(),
      (thrown: unknown) => exchange.fail(numberOf(thrown)),
    );
    const settled = answered.then(() => {
      if (this.#waiting.get(tag) === settled) this.#waiting.delete(tag);
    });
    this.#waiting.set(tag, settled);
    return answered;
  }

  /** Forgets the session and closes all files. Nothing may be under way. */
  reset(): void {
    this.#messageBytes = 0;
    this.#state.fids.clear();
    this.#state.listedNames = 0;
  }

  save(): SavedShare {
    return {messageBytes: this.#messageBytes, ...saveFids(this.#state)};
  }

  /** Errors: ParavirtError `corrupt` */
  restore(saved: string): void {
    const share = readSavedShare(saved, MESSAGE_BYTES_MAX);
    this.#messageBytes = share.messageBytes;
    restoreFids(this.#state, share);
  }

  #perform(type: number, fields: MessageReader, exchange: ChainExchange): Promise<void> | undefined {
    if (type === T_VERSION) return this.#agree(fields, exchange);
    if (this.#messageBytes === 0) throw new ShareError(ERRNO.EINVAL);
    if (type === T_FLUSH) return this.#waiting.get(fields.u16());
    const operation = operations.get(type);
    if (operation === undefined) throw new ShareError(ERRNO.EOPNOTSUPP);
    const request = operation.parse(fields);
    if (fields.isBroken) throw new ShareError(ERRNO.EINVAL);
    if (operation.changes && this.#state.folder.isReadOnly) throw new ShareError(ERRNO.EROFS);
    return operation.run(this.#state, request, exchange);
  }

  /** Tversion: begins a session anew. */
  #agree(fields: MessageReader, {reply}: ChainExchange): undefined {
    const wanted = fields.u32();
    const version = fields.text(VERSION_TEXT_BYTES_MAX);
    if (fields.isBroken || wanted < MESSAGE_BYTES_MIN) throw new ShareError(ERRNO.EINVAL);
    // What is under way keeps its file open by itself.
    this.reset();
    const isKnown = version === PROTOCOL;
    if (isKnown) this.#messageBytes = Math.min(wanted, MESSAGE_BYTES_MAX);
    reply.u32(Math.min(wanted, MESSAGE_BYTES_MAX)).text(isKnown ? PROTOCOL : 'unknown');
    return undefined;
  }
}

const numberOf = (thrown: unknown): number => (thrown instanceof ShareError ? thrown.errno : errnoOf(thrown));
