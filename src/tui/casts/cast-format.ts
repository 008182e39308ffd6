/**
 * Recordings of terminals as asciinema has them: a line with a header, then a line for each event.
 * Shape:  {"version": 2, "width": columns, "height": rows, …} then [seconds, "o" | "r" | …, text]
 * Source: asciicast v2, docs.asciinema.org/manual/asciicast/v2
 */
import * as z from 'zod';
import {type TerminalSize, terminalSizeSchema} from '../../manager/protocol/console.js';
import {ManagerError} from '../../manager/protocol/errors.js';
import {text} from '../text/text.js';

/** Longest line of a recording that is read. Units: bytes */
export const MAX_CAST_LINE_BYTES = 1_048_576;

/** A hundred years: more is a mistake, and beyond what clocks are made for. Units: seconds */
const MAX_SECONDS = 3_155_760_000;

const size = terminalSizeSchema.shape;
const headerSchema = z.object({
  version: z.number(),
  width: size.columns,
  height: size.rows,
  idle_time_limit: z.number().min(0).max(MAX_SECONDS).optional(),
});
const eventSchema = z.tuple([z.number().min(0).max(MAX_SECONDS), z.string().max(32), z.string()]);
const SIZE_TEXT = /^(\d{1,4})x(\d{1,4})$/;

/** What the first line says. Units: `idleSeconds`, the longest pause it wants to be played with */
export interface CastHeader {
  readonly size: TerminalSize;
  readonly idleSeconds: number | undefined;
}

/** What happened, seconds after the beginning: output, another size, or a note (a marker and what else there may be). */
export type CastEvent =
  | {readonly kind: 'output'; readonly atSeconds: number; readonly text: string}
  | {readonly kind: 'resized'; readonly atSeconds: number; readonly size: TerminalSize}
  | {readonly kind: 'other'; readonly atSeconds: number};

/** Reads the first line. Errors: bad-recording */
export function parseCastHeader(line: string): CastHeader {
  const json = parseJson(line, 1);
  const version = z.object({version: z.number()}).safeParse(json).data?.version;
  if (version !== 2)
    throw castInvalid(
      1,
      version === undefined ? text.casts.invalid.noVersion : text.casts.invalid.otherVersion(version),
      text.casts.invalid.versionHint,
    );
  const header = headerSchema.safeParse(json);
  if (!header.success) throw castInvalid(1, text.casts.invalid.badSize);
  const {width: columns, height: rows, idle_time_limit: idleSeconds} = header.data;
  return {size: {columns, rows}, idleSeconds};
}

/** Reads another line, the `lineNumber`th of the file. Errors: bad-recording */
export function parseCastEvent(line: string, lineNumber: number): CastEvent {
  const event = eventSchema.safeParse(parseJson(line, lineNumber));
  if (!event.success) throw castInvalid(lineNumber, text.casts.invalid.notEvent);
  const [atSeconds, kind, content] = event.data;
  if (kind === 'o') return {kind: 'output', atSeconds, text: content};
  if (kind !== 'r') return {kind: 'other', atSeconds};
  const [, columns, rows] = SIZE_TEXT.exec(content) ?? [];
  const resized = terminalSizeSchema.safeParse({columns: Number(columns), rows: Number(rows)});
  if (!resized.success) throw castInvalid(lineNumber, text.casts.invalid.badSize);
  return {kind: 'resized', atSeconds, size: resized.data};
}

/** The first line of a recording. Units: `startedAtMs` since 1970 */
export function castHeaderLine({columns, rows}: TerminalSize, startedAtMs: number, title: string): string {
  const timestamp = Math.floor(startedAtMs / 1000);
  return `${JSON.stringify({version: 2, width: columns, height: rows, timestamp, title, env: {TERM: 'xterm-256color'}})}\n`;
}

/** A line for an event; `kind` is `o` for output, `r` for a size, `m` for a marker. */
export function castEventLine(atMs: number, kind: 'o' | 'r' | 'm', content: string): string {
  return `${JSON.stringify([Math.round(atMs) / 1000, kind, content])}\n`;
}

/** The error about a line that is not as it must be. */
export function castInvalid(lineNumber: number, what: string, hint = text.casts.invalid.hint): ManagerError {
  return new ManagerError('bad-recording', text.casts.invalid.line(lineNumber, what), hint);
}

function parseJson(line: string, lineNumber: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw castInvalid(lineNumber, text.casts.invalid.notJson);
  }
}
