/**
 * A scripted manager in memory, for the TUI's tests: real protocol types, no daemon. Its guests have a toy shell that
 * echoes, knows `stty size`, `clock` and `reach`, and freezes while paused.
 */

import type {ConnectionState, ConsoleSessionOptions} from '../../src/manager/client.js';
import {stateWord} from '../../src/manager/machine/state-word.js';
import type {ParamsOutput, RequestType} from '../../src/manager/protocol/define.js';
import {ManagerError} from '../../src/manager/protocol/errors.js';
import type {Image} from '../../src/manager/protocol/image.js';
import type {Job} from '../../src/manager/protocol/job.js';
import type {
  Machine,
  MachineState,
  MachineVerb,
  machineEdit,
  machineLabel,
  machineRename,
  Permission,
  PortForward,
} from '../../src/manager/protocol/machine.js';
import type {MachineSample, MetricsCurves} from '../../src/manager/protocol/metrics.js';
import type {CaptureAnswer, NetworkStatus} from '../../src/manager/protocol/network.js';
import type {GuestProfile} from '../../src/manager/protocol/profile.js';
import type {Snapshot} from '../../src/manager/protocol/snapshot.js';
import type {Backend, ConsoleHandle, FleetClient} from '../../src/tui/app/backend.js';
import {busyCurves, busySample, steadySample} from './fake-metrics.js';

const ALLOWED_IN: Readonly<Record<MachineVerb, readonly MachineState[]>> = {
  start: ['defined', 'saved', 'crashed'],
  pause: ['running'],
  resume: ['paused'],
  shutdown: ['running'],
  kill: ['starting', 'running', 'paused', 'stopping'],
  save: ['running', 'paused'],
  snapshot: ['running', 'paused'],
  fork: ['running', 'paused'],
  clone: ['defined', 'saved', 'crashed'],
  restore: ['defined', 'running', 'paused', 'saved', 'crashed'],
  rename: ['defined', 'starting', 'running', 'paused', 'stopping', 'crashed'],
  remove: ['defined', 'crashed', 'broken'],
  console: ['defined', 'starting', 'running', 'paused', 'stopping', 'crashed'],
};

/** A machine as the protocol has it, in the given state. */
export function fakeMachine(name: string, state: MachineState, changes: Partial<Machine> = {}): Machine {
  const permission = (verb: MachineVerb): Permission =>
    ALLOWED_IN[verb].includes(state)
      ? {isAllowed: true}
      : {isAllowed: false, reason: `${name} is ${stateWord(state)}.`};
  return {
    id: `id-${name}`,
    name,
    state,
    driver: 'builtin',
    config: {memoryBytes: 256 * 2 ** 20, hartCount: 1, boot: {kind: 'image', image: 'debian-mini'}, disks: []},
    createdAtMs: 0,
    ...(state === 'running' ? {startedAtMs: Date.now()} : {}),
    folder: `/fleet/${name}`,
    verbs: {
      start: permission('start'),
      pause: permission('pause'),
      resume: permission('resume'),
      shutdown: permission('shutdown'),
      kill: permission('kill'),
      save: permission('save'),
      snapshot: permission('snapshot'),
      fork: permission('fork'),
      clone: permission('clone'),
      restore: permission('restore'),
      rename: permission('rename'),
      remove: permission('remove'),
      console: permission('console'),
    },
    ...changes,
  };
}

interface Viewer {
  readonly options: ConsoleSessionOptions;
  readonly machineId: string;
}

type Listener = (payload: never) => void;

