/** The fleet's diary on disk: one JSON line an event, the newest kept, numbered without gaps over restarts. */
import {EventEmitter} from 'node:events';
import {appendFile, readFile} from 'node:fs/promises';
import {type EventKind, type FleetEvent, fleetEventSchema} from '../protocol/events.js';
import {writeFileAtomic} from '../store/atomic-file.js';

/** See the module. Emits `happened`. */
export class EventLog implements AsyncDisposable {
  readonly events = new EventEmitter<{happened: [FleetEvent]}>();
  readonly #path: string;
  readonly #keptCount: number;
  #kept: FleetEvent[] = [];
  #linesInFile = 0;
  /** The last event that a rewrite has put into the file, maybe before its turn. */
  #rewrittenSeq = 0;
  #lastSeq = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, keptCount: number) {
    this.#path = path;
    this.#keptCount = keptCount;
  }

  /** Opens the diary; lines that are not whole (a power cut) are left out. */
  static async open(path: string, keptCount: number): Promise<EventLog> {
    const log = new EventLog(path, keptCount);
    await log.#load();
    return log;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  record(kind: EventKind, message: string, machine?: {readonly id: string; readonly name: string}): void {
    const who = machine === undefined ? {} : {machineId: machine.id, machineName: machine.name};
    const event: FleetEvent = {seq: ++this.#lastSeq, atMs: Date.now(), kind, ...who, message};
    this.#kept.push(event);
    if (this.#kept.length > this.#keptCount) this.#kept.shift();
    this.#writing = this.#writing.then(() => this.#write(event)).catch(reportLost);
    this.events.emit('happened', event);
  }

  /** Events after `seq` (the newest ones when left out), of one machine or of all, oldest first. */
  since(seq: number | undefined, machineId: string | undefined, limit: number) {
    const matching = this.#kept.filter(
      (event) => event.seq > (seq ?? 0) && (machineId === undefined || event.machineId === machineId),
    );
    const events = seq === undefined ? matching.slice(-limit) : matching.slice(0, limit);
    const oldest = this.#kept[0]?.seq ?? this.#lastSeq + 1;
    // A number from the future is one of another home folder.
    const isReloadNeeded = seq !== undefined && (seq + 1 < oldest || seq > this.#lastSeq);
    return {events, isReloadNeeded, lastSeq: this.#lastSeq};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
  }

  async #load(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch((thrown: unknown) => {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return '';
      throw thrown;
    });
    const lines = text.split('\n').filter((line) => line !== '');
    const events = lines.flatMap(parseLine);
    this.#kept = events.slice(-this.#keptCount);
    this.#lastSeq = this.#kept.at(-1)?.seq ?? 0;
    this.#linesInFile = lines.length;
    // A torn last line has no line end: the next event would be glued to it.
    if (events.length !== lines.length || (text !== '' && !text.endsWith('\n'))) await this.#rewrite();
  }

  async #write(event: FleetEvent): Promise<void> {
    if (event.seq <= this.#rewrittenSeq) return;
    if (this.#linesInFile >= 2 * this.#keptCount) return this.#rewrite();
    await appendFile(this.#path, `${JSON.stringify(event)}\n`, {mode: 0o600});
    this.#linesInFile++;
  }

  async #rewrite(): Promise<void> {
    const kept = [...this.#kept];
    await writeFileAtomic(this.#path, kept.map((event) => `${JSON.stringify(event)}\n`).join(''));
    this.#linesInFile = kept.length;
    this.#rewrittenSeq = kept.at(-1)?.seq ?? 0;
  }
}

function parseLine(line: string): FleetEvent[] {
  try {
    return [fleetEventSchema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}

/** A diary that cannot be written (full disk) must not stop machines. */
function reportLost(thrown: unknown): void {
  console.error(`events.jsonl: ${thrown instanceof Error ? thrown.message : thrown}`);
}
