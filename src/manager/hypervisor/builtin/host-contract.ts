/** What the machine process and the embedded runs need of a machine, so that either can be tried with a scripted one. */
import type {Socket} from 'node:net';
import type {SwitchWire} from '../../../paravirt/net/switch-wire.js';
import type {AgentRequest} from '../../agent/agent-session.js';
import type {TerminalSize} from '../../protocol/console.js';
import type {Egress, EgressQuestion, EgressRule, EgressVerdict} from '../../protocol/egress.js';
import type {PortForward} from '../../protocol/machine.js';
import type {CaptureAnswer, CaptureRequest, NetworkStatus} from '../../protocol/network.js';
import type {GuestProfile} from '../../protocol/profile.js';
import type {DiskPlan, GuestPlace, MachineEnd, RunCounters, SavedMachine, Sibling, StreamRefusal} from '../contract.js';
import type {StateRequest} from './assembly.js';

/** Counters that a host can tell; the process adds its own memory and time. */
export type HostCounters = Omit<RunCounters, 'atMs' | 'residentBytes' | 'hostCpuNs'>;

/** What a host tells while its guest runs. */
export interface HostListener {
  /** Bytes of the merged console (serial port first, virtio console later). The array is the receiver's to keep. */
  onOutput(bytes: Uint8Array): void;
  /** The guest asked for a reboot and was started again. */
  onRebooted(): void;
  /** The host's disk failed: the guest is paused and waits. `resume` tries again. `reason` is one sentence. */
  onHalted?(reason: string): void;
  /** See `RunListener.onQuestions`. */
  onQuestions?(questions: readonly EgressQuestion[]): void;
}

/** A machine in this process. Made by a `HostFactory`, not yet started. */
export interface MachineHost extends AsyncDisposable {
  start(): void;
  pause(): Promise<void>;
  resume(): void;
  write(bytes: Uint8Array): void;
  resize(size: TerminalSize): void;
  askShutdown(): void;
  /** Asks the guest agent. Errors: no-agent, agent-too-old, agent-failed, bad-request */
  askAgent(request: AgentRequest): Promise<unknown>;
  counters(): HostCounters;
  /** The image on top of each disk. */
  readonly diskTops: readonly string[];
  /** Writes the machine's state into a new file; not synced. Errors: disk-full, storage-failed */
  save(request: StateRequest): Promise<SavedMachine>;
  /** Has a disk stand on other images below its top, that show the same. */
  rechain(disk: number, images: DiskPlan['images']): Promise<void>;
  /** Adds or removes a port forward. Errors: port-in-use, bad-request, not-supported */
  forward(forward: PortForward, isWanted: boolean): Promise<void>;
  /** Where its guest may go from now on. Errors: not-supported */
  changeEgress(egress: Egress, rules: readonly EgressRule[]): void;
  /** Answers a question for now; false when it does not wait any more. */
  answerQuestion(id: string, verdict: EgressVerdict): boolean;
  /** The way to its private switch, which the host closes in the end. */
  plug(wire: SwitchWire): void;
  /** Machines on that switch. */
  tellSiblings(siblings: readonly Sibling[]): void;
  /** See `networkStatus`. Errors: not-supported */
  networkStatus(): NetworkStatus;
  /** See `networkCapture`. Errors: bad-request, not-supported, cancelled */
  capture(request: CaptureRequest, signal: AbortSignal): Promise<CaptureAnswer>;
  /** Joins a stream of the host, not read yet, to a place in the guest. `onAnswer` says once how that went, before any byte. */
  join(socket: Socket, place: GuestPlace, onAnswer: (answer: 'open' | StreamRefusal) => void): void;
  /** Samples the guest for a while. An abort ends that early, with what there is. */
  profile(durationMs: number, signal?: AbortSignal): Promise<GuestProfile>;
  /** Settles when the guest has powered off or crashed for good; a reboot is not an end. */
  readonly ended: Promise<MachineEnd>;
}
