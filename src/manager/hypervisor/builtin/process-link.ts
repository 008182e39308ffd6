/**
 * The daemon's side of one machine process: its requests, its console bytes and counters, and the news of its end.
 * The end is told exactly once, from whichever comes first: the process's own word, or the loss of the connection
 * together with the loss of the process.
 */
import {constants} from 'node:fs';
import {open, rm} from 'node:fs/promises';
import {connect} from 'node:net';
import {dirname} from 'node:path';
import type {Duplex} from 'node:stream';
import {setTimeout as delay} from 'node:timers/promises';
import type {AgentRequest} from '../../agent/agent-session.js';
import type {TerminalSize} from '../../protocol/console.js';
import type {Egress, EgressRule, EgressVerdict} from '../../protocol/egress.js';
import {ManagerError, toManagerError} from '../../protocol/errors.js';
import type {PortForward, SwitchPlace} from '../../protocol/machine.js';
import type {CaptureAnswer, CaptureRequest, NetworkStatus} from '../../protocol/network.js';
import type {GuestProfile} from '../../protocol/profile.js';
import {Channel, defaultBounds} from '../../rpc/channel.js';
import {syncFolder} from '../../store/atomic-file.js';
import {isAlive, isGoneWithin, type ProcessIdentity} from '../../store/process-identity.js';
import type {
  DiskPlan,
  GuestPlace,
  MachineEnd,
  MachineParts,
  RunListener,
  RunningMachine,
  SavedMachine,
  SaveRequest,
  Sibling,
  StreamRefusal,
} from '../contract.js';
import {DiskSyncer} from './disk-syncer.js';
import {openGuestStream} from './guest-stream.js';
import {
  LINK_VERSION,
  linkAgent,
  linkAnswer,
  linkAttach,
  linkBoot,
  linkCapture,
  linkCounters,
  linkDisks,
  linkEgress,
  linkEnded,
  linkForward,
  linkHalted,
  linkHello,
  linkInput,
  linkNetwork,
  linkOutput,
  linkPause,
  linkProfile,
  linkPunch,
  linkQuestions,
  linkRebooted,
  linkRechain,
  linkResize,
  linkResume,
  linkRun,
  linkSave,
  linkShare,
  linkShutdown,
  linkSiblings,
  linkSync,
} from './link.js';
import {type ExitStatus, explainEnd} from './obituary.js';
import {ShareDeputies} from './share-deputies.js';
import type {WrittenStates} from './written-states.js';

/** How long a process may take to be reaped after its socket closed. */
const REAP_TIMEOUT_MS = 800;
/** How long SIGKILL may take; more means the process hangs in the kernel. */
const KILL_TIMEOUT_MS = 10_000;
const POLL_MS = 10;

/**
 * What is known of the process besides its socket. `exited` only where we are its parent. It may have those images of its
 * disks synced that it writes, and ask for what it may not do itself in its shares.
 */
export interface ProcessHandle extends MachineParts {
  readonly identity: ProcessIdentity;
  readonly folder: string;
  readonly socketPath: string;
  readonly exited?: Promise<ExitStatus>;
  /** Told of the states that it writes. */
  readonly written: WrittenStates;
}

/** See the module. */
export class ProcessLink implements RunningMachine {
  readonly #handle: ProcessHandle;
  readonly #listener: RunListener;
  readonly #gone = Promise.withResolvers<void>();
  readonly #syncer = new DiskSyncer();
  readonly #deputies: ShareDeputies;
  #channel: Channel;
  #startedAtMs = 0;
  #isPaused = false;
  #haltReason: string | undefined;
  #diskTops: readonly string[] = [];
  #hasAgent = false;
  #hasCapture = false;
  #switch: SwitchPlace | undefined;
  #hasStreams = false;
  #hasEgress = false;
  #isKilled = false;
  #isReleased = false;
  #isOver = false;
  #end: MachineEnd | undefined;
  #exit: ExitStatus | undefined;
  #nextOffset = 0;