/** The scripted manager. `log` holds the requests in order, for assertions. */
export class FakeFleet {
  readonly log: string[] = [];
  /** The same with what was asked. */
  readonly requests: {readonly method: string; readonly params: unknown}[] = [];
  machines: Machine[];
  jobs: Job[] = [];
  isImageReady = true;
  /** A name that is taken by something that no list has. */
  refusedName: string | undefined;
  /** Images before debian-mini in the catalog. */
  otherImages: Image[] = [];
  samples: MachineSample[] = [];
  /** Every number of every machine moves. */
  isBusy = false;
  /** What guests print after their start, 0.9 s apart. */
  bootTexts: readonly string[] = ['Linux version 6.12\r\n~ # '];
  /** Why no machine can be started. */
  startFault: string | undefined;
  /** Between samples. Units: milliseconds */
  sampleMs = 100;
  private nextSampleAtMs = 0;
  /** What every guest tells. */
  addresses = [{interface: 'eth0', address: '10.0.2.15'}];
  profile: GuestProfile = {sampleCount: 0, lostCount: 0, points: []};
  /** Points of every machine. */
  points: Snapshot[] = [];
  isTimelineOn = true;
  /** How every network is. */
  network: NetworkStatus = {
    ...{mac: '52:54:00:b8:6a:8d', isUp: true, addresses: ['10.0.2.15'], flows: [], flowCount: 0},
    ...{receivedBytes: 2048, receivedFrames: 20, sentBytes: 1024, sentFrames: 10, droppedFrames: 0},
  };
  /** What was asked for about rules. */
  readonly asked: Record<string, unknown>[] = [];
  /** What every network card sees. */
  frames: CaptureAnswer['frames'] = [];
  private readonly captures = new Map<string, {readonly taken: number; readonly wake: () => void}>();
  /** What undo brings back. */
  private removed: Machine | undefined;
  private seq = 0;
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly viewers = new Set<Viewer>();
  private readonly stateListeners = new Set<(state: ConnectionState) => void>();
  private connection: ConnectionState = 'connected';
  private readonly typed = new Map<string, string>();
  private readonly output = new Map<string, string>();
  private readonly sizes = new Map<string, string>();
  private readonly clocks = new Map<string, number>();
  private endBuild: ((job: Job) => void) | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(machines: readonly Machine[]) {
    this.machines = [...machines];
    for (const machine of machines) this.output.set(machine.id, machine.state === 'running' ? '~ # ' : '');
    this.timer = setInterval(() => this.tick(), 100);
  }

  /** A connection to this fleet. */
  backend(): Backend {
    const fleet = this;
    const client: FleetClient = {
      get state() {
        return fleet.connection;
      },
      request: (type, params) => this.request(type, params) as never,
      on: (type, listener) => {
        const set = this.listeners.get(type.method) ?? new Set();
        this.listeners.set(type.method, set.add(listener as Listener));
        return {[Symbol.dispose]: () => set.delete(listener as Listener)};
      },
      onState: (listener) => {
        this.stateListeners.add(listener);
        return {[Symbol.dispose]: () => this.stateListeners.delete(listener)};
      },
      untilDaemonGone: async () => undefined,
      [Symbol.asyncDispose]: async () => clearInterval(this.timer),
    };
    return {client, openConsole: async (options) => this.openConsole(options)};
  }

  /** Puts a machine into a state, telling everybody. */
  move(name: string, state: MachineState, changes: Partial<Machine> = {}): void {
    const {labels, config} = this.machines.find((one) => one.name === name) ?? {};
    const kept = {...(labels === undefined ? {} : {labels}), ...(config === undefined ? {} : {config})};
    this.put(fakeMachine(name, state, {...kept, ...changes}));
  }

  /** What guests wait for that are told to `reach`. */
  wanted: NonNullable<Machine['questions']> = [];

  /** Has a guest wait for these. */
  ask(name: string, questions: NonNullable<Machine['questions']>): void {
    this.put({...this.machines.find((one) => one.name === name)!, questions});
  }

  /** Has every guest that runs print something, as if it had before anybody looked. */
  printAll(text: string): void {
    for (const {id, state} of this.machines) if (state === 'running') this.say(id, text);
  }

