/**
 * A machine of ours behind the `MachineHost` contract: one assembled machine at a time, built anew when the guest
 * reboots. Its console is one stream: the serial port's output and hvc0's as they come; input goes to the one that the
 * guest's programs use.
 */
import type {Socket} from 'node:net';
import type {CharPort} from '../../../paravirt/char/contract.js';
import type {BlkDevice} from '../../../paravirt/devices/blk.js';
import type {SwitchWire} from '../../../paravirt/net/switch-wire.js';
import {type AgentRequest, AgentSession} from '../../agent/agent-session.js';
import {agentPortName} from '../../image/exec-protocol.js';
import {changeForwards} from '../../machine/port-forwards.js';
import type {TerminalSize} from '../../protocol/console.js';
import type {Egress, EgressRule, EgressVerdict} from '../../protocol/egress.js';
import {ManagerError, toManagerError} from '../../protocol/errors.js';
import type {PortForward} from '../../protocol/machine.js';
import type {CaptureAnswer, CaptureRequest, NetworkStatus} from '../../protocol/network.js';
import type {GuestProfile} from '../../protocol/profile.js';
import type {
  DiskPlan,
  GuestPlace,
  HartCounters,
  MachineEnd,
  SavedMachine,
  Sibling,
  StreamRefusal,
} from '../contract.js';
import {
  type AssembledMachine,
  type AssemblyEnvironment,
  type AssemblyPlan,
  assembleMachine,
  type StateRequest,
} from './assembly.js';
import {GuestInput} from './guest-input.js';
import {profileGuest} from './guest-profile.js';
import type {HostCounters, HostListener, MachineHost} from './host-contract.js';
import type {MachineNetwork} from './machine-network.js';
import {NetworkCaptures} from './network-captures.js';
import {filesOf} from './saved/saved-base.js';

/** What a run has counted so far; a reboot adds the counters of the machine before. */
interface Totals {
  instructions: number;
  activeNs: number;
  elapsedNs: number;
  diskReadBytes: number;
  diskWrittenBytes: number;
  diskReadOperations: number;
  diskWriteOperations: number;
  netReceivedBytes: number;
  netSentBytes: number;
  netReceivedPackets: number;
  netSentPackets: number;
  interrupts: number;
  harts: HartCounters[];
}

/** A guest's clock is set when it is behind or ahead by more. */
const CLOCK_STEP_MIN_MS = 2000;

const zero: Totals = {
  ...{instructions: 0, activeNs: 0, elapsedNs: 0},
  ...{diskReadBytes: 0, diskWrittenBytes: 0, diskReadOperations: 0, diskWriteOperations: 0},
  ...{netReceivedBytes: 0, netSentBytes: 0, netReceivedPackets: 0, netSentPackets: 0},
  ...{interrupts: 0, harts: []},
};
/** How long an agent may take for what it is told by the way. */
const TELL_TIMEOUT_MS = 10_000;

