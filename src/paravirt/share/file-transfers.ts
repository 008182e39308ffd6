/** Moves bytes between files of the host and guest RAM: directly while the page cache answers, else in the thread pool. */
import {readv, readvSync, writev, writevSync} from 'node:fs';
import {totalBytes} from '../block/buffers.js';
import {Patience} from '../block/patience.js';
import type {FileTransfers} from './operation.js';

type VectorCall = (
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
  done: (error: NodeJS.ErrnoException | null, count: number) => void,
) => void;

/** See the module. One for each share: its host's disk is slow, or is not. */
export class PatientTransfers implements FileTransfers {
  readonly #patience = new Patience();

  read(fd: number, buffers: readonly Uint8Array[], position: number): number | Promise<number> {
    return this.#move(readvSync, readv, fd, buffers, position);
  }

  write(fd: number, buffers: readonly Uint8Array[], position: number): number | Promise<number> {
    return this.#move(writevSync, writev, fd, buffers, position);
  }

  #move(
    direct: (fd: number, buffers: readonly Uint8Array[], position: number) => number,
    pooled: VectorCall,
    fd: number,
    buffers: readonly Uint8Array[],
    position: number,
  ): number | Promise<number> {
    const bytes = totalBytes(buffers);
    if (bytes === 0) return 0;
    if (!this.#patience.isDirect(bytes)) {
      return new Promise((resolve, reject) =>
        pooled(fd, buffers, position, (error, count) => (error ? reject(error) : resolve(count))),
      );
    }
    const began = performance.now();
    const count = direct(fd, buffers, position);
    this.#patience.took(performance.now() - began, bytes);
    return count;
  }
}
