/** Progress of work in bytes: passed on to a job at most ten times a second, with its rate. */
import type {JobProgress} from './job-service.js';

/** Takes how far a stage is. Units: bytes */
export type StageReport = (stage: string, done: number, total: number) => void;

const PAUSE_MS = 100;
/** A rate of less time than this says nothing. */
const RATE_MS_MIN = 200;

/** See the module. A new stage begins when another is named. */
export function pacedReport(report: (progress: JobProgress) => void): StageReport {
  let current: string | undefined;
  let startedAtMs = 0;
  let reportedAtMs = 0;
  return (stage, done, total) => {
    const now = performance.now();
    if (stage !== current) {
      current = stage;
      startedAtMs = now;
    } else if (now - reportedAtMs < PAUSE_MS) return;
    reportedAtMs = now;
    const elapsedMs = now - startedAtMs;
    const rate = elapsedMs < RATE_MS_MIN ? {} : {bytesPerSecond: Math.round((done / elapsedMs) * 1000)};
    report({stage, done: Math.min(done, total), total, unit: 'bytes', ...rate});
  };
}
