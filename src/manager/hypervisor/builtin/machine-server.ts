/**
 * The machine process's side of the link: one `MachineHost`, its console ring and log, and the daemon of the moment.
 * A daemon that comes replaces the one before; with none the guest runs on.
 */
import {writeFileSync} from 'node:fs';
import {createServer, type Server, type Socket} from 'node:net';
import {join} from 'node:path';
import type {FileSyncer} from '../../../paravirt/block/delegated-file.js';
import {SwitchWire} from '../../../paravirt/net/switch-wire.js';
import type {Deputy} from '../../../paravirt/share/deputy.js';
import {ByteRing} from '../../console/byte-ring.js';
import {StreamPump} from '../../console/stream-pump.js';
import type {EgressQuestion} from '../../protocol/egress.js';
import {ManagerError, toManagerError} from '../../protocol/errors.js';
import {Channel, defaultBounds} from '../../rpc/channel.js';
import type {GuestPlace, MachineEnd} from '../contract.js';
import {ConsoleLog} from './console-log.js';
import {endProcess} from './end-process.js';
import {answerStream, meet} from './guest-stream.js';
import type {HostListener, MachineHost} from './host-contract.js';
import {
  type Launch,
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
  linkQuestions,
  linkRebooted,
  linkRechain,
  linkResize,
  linkResume,
  linkRun,
  linkSave,
  linkShutdown,
  linkSiblings,
} from './link.js';
import {LinkedSyncer} from './linked-syncer.js';
import type {Places} from './places.js';
import {LinkedDeputy} from './share-deputies.js';
import {freeYoungGarbage} from './young-garbage.js';

/** Builds the machine when the daemon says so. Errors thrown reach the daemon. */
export type HostFactory = (
  launch: Launch,
  listener: HostListener,
  syncer: FileSyncer,
  deputyOf: (share: number) => Deputy,
) => Promise<MachineHost>;

/** A machine process whose daemon has not let its guest run within this time ends: the daemon died while starting it. */
const ORPHAN_TIMEOUT_MS = 30_000;
/** How often it looks until then whether the daemon is still its parent: what it holds is wanted by the next one. */
const PARENT_POLL_MS = 200;
/** How often a process that is to end looks whether its daemon is still there. */
const ATTENDED_POLL_MS = 200;

/** See the module. */
export class MachineServer {
  readonly #launch: Launch;
  readonly #places: Places;
  readonly #factory: HostFactory;
  readonly #ring: ByteRing;
  readonly #log: ConsoleLog;
  readonly #server: Server;
  readonly #finished = Promise.withResolvers<MachineEnd>();
  #host: MachineHost | undefined;
  #channel: Channel | undefined;
  #pump: StreamPump | undefined;
  #sampler: NodeJS.Timeout | undefined;
  #startedAtMs = 0;
  #isPaused = false;
  /** The last save, done or under way. */
  #saving: Promise<unknown> = Promise.resolve();
  #haltReason: string | undefined;
  #questions: readonly EgressQuestion[] = [];

  /** `places` has the names that the daemon knows for those of the launch. */
  constructor(launch: Launch, places: Places, factory: HostFactory) {
    this.#launch = launch;
    this.#places = places;
    this.#factory = factory;
    this.#ring = new ByteRing(launch.scrollbackBytes);
    this.#log = new ConsoleLog(join(launch.folder, 'console.log'), launch.logMaxBytes);
    this.#server = createServer({allowHalfOpen: true}, (socket) =>
      meet(socket, {
        channel: (each) => this.#adopt(each),
        stream: (each, place) => this.#join(each, place),
        frames: (each) => (this.#host === undefined ? each.destroy() : this.#host.plug(new SwitchWire(each))),
      }),
    );
  }

