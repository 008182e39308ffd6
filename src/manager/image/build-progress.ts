/** The stages of builds, in order, as a person reads them; no kind of image has all. */
export const buildStages = [
  'waiting for another build',
  'update package lists',
  'download kernel',
  'download busybox',
  'unpack',
  'download packages',
  'initramfs',
  'unpack packages',
  'start machine',
  'format disk',
  'copy base system',
  'install base system',
  'install packages',
  'configure packages',
  'install kernel modules',
  'finish disk',
  'done',
] as const;
/** One of `buildStages`. */
export type BuildStage = (typeof buildStages)[number];

/** Where a build stands; `total` is missing while it is not known. Units: done and total count `unit`s of this stage */
export interface BuildProgress {
  readonly stage: BuildStage;
  readonly done: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'steps';
  readonly bytesPerSecond?: number;
}
/** Takes progress as it comes; at most about 10 a second. */
export type ProgressListener = (progress: BuildProgress) => void;

/** Reports one stage: works out the rate and passes on no more than ten reports a second. */
export class StageProgress {
  readonly #stage: BuildStage;
  readonly #unit: BuildProgress['unit'];
  readonly #total: number | undefined;
  readonly #listener: ProgressListener;
  readonly #startedAtMs = performance.now();
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #done = 0;

  constructor(stage: BuildStage, unit: BuildProgress['unit'], total: number | undefined, listener: ProgressListener) {
    this.#stage = stage;
    this.#unit = unit;
    this.#total = total;
    this.#listener = listener;
    this.set(0);
  }

  add(amount: number): void {
    this.set(this.#done + amount);
  }

  /** Never goes back: apt's own percentages do, when it learns of another file. */
  set(done: number): void {
    this.#done = Math.max(this.#done, Math.min(done, this.#total ?? done));
    const now = performance.now();
    if (now - this.#reportedAtMs < 100 && this.#done !== this.#total) return;
    this.#reportedAtMs = now;
    const seconds = (now - this.#startedAtMs) / 1000;
    this.#listener({
      stage: this.#stage,
      done: Math.round(this.#done),
      unit: this.#unit,
      ...(this.#total === undefined ? {} : {total: this.#total}),
      ...(this.#unit === 'bytes' && seconds > 0.2 ? {bytesPerSecond: Math.round(this.#done / seconds)} : {}),
    });
  }
}
