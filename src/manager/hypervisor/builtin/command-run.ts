/**
 * Runs one command in a throwaway machine: exact bytes of its standard streams, and its exit status. The boot log goes
 * nowhere; its end is kept to explain a guest that dies.
 */
import type {Readable, Writable} from 'node:stream';
import type {CharPort} from '../../../paravirt/char/contract.js';
import {
  type ExecReply,
  ExecReplyDecoder,
  encodeExecRequest,
  execDone,
  execPortNames,
} from '../../image/exec-protocol.js';
import {ManagerError} from '../../protocol/errors.js';
import type {AssemblyPlan} from './assembly.js';
import {type EmbeddedRun, withEmbeddedHost} from './embedded-host.js';
import type {EngineHost} from './engine-host.js';
import {InputBridge, OutputBridge} from './stream-bridge.js';
import {type WarmFolder, WarmStart} from './warm-start.js';

/** The command and where its bytes go. */
export interface CommandRun extends EmbeddedRun {
  readonly plan: Omit<AssemblyPlan, 'ports' | 'savedPath'>;
  /** Where states of guests that have booted are kept, and what the image is known by; without it the guest boots. */
  readonly warm?: WarmFolder | undefined;
  readonly command: readonly string[];
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Most commands are done by then, and the guest has asked for a tenth of its memory. */
const FILL_AFTER_MS = 1000;
/** Boot log kept for the explanation. */
const LOG_TAIL_BYTES = 4096;

/** Resolves with the command's status. Errors: those of building the machine; machine-failed; cancelled */
export async function runCommand(run: CommandRun): Promise<number> {
  let log = Buffer.alloc(0);
  const listener = {
    onOutput: (bytes: Uint8Array) => {
      log = Buffer.concat([log, bytes]).subarray(-LOG_TAIL_BYTES);
    },
    onRebooted: () => undefined,
  };
  const plan: AssemblyPlan = {...run.plan, ports: execPortNames};
  const warm = run.warm && (await WarmStart.of(run.warm.folder, run.warm.imageDigest, plan));
  const use = (isWarm: boolean) => (host: EngineHost) => {
    const died = host.ended.then((end) => {
      const how = end.kind === 'crashed' ? end.reason : 'the guest powered off';
      throw new ManagerError(
        'machine-failed',
        `The machine ended before the command did: ${how}${lastLine(log)}.`,
        'Give the machine more memory, or look at its boot with `viv create` and `viv console`.',
      );
    });
    return Promise.race([converse(host, run, isWarm ? undefined : warm), died]);
  };
  if (warm && (await warm.find())) {
    try {
      return await withEmbeddedHost(
        {...plan, savedPath: warm.path, fillAfterMs: FILL_AFTER_MS},
        listener,
        run,
        use(true),
      );
    } catch (thrown) {
      if (!(thrown instanceof ManagerError && thrown.code === 'bad-snapshot')) throw thrown;
      await warm.drop();
    }
  }
  return withEmbeddedHost(plan, listener, run, use(false));
}

/** Once the guest waits for its command, `warm` keeps it. */
async function converse(host: EngineHost, run: CommandRun, warm: WarmStart | undefined): Promise<number> {
  using cleanup = new DisposableStack();
  const [stdinPort, stdoutPort, stderrPort, control] = execPortNames.map((name) => host.assembled.port(name));
  if (stdinPort === undefined || stdoutPort === undefined || stderrPort === undefined || control === undefined)
    throw new Error('the exec ports are not four');
  const isWaiting = Promise.withResolvers<void>();
  const reply = Promise.withResolvers<ExecReply>();
  const decoder = new ExecReplyDecoder();
  control.listen({
    output: (bytes) => {
      const answer = decoder.push(bytes);
      if (answer !== undefined) reply.resolve(answer);
    },
    guestOpenChanged: (isOpen) => {
      if (isOpen) isWaiting.resolve();
    },
  });
  control.setHostOpen(true);
  host.start();
  let keeping: ReturnType<WarmStart['keep']> | undefined;
  if (warm) {
    await isWaiting.promise;
    keeping = warm.keep(host);
    await keeping.taken;
  }
  const outputs = [drainPort(stdoutPort, run.stdout, cleanup), drainPort(stderrPort, run.stderr, cleanup)];
  feedPort(stdinPort, run.stdin, cleanup);
  sendAll(control, encodeExecRequest({arguments: run.command, stdin: 'pipe'}));
  const answer = await reply.promise;
  await keeping?.done;
  if (answer.kind === 'failed')
    throw new ManagerError('machine-failed', `The guest cannot run this: ${answer.reason}.`, 'Check the command.');
  await Promise.all(outputs.map((output) => output.closed));
  await Promise.all(outputs.map((output) => output.bridge.flushed()));
  // The guest powers off on this; the machine is taken apart without waiting for it.
  sendAll(control, execDone);
  return answer.status;
}

function drainPort(port: CharPort, stream: Writable, cleanup: DisposableStack) {
  const bridge = cleanup.use(
    new OutputBridge(
      stream,
      () => port.pauseOutput(),
      () => port.resumeOutput(),
    ),
  );
  const closed = Promise.withResolvers<void>();
  port.listen({
    output: (bytes) => bridge.write(bytes),
    guestOpenChanged: (isOpen) => {
      if (!isOpen) closed.resolve();
    },
  });
  port.setHostOpen(true);
  return {bridge, closed: closed.promise};
}

function feedPort(port: CharPort, stream: Readable, cleanup: DisposableStack): void {
  const bridge = new InputBridge(stream, {
    write: (bytes) => port.write(bytes),
    end: () => port.setHostOpen(false),
  });
  port.setHostOpen(true);
  port.listen({output: () => undefined, drained: () => bridge.pull()});
  cleanup.use(bridge);
}

/** Control messages are far smaller than what a port holds; a command line that is not is refused here. */
function sendAll(port: CharPort, bytes: Uint8Array): void {
  if (port.write(bytes) < bytes.length)
    throw new ManagerError('bad-request', 'The command is too long.', 'Pass long data on standard input.');
}

function lastLine(log: Uint8Array): string {
  const line = Buffer.from(log)
    .toString('latin1')
    .split('\n')
    .map((text) => text.replace(/[^\x20-\x7e]/g, '').trim())
    .findLast((text) => text !== '');
  return line === undefined ? '' : `; its last line: ${line.slice(0, 200)}`;
}
