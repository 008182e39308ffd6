/** The recordings of one UI: begun and ended by keys, and all ended with it. */
import type {Machine} from '../../manager/protocol/machine.js';
import {DEFAULT_CAST_BYTES} from '../casts/cast-recorder.js';
import {ConsoleRecording, type RecordingEnd} from '../casts/record-console.js';
import type {ConsoleNews} from '../state/console.js';
import {formatBytes, formatDuration} from '../state/presenters/units.js';
import {text} from '../text/text.js';
import type {Backend} from './backend.js';

/** What the recordings tell their owner. */
export interface RecordingsListener {
  tell(news: ConsoleNews): void;
  toast(text: string, tone?: 'info' | 'error'): void;
}

/** See the module. */
export class Recordings implements AsyncDisposable {
  readonly #openConsole: Backend['openConsole'];
  readonly #listener: RecordingsListener;
  readonly #running = new Map<string, ConsoleRecording>();

  constructor(openConsole: Backend['openConsole'], listener: RecordingsListener) {
    this.#openConsole = openConsole;
    this.#listener = listener;
  }

  /** Begins one. Errors: those of the file */
  async start({id, name}: Machine, path: string): Promise<void> {
    const wish = {machineId: id, machineName: name, path, maxBytes: DEFAULT_CAST_BYTES};
    const recording = await ConsoleRecording.begin(this.#openConsole, wish);
    await this.stop(id);
    this.#running.set(id, recording);
    this.#listener.tell({type: 'recordingBegan', machineId: id, recording: {path, startedAtMs: Date.now()}});
    void recording.ended.then((why) => this.stop(id, why));
  }

  /** Ends one, if it is running. */
  async stop(machineId: string, why?: RecordingEnd): Promise<void> {
    const recording = this.#running.get(machineId);
    if (!recording) return;
    this.#running.delete(machineId);
    this.#listener.tell({type: 'recordingEnded', machineId});
    const what = await endRecording(recording);
    if (why === undefined || why === 'removed') this.#listener.toast(text.casts.recorded(what));
    else if (why === 'full') this.#listener.toast(text.casts.full(what), 'error');
    else this.#listener.toast(text.casts.failed(why.message), 'error');
  }

  /** Ends all of them. Resolves with a sentence about each. */
  async endAll(): Promise<readonly string[]> {
    const all = [...this.#running.values()];
    this.#running.clear();
    return await Promise.all(all.map(async (recording) => text.casts.recordedAtEnd(await endRecording(recording))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endAll();
  }
}

async function endRecording(recording: ConsoleRecording): Promise<string> {
  const {bytes, seconds} = await recording.end();
  return text.casts.extent(formatDuration(seconds * 1000), formatBytes(bytes), recording.path);
}
