/** `viv console record`, `replay` and `screenshot`: consoles in files. */
import {basename} from 'node:path';
import type {ReadStream, WriteStream} from 'node:tty';
import {ManagerError} from '../../manager/protocol/errors.js';
import {machineShow} from '../../manager/protocol/machine.js';
import {openCast} from '../casts/cast-reader.js';
import {DEFAULT_CAST_BYTES} from '../casts/cast-recorder.js';
import {ConsoleRecording, type RecordingEnd} from '../casts/record-console.js';
import {watchedScreen} from '../casts/watched-console.js';
import {screenText, writeScreenshot} from '../pictures/screenshot.js';
import {formatBytes, formatDuration} from '../state/presenters/units.js';
import {visibleText} from '../terminal/visible-text.js';
import {text} from '../text/text.js';
import type {CliContext} from './cli-context.js';

/** What ends a recording besides Ctrl-C. */
export interface RecordOptions {
  readonly output: string;
  readonly seconds?: number;
  readonly maxBytes?: number;
}

/** Records until one of the limits, Ctrl-C or the machine's removal. Errors: machine-not-found, those of the file */
export async function recordToFile(cli: CliContext, ref: string, options: RecordOptions): Promise<void> {
  const {output, seconds, maxBytes = DEFAULT_CAST_BYTES} = options;
  const {client, openConsole} = await cli.openBackend();
  const {machine} = await client.request(machineShow, {machine: ref});
  const wish = {machineId: machine.id, machineName: machine.name, path: output, maxBytes};
  const recording = await ConsoleRecording.begin(openConsole, wish);
  const {interrupted} = cli;
  if (seconds === undefined) cli.note(`Recording ${machine.name} into ${output}; Ctrl-C ends it.`);
  const over = Promise.withResolvers<undefined>();
  const timer = seconds === undefined ? undefined : setTimeout(() => over.resolve(undefined), seconds * 1000);
  interrupted.addEventListener('abort', () => over.resolve(undefined), {once: true});
  let why: RecordingEnd | undefined;
  try {
    why = await Promise.race([recording.ended, over.promise]);
  } finally {
    clearTimeout(timer);
    const {bytes, seconds: length} = await recording.end();
    const what = `${formatDuration(length * 1000)}, ${formatBytes(bytes)}`;
    if (why === 'full') cli.note(`The recording has the size it may have (${what}).`);
    else if (why === 'removed') cli.note(`The console was closed (${what}).`);
    else cli.note(`Recorded ${what}; viv console replay ${output} plays it.`);
  }
  if (why instanceof ManagerError) throw why;
}

/** How a recording is played. */
export interface ReplayOptions {
  readonly speed: number;
  readonly idleLimit?: number;
}

/** Plays a recording on this terminal. Errors: bad-request without one; file-not-found, bad-recording */
export async function replayFile(cli: CliContext, path: string, {speed, idleLimit}: ReplayOptions): Promise<void> {
  const {stdin, stdout} = cli.streams;
  if (!stdin.isTTY || !stdout.isTTY)
    throw new ManagerError('bad-request', text.casts.player.noTerminal, text.casts.player.noTerminalHint);
  const cast = await openCast(path);
  const {playCast} = await import('../app/play-cast.js');
  cli.status = await playCast(cast, {
    // Both are terminals, as was just seen.
    input: stdin as ReadStream,
    output: stdout as WriteStream,
    env: process.env,
    title: visibleText(basename(path)),
    speed,
    idleSeconds: idleLimit ?? cast.header.idleSeconds ?? Number.POSITIVE_INFINITY,
  });
}

/** Where a screenshot goes: a file, or without one standard output. */
export interface ScreenshotOptions {
  readonly output?: string;
  readonly json?: boolean;
}

/** Prints or writes what a console shows. Errors: machine-not-found, those of the file */
export async function takeScreenshot(cli: CliContext, ref: string, options: ScreenshotOptions): Promise<void> {
  const {client, openConsole} = await cli.openBackend();
  const {machine} = await client.request(machineShow, {machine: ref});
  using screen = await watchedScreen(openConsole, machine.id);
  if (options.output !== undefined) await writeScreenshot(screen, options.output, false);
  if (options.json) {
    const {size, cursor, text: lines} = screen;
    cli.printJson({machine: machine.name, ...size, cursor: cursor ?? null, lines: lines.map(visibleText)});
  } else if (options.output === undefined) cli.print(screenText(screen).split('\n').map(visibleText).join('\n'));
}
