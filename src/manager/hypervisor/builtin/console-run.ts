/**
 * Runs a throwaway machine with its console on the caller's streams: a shell, or bare-metal firmware's serial port. A shell
 * that has come to its prompt is kept for the next run of the same kind, unless somebody was typing by then.
 */
import type {Readable, Writable} from 'node:stream';
import {ManagerError} from '../../protocol/errors.js';
import type {AssemblyPlan} from './assembly.js';
import {type EmbeddedRun, statusOf, withEmbeddedHost} from './embedded-host.js';
import type {EngineHost} from './engine-host.js';
import {PromptWatch} from './prompt-watch.js';
import {InputBridge, OutputBridge} from './stream-bridge.js';
import {type WarmFolder, WarmStart} from './warm-start.js';

/** The machine and where its console is. */
export interface ConsoleRun extends EmbeddedRun {
  readonly plan: Omit<AssemblyPlan, 'ports' | 'savedPath'>;
  /** Where shells at their prompts are kept; without it the guest boots. */
  readonly warm?: WarmFolder | undefined;
  readonly stdin: Readable | undefined;
  readonly stdout: Writable;
  /** Called before the start, to hand on changes of the terminal's size. */
  readonly onHost?: (host: EngineHost) => void;
  /** Called when the guest is off and its memory is still there. */
  readonly onEnded?: (host: EngineHost) => Promise<void>;
}

/** Resolves with the machine's exit status. Errors: those of building the machine; machine-failed; cancelled */
export async function runConsole(run: ConsoleRun): Promise<number> {
  const plan: AssemblyPlan = {...run.plan, ports: []};
  const warm = run.warm && (await WarmStart.of(run.warm.folder, run.warm.imageDigest, plan));
  const prompt = warm && (await warm.findNote());
  if (warm && prompt !== undefined) {
    try {
      return await attend({...plan, savedPath: warm.path}, run, prompt);
    } catch (thrown) {
      if (!(thrown instanceof ManagerError && thrown.code === 'bad-snapshot')) throw thrown;
      await warm.drop();
    }
  }
  return attend(plan, run, undefined, warm);
}

/** `prompt` is what the restored guest had written; `warm` keeps one that boots. */
async function attend(plan: AssemblyPlan, run: ConsoleRun, prompt?: string, warm?: WarmStart): Promise<number> {
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
  const watch = new PromptWatch();
  const onOutput = (bytes: Uint8Array) => {
    // First: the terminal's answer to a prompt is input already.
    watch.written(bytes);
    output.write(bytes);
  };
  return await withEmbeddedHost(plan, {onOutput, onRebooted: () => watch.giveUp()}, run, async (host) => {
    held.host = host;
    run.onHost?.(host);
    if (prompt !== undefined) {
      output.write(Buffer.from(prompt, 'latin1'));
      // The guest knows another terminal's size, and is only told of changes.
      const {columns, rows} = run.plan.size;
      host.resize({columns, rows: rows + 1});
      host.resize({columns, rows});
    }
    let keeping: ReturnType<WarmStart['keep']> | undefined;
    let isHeld = false;
    if (run.stdin !== undefined) {
      const write = (bytes: Uint8Array) => {
        if (isHeld) return 0;
        watch.giveUp();
        return host.offer(bytes);
      };
      const input = cleanup.use(new InputBridge(run.stdin, {write, end: () => undefined}));
      host.onInputRoom(() => input.pull());
      if (warm)
        watch.onPrompt((line) => {
          // What is typed now is no part of what is kept.
          isHeld = true;
          keeping = warm.keep(host, line);
          void keeping.taken.then(() => {
            isHeld = false;
            input.pull();
          });
        });
    }
    host.start();
    const end = await host.ended;
    await keeping?.done;
    await run.onEnded?.(host);
    await output.flushed();
    return statusOf(end);
  });
}
