import {createReadStream} from 'node:fs';
import {ManagerError} from '../../manager/protocol/errors.js';
import {text} from '../text/text.js';
import {
  type CastEvent,
  type CastHeader,
  castInvalid,
  MAX_CAST_LINE_BYTES,
  parseCastEvent,
  parseCastHeader,
} from './cast-format.js';

const NEWLINE = 0x0a;

/** A recording being read; `events` yields as fast as it is asked, and reads no further. */
export interface OpenCast {
  readonly header: CastHeader;
  readonly events: AsyncIterable<CastEvent>;
}

/**
 * Opens a recording. One line of it is held at a time, at most `MAX_CAST_LINE_BYTES`.
 * Errors: file-not-found; bad-recording, from `events` too
 */
export async function openCast(path: string): Promise<OpenCast> {
  const lines = readLines(path);
  const first = await lines.next();
  if (first.done) throw castInvalid(1, text.casts.invalid.empty);
  return {header: parseCastHeader(first.value), events: readEvents(lines)};
}

async function* readEvents(lines: AsyncIterable<string>): AsyncGenerator<CastEvent> {
  let lineNumber = 1;
  let lastSeconds = 0;
  for await (const line of lines) {
    lineNumber++;
    if (line.trim() === '') continue;
    const event = parseCastEvent(line, lineNumber);
    // Time does not go back, whatever a file says.
    lastSeconds = Math.max(lastSeconds, event.atSeconds);
    yield {...event, atSeconds: lastSeconds};
  }
}

async function* readLines(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path);
  let parts: Buffer[] = [];
  let length = 0;
  let lineNumber = 1;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        parts.push(chunk.subarray(start, end));
        if (length + end - start > MAX_CAST_LINE_BYTES) throw tooLong(lineNumber);
        yield Buffer.concat(parts).toString();
        [parts, length, start] = [[], 0, end + 1];
        lineNumber++;
      }
      parts.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > MAX_CAST_LINE_BYTES) throw tooLong(lineNumber);
    }
    if (length > 0) yield Buffer.concat(parts).toString();
  } catch (thrown) {
    if (thrown instanceof ManagerError || !(thrown instanceof Error)) throw thrown;
    throw new ManagerError('file-not-found', text.files.unreadable(path, thrown.message), text.files.hints.path, {
      cause: thrown,
    });
  } finally {
    stream.destroy();
  }
}

function tooLong(lineNumber: number): ManagerError {
  return castInvalid(lineNumber, text.casts.invalid.tooLong(MAX_CAST_LINE_BYTES));
}
