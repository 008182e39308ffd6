/** A guest's console on the person's own terminal: raw keys in, filtered bytes out, the detach chord. */
import {DETACH_WAIT_MS, DetachScanner, GuestFilter} from '../../manager/client.js';
import type {CliStreams} from './cli-context.js';

/** What a raw console calls. */
export interface RawConsoleHandlers {
  send(bytes: Uint8Array): void;
  detached(): void;
}

/** Takes the terminal until disposed. */
export class RawConsole implements Disposable {
  private readonly streams: CliStreams;
  private readonly handlers: RawConsoleHandlers;
  private readonly scanner = new DetachScanner();
  private readonly filter = new GuestFilter();
  private timer: NodeJS.Timeout | undefined;

  constructor(streams: CliStreams, handlers: RawConsoleHandlers) {
    this.streams = streams;
    this.handlers = handlers;
    streams.stdin.setRawMode?.(true);
    streams.stdin.on('data', this.receive);
    streams.stdin.on('end', handlers.detached);
    streams.stdin.resume();
    // However the process ends, the terminal is usable afterwards.
    process.on('exit', this.restore);
  }

  /** Shows bytes of the guest, without those that would act on the terminal itself. */
  show(bytes: Uint8Array): void {
    const shown = this.filter.feed(bytes);
    if (shown.length > 0) this.streams.stdout.write(shown);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    this.streams.stdin.off('data', this.receive);
    this.streams.stdin.off('end', this.handlers.detached);
    this.streams.stdin.pause();
    process.off('exit', this.restore);
    this.restore();
  }

  private readonly restore = (): void => {
    this.streams.stdin.setRawMode?.(false);
    this.streams.stdout.write(this.filter.restore);
  };

  private readonly receive = (chunk: Buffer): void => {
    clearTimeout(this.timer);
    const result = this.scanner.feed(chunk);
    if (result.send.length > 0) this.handlers.send(result.send);
    if (result.isDetached) this.handlers.detached();
    else if (this.scanner.isWaiting)
      this.timer = setTimeout(() => {
        if (this.scanner.expire()) this.handlers.detached();
      }, DETACH_WAIT_MS);
  };
}
