/**
 * Byte streams between a guest and the host. A `CharPort` is the guest's end (a console or a named virtio port), a
 * `CharEndpoint` a place on the host where a person or a program attaches. Whoever connects both decides on fan-out; in
 * this layer they do not know each other.
 *
 *   guest ─▶ CharPort.output ─▶ (hub) ─▶ CharEndpoint.write ─▶ terminal, program
 *   guest ◀─ CharPort.write  ◀─ (hub) ◀─ CharEndpoint input ◀─
 */

/** What a port's owner hears. Output nobody listens to is dropped. */
export interface CharPortListener {
  /** Bytes the guest wrote, in order. The chunk is the listener's to keep. */
  output(chunk: Uint8Array): void;
  /** There is room for input again, after a `write` that took less than it was given. */
  drained?(): void;
  /** A program of the guest opened or closed the port. All output written before a close has been delivered. */
  guestOpenChanged?(isOpen: boolean): void;
}

/** The guest's end of a byte stream, seen from the host. */
export interface CharPort {
  /** `console`, or the name under /dev/virtio-ports in the guest. */
  readonly name: string;
  readonly isConsole: boolean;
  readonly isGuestOpen: boolean;
  /** The guest has written to it since its driver began. */
  readonly hasOutput: boolean;
  /** One listener; undefined takes it away. */
  listen(listener: CharPortListener | undefined): void;
  /**
   * Queues input for the guest and returns how much of it was taken; the rest is worth another try after `drained`,
   * which never comes before this has returned.
   */
  write(bytes: Uint8Array): number;
  /** Stops taking output from the guest, which then waits; for a host side that cannot keep up. */
  pauseOutput(): void;
  resumeOutput(): void;
  /** Tells the guest whether anybody is at the host's end. Closing follows all input queued before. Consoles stay open. */
  setHostOpen(isOpen: boolean): void;
}

/** What the owner of an endpoint hears. */
export interface CharEndpointListener {
  /** Bytes from whoever is attached. Returns how many were taken; the endpoint offers the rest again after `resumeInput`. */
  input(bytes: Uint8Array): number;
  attachedChanged?(attachedCount: number): void;
}

/** A place on the host where a terminal or a program attaches to a guest. */
export interface CharEndpoint extends AsyncDisposable {
  /** Where to attach: `/dev/pts/7`, or the path of a socket. */
  readonly address: string;
  readonly attachedCount: number;
  /** Bytes that nobody took in time and that were dropped, for metrics. */
  readonly droppedBytes: number;
  /** Shows bytes to everybody attached. Never blocks; nobody attached is fine. */
  write(bytes: Uint8Array): void;
  /** The owner takes input again. */
  resumeInput(): void;
  /** Tells attached terminals their size where the medium can. */
  resize(columns: number, rows: number): void;
}