/** See the module. */
export class EngineHost implements MachineHost {
  readonly ended: Promise<MachineEnd>;
  #plan: AssemblyPlan;
  readonly #listener: HostListener;
  readonly #environment: AssemblyEnvironment;
  readonly #finish: (end: MachineEnd) => void;
  readonly #input: GuestInput;
  #wire: SwitchWire | undefined;
  #siblings: readonly Sibling[] = [];
  readonly #captures = new NetworkCaptures((tap) => {
    const {network} = this.#current;
    if (network !== undefined) network.device.tap = tap;
  });
  #current: AssembledMachine;
  #session: AgentSession | undefined;
  #before: Totals = zero;
  #size: TerminalSize;
  #isDisposed = false;
  #isHalted = false;
  #isPaused = false;
  #isSaving = false;
  #onInputRoom: () => void = () => undefined;

  private constructor(
    plan: AssemblyPlan,
    listener: HostListener,
    environment: AssemblyEnvironment,
    first: AssembledMachine,
  ) {
    this.#environment = environment;
    this.#plan = plan;
    this.#listener = listener;
    this.#size = plan.size;
    this.#current = first;
    const ended = Promise.withResolvers<MachineEnd>();
    this.ended = ended.promise;
    this.#finish = ended.resolve;
    this.#input = new GuestInput((bytes) => this.#push(bytes));
    this.#connect(first);
  }

  /** Builds the machine. Errors: bad-kernel, bad-firmware, bad-disk, file-not-found, not-enough-memory */
  static async create(
    this: void,
    plan: AssemblyPlan,
    listener: HostListener,
    {openedState, ...around}: Omit<AssemblyEnvironment, 'onDiskFailed'> = {},
  ): Promise<EngineHost> {
    let host: EngineHost | undefined;
    const environment = {...around, onDiskFailed: (reason: string) => host?.halt(reason)};
    const first = await assembleMachine(plan, {...environment, openedState});
    host = new EngineHost(plan, listener, environment, first);
    return host;
  }

  /** The machine of the moment, for what only an embedded run needs (signature, exec ports). */
  get assembled(): AssembledMachine {
    return this.#current;
  }

  start(): void {
    this.#current.machine.start();
    this.#renewGuest();
    void this.#live();
  }

  /** Tells a guest that goes on what has changed around it; without an agent it finds out by itself, or never. */
  #renewGuest(): void {
    const {savedAtMs} = this.#current;
    const {newGuestName} = this.#plan;
    if (savedAtMs === undefined) return;
    const now = Date.now();
    const lines = [
      ...(newGuestName === undefined ? [] : [`hostname ${newGuestName}`]),
      // Told in whole seconds: a clock that is hardly behind would be set back.
      ...(Math.abs(now - savedAtMs) < CLOCK_STEP_MIN_MS ? [] : [`clock ${Math.round(now / 1000)}`]),
    ];
    if (!this.#agent().isGuestOpen && this.#current.guestAgent?.isGuestOpen) {
      const rename = {path: 'hostname', arg: [newGuestName]};
      if (newGuestName !== undefined)
        this.#tellAgent({command: 'guest-exec', arguments: rename, timeoutMs: TELL_TIMEOUT_MS});
      this.#tellAgent({command: 'guest-set-time', arguments: {time: now * 1e6}, timeoutMs: TELL_TIMEOUT_MS});
    } else if (lines.length > 0) this.#agent().write(Buffer.from(lines.map((line) => `${line}\n`).join('')));
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#current.machine.pause();
  }

  resume(): void {
    this.#isHalted = false;
    for (const disk of this.#current.disks) disk.device.retryParked();
    this.#isPaused = false;
    this.#current.machine.resume();
  }

  write(bytes: Uint8Array): void {
    this.#input.write(bytes);
  }

  /** Like `write`, for a caller that keeps what was not taken: says how much was. */
  offer(bytes: Uint8Array): number {
    return this.#push(bytes);
  }

  /** Calls when the guest has room again after `offer` took less than it was given. */
  onInputRoom(listener: () => void): void {
    this.#onInputRoom = listener;
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    this.#current.console.resize(size.columns, size.rows);
  }

  askShutdown(): void {
    // Our own agent hears it even when it is not there yet.
    if (this.#agent().isGuestOpen || !this.#current.guestAgent?.isGuestOpen)
      this.#agent().write(Buffer.from('shutdown\n'));
    // It answers nothing when all is well.
    else this.#tellAgent({command: 'guest-shutdown', timeoutMs: TELL_TIMEOUT_MS});
  }

  async askAgent(request: AgentRequest): Promise<unknown> {
    if (this.#session !== undefined) return this.#session.request(request);
    throw new ManagerError(
      'agent-too-old',
      'It goes on from a state that was saved when machines had no port for a guest agent.',
      'Reboot its guest, and it has one.',
    );
  }

  #tellAgent(request: AgentRequest): void {
    this.askAgent(request).catch((thrown: unknown) => {
      if (!(thrown instanceof ManagerError)) throw thrown;
    });
  }

  rechain(disk: number, images: DiskPlan['images']): Promise<void> {
    return this.#current.rechain(disk, images);
  }

  async forward(forward: PortForward, isWanted: boolean): Promise<void> {
    await this.#network().forward(forward, isWanted);
    const planned = this.#plan.network;
    if (planned === undefined) return;
    // For the next boot of this run.
    const forwards = changeForwards(planned.forwards, forward, isWanted);
    this.#plan = {...this.#plan, network: {...planned, forwards}};
  }

  changeEgress(egress: Egress, rules: readonly EgressRule[]): void {
    this.#network().changeEgress(egress, rules);
    const planned = this.#plan.network;
    // For the next boot of this run.
    if (planned !== undefined) this.#plan = {...this.#plan, network: {...planned, egress, rules: [...rules]}};
  }

  answerQuestion(id: string, verdict: EgressVerdict): boolean {
    return this.#network().answerQuestion(id, verdict);
  }

  plug(wire: SwitchWire): void {
    this.#wire?.[Symbol.dispose]();
    this.#wire = wire;
    this.#current.network?.plug(wire);
  }

  tellSiblings(siblings: readonly Sibling[]): void {
    this.#siblings = siblings;
    this.#current.network?.tellSiblings(siblings);
  }

  networkStatus(): NetworkStatus {
    return this.#network().status;
  }

  async capture(request: CaptureRequest, signal: AbortSignal): Promise<CaptureAnswer> {
    this.#network();
    return this.#captures.ask(request, signal);
  }

  /** Errors: not-supported */
  #network(): MachineNetwork {
    const {network} = this.#current;
    if (network !== undefined) return network;
    throw new ManagerError(
      'not-supported',
      'It has no network.',
      'A machine that was saved before it had one gets it when it boots.',
    );
  }

  join(socket: Socket, {kind, port}: GuestPlace, onAnswer: (answer: 'open' | StreamRefusal) => void): void {
    const {network, vsock} = this.#current;
    if (kind === 'vsock') {
      if (vsock !== undefined) vsock.join(socket, port, onAnswer);
      else {
        onAnswer('no-driver');
        socket.destroy();
      }
      return;
    }
    if (network !== undefined) {
      network.join(socket, port, onAnswer);
      return;
    }
    onAnswer('no-network');
    socket.destroy();
  }

  get diskTops(): readonly string[] {
    return this.#current.disks.map(({plan}) => plan.images[0]!.path);
  }

  counters(): HostCounters {
    const totals = this.#totals();
    const {touchedBytes, regionInstructions, regions, compiledBytes, compileMs, compilerFault} =
      this.#current.machine.counters();
    const hasCode =
      regionInstructions !== undefined &&
      regions !== undefined &&
      compiledBytes !== undefined &&
      compileMs !== undefined;
    const code = hasCode ? {code: {regionInstructions, regions, compiledBytes, compileMs, compilerFault}} : {};
    const told = this.#current.balloon?.look();
    const guestMemory = told === undefined ? {} : {guestMemory: told};
    return {...totals, memoryTouchedBytes: touchedBytes, ...guestMemory, ...code};
  }

  /** `onTaken` is called when what the guest does from then on is not in the file. Errors: wrong-state and those of the contract */
  async save(request: StateRequest, onTaken?: () => void): Promise<SavedMachine> {
    if (this.#isSaving)
      throw new ManagerError('wrong-state', 'It is being saved already.', 'Try again when that is done.');
    this.#isSaving = true;
    // One that was restored a moment ago may have to run on until all of it is there.
    await this.#current.whenSavable(request);
    const {machine, disks} = this.#current;
    // So that little is left to be flushed while the guest stands still.
    await Promise.all(disks.map((disk) => disk.flush()));
    const began = performance.now();
    const wasPaused = this.#isPaused || this.#isHalted;
    // Not after a pause that came while the file was written.
    const goOn = () => {
      if (!wasPaused && !this.#isPaused && !this.#isHalted) machine.resume();
    };
    await machine.pause();
    try {
      if (machine.hasEnded) throw new ManagerError('wrong-state', 'Its guest has just ended.', 'Start it again first.');
      let pausedMs = 0;
      const {fileBytes, touchedBytes, base} = await this.#current.save(request, () => {
        pausedMs = performance.now() - began;
        goOn();
        onTaken?.();
      });
      const sources = base === undefined ? [] : [...filesOf(base)].filter((file) => file !== base.id);
      return {fileBytes, touchedBytes, sources, pausedMs};
    } finally {
      this.#isSaving = false;
      goOn();
    }
  }

  profile(durationMs: number, signal?: AbortSignal): Promise<GuestProfile> {
    return profileGuest(this.#current.machine, durationMs, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#captures[Symbol.dispose]();
    this.#wire?.[Symbol.dispose]();
    await this.#current[Symbol.asyncDispose]();
  }

  async #live(): Promise<void> {
    for (;;) {
      const exit = await this.#current.machine.exited;
      this.#takeSerialOutput(this.#current);
      if (this.#isDisposed || exit.kind === 'poweroff')
        return this.#finish({kind: 'powered-off', status: exit.kind === 'poweroff' ? exit.status : 0});
      if (exit.kind === 'crashed') {
        // For whoever looks for the bug; the reason is for the user.
        if (exit.stack !== undefined) console.error(exit.stack);
        const where = `hart ${exit.hart} at pc 0x${exit.pc.toString(16)}`;
        return this.#finish({kind: 'crashed', reason: `The emulator stopped on ${where}: ${exit.reason}`});
      }
      try {
        await this.#reboot();
      } catch (thrown) {
        const {message} = toManagerError(thrown);
        return this.#finish({kind: 'crashed', reason: `The guest rebooted and could not be started again: ${message}`});
      }
    }
  }

  async #reboot(): Promise<void> {
    this.#before = this.#totals();
    // First: disks are locked while open, and two guests' RAM may be more than the host has.
    await this.#current[Symbol.asyncDispose]();
    const next = await assembleMachine(
      {...this.#plan, disks: this.#current.disks.map(({plan}) => plan), savedPath: undefined, size: this.#size},
      this.#environment,
    );
    this.#current = next;
    if (this.#isDisposed) return next[Symbol.asyncDispose]();
    this.#input.take();
    this.#connect(next);
    next.machine.start();
    this.#listener.onRebooted();
  }

  /** Stops the guest: what it waits for is parked in its disks, and time should not pass over it. */
  private halt(reason: string): void {
    if (this.#isHalted || this.#isDisposed) return;
    this.#isHalted = true;
    this.#current.machine.pause().then(
      () => this.#listener.onHalted?.(reason),
      (thrown: unknown) => console.error(`pausing: ${toManagerError(thrown).message}`),
    );
  }

  #connect(assembled: AssembledMachine): void {
    assembled.onUart(() => {
      this.#takeSerialOutput(assembled);
      this.#flushInput();
    });
    this.#terminal(assembled).listen({
      output: (chunk) => this.#listener.onOutput(chunk),
      drained: () => this.#flushInput(),
      guestOpenChanged: () => this.#flushInput(),
    });
    const {network} = assembled;
    if (network !== undefined) {
      network.device.tap = this.#captures.tap;
      if (this.#wire !== undefined) network.plug(this.#wire);
      network.tellSiblings(this.#siblings);
      network.onQuestions = (questions) => this.#listener.onQuestions?.(questions);
    }
    this.#agent().setHostOpen(true);
    const {guestAgent} = assembled;
    this.#session = guestAgent && new AgentSession(guestAgent);
    guestAgent?.setHostOpen(true);
  }

  #flushInput(): void {
    this.#input.flush();
    this.#onInputRoom();
  }

  #takeSerialOutput(assembled: AssembledMachine): void {
    const bytes = assembled.uart.takeOutput();
    if (bytes.length > 0) this.#listener.onOutput(bytes);
  }

  /**
   * Linux says that hvc0 is open as soon as it has a driver for it, and never whether a program reads there. So a silent
   * one gives way to a serial port that is a terminal: many systems have their only login there, and installers ask there.
   */
  #push(bytes: Uint8Array): number {
    const {uart} = this.#current;
    const terminal = this.#terminal(this.#current);
    const isInUse = terminal.isGuestOpen && (terminal.hasOutput || !uart.isTerminal);
    return isInUse ? terminal.write(bytes) : uart.pushInput(bytes);
  }

  #terminal(assembled: AssembledMachine): CharPort {
    const port = assembled.console.port('console');
    if (port === undefined) throw new Error('the console device has no console');
    return port;
  }

  #agent(): CharPort {
    return this.#current.port(agentPortName);
  }

  #totals(): Totals {
    const now = this.#current.machine.counters();
    const card = this.#current.network?.device.counters;
    const sum = (pick: (counters: BlkDevice['counters']) => number) =>
      this.#current.disks.reduce((total, {device}) => total + pick(device.counters), 0);
    return {
      instructions: this.#before.instructions + now.instructions,
      activeNs: this.#before.activeNs + now.activeNs,
      elapsedNs: this.#before.elapsedNs + now.elapsedNs,
      diskReadBytes: this.#before.diskReadBytes + sum((counters) => counters.readBytes),
      diskWrittenBytes: this.#before.diskWrittenBytes + sum((counters) => counters.writtenBytes),
      diskReadOperations: this.#before.diskReadOperations + sum((counters) => counters.readOperations),
      diskWriteOperations: this.#before.diskWriteOperations + sum((counters) => counters.writeOperations),
      netReceivedBytes: this.#before.netReceivedBytes + (card?.receivedBytes ?? 0),
      netSentBytes: this.#before.netSentBytes + (card?.sentBytes ?? 0),
      netReceivedPackets: this.#before.netReceivedPackets + (card?.receivedFrames ?? 0),
      netSentPackets: this.#before.netSentPackets + (card?.sentFrames ?? 0),
      interrupts: this.#before.interrupts + now.interrupts,
      harts: now.harts.map(({activeNs, instructions}, hart) => ({
        activeNs: activeNs + (this.#before.harts[hart]?.activeNs ?? 0),
        instructions: instructions + (this.#before.harts[hart]?.instructions ?? 0),
      })),
    };
  }
}
