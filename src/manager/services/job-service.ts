/** Long work of the daemon: one job a subject, progress for all, cancelling by anyone. */
import {randomUUID} from 'node:crypto';
import {EventEmitter} from 'node:events';
import {ManagerError, toManagerError} from '../protocol/errors.js';
import type {Job} from '../protocol/job.js';

/** What the work reports; missing fields stay as they were. */
export type JobProgress = Pick<Job, 'stage' | 'done' | 'unit'> & Partial<Pick<Job, 'total' | 'bytesPerSecond'>>;

/** The work itself; throwing ends the job as failed, or as cancelled when `signal` has aborted. */
export type JobWork = (signal: AbortSignal, report: (progress: JobProgress) => void) => Promise<void>;

interface Entry {
  job: Job;
  readonly key: string;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** See the module. Emits `progressed` and `finished`. */
export class JobService {
  readonly events = new EventEmitter<{progressed: [Job]; finished: [Job]}>();
  readonly #entries = new Map<string, Entry>();
  readonly #keptCount: number;

  constructor(keptCount: number) {
    this.#keptCount = keptCount;
  }

  /** Starts work, or answers with the job that is at this kind of work with this key already. */
  start(kind: Job['kind'], subject: string, work: JobWork, key = subject): Job {
    for (const {job, key: other} of this.#entries.values())
      if (job.kind === kind && other === key && job.state === 'running') return job;
    const abort = new AbortController();
    const job: Job = {
      id: randomUUID(),
      kind,
      subject,
      state: 'running',
      stage: 'starting',
      done: 0,
      unit: 'steps',
      startedAtMs: Date.now(),
    };
    // Through a microtask, so that the entry is there before the first report.
    const ended = Promise.resolve().then(() => this.#run(job.id, abort.signal, work));
    this.#entries.set(job.id, {job, key, abort, ended});
    this.events.emit('progressed', job);
    return job;
  }

  list(): Job[] {
    return [...this.#entries.values()].map(({job}) => job);
  }

  /** Asks it to stop and resolves when it has ended. Errors: job-not-found */
  async cancel(id: string): Promise<Job> {
    this.#find(id).abort.abort();
    return this.wait(id);
  }

  /** Resolves with the job when it has ended. Errors: job-not-found; cancelled when `signal` aborts first */
  async wait(id: string, signal?: AbortSignal): Promise<Job> {
    const entry = this.#find(id);
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(new ManagerError('cancelled', 'Nobody waits any more.', 'See `viv image ls`.'));
    signal?.addEventListener('abort', leave, {once: true});
    if (signal?.aborted) leave();
    try {
      await Promise.race([entry.ended, left.promise]);
    } finally {
      signal?.removeEventListener('abort', leave);
    }
    return entry.job;
  }

  /** Cancels what runs and waits until all has ended. */
  async close(): Promise<void> {
    for (const {abort} of this.#entries.values()) abort.abort();
    await Promise.all([...this.#entries.values()].map(({ended}) => ended));
  }

  #find(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw new ManagerError('job-not-found', 'There is no such job (any more).', 'List the jobs there are.');
  }

  async #run(id: string, signal: AbortSignal, work: JobWork): Promise<void> {
    const entry = this.#find(id);
    try {
      await work(signal, (progress) => {
        const {total: _total, bytesPerSecond: _rate, ...rest} = entry.job;
        entry.job = {...rest, ...progress};
        this.events.emit('progressed', entry.job);
      });
      entry.job = {...entry.job, state: 'done', endedAtMs: Date.now()};
    } catch (thrown) {
      const {code, message, hint} = toManagerError(thrown);
      const state = signal.aborted ? 'cancelled' : 'failed';
      entry.job = {...entry.job, state, endedAtMs: Date.now(), error: {code, message, hint}};
    }
    this.events.emit('finished', entry.job);
    this.#forgetOld();
  }

  #forgetOld(): void {
    const ended = [...this.#entries].filter(([, {job}]) => job.state !== 'running');
    for (const [id] of ended.slice(0, Math.max(0, ended.length - this.#keptCount))) this.#entries.delete(id);
  }
}