  /** Lets a guest write to its console. */
  say(machineId: string, text: string): void {
    const output = (this.output.get(machineId) ?? '') + text;
    this.output.set(machineId, output);
    for (const viewer of this.viewers)
      if (viewer.machineId === machineId) viewer.options.onOutput(new TextEncoder().encode(text), false);
    const active = {machineId, endOffset: output.length, hasBell: text.includes('\x07')};
    this.notify('console/active', {consoles: [active]});
  }

  /** The connection is lost, or comes back. */
  connect(state: ConnectionState): void {
    this.connection = state;
    for (const listener of this.stateListeners) listener(state);
  }

  private put(machine: Machine): void {
    this.machines = [...this.machines.filter((old) => old.id !== machine.id), machine];
    this.notify('machine/changed', {seq: ++this.seq, machine});
  }

  private notify(method: string, payload: unknown): void {
    for (const listener of this.listeners.get(method) ?? []) listener(payload as never);
  }

  private async request(type: RequestType, given: unknown): Promise<unknown> {
    const params = type.params.parse(given) as Record<string, unknown>;
    const machine = this.machines.find((one) => one.id === params['machine'] || one.name === params['machine']);
    if (type.method.startsWith('machine/') && params['machine'] !== undefined && !machine)
      throw new ManagerError('machine-not-found', `There is no machine called ${params['machine']}.`, 'Run viv ls.');
    this.log.push(`${type.method} ${machine?.name ?? ''}`.trim());
    this.requests.push({method: type.method, params});
    switch (type.method) {
      case 'events/subscribe':
        return {fleetSeq: this.seq, machines: this.machines, jobs: this.jobs, lastEventSeq: 0, consoles: []};
      case 'events/since':
        return {
          events: this.machines.map((one, index) => ({
            seq: index + 1,
            atMs: 0,
            kind: 'machine-created',
            machineId: one.id,
            machineName: one.name,
            message: `${one.name} was created.`,
          })),
          isReloadNeeded: false,
          lastSeq: 9,
        };
      case 'machine/list':
        return {seq: this.seq, machines: this.machines};
      case 'machine/show':
        return {machine};
      case 'machine/disks': {
        const disks = machine?.config?.disks ?? [];
        const layers = (path: string) => [{path, format: 'qcow2' as const, usedBytes: 3 * 2 ** 20}];
        return {
          disks: disks.map(({path, isReadOnly}) => ({path, isReadOnly, sizeBytes: 10 * 2 ** 30, layers: layers(path)})),
        };
      }
      case 'machine/attachDisk':
      case 'machine/detachDisk':
        return this.changeDisks(machine, params);
      case 'metrics/history':
        return {machine: this.isBusy && machine ? this.past(machine) : this.samples, host: []};
      case 'metrics/curves':
        return this.curves(machine, params);
      case 'machine/profile':
        if (machine?.state !== 'running')
          throw new ManagerError('wrong-state', `Cannot profile ${machine?.name}.`, 'Start it.');
        return this.profile;
      case 'image/list':
        return {images: [...this.otherImages, this.image()]};
      case 'image/build':
        return {job: this.startBuild()};
      case 'job/wait':
        return new Promise((resolve) => {
          this.endBuild = (job) => resolve({job});
        });
      case 'job/cancel': {
        const job: Job = {...this.jobs[0]!, state: 'cancelled'};
        this.finishBuild(job);
        return {job};
      }
      case 'machine/create': {
        const name = typeof params['name'] === 'string' ? params['name'] : 'brave-otter';
        if (name === this.refusedName)
          throw new ManagerError('name-taken', `${name} cannot be made now.`, 'Choose another name.');
        if (this.machines.some((one) => one.name === name))
          throw new ManagerError('name-taken', `There is already a machine called ${name}.`, 'Choose another name.');
        const made = fakeMachine(name, 'defined');
        this.put(made);
        return {machine: made};
      }
      case 'machine/edit':
      case 'machine/label':
      case 'machine/rename':
        return {machine: machine && this.change(machine, params)};
      case 'machine/remove':
        this.removed = machine;
        this.machines = this.machines.filter((one) => one !== machine);
        this.notify('machine/removed', {seq: ++this.seq, id: machine?.id});
        return {id: machine?.id, name: machine?.name};
      case 'undo/last': {
        if (this.removed === undefined) throw new ManagerError('nothing-to-undo', 'There is nothing to undo.', '');
        const back = this.removed;
        this.removed = undefined;
        this.put(back);
        return {machine: back, message: `${back.name} is back.`};
      }
      case 'timeline/show': {
        const settings = {isEnabled: this.isTimelineOn, intervalMs: 30_000, budgetBytes: 2 ** 30, maxCount: 60};
        return {timeline: {...settings, usedBytes: 12 * 2 ** 20}};
      }
      case 'timeline/change':
        this.isTimelineOn = params['isEnabled'] === true;
        return {timeline: {...params, intervalMs: 30_000, budgetBytes: 2 ** 30, maxCount: 60, usedBytes: 0}};
      case 'snapshot/list':
        return {snapshots: this.points, broken: []};
      case 'machine/clone':
        return {machine: fakeMachine(`${machine?.name}-clone`, 'defined')};
      case 'machine/fork':
        return {machine: fakeMachine('fork', 'running')};
      case 'snapshot/create':
        return {snapshot: this.addPoint({kind: 'snapshot', name: `snapshot-${this.points.length + 1}`})};
      case 'snapshot/screen':
      case 'snapshot/keep':
      case 'snapshot/restore':
      case 'snapshot/remove':
      case 'machine/rewind':
        return this.actOnPoint(type.method, machine, params);
      case 'network/capture':
        return this.capture(machine, params);
      case 'network/status':
        return {status: this.network};
      case 'network/forward':
      case 'network/unforward':
        return {machine: machine && this.changeForwards(machine, params)};
      case 'network/answer': {
        const questions = (machine?.questions ?? []).filter(({id}) => id !== params['questionId']);
        this.say(machine!.id, `[${params['verdict']}${params['isAlways'] === true ? ' always' : ''}]\r\n`);
        const answered = {...machine!, questions};
        this.put(answered);
        return {machine: answered};
      }
      case 'network/rule':
      case 'network/unrule':
      case 'network/policy':
        this.asked.push(params);
        return {machine};
      case 'agent/addresses':
        return {machines: this.machines.map(({id}) => ({id, addresses: this.addresses}))};
      default:
        return {machine: machine && this.act(type.method, machine)};
    }
  }

