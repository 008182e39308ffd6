/** `viv net capture`: frames of a machine's network card into a pcapng file, or a pipe. */
import {type FileHandle, open} from 'node:fs/promises';
import type {Writable} from 'node:stream';
import packageJson from '../../../package.json' with {type: 'json'};
import {ManagerError} from '../../manager/protocol/errors.js';
import {type CaptureAnswer, MAX_SNAP_BYTES} from '../../manager/protocol/network.js';
import {captureFrames} from '../packets/capture-stream.js';
import {PCAPNG_END_BYTES, pcapngEnd, pcapngFrame, pcapngHead} from '../packets/pcapng.js';
import type {CliContext} from './cli-context.js';
import {UsageError} from './report-error.js';

/** What ends a capture besides Ctrl-C, and how much of each frame it keeps. Units: bytes */
export interface CaptureOptions {
  readonly output: string;
  readonly seconds?: number;
  readonly packets?: number;
  readonly maxBytes?: number;
  readonly snap?: number;
}

/** Where a capture goes. `write` resolves when the bytes are taken; false when nobody takes any more. */
interface Sink extends AsyncDisposable {
  write(bytes: Uint8Array): Promise<boolean>;
}

/** Captures until one of the limits, Ctrl-C or the machine's end. Errors: those of `networkCapture`, of the file */
export async function captureToFile(cli: CliContext, machine: string, options: CaptureOptions): Promise<void> {
  const {output, seconds, packets = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY} = options;
  const snapBytes = options.snap ?? MAX_SNAP_BYTES;
  if (output === '-' && cli.streams.stdout.isTTY)
    throw new UsageError(
      'A capture is nothing for a terminal.',
      `Give a file, or a pipe: viv net capture ${machine} -o - | tshark -r -`,
    );
  const client = await cli.connect();
  const full = new AbortController();
  const timer = seconds === undefined ? undefined : setTimeout(() => full.abort(), seconds * 1000);
  const startUs = Date.now() * 1000;
  const head = pcapngHead(`Vivarium ${packageJson.version}`, machine, snapBytes);
  const counts = {written: 0, seen: 0, dropped: 0};
  const until = AbortSignal.any([cli.interrupted, full.signal]);
  let sink: Sink | undefined;
  let bytes = head.length + PCAPNG_END_BYTES;
  try {
    for await (const answer of captureFrames(client, {machine, snapBytes}, until)) {
      // Only now: a machine that cannot be captured leaves no file.
      if (sink === undefined) {
        sink = output === '-' ? pipeSink(cli.streams.stdout) : await fileSink(output);
        if (cli.streams.stderr.isTTY && output !== '-') cli.note(`Capturing ${machine}; Ctrl-C ends it.`);
        if (!(await sink.write(head))) return;
      }
      Object.assign(counts, {seen: answer.seenCount, dropped: answer.droppedCount});
      const blocks = fitting(answer, packets - counts.written, maxBytes - bytes);
      for (const block of blocks) bytes += block.length;
      counts.written += blocks.length;
      if (blocks.length > 0 && !(await sink.write(Buffer.concat(blocks)))) return;
      if (counts.written >= packets || blocks.length < answer.frames.length) break;
    }
  } catch (thrown) {
    // With the machine its network ended.
    if (!(thrown instanceof ManagerError && thrown.code === 'machine-failed') || sink === undefined) throw thrown;
    cli.note(`${machine} has ended.`);
  } finally {
    clearTimeout(timer);
    await sink?.write(pcapngEnd(startUs, Date.now() * 1000, counts.seen, counts.dropped));
    await sink?.[Symbol.asyncDispose]();
  }
  cli.note(`${counts.written} ${counts.written === 1 ? 'frame' : 'frames'} captured, ${counts.dropped} dropped.`);
}

/** The frames as blocks, as many as both limits let. */
function fitting({frames}: CaptureAnswer, countLeft: number, bytesLeft: number): Buffer[] {
  const blocks: Buffer[] = [];
  let left = bytesLeft;
  for (const frame of frames) {
    if (blocks.length >= countLeft) break;
    const block = pcapngFrame(frame);
    if (block.length > left) break;
    left -= block.length;
    blocks.push(block);
  }
  return blocks;
}

/** A new file that only its user can read: what machines say is private. Errors: file-not-found, disk-full */
async function fileSink(path: string): Promise<Sink> {
  let file: FileHandle;
  try {
    file = await open(path, 'w', 0o600);
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ManagerError('file-not-found', `${path} cannot be written: ${detail}.`, 'Check the path.', {
      cause: thrown,
    });
  }
  return {
    write: async (bytes) => {
      await file.writeFile(bytes);
      return true;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

function pipeSink(stream: Writable): Sink {
  return {
    // A reader that left, as `head` does, has had enough.
    write: (bytes) => new Promise((resolve) => stream.write(bytes, (error) => resolve(error == null))),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
