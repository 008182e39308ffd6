/** Requests that wait for the compiler, oldest first, each with who asked for it. */
import type {RegionRequest} from '../codegen/region/request.js';

/** Who has to be told that a request was served: a hart and its name for the request. */
export interface Asker {
  readonly hart: number;
  readonly op: number;
}

/** A request and everybody who asked for the same. */
export interface Waiting {
  readonly key: string;
  readonly request: RegionRequest;
  readonly askers: readonly Asker[];
}

/** Requests that may wait. A guest can make code faster than it is compiled: then the oldest has waited in vain. */
export const MAX_WAITING = 1024;

/** See the module. */
export class RequestQueue {
  readonly #waiting = new Map<string, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Adds a request; the newest of those with the same key counts. The one that had to give way, if any. */
  add(key: string, request: RegionRequest, asker: Asker): Waiting | undefined {
    const known = this.#waiting.get(key);
    this.#waiting.set(key, {key, request, askers: [...(known?.askers ?? []), asker]});
    return this.#waiting.size > MAX_WAITING ? this.take() : undefined;
  }

  /** Takes the oldest request out. */
  take(): Waiting | undefined {
    const [oldest] = this.#waiting.values();
    if (oldest) this.#waiting.delete(oldest.key);
    return oldest;
  }
}