  private change(machine: Machine, params: Record<string, unknown>): Machine {
    const {
      name,
      memoryBytes,
      hartCount,
      group,
      addTags = [],
      removeTags = [],
    } = params as Partial<
      ParamsOutput<typeof machineEdit> & ParamsOutput<typeof machineLabel> & ParamsOutput<typeof machineRename>
    >;
    if (memoryBytes === 0xbad000) throw new ManagerError('not-enough-memory', 'So much is not free.', 'Take less.');
    if (name !== undefined && this.machines.some((one) => one.name === name))
      throw new ManagerError('name-taken', `There is already a machine called ${name}.`, 'Choose another name.');
    const {labels = {tags: []}, config} = machine;
    const tags = [...labels.tags.filter((tag) => !removeTags.includes(tag)), ...addTags];
    const kept = group === undefined ? labels.group : (group ?? undefined);
    const changed = {
      ...machine,
      name: name ?? machine.name,
      labels: {tags, ...(kept === undefined ? {} : {group: kept})},
      config: {
        ...config!,
        memoryBytes: memoryBytes ?? config!.memoryBytes,
        hartCount: hartCount ?? config!.hartCount,
      },
    };
    this.put(changed);
    return changed;
  }

  /** Adds a point to the timeline, telling everybody. */
  addPoint(changes: Partial<Snapshot>): Snapshot {
    const id = `point-${this.points.length + 1}`;
    const sizes = {memoryBytes: 2 ** 28, hartCount: 1, fileBytes: 1.2 * 2 ** 20, touchedBytes: 2 ** 26, pausedMs: 3};
    const rest = {createdAtMs: Date.now(), screenSize: {columns: 80, rows: 24}, isCurrent: true};
    const point: Snapshot = {
      id,
      name: `auto-${this.points.length + 1}`,
      kind: 'checkpoint',
      ...sizes,
      ...rest,
      ...changes,
    };
    this.points = [...this.points.map((one) => ({...one, isCurrent: false})), point];
    this.tellPoints();
    return point;
  }

