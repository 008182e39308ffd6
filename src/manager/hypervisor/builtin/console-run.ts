/** Runs a throwaway machine with its console on the caller's streams: a shell, or bare-metal firmware's serial port. */
import type {Readable, Writable} from 'node:stream';
import type {AssemblyPlan} from './assembly.js';
import {statusOf, withEmbeddedHost} from './embedded-host.js';
import type {EngineHost} from './engine-host.js';
import {InputBridge, OutputBridge} from './stream-bridge.js';

/** The machine and where its console is. */
export interface ConsoleRun {
  readonly plan: Omit<AssemblyPlan, 'ports'>;
  readonly stdin: Readable | undefined;
  readonly stdout: Writable;
  readonly signal?: AbortSignal | undefined;
  /** Called before the start, to hand on changes of the terminal's size. */
  readonly onHost?: (host: EngineHost) => void;
  /** Called when the guest is off and its memory is still there. */
  readonly onEnded?: (host: EngineHost) => Promise<void>;
}

/** Resolves with the machine's exit status. Errors: those of building the machine; machine-failed; cancelled */
export async function runConsole(run: ConsoleRun): Promise<number> {
  using cleanup = new DisposableStack();
  const held: {host?: EngineHost} = {};
  const output = cleanup.use(
    new OutputBridge(
      run.stdout,
      // A reader that is slow slows guest time: serial ports lose what nobody takes.
      () => void held.host?.pause(),
      () => held.host?.resume(),
    ),
  );
  const listener = {onOutput: (bytes: Uint8Array) => output.write(bytes), onRebooted: () => undefined};
  return await withEmbeddedHost({...run.plan, ports: []}, listener, run.signal, async (host) => {
    held.host = host;
    run.onHost?.(host);
    if (run.stdin !== undefined) {
      const input = cleanup.use(
        new InputBridge(run.stdin, {write: (bytes) => host.offer(bytes), end: () => undefined}),
      );
      host.onInputRoom(() => input.pull());
    }
    host.start();
    const end = await host.ended;
    await run.onEnded?.(host);
    await output.flushed();
    return statusOf(end);
  });
}
