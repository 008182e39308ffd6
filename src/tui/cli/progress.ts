/** Progress of jobs on standard error: one line that is rewritten on a terminal, one line a stage elsewhere. */

import {isErrorCode, ManagerError} from '../../manager/protocol/errors.js';
import {subscribe} from '../../manager/protocol/events.js';
import {type Job, jobCancel, jobFinished, jobProgressed, jobWait} from '../../manager/protocol/job.js';
import type {FleetClient} from '../app/backend.js';
import {jobFraction, jobLine, progressBar} from '../state/presenters/job.js';
import {truncate} from '../terminal/char-width.js';
import {visibleText} from '../terminal/visible-text.js';
import type {CliContext, CliStreams} from './cli-context.js';

const BAR_WIDTH = 20;

/** Shows one job at a time. */
export class ProgressLine implements Disposable {
  private readonly stderr: CliStreams['stderr'];
  private shownStage = '';
  private isLineOpen = false;

  constructor(streams: CliStreams) {
    this.stderr = streams.stderr;
  }

  /** Shows where a job stands. */
  show(job: Job): void {
    if (!this.stderr.isTTY) {
      if (job.stage !== this.shownStage) this.stderr.write(`${visibleText(job.stage)}\n`);
      this.shownStage = job.stage;
      return;
    }
    const text = `${progressBar(jobFraction(job), BAR_WIDTH)} ${jobLine(job)}`;
    this.stderr.write(`\r${truncate(text, (this.stderr.columns ?? 80) - 1)}\x1b[K`);
    this.isLineOpen = true;
  }

  /** Removes the line. */
  [Symbol.dispose](): void {
    if (this.isLineOpen) this.stderr.write('\r\x1b[K');
    this.isLineOpen = false;
  }
}

/** The error a failed or cancelled job ended with, or `undefined` when it is done. */
export function jobError(job: Job): ManagerError | undefined {
  if (job.state === 'done') return undefined;
  if (job.error) {
    const code = isErrorCode(job.error.code) ? job.error.code : 'internal';
    return new ManagerError(code, job.error.message, job.error.hint);
  }
  return new ManagerError(
    'cancelled',
    `The build of ${job.subject} was cancelled.`,
    'Nothing half-made was left; run the command again to build it.',
  );
}

/** Shows a job until it ends; Ctrl-C cancels it. Errors: the job's own, or `cancelled` */
export async function followJob(cli: CliContext, client: FleetClient, job: Job): Promise<void> {
  using line = new ProgressLine(cli.streams);
  using watches = new DisposableStack();
  const show = (news: {job: Job}) => {
    if (news.job.id === job.id) line.show(news.job);
  };
  watches.use(client.on(jobProgressed, show));
  watches.use(client.on(jobFinished, show));
  await client.request(subscribe, {topics: ['jobs']});
  const cancel = () => void client.request(jobCancel, {jobId: job.id}).catch(() => client[Symbol.asyncDispose]());
  cli.interrupted.addEventListener('abort', cancel, {once: true});
  try {
    line.show(job);
    const ended = (await client.request(jobWait, {jobId: job.id})).job;
    const error = jobError(ended);
    if (error) throw error;
  } finally {
    cli.interrupted.removeEventListener('abort', cancel);
  }
}