  private constructor(handle: ProcessHandle, channel: Channel, listener: RunListener) {
    this.#handle = handle;
    this.#deputies = new ShareDeputies(handle.shares);
    this.#listener = listener;
    this.#channel = channel;
    handle.exited?.then((exit) => {
      this.#exit = exit;
    });
  }

  /** Connects to a process that listens. Errors: machine-failed */
  static async open(handle: ProcessHandle, listener: RunListener): Promise<ProcessLink> {
    const link = new ProcessLink(handle, await dial(handle.socketPath), listener);
    try {
      await link.#greet();
      return link;
    } catch (thrown) {
      link.release();
      throw thrown;
    }
  }

  get process(): ProcessIdentity {
    return this.#handle.identity;
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** False for a process whose guest was never booted. */
  get isStarted(): boolean {
    return this.#startedAtMs > 0;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get haltReason(): string | undefined {
    return this.#haltReason;
  }

  get diskTops(): readonly string[] {
    return this.#diskTops;
  }

  /** Boots the guest and follows it. Errors: what is wrong with kernel, firmware, disks or memory */
  async boot(): Promise<void> {
    await this.#request(() => this.#channel.request(linkBoot, {waits: true}));
    await this.#listener.onReady();
    this.#startedAtMs = (await this.#request(() => this.#channel.request(linkRun, {}))).startedAtMs;
    await this.#askDisks();
    await this.follow();
  }

  /** Asks for console bytes from the first one on that is not here yet, and for counters. */
  async follow(): Promise<void> {
    await this.#request(() => this.#channel.request(linkAttach, {sinceOffset: this.#nextOffset}));
  }

  async pause(): Promise<void> {
    await this.#request(() => this.#channel.request(linkPause, {}));
    this.#isPaused = true;
  }

  async resume(): Promise<void> {
    // First: it may be paused again before this is answered.
    this.#isPaused = false;
    this.#haltReason = undefined;
    await this.#request(() => this.#channel.request(linkResume, {}));
  }

  async askShutdown(): Promise<void> {
    await this.#request(() => this.#channel.request(linkShutdown, {}));
  }

  async askAgent(request: AgentRequest): Promise<unknown> {
    if (!this.#hasAgent)
      throw new ManagerError(
        'agent-too-old',
        'It was started by a version of Vivarium that cannot ask guest agents.',
        'Shut it down and start it again.',
      );
    return (await this.#request(() => this.#channel.request(linkAgent, request))).answer;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const data = Buffer.from(bytes).toString('base64');
    try {
      await this.#request(() => this.#channel.request(linkInput, {data}));
    } catch (thrown) {
      // The machine ended with these bytes on their way, maybe because of them: its end is told by itself.
      if (!(thrown instanceof ManagerError && thrown.code === 'machine-failed')) throw thrown;
    }
  }

  async resize(size: TerminalSize): Promise<void> {
    await this.#request(() => this.#channel.request(linkResize, {size}));
  }

  async save(request: SaveRequest): Promise<SavedMachine> {
    const {path, keptIds, overlays} = request;
    const below = overlays.flatMap(({disk}) => this.#diskTops[disk] ?? []);
    for (const overlay of overlays) await this.#syncer.add(overlay.path);
    const params = {...request, keptIds: [...keptIds], overlays: [...overlays]};
    const saved = await this.#request(() => this.#channel.request(linkSave, params)).finally(() =>
      // The process may be gone; whoever asks it next is told.
      overlays.length === 0 ? undefined : this.#askDisks().catch(() => undefined),
    );
    for (const disk of below) {
      await this.#syncer.sync(disk);
      await this.#syncer.remove(disk);
    }
    try {
      // The process writes there what it likes: no link is followed to another file.
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      await syncFolder(dirname(path));
      await this.#handle.written.add(path);
    } catch (thrown) {
      throw toManagerError(thrown);
    }
    return saved;
  }

  async rechain(disk: number, images: DiskPlan['images']): Promise<void> {
    await this.#request(() => this.#channel.request(linkRechain, {disk, images: [...images]}));
  }

  async forward(forward: PortForward, isWanted: boolean): Promise<void> {
    // One that does not know the word would take a port of TCP.
    if (forward.protocol === 'udp') checkAbility(this.#hasCapture);
    await this.#request(() => this.#channel.request(linkForward, {forward, isWanted}));
  }

  async changeEgress(egress: Egress, rules: readonly EgressRule[]): Promise<void> {
    checkAbility(this.#hasEgress);
    await this.#request(() => this.#channel.request(linkEgress, {egress, rules: [...rules]}));
  }

  async answerQuestion(id: string, verdict: EgressVerdict): Promise<boolean> {
    checkAbility(this.#hasEgress);
    return (await this.#request(() => this.#channel.request(linkAnswer, {id, verdict}))).isAnswered;
  }

  /** Its place on a private switch, as its process was started with. */
  get switch(): SwitchPlace | undefined {
    return this.#switch;
  }

  async tellSiblings(siblings: readonly Sibling[]): Promise<void> {
    if (this.#switch === undefined) return;
    await this.#request(() => this.#channel.request(linkSiblings, {siblings: [...siblings]}));
  }

  async networkStatus(): Promise<NetworkStatus> {
    checkAbility(this.#hasCapture);
    return (await this.#request(() => this.#channel.request(linkNetwork, {}))).status;
  }

  async capture(request: CaptureRequest, signal: AbortSignal): Promise<CaptureAnswer> {
    checkAbility(this.#hasCapture);
    return this.#request(() => this.#channel.request(linkCapture, request, signal));
  }

  async connect(place: GuestPlace, signal: AbortSignal): Promise<Duplex | StreamRefusal> {
    return this.#hasStreams ? openGuestStream(this.#handle.socketPath, place, signal) : 'too-old';
  }

  profile(durationMs: number, signal?: AbortSignal): Promise<GuestProfile> {
    return this.#request(() => this.#channel.request(linkProfile, {durationMs}, signal));
  }

  async kill(): Promise<void> {
    this.#isKilled = true;
    if (isAlive(this.process)) process.kill(this.process.pid, 'SIGKILL');
    if (!(await isGoneWithin(this.process, KILL_TIMEOUT_MS)))
      throw new ManagerError(
        'machine-failed',
        `The machine process ${this.process.pid} does not end: the system holds it.`,
        'It ends when the host lets go of it; a hanging disk is the usual cause.',
      );
    this.#channel[Symbol.dispose]();
    await this.#gone.promise;
  }

  release(): void {
    this.#isReleased = true;
    void this.#syncer[Symbol.asyncDispose]();
    this.#channel[Symbol.dispose]();
  }

  async #greet(): Promise<void> {
    const writable = this.#handle.disks.filter(({isReadOnly}) => !isReadOnly);
    for (const {images} of writable) await this.#syncer.add(images[0]!.path);
    this.#listen();
    const hello = await this.#channel.request(linkHello, {linkVersion: LINK_VERSION});
    if (hello.linkVersion !== LINK_VERSION)
      throw new ManagerError(
        'version-mismatch',
        'The machine was started by another version of Vivarium that this one cannot talk to.',
        'Shut it down from inside the guest, or kill its process.',
      );
    this.#startedAtMs = hello.startedAtMs;
    this.#isPaused = hello.isPaused;
    this.#haltReason = hello.haltReason;
    this.#diskTops = hello.diskTops;
    this.#hasAgent = hello.hasAgent;
    this.#hasCapture = hello.hasCapture;
    this.#switch = hello.switch;
    this.#hasStreams = hello.hasStreams;
    this.#hasEgress = hello.hasEgress;
    // It may be behind what its disks are meant to be, when a daemon ended in the middle of a snapshot.
    const known = new Set(writable.flatMap(({images}) => images.map(({path}) => path)));
    for (const top of hello.diskTops) if (known.has(top)) await this.#syncer.add(top);
  }

  #listen(): void {
    const channel = this.#channel;
    channel.on(linkOutput, ({offset, data}) => {
      const bytes = Buffer.from(data, 'base64');
      this.#nextOffset = offset + bytes.length;
      this.#listener.onOutput(offset, bytes);
    });
    channel.on(linkCounters, (counters) => this.#listener.onCounters(counters));
    channel.handle(linkSync, async ({path}) => {
      await this.#syncer.sync(path);
      return {};
    });
    channel.handle(linkPunch, async ({path, ranges}) => {
      await this.#syncer.punch(path, ranges);
      return {};
    });
    channel.handle(linkShare, async ({share, task}) => ({errno: await this.#deputies.perform(share, task)}));
    channel.on(linkHalted, ({reason}) => {
      this.#isPaused = true;
      this.#haltReason = reason;
      this.#listener.onHalted(reason);
    });
    channel.on(linkQuestions, ({questions}) => this.#listener.onQuestions(questions));
    channel.on(linkRebooted, () => this.#listener.onRebooted());
    channel.on(linkEnded, ({end}) => {
      this.#end = end;
    });
    channel.onClose((reason) => void this.#lost(reason));
    channel.listen();
  }

  async #lost(reason: string | undefined): Promise<void> {
    if (this.#isReleased) return;
    const deadline = Date.now() + REAP_TIMEOUT_MS;
    while (isAlive(this.process) && this.#end === undefined && Date.now() < deadline) await delay(POLL_MS);
    if (isAlive(this.process) && this.#end === undefined && !this.#isKilled) {
      // The process lives: the connection alone broke (it sent too much, or another daemon took it over).
      if (await this.#reconnect()) return;
    }
    // Its exit status arrives as an event of its own, a moment after the process is gone.
    if (this.#handle.exited !== undefined) await Promise.race([this.#handle.exited, delay(REAP_TIMEOUT_MS)]);
    const circumstance =
      reason === undefined ? 'The machine process ended' : `The machine process was lost (${reason})`;
    // Both connections of one that died while it was reached again tell of it.
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isReleased) return this.#gone.resolve();
    await removeSocket(this.#handle.socketPath);
    const end = this.#end ?? explainEnd(this.#handle.folder, this.#exit, circumstance);
    this.#listener.onEnd(this.#isKilled ? {kind: 'powered-off', status: 0} : end);
    this.#gone.resolve();
    await this.#syncer[Symbol.asyncDispose]();
  }

  async #askDisks(): Promise<void> {
    const {diskTops} = await this.#request(() => this.#channel.request(linkDisks, {}));
    this.#diskTops = diskTops;
  }

  async #reconnect(): Promise<boolean> {
    try {
      this.#channel = await dial(this.#handle.socketPath);
      this.#listen();
      await this.#channel.request(linkHello, {linkVersion: LINK_VERSION});
      await this.follow();
      return true;
    } catch {
      // Neither reachable nor reported dead: nothing can be done with it but to end it.
      process.kill(this.process.pid, 'SIGKILL');
      return false;
    }
  }

  async #request<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (thrown) {
      if (thrown instanceof ManagerError && thrown.code !== 'daemon-unreachable') throw thrown;
      throw new ManagerError(
        'machine-failed',
        'The machine process did not answer because it ended.',
        'Its console log may tell why: `viv logs NAME`.',
        {cause: thrown},
      );
    }
  }
}

/** Errors: not-supported where a process is older than what it is asked for */
function checkAbility(isThere: boolean): void {
  if (isThere) return;
  throw new ManagerError(
    'not-supported',
    'It was started by a version of Vivarium whose networks can do less.',
    'Shut it down and start it again.',
  );
}

/** What a killed process leaves behind. One that cannot be removed hurts nobody: the next start replaces it. */
export async function removeSocket(path: string): Promise<void> {
  await rm(path, {force: true}).catch(() => undefined);
}

async function dial(path: string): Promise<Channel> {
  const socket = connect(path);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
  } catch (thrown) {
    throw new ManagerError('machine-failed', 'The machine process cannot be reached.', 'Kill it and start it again.', {
      cause: thrown,
    });
  }
  return new Channel(socket, defaultBounds);
}
