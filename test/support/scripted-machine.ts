/**
 * A machine process without a machine: speaks the private protocol of a real one, and its "guest" does what is typed
 * on its console, line by line. Bundled by `bundleScriptedMachine` and put in the real one's place.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import type {Socket} from 'node:net';
import type {AgentRequest} from '../../src/manager/agent/agent-session.js';
import type {StateRequest} from '../../src/manager/hypervisor/builtin/assembly.js';
import {endProcess} from '../../src/manager/hypervisor/builtin/end-process.js';
import type {HostListener, MachineHost} from '../../src/manager/hypervisor/builtin/host-contract.js';
import {type Launch, launchSchema} from '../../src/manager/hypervisor/builtin/link.js';
import {MachineServer} from '../../src/manager/hypervisor/builtin/machine-server.js';
import {Places} from '../../src/manager/hypervisor/builtin/places.js';
import type {
  DiskPlan,
  GuestPlace,
  MachineEnd,
  SavedMachine,
  Sibling,
  StreamRefusal,
} from '../../src/manager/hypervisor/contract.js';
import type {Egress, EgressRule, EgressVerdict} from '../../src/manager/protocol/egress.js';
import {ManagerError} from '../../src/manager/protocol/errors.js';
import type {PortForward} from '../../src/manager/protocol/machine.js';
import type {CaptureAnswer, NetworkStatus} from '../../src/manager/protocol/network.js';
import type {GuestProfile} from '../../src/manager/protocol/profile.js';
import {parseAddress} from '../../src/paravirt/net/address.js';
import {EgressGate} from '../../src/paravirt/net/egress-gate.js';
import {readScriptedState, writeScriptedState} from './scripted-state.js';

/** Pieces a second in which `stream` prints. */
const STREAM_PIECES = 30;

/** Counters that grow by waves, no two alike. */
function busyCounters(elapsedNs: number) {
  const seconds = elapsedNs / 1e9;
  // Never falls: the wave is no steeper than the rise.
  const count = (rate: number, period: number) => rate * (seconds + Math.sin(seconds / period) * period * 0.9);
  const level = (middle: number, period: number) => middle * (1 + 0.4 * Math.sin(seconds / period));
  const harts = [3, 4].map((period) => ({activeNs: count(5e8, period), instructions: count(2e8, period)}));
  return {
    harts,
    activeNs: count(5e8, 3) + count(5e8, 4),
    instructions: count(2e8, 3) + count(2e8, 4),
    memoryTouchedBytes: level(40 * 2 ** 20, 9),
    guestMemory: {
      totalBytes: 60 * 2 ** 20,
      freeBytes: level(20 * 2 ** 20, 7),
      availableBytes: level(25 * 2 ** 20, 7),
      cacheBytes: level(9 * 2 ** 20, 5),
    },
    diskReadBytes: count(3e6, 2),
    diskWrittenBytes: count(1e6, 5),
    diskReadOperations: count(700, 2),
    diskWriteOperations: count(200, 5),
    netReceivedBytes: count(5e6, 6),
    netSentBytes: count(4e5, 3),
    netReceivedPackets: count(3500, 6),
    netSentPackets: count(900, 3),
    interrupts: count(2000, 4),
  };
}

/** Counts up once a line, so that metrics have something to show. */
class ScriptedHost implements MachineHost {
  readonly ended: Promise<MachineEnd>;
  readonly #listener: HostListener;
  readonly #savedPath: string | undefined;
  readonly #finish: (end: MachineEnd) => void;
  readonly #startedAtMs = Date.now();
  #line = '';
  #isDeaf = false;
  /** Every number that is told moves. */
  #isBusy = false;
  #streaming: NodeJS.Timeout | undefined;
  /** When the guest stopped doing anything. */
  #idleAtMs: number | undefined;
  #saving: 'done' | 'failed' | 'torn' | 'endless' | 'large' | 'whole' = 'done';
  readonly #launch: Launch;
  readonly #gate: EgressGate;
  readonly #disks: {readonly images: {path: string; format: string}[]}[];
  /** The state saved last. */
  #base: string | undefined;

  constructor(listener: HostListener, launch: Launch) {
    const {savedPath, disks} = launch;
    this.#launch = launch;
    this.#savedPath = savedPath;
    this.#disks = disks.map(({images}) => ({images: [...images]}));
    this.#listener = listener;
    this.#gate = new EgressGate(launch.network?.egress ?? 'allow', launch.network?.rules ?? []);
    this.#gate.onQuestions = (questions) => this.#listener.onQuestions?.(questions);
    const ended = Promise.withResolvers<MachineEnd>();
    this.ended = ended.promise;
    this.#finish = ended.resolve;
  }

