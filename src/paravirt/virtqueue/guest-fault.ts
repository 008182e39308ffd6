/**
 * What a driver can do wrong, as values, and a log of it that a hostile guest cannot flood.
 * None of these is an exception: the device asks for a reset and everything else goes on.
 */

/**
 * One way to break the rules.
 * - `queue-size`, `queue-alignment`, `queue-outside-ram`: a queue was set up in a way that cannot work
 * - `avail-index-jump`: more chains published than the queue has room for
 * - `too-many-in-flight`: chains published again before their first use came back
 * - `descriptor-index`: an index beyond the table
 * - `chain-too-long`: a loop, or more descriptors than the queue size
 * - `chain-too-large`: buffers of one chain sum up to more than 2^32 - 1 bytes
 * - `buffer-outside-ram`: an address that is not memory
 * - `write-before-read`: a buffer to read after one to write
 * - `indirect-*`: a table inside a table, with a NEXT flag beside it, without the feature, of an impossible size, not in RAM
 * - `request-malformed`: the queue is fine, its content makes no sense to the device
 * - `request-too-large`: more bytes in one request than the device takes
 */
export type GuestFault =
  | 'queue-size'
  | 'queue-alignment'
  | 'queue-outside-ram'
  | 'avail-index-jump'
  | 'too-many-in-flight'
  | 'descriptor-index'
  | 'chain-too-long'
  | 'chain-too-large'
  | 'buffer-outside-ram'
  | 'write-before-read'
  | 'indirect-nested'
  | 'indirect-with-next'
  | 'indirect-not-negotiated'
  | 'indirect-table-size'
  | 'indirect-outside-ram'
  | 'request-malformed'
  | 'request-too-large';

/** What the log hands on: the newest fault and how many there were since the last line. */
export interface FaultReport {
  readonly fault: GuestFault;
  readonly queueIndex: number;
  /** Faults since the last report, this one included. */
  readonly count: number;
}

/** At most one report in this time, whatever the guest does. */
export const FAULT_REPORT_INTERVAL_MS = 1000;

/** Counts guest faults and reports at most one a second. */
export class FaultLog {
  readonly #report: (report: FaultReport) => void;
  readonly #nowMs: () => number;
  #unreported = 0;
  #nextReportMs = Number.NEGATIVE_INFINITY;
  /** All faults so far. */
  total = 0;

  constructor(report: (report: FaultReport) => void, nowMs: () => number) {
    this.#report = report;
    this.#nowMs = nowMs;
  }

  /** Takes note of one fault; reports it unless there was a report within the last second. */
  add(fault: GuestFault, queueIndex: number): void {
    this.total++;
    this.#unreported++;
    const now = this.#nowMs();
    if (now < this.#nextReportMs) return;
    this.#nextReportMs = now + FAULT_REPORT_INTERVAL_MS;
    const count = this.#unreported;
    this.#unreported = 0;
    this.#report({fault, queueIndex, count});
  }
}
