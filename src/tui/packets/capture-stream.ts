/** Frames of a machine's network card as they come. */
import {randomUUID} from 'node:crypto';
import {type CaptureAnswer, type CaptureRequest, networkCapture} from '../../manager/protocol/network.js';
import type {FleetClient} from '../app/backend.js';

/** How long a request waits for a frame; nothing depends on it but how often an idle capture asks. */
const WAIT_MS = 5000;

/** What to capture of which machine. */
export interface CaptureWish {
  readonly machine: string;
  /** Of each frame this much. Units: bytes */
  readonly snapBytes: number;
}

/**
 * Captures until `signal` aborts, and then what has come until then; or until nobody wants more. The first answer comes
 * at once, without frames. Errors: those of `networkCapture`
 */
export async function* captureFrames(
  client: Pick<FleetClient, 'request'>,
  {machine, snapBytes}: CaptureWish,
  signal: AbortSignal,
): AsyncGenerator<CaptureAnswer, void, undefined> {
  const captureId = randomUUID();
  const ask = (more: Partial<CaptureRequest>) =>
    client.request(networkCapture, {machine, captureId, snapBytes, ...more});
  let last: Promise<CaptureAnswer> | undefined;
  // The end wakes the request that waits.
  const end = (): Promise<CaptureAnswer> => {
    last ??= ask({isLast: true});
    last.catch(() => undefined);
    return last;
  };
  const onAbort = (): void => void end();
  let isLost = false;
  let waitingCount = 0;
  try {
    yield await ask({isFirst: true});
    signal.addEventListener('abort', onAbort, {once: true});
    while (!signal.aborted) yield await ask({waitMs: WAIT_MS});
    for (;;) {
      const answer = await end();
      waitingCount = answer.waitingCount;
      last = undefined;
      if (waitingCount === 0) isLost = true;
      yield answer;
      if (waitingCount === 0) return;
    }
  } catch (thrown) {
    isLost = true;
    throw thrown;
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Left early: what nobody wants must not stay in the machine's process.
    for (let isLeft = !isLost; isLeft; last = undefined)
      isLeft = await end().then(
        (answer) => answer.waitingCount > 0,
        () => false,
      );
  }
}