  start(): void {
    if (this.#savedPath === undefined) this.#print('booted\r\n');
    else void readScriptedState(this.#savedPath).then((text) => this.#print(`restored: ${text}`));
  }

  /** The agent of this guest says what it was asked. */
  async askAgent({command}: AgentRequest): Promise<unknown> {
    return {command};
  }

  async pause(): Promise<void> {
    this.#print('[paused]');
  }

  resume(): void {
    this.#print('[resumed]');
  }

  get diskTops(): readonly string[] {
    return this.#disks.map(({images}) => images[0]?.path ?? '');
  }

  async forward({hostPort, guestPort}: PortForward, isWanted: boolean): Promise<void> {
    this.#print(`[${isWanted ? 'forwards' : 'forwards no more'} ${hostPort}:${guestPort}]`);
  }

  plug(): void {}

  tellSiblings(siblings: readonly Sibling[]): void {
    this.#print(`[siblings ${siblings.map(({name, address}) => `${name}=${address}`).join(' ')}]`);
  }

  changeEgress(egress: Egress, rules: readonly EgressRule[]): void {
    this.#gate.change(egress, rules);
  }

  answerQuestion(id: string, verdict: EgressVerdict): boolean {
    return this.#gate.answer(id, verdict);
  }

  /** Prints what became of it: at once, or when somebody has answered. */
  #reach(text: string, port: number): void {
    const destination = {protocol: 'tcp', address: parseAddress(text) ?? new Uint8Array(4), port} as const;
    const tell = (isAllowed: boolean): void => this.#print(`[${isAllowed ? 'reached' : 'refused'} ${text}:${port}]`);
    const verdict = this.#gate.decide(destination);
    if (verdict !== 'ask') tell(verdict === 'allow');
    else if (!this.#gate.hold(destination, {bytes: 0}, tell)) tell(false);
  }

  networkStatus(): NetworkStatus {
    return {
      ...{mac: '52:54:00:00:00:01', isUp: true, addresses: [], flows: [], flowCount: 0},
      ...{receivedBytes: 0, receivedFrames: 0, sentBytes: 0, sentFrames: 0, droppedFrames: 0},
    };
  }

  async capture(): Promise<CaptureAnswer> {
    return {frames: [], seenCount: 0, droppedCount: 0, waitingCount: 0};
  }

  /** Its guest sends back what it gets at port 7, says nothing at all at port 9, and refuses all else. */
  join(socket: Socket, {port}: GuestPlace, onAnswer: (answer: 'open' | StreamRefusal) => void): void {
    if (port === 9) return;
    onAnswer(port === 7 ? 'open' : 'refused');
    if (port === 7) socket.pipe(socket);
    else socket.destroy();
  }

  async rechain(disk: number, images: DiskPlan['images']): Promise<void> {
    this.#disks[disk]!.images.splice(1, Infinity, ...images);
    this.#print(`[rechained ${disk}: ${images.length}]`);
  }

  async save({path, id = '', keptIds, overlays = []}: StateRequest): Promise<SavedMachine> {
    if (this.#saving === 'failed') throw new ManagerError('disk-full', 'The disk is full.', 'Free some space.');
    for (const {disk, path: overlay} of overlays) this.#disks[disk]!.images.unshift({path: overlay, format: 'qcow2'});
    if (this.#saving === 'torn') throw new ManagerError('disk-full', 'The disk is full.', 'Free some space.');
    const text = `saved line ${JSON.stringify(this.#line)}\n${this.#saving === 'large' ? 'x'.repeat(3 * 2 ** 20 - 4096) : ''}`;
    const sources = this.#base !== undefined && keptIds?.has(this.#base) ? [this.#base] : [];
    this.#base = id;
    if (this.#saving === 'whole') {
      const {fileBytes, touchedBytes} = await writeScriptedState(path, text, this.#launch);
      return {fileBytes, touchedBytes, sources: [], pausedMs: 0};
    }
    writeFileSync(path, text, {flag: 'wx'});
    if (this.#saving === 'endless') await new Promise(() => undefined);
    return {fileBytes: text.length, touchedBytes: 0, sources, pausedMs: 0};
  }

  write(bytes: Uint8Array): void {
    this.#listener.onOutput(Uint8Array.from(bytes));
    this.#line += Buffer.from(bytes).toString('latin1');
    for (let end = this.#line.indexOf('\n'); end >= 0; end = this.#line.indexOf('\n')) {
      const line = this.#line.slice(0, end);
      this.#line = this.#line.slice(end + 1);
      this.#obey(line);
    }
  }

  resize(size: {readonly columns: number; readonly rows: number}): void {
    this.#print(`[size ${size.columns}x${size.rows}]`);
  }

  askShutdown(): void {
    if (!this.#isDeaf) this.#finish({kind: 'powered-off', status: 0});
  }

  counters() {
    const elapsedNs = ((this.#idleAtMs ?? Date.now()) - this.#startedAtMs) * 1e6;
    const rest = {
      memoryTouchedBytes: 4096,
      diskReadBytes: 1,
      diskWrittenBytes: 2,
      netReceivedBytes: 0,
      netSentBytes: 0,
    };
    const steady = {elapsedNs, activeNs: elapsedNs / 2, instructions: elapsedNs / 10, ...rest};
    return this.#isBusy ? {...steady, ...busyCounters(elapsedNs)} : steady;
  }

  async profile(durationMs: number): Promise<GuestProfile> {
    return {sampleCount: durationMs, lostCount: 0, points: [{pc: '80000000', mode: 'kernel', count: durationMs}]};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate[Symbol.dispose]();
  }

  #print(text: string): void {
    this.#listener.onOutput(Buffer.from(text, 'latin1'));
  }

  /** Prints lines of many colours, thirty pieces a second, so many bytes in all; 0 stops it. */
  #stream(bytesPerSecond: number): void {
    clearInterval(this.#streaming);
    if (bytesPerSecond === 0) return;
    const pieceBytes = Math.max(1, Math.round(bytesPerSecond / STREAM_PIECES));
    let count = 0;
    this.#streaming = setInterval(() => {
      let piece = '';
      while (piece.length < pieceBytes) {
        count++;
        piece += `\x1b[3${count % 8}m${String(count).padStart(8)}\x1b[0m cc -O2 -c src/module-${count % 97}.c -o build/${count}.o\r\n`;
      }
      this.#print(piece);
    }, 1000 / STREAM_PIECES);
  }

  #obey(line: string): void {
    const [command, argument = '', port = ''] = line.split(' ');
    if (command === 'off') this.#finish({kind: 'powered-off', status: Number(argument)});
    if (command === 'crash') this.#finish({kind: 'crashed', reason: 'The guest fell over at pc 0x80000000.'});
    if (command === 'reboot') this.#listener.onRebooted();
    if (command === 'busy') this.#isBusy = true;
    if (command === 'halt') this.#listener.onHalted?.('Paused, its disk failed: The host disk is full.');
    if (
      command === 'saves' &&
      (argument === 'done' ||
        argument === 'failed' ||
        argument === 'torn' ||
        argument === 'endless' ||
        argument === 'large' ||
        argument === 'whole')
    )
      this.#saving = argument;
    if (command === 'deaf') this.#isDeaf = true;
    if (command === 'reach') this.#reach(argument, Number(port));
    if (command === 'name') {
      const question = {name: argument, isPlain: true, type: 1, end: 0};
      this.#gate.learn(question, [parseAddress(port) ?? new Uint8Array(4)]);
    }
    if (command === 'idle') this.#idleAtMs = Date.now();
    if (command === 'print') this.#print(argument);
    if (command === 'flood')
      for (let left = Number(argument); left > 0; left -= 65_536) this.#print('x'.repeat(Math.min(left, 65_536)));
    if (command === 'stream') this.#stream(Number(argument));
    if (command === 'throw')
      setImmediate(() => {
        throw new TypeError('a bug in the machine process');
      });
    if (command === 'exit') {
      console.error('last words');
      process.exit(Number(argument));
    }
  }
}

const launch = launchSchema.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
const server = new MachineServer(launch, Places.none, async (plan, listener) => {
  const kernel = plan.boot.kind === 'linux' ? readFileSync(plan.boot.kernelPath, 'utf8').slice(64) : '';
  if (kernel === 'slow') await new Promise(() => undefined);
  if (kernel === 'bad') throw new ManagerError('bad-kernel', 'The file is no kernel.', 'Choose another file.');
  return new ScriptedHost(listener, plan);
});
// As the real one does.
process.on('SIGTERM', () => server.endUnattended(60_000));
process.stdout.on('error', () => undefined);
await server.serve(() => process.stdout.write('ready\n'));
endProcess();
