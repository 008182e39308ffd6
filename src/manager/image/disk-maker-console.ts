/**
 * The console of the machine that makes a disk: lines `viv-build: …` among whatever else is written there.
 *
 *   stage NAME · step DONE TOTAL · done · failed
 *
 * All else is kept, as far as it may be needed to explain a failure.
 */
import {writeFile} from 'node:fs/promises';
import {ManagerError} from '../protocol/errors.js';
import {type BuildStage, type ProgressListener, StageProgress} from './build-progress.js';
import type {RunEnd} from './machine-run.js';

/** What is kept of the console. Units: characters */
const LOG_CHARS_MAX = 256 << 10;
const LINE_CHARS_MAX = 4096;

const stages: Readonly<Record<string, BuildStage>> = {
  format: 'format disk',
  bootstrap: 'copy base system',
  first: 'install base system',
  unpack: 'install packages',
  configure: 'configure packages',
  modules: 'install kernel modules',
  finish: 'finish disk',
};

/** See the module. */
export class DiskMakerConsole {
  readonly #onProgress: ProgressListener;
  readonly #decoder = new TextDecoder('latin1');
  #line = '';
  #log = '';
  #stage: BuildStage = 'start machine';
  #progress: StageProgress;
  #stepsOf = 0;
  #isDone = false;

  constructor(onProgress: ProgressListener) {
    this.#onProgress = onProgress;
    this.#progress = new StageProgress(this.#stage, 'steps', undefined, onProgress);
  }

  push(bytes: Uint8Array): void {
    const lines = (this.#line + this.#decoder.decode(bytes, {stream: true})).split(/\r*\n/);
    this.#line = lines.pop()!.slice(-LINE_CHARS_MAX);
    for (const line of lines) this.#take(line);
  }

  /** Writes the log where that is to be looked at. Errors: image-build-failed unless the disk is made */
  async conclude(end: RunEnd, logPath: string): Promise<void> {
    if (end.kind === 'powered-off' && this.#isDone) return;
    this.#take(this.#line);
    await writeFile(logPath, this.#log, {mode: 0o600});
    // The kernel has the last word always.
    const last = this.#log.split('\n').findLast((line) => line.trim() !== '' && !/^\[ *\d+\.\d+\]/.test(line));
    const said = last === undefined ? '' : `: ${last.trim().slice(0, 200)}`;
    const how = end.kind === 'crashed' ? `crashed (${end.reason.replace(/\.$/, '')})` : 'failed';
    throw new ManagerError(
      'image-build-failed',
      `The machine that makes the disk ${how} at the stage "${this.#stage}"${said}.`,
      `What it wrote is in ${logPath}; building the image again begins anew.`,
    );
  }

  #take(line: string): void {
    const told = /viv-build: ([a-z]+)(?: ([a-z0-9]+))?(?: ([0-9]+))?$/.exec(line);
    const plain = line.replace(/[^\x20-\x7e]/g, '');
    if (told === null) {
      if (plain !== '') this.#log = `${this.#log}${plain}\n`.slice(-LOG_CHARS_MAX);
      return;
    }
    const [, kind, first = '', second] = told;
    if (kind === 'done') this.#isDone = true;
    if (kind === 'stage' && stages[first] !== undefined) this.#begin(stages[first], undefined);
    if (kind !== 'step') return;
    if (this.#stepsOf !== Number(second)) this.#begin(this.#stage, Number(second));
    this.#progress.set(Number(first));
  }

  #begin(stage: BuildStage, total: number | undefined): void {
    this.#stage = stage;
    this.#stepsOf = total ?? 0;
    this.#progress = new StageProgress(stage, 'steps', total, this.#onProgress);
  }
}
