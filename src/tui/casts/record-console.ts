import type {ManagerError} from '../../manager/protocol/errors.js';
import type {Backend, ConsoleHandle} from '../app/backend.js';
import {CastRecorder} from './cast-recorder.js';
import {watchConsole} from './watched-console.js';

/** Which console is recorded, and where to. */
export interface RecordingWish {
  readonly machineId: string;
  readonly machineName: string;
  readonly path: string;
  readonly maxBytes: number;
}

/** Why a recording ended by itself: the file has its size, or cannot be written; the machine was removed. */
export type RecordingEnd = 'full' | 'removed' | ManagerError;

/** A recording under way; `end` closes the file. */
export class ConsoleRecording {
  readonly path: string;
  /** Resolves when it ended by itself. */
  readonly ended: Promise<RecordingEnd>;
  readonly #recorder: CastRecorder;
  readonly #handle: ConsoleHandle;

  private constructor(path: string, ended: Promise<RecordingEnd>, recorder: CastRecorder, handle: ConsoleHandle) {
    this.path = path;
    this.ended = ended;
    this.#recorder = recorder;
    this.#handle = handle;
  }

  /** Begins. Errors: machine-not-found, file-exists, file-not-found */
  static async begin(openConsole: Backend['openConsole'], wish: RecordingWish): Promise<ConsoleRecording> {
    const {machineId, machineName, path, maxBytes} = wish;
    const ended = Promise.withResolvers<RecordingEnd>();
    let recorder: CastRecorder | undefined;
    const handle = await watchConsole(openConsole, machineId, async ({size, replay}) => {
      const options = {
        path,
        title: machineName,
        maxBytes,
        ended: (problem?: ManagerError) => ended.resolve(problem ?? 'full'),
      };
      const begun = await CastRecorder.begin(options, size, replay);
      recorder = begun;
      return {
        output: (bytes, hasGap) => begun.output(bytes, hasGap),
        resized: (next) => begun.resized(next),
        closed: () => ended.resolve('removed'),
      };
    });
    if (!recorder) throw new Error('a console was opened without its recorder');
    return new ConsoleRecording(path, ended.promise, recorder, handle);
  }

  /** Closes the file. Resolves with what is in it. */
  async end(): Promise<{readonly bytes: number; readonly seconds: number}> {
    const {bytes, seconds} = this.#recorder;
    await this.#handle[Symbol.asyncDispose]();
    await this.#recorder[Symbol.asyncDispose]();
    return {bytes, seconds};
  }
}