  private tellPoints(): void {
    for (const {id} of this.machines) this.notify('timeline/changed', {machineId: id});
  }

  private actOnPoint(method: string, machine: Machine | undefined, params: Record<string, unknown>): unknown {
    const {points} = this;
    const atMs = Number(params['atMs'] ?? 0);
    const snapshot =
      method === 'machine/rewind'
        ? (points.findLast(({createdAtMs}) => createdAtMs <= atMs) ?? points[0])
        : points.find(({id, name}) => id === params['snapshot'] || name === params['snapshot']);
    if (!snapshot) throw new ManagerError('snapshot-not-found', 'There is no such point.', 'See viv timeline.');
    if (method === 'snapshot/screen') return {snapshot, screen: `\x1b[1;32mshown at ${snapshot.name}\x1b[0m`};
    if (method === 'snapshot/remove') this.points = points.filter((one) => one !== snapshot);
    if (method === 'snapshot/keep') {
      const kept = {...snapshot, kind: 'snapshot' as const, name: String(params['name'] ?? 'snapshot-1')};
      this.points = points.map((one) => (one === snapshot ? {...kept, note: String(params['note'] ?? '')} : one));
      this.tellPoints();
      return {snapshot: kept};
    }
    if (method.endsWith('restore') || method.endsWith('rewind')) {
      const undo = machine?.state === 'running' ? this.addPoint({kind: 'undo', name: 'undo-1'}) : undefined;
      this.move(machine?.name ?? '', 'running');
      return {machine: this.machines.find(({id}) => id === machine?.id), snapshot, ...(undo ? {undo} : {})};
    }
    this.tellPoints();
    return {snapshot};
  }

  /** Every card sees a frame. */
  pass(...frames: CaptureAnswer['frames']): void {
    this.frames = [...this.frames, ...frames];
    for (const {wake} of this.captures.values()) wake();
  }

  private changeForwards(machine: Machine, params: Record<string, unknown>): Machine {
    const network = {
      kind: 'user',
      egress: 'allow',
      allowsHostLoopback: false,
      forwards: [],
      ...machine.config?.network,
    };
    const forward = params['forward'] as PortForward | undefined;
    if (forward !== undefined && network.forwards.some(({hostPort}) => hostPort === forward.hostPort))
      throw new ManagerError('port-in-use', `Port ${forward.hostPort} is forwarded already.`, 'Take another.');
    const others = network.forwards.filter(({hostPort}) => hostPort !== params['hostPort']);
    const forwards = forward === undefined ? others : [...others, forward];
    const changed = {...machine, config: {...machine.config!, network: {...network, forwards} as const}} as Machine;
    this.put(changed);
    return changed;
  }

  private changeDisks(machine: Machine | undefined, params: Record<string, unknown>): unknown {
    const before = machine?.config?.disks ?? [];
    const made = {path: `/fleet/disk${before.length}.qcow2`, format: 'qcow2' as const, isReadOnly: false};
    const isDetached = typeof params['disk'] === 'number';
    const disks = isDetached ? before.filter((_, index) => index !== params['disk']) : [...before, made];
    const changed = {...machine, config: {...machine?.config, disks}} as Machine;
    this.put(changed);
    return isDetached ? {machine: changed, path: before[Number(params['disk'])]?.path} : {machine: changed};
  }

