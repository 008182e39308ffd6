/** Waiting that can be given up: the work itself goes on, or is ended by whoever has the signal. */

/**
 * What the work comes to, or a rejection as soon as the signal aborts: with its own reason, or the one given. What the
 * work comes to afterwards is nobody's.
 */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  reason: () => unknown = () => signal.reason,
): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(reason());
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, {once: true});
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
