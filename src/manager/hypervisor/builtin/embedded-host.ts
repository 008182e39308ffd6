/** What every run in the calling process shares: a host, its end, and the caller's wish to stop. */
import type {Groundwork} from '../../../engine/groundwork.js';
import {ManagerError} from '../../protocol/errors.js';
import type {MachineEnd} from '../contract.js';
import type {AssemblyPlan} from './assembly.js';
import {EngineHost} from './engine-host.js';
import type {HostListener} from './host-contract.js';

/** What a run has from its caller. */
export interface EmbeddedRun {
  readonly signal?: AbortSignal | undefined;
  /** What was begun for the machine already. */
  readonly groundwork?: Groundwork | undefined;
}

/**
 * Builds and starts a machine, lets `use` work with it, and ends it however that goes.
 * Errors: those of `EngineHost.create` and of `use`; cancelled when `signal` aborts
 */
export async function withEmbeddedHost<T>(
  plan: AssemblyPlan,
  listener: HostListener,
  {signal, groundwork}: EmbeddedRun,
  use: (host: EngineHost) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  const aborted = Promise.withResolvers<never>();
  // Nobody is there to make room and resume it.
  const onHalted = (reason: string) => aborted.reject(new ManagerError('machine-failed', reason, 'Then run it again.'));
  aborted.promise.catch(() => undefined);
  await using host = await EngineHost.create(plan, {...listener, onHalted}, {groundwork});
  const abort = () => aborted.reject(cancelled());
  signal?.addEventListener('abort', abort, {once: true});
  try {
    throwIfAborted(signal);
    return await Promise.race([use(host), aborted.promise]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** The status of a run that ended. Errors: machine-failed when it crashed */
export function statusOf(end: MachineEnd): number {
  if (end.kind === 'powered-off') return end.status;
  throw new ManagerError('machine-failed', end.reason, 'This is a bug in Vivarium or in what the machine runs.');
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}

function cancelled(): ManagerError {
  return new ManagerError('cancelled', 'The run was cancelled.', 'Nothing of it is left.');
}