  /** Every capture gets the same frames, two at a time, and then waits. */
  private async capture(machine: Machine | undefined, params: Record<string, unknown>): Promise<CaptureAnswer> {
    if (machine?.state !== 'running')
      throw new ManagerError('wrong-state', `Cannot look at the network of ${machine?.name}.`, 'Start it.');
    const id = String(params['captureId']);
    const {taken, wake} = this.captures.get(id) ?? {taken: 0, wake: () => undefined};
    wake();
    const isAsked = params['isFirst'] !== true;
    const frames = isAsked ? this.frames.slice(taken, taken + 2) : [];
    const woken = Promise.withResolvers<void>();
    this.captures.set(id, {taken: taken + frames.length, wake: woken.resolve});
    if (isAsked && frames.length === 0 && params['isLast'] !== true) {
      const timer = setTimeout(woken.resolve, Number(params['waitMs']));
      await woken.promise;
      clearTimeout(timer);
    }
    const waitingCount = this.frames.length - taken - frames.length;
    return {frames: [...frames], seenCount: this.frames.length + 3, droppedCount: 3, waitingCount};
  }

  private act(method: string, machine: Machine): Machine {
    const to = (
      {
        'machine/start': 'running',
        'machine/pause': 'paused',
        'machine/resume': 'running',
        'machine/shutdown': 'defined',
        'machine/kill': 'defined',
        'machine/save': 'saved',
      } as const
    )[method];
    if (!to) throw new Error(`the scripted fleet does not know ${method}`);
    if (method === 'machine/start' && this.startFault !== undefined) {
      this.move(machine.name, 'defined', {reason: this.startFault});
      throw new ManagerError('file-not-found', this.startFault, 'Check the path.');
    }
    this.move(machine.name, to);
    if (method === 'machine/start')
      for (const [index, text] of this.bootTexts.entries())
        if (index === 0) this.say(machine.id, text);
        else setTimeout(() => this.say(machine.id, text), index * 900);
    return this.machines.find((one) => one.id === machine.id)!;
  }

  private image(): Image {
    return {
      name: 'debian-mini',
      title: 'Debian mini',
      description: 'Kernel and shell',
      state: this.isImageReady ? 'ready' : 'available',
      ...(this.isImageReady ? {sizeBytes: 33 * 2 ** 20} : {}),
      defaults: {memoryBytes: 256 * 2 ** 20, hartCount: 1},
      downloadBytes: 108 * 2 ** 20,
    };
  }

  private startBuild(): Job {
    const job: Job = {
      id: 'job-1',
      kind: 'image-build',
      subject: 'debian-mini',
      state: 'running',
      stage: 'Downloading packages',
      done: 34 * 2 ** 20,
      total: 112 * 2 ** 20,
      unit: 'bytes',
      bytesPerSecond: 2 * 2 ** 20,
      startedAtMs: 0,
    };
    this.jobs = [job];
    return job;
  }

  /** Ends the build that is under way. */
  finishBuild(job: Job = {...this.jobs[0]!, state: 'done'}): void {
    this.jobs = [job];
    this.isImageReady = job.state === 'done';
    this.notify('job/finished', {job});
    this.endBuild?.(job);
  }

  private openConsole(options: ConsoleSessionOptions): ConsoleHandle {
    const machine = this.machines.find((one) => one.id === options.machine || one.name === options.machine);
    if (!machine) throw new ManagerError('machine-not-found', 'There is no such machine.', 'Run viv ls.');
    const viewer = {options, machineId: machine.id};
    this.viewers.add(viewer);
    const setSize = (size: {columns: number; rows: number} | undefined) => {
      if (size) this.sizes.set(machine.id, `${size.rows} ${size.columns}`);
    };
    setSize(options.size);
    options.onOutput(new TextEncoder().encode(this.output.get(machine.id) ?? ''), false);
    options.onKeyboard?.(options.wantsKeyboard);
    return {
      write: async (bytes) => this.type(machine.id, new TextDecoder().decode(bytes)),
      resize: async (size) => {
        setSize(size);
        options.onResized?.(size);
      },
      setKeyboard: async (isWanted) => options.onKeyboard?.(isWanted),
      [Symbol.asyncDispose]: async () => {
        this.viewers.delete(viewer);
      },
    };
  }