  /** Ends the process once no daemon looks after it, or when one has had it for that long. */
  endUnattended(graceMs: number): void {
    const deadline = Date.now() + graceMs;
    const look = () => {
      if (this.#channel === undefined || this.#channel.isClosed || Date.now() > deadline) endProcess();
    };
    look();
    setInterval(look, ATTENDED_POLL_MS);
  }

  /** Listens on the private socket; `onListening` is called when daemons can connect. Resolves when the run is over. */
  async serve(onListening: () => void): Promise<MachineEnd> {
    const orphaned = setTimeout(() => this.#endUnlessRun(), ORPHAN_TIMEOUT_MS);
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (this.#startedAtMs > 0) clearInterval(watch);
      else if (process.ppid !== parent) this.#endUnlessRun();
    }, PARENT_POLL_MS);
    this.#server.on('error', (error) => this.#finished.reject(error));
    this.#server.listen(this.#launch.socketPath, onListening);
    try {
      return await this.#finished.promise;
    } finally {
      clearTimeout(orphaned);
      clearInterval(watch);
      await this.#close();
    }
  }

  #adopt(socket: Socket): void {
    this.#channel?.[Symbol.dispose]();
    const channel = new Channel(socket, defaultBounds);
    this.#channel = channel;
    this.#pump = undefined;
    channel.onDrain(() => this.#pump?.pull());
    channel.onClose(() => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#pump = undefined;
      clearInterval(this.#sampler);
      this.#endUnlessRun();
    });
    const handle: Channel['handle'] = (type, handler) =>
      channel.handle(type, async (params, signal) => {
        try {
          return await handler(params, signal);
        } catch (thrown) {
          throw this.#places.outsideError(thrown);
        }
      });
    handle(linkHello, async () => ({
      linkVersion: LINK_VERSION,
      id: this.#launch.id,
      isStarted: this.#startedAtMs > 0,
      isPaused: this.#isPaused,
      haltReason: this.#haltReason,
      diskTops: this.#diskTops(),
      startedAtMs: this.#startedAtMs,
      hasAgent: true,
      hasCapture: true,
      switch: this.#launch.network?.switch,
      hasStreams: true,
      hasEgress: true,
    }));
    handle(linkBoot, async ({waits}) => {
      await this.#build();
      return {startedAtMs: waits ? 0 : this.#run()};
    });
    handle(linkRun, async () => ({startedAtMs: this.#run()}));
    handle(linkAttach, async ({sinceOffset}) => {
      this.#attach(channel, sinceOffset);
      return {};
    });
    handle(linkPause, async () => {
      await this.#started().pause();
      this.#isPaused = true;
      return {};
    });
    handle(linkResume, async () => {
      // Asked by a daemon that did not start the save: a guest that runs on would make nonsense of the file.
      await this.#saving;
      // First: what failed before may fail again at once.
      this.#isPaused = false;
      this.#haltReason = undefined;
      this.#started().resume();
      return {};
    });
    handle(linkShutdown, async () => {
      this.#started().askShutdown();
      return {};
    });
    handle(linkAgent, async (request) => ({answer: await this.#started().askAgent(request)}));
    handle(linkInput, async ({data}) => {
      this.#started().write(Buffer.from(data, 'base64'));
      return {};
    });
    handle(linkResize, async ({size}) => {
      this.#started().resize(size);
      return {};
    });
    handle(linkSave, async ({keptIds, overlays, path, ...request}) => {
      const inside = {
        path: this.#places.inside(path),
        overlays: overlays.map((overlay) => ({...overlay, path: this.#places.inside(overlay.path)})),
      };
      const save = this.#saving.then(() => this.#started().save({...request, ...inside, keptIds: new Set(keptIds)}));
      this.#saving = save.catch(() => undefined);
      const saved = await save;
      freeYoungGarbage();
      return {...saved, sources: [...saved.sources]};
    });
    handle(linkRechain, async ({disk, images}) => {
      const inside = images.map((image) => ({...image, path: this.#places.inside(image.path)}));
      await this.#started().rechain(disk, inside);
      return {};
    });
    handle(linkForward, async ({forward, isWanted}) => {
      await this.#started().forward(forward, isWanted);
      return {};
    });
    handle(linkEgress, async ({egress, rules}) => {
      this.#started().changeEgress(egress, rules);
      return {};
    });
    handle(linkAnswer, async ({id, verdict}) => ({isAnswered: this.#started().answerQuestion(id, verdict)}));
    handle(linkSiblings, async ({siblings}) => {
      this.#started().tellSiblings(siblings);
      return {};
    });
    handle(linkNetwork, async () => ({status: this.#started().networkStatus()}));
    handle(linkCapture, (request, signal) => this.#started().capture(request, signal));
    handle(linkDisks, async () => {
      this.#started();
      return {diskTops: this.#diskTops()};
    });
    handle(linkProfile, ({durationMs}, signal) => this.#started().profile(durationMs, signal));
    channel.listen();
  }

  #join(socket: Socket, place: GuestPlace): void {
    if (this.#host === undefined) socket.destroy();
    else this.#host.join(socket, place, (answer) => answerStream(socket, answer));
  }

  async #build(): Promise<void> {
    if (this.#host !== undefined) throw new ManagerError('wrong-state', 'It runs already.', 'Nothing to do.');
    const host = await this.#factory(
      this.#launch,
      {
        onOutput: (bytes) => {
          this.#ring.append(bytes);
          this.#log.append(bytes);
          this.#pump?.pull();
        },
        onRebooted: () => this.#channel?.notify(linkRebooted, {}),
        onQuestions: (questions) => {
          this.#questions = questions;
          this.#channel?.notify(linkQuestions, {questions: [...questions]});
        },
        onHalted: (reason) => {
          this.#isPaused = true;
          this.#haltReason = this.#places.outside(reason);
          this.#channel?.notify(linkHalted, {reason: this.#haltReason});
        },
      },
      new LinkedSyncer(
        () => this.#channel,
        (path) => this.#places.outside(path),
      ),
      (share) => new LinkedDeputy(() => this.#channel, share),
    );
    this.#host = host;
    host.ended.then(
      (end) => this.#finished.resolve(end),
      (thrown: unknown) => this.#finished.resolve({kind: 'crashed', reason: toManagerError(thrown).message}),
    );
  }

  /** Answers with when the guest was started. */
  #run(): number {
    const host = this.#started();
    if (this.#startedAtMs > 0) throw new ManagerError('wrong-state', 'It runs already.', 'Nothing to do.');
    host.start();
    this.#startedAtMs = Date.now();
    return this.#startedAtMs;
  }

  /** The daemon that was starting it is gone, and the next one may not know of it. */
  #endUnlessRun(): void {
    if (this.#startedAtMs === 0) this.#finished.resolve({kind: 'crashed', reason: 'The daemon never started it.'});
  }

  #attach(channel: Channel, sinceOffset: number): void {
    const pump = new StreamPump(
      this.#ring,
      {
        get bufferedBytes() {
          return channel.bufferedBytes;
        },
        send: (offset, bytes) => channel.notify(linkOutput, {offset, data: Buffer.from(bytes).toString('base64')}),
      },
      sinceOffset,
    );
    this.#pump = pump;
    clearInterval(this.#sampler);
    this.#sampler = setInterval(() => this.#sample(), this.#launch.sampleIntervalMs);
    // After the answer, so that the daemon has it before the first byte.
    setImmediate(() => {
      if (this.#questions.length > 0) channel.notify(linkQuestions, {questions: [...this.#questions]});
      pump.pull();
    });
  }

  #sample(): void {
    if (this.#host === undefined || this.#channel === undefined) return;
    const residentBytes = process.memoryUsage.rss();
    const {user, system} = process.cpuUsage();
    const hostCpuNs = (user + system) * 1000;
    this.#channel.notify(linkCounters, {atMs: Date.now(), residentBytes, hostCpuNs, ...this.#host.counters()});
  }

  /** For a daemon that is not there to be told. With a full disk it will have to say that it does not know. */
  #record(end: MachineEnd): void {
    try {
      writeFileSync(join(this.#launch.folder, 'end.json'), JSON.stringify(end), {mode: 0o600});
    } catch (thrown) {
      console.error(`end.json: ${thrown instanceof Error ? thrown.message : thrown}`);
    }
  }

  async #closeHost(): Promise<void> {
    try {
      await this.#host?.[Symbol.asyncDispose]();
    } catch (thrown) {
      console.error(`closing the machine: ${thrown instanceof Error ? thrown.message : thrown}`);
    }
  }

  #diskTops(): string[] {
    return [...(this.#host?.diskTops ?? [])].map((path) => this.#places.outside(path));
  }

  #outside(end: MachineEnd): MachineEnd {
    return end.kind === 'crashed' ? {...end, reason: this.#places.outside(end.reason)} : end;
  }

  #started(): MachineHost {
    if (this.#host !== undefined) return this.#host;
    throw new ManagerError('wrong-state', 'The machine has not been booted.', 'Start it first.');
  }

  async #close(): Promise<void> {
    const end = this.#outside(await this.#finished.promise);
    clearInterval(this.#sampler);
    // While the daemon still listens: disks are synced through it.
    await this.#closeHost();
    this.#record(end);
    this.#pump?.pull();
    this.#channel?.notify(linkEnded, {end});
    this.#channel?.end();
    // Closing removes the socket's name, which may be that of a process started since, when nobody knows of this one.
    if (this.#startedAtMs > 0) this.#server.close();
    await this.#log[Symbol.asyncDispose]();
  }
}