  private type(machineId: string, text: string): void {
    for (const char of text) {
      if (char !== '\r') {
        this.typed.set(machineId, (this.typed.get(machineId) ?? '') + char);
        // Control characters are echoed as a Unix terminal does.
        this.say(machineId, char < ' ' ? `^${String.fromCharCode(char.charCodeAt(0) + 0x40)}` : char);
        continue;
      }
      const line = this.typed.get(machineId) ?? '';
      this.typed.set(machineId, '');
      this.say(machineId, '\r\n');
      if (line === 'stty size') this.say(machineId, `${this.sizes.get(machineId)}\r\n`);
      else if (line === 'clock') this.clocks.set(machineId, 0);
      else if (line === 'reach') this.ask(this.machines.find(({id}) => id === machineId)!.name, this.wanted);
      else if (line === 'title') this.say(machineId, '\x1b]0;EVIL\x07\x1b]52;c;RVZJTA==\x07\x1b[c');
      else if (line === 'wide') this.say(machineId, '日本語 ok\r\n');
      else if (line === 'lines') this.say(machineId, Array.from({length: 100}, (_, n) => `line ${n}\r\n`).join(''));
      else if (line === 'long') this.say(machineId, `${'0123456789'.repeat(13)} end\r\n`);
      else if (line === 'bracket') this.say(machineId, '\x1b[?2004h');
      else if (line === 'mouse') this.say(machineId, '\x1b[?1000h\x1b[?1006h');
      else if (line === 'ring') setTimeout(() => this.say(machineId, 'done\x07\r\n'), 700);
      else if (line === 'lost' || line === 'ended') {
        this.connect(line);
        setTimeout(() => this.connect('connected'), 1500);
      } else if (line === 'colors') this.say(machineId, '\x1b[1;31mred\x1b[0m\r\n');
      this.say(machineId, '~ # ');
    }
  }

  private tick(): void {
    const atMs = Date.now();
    for (const [machineId, count] of this.clocks) {
      if (this.machines.find((one) => one.id === machineId)?.state !== 'running') continue;
      this.clocks.set(machineId, count + 1);
      this.say(machineId, `tick ${count}\r\n`);
    }
    if (atMs >= this.nextSampleAtMs) this.sample(atMs);
  }

  private sample(atMs: number): void {
    this.nextSampleAtMs = Math.max(this.nextSampleAtMs, atMs - this.sampleMs) + this.sampleMs;
    const running = this.machines.filter((one) => one.state === 'running' || one.state === 'paused');
    this.notify('metrics/sampled', {
      // The host's load differs each time, so that a screen on which nothing else happens is seen to live.
      host: {
        atMs,
        cpuPercent: 30 + (Math.floor(atMs / 100) % 10),
        coreCount: 2,
        memoryUsedBytes: 2 * 2 ** 30,
        memoryTotalBytes: 16 * 2 ** 30,
      },
      machines: running.map((one) => (this.isBusy ? busySample(one, atMs) : steadySample(one.id, atMs))),
    });
  }

  /** The last minute of a machine that is busy. */
  private past(machine: Machine): MachineSample[] {
    const nowMs = Date.now();
    return Array.from({length: 60}, (_, index) => busySample(machine, nowMs - (59 - index) * 1000));
  }

  private curves(machine: Machine | undefined, params: Record<string, unknown>): MetricsCurves {
    const spanMs = Number(params['spanMs']);
    if (machine === undefined || !this.isBusy) return {stepMs: spanMs, atMs: [], curves: {}};
    return busyCurves(machine, Date.now(), spanMs, Number(params['points']));
  }
}
