/**
 * Looks at the network of one machine: its state whenever the fleet was sampled, and its packets as they pass. Only while
 * somebody wants to see them, and no more of them than can be read.
 */
import {setTimeout as delay} from 'node:timers/promises';
import {networkStatus} from '../../manager/protocol/network.js';
import {captureFrames} from '../packets/capture-stream.js';
import {describePacket} from '../packets/describe-packet.js';
import type {NetworkNews} from '../state/events.js';
import type {PacketLine} from '../state/model.js';
import type {FleetClient} from './backend.js';

/** Enough of a frame for everything that a line says, DHCP's options included. Units: bytes */
const SNAP_BYTES = 640;
/** Packets of one answer that become lines; a person reads no more of them. */
export const LINES_EACH_LOOK = 50;
/** Between looks at packets, so that a flood costs no more than this many a second. */
const LOOK_MS = 150;

/** See the module. */
export class NetworkWatch implements Disposable {
  private readonly client: FleetClient;
  private readonly dispatch: (news: NetworkNews) => void;
  private machineId: string | undefined;
  private ending = new AbortController();
  private isLoading = false;

  constructor(client: FleetClient, dispatch: (news: NetworkNews) => void) {
    this.client = client;
    this.dispatch = dispatch;
  }

  /** Says which machine should be looked at from now on; one that does not run cannot be. */
  follow(machineId: string | undefined): void {
    if (machineId === this.machineId) return;
    this.machineId = machineId;
    this.ending.abort();
    if (machineId === undefined) return;
    this.ending = new AbortController();
    this.dispatch({type: 'networkFollowed', machineId});
    this.refresh();
    void this.watch(machineId, this.ending.signal);
  }

  /** Asks again how the network is; while that is under way, further calls do nothing. */
  refresh(): void {
    const {machineId} = this;
    if (machineId === undefined || this.isLoading || this.client.state !== 'connected') return;
    this.isLoading = true;
    this.client
      .request(networkStatus, {machine: machineId})
      .then(
        ({status}) => this.dispatch({type: 'networkLoaded', machineId, status}),
        (error: unknown) => this.fail(machineId, error),
      )
      .finally(() => {
        this.isLoading = false;
        // Another one was chosen meanwhile.
        if (this.machineId !== machineId) this.refresh();
      });
  }

  [Symbol.dispose](): void {
    this.follow(undefined);
  }

  private async watch(machineId: string, signal: AbortSignal): Promise<void> {
    let dropped = 0;
    try {
      for await (const answer of captureFrames(this.client, {machine: machineId, snapBytes: SNAP_BYTES}, signal)) {
        if (signal.aborted) return;
        const newest = answer.frames.slice(-LINES_EACH_LOOK);
        const missedCount = answer.frames.length - newest.length + answer.droppedCount - dropped;
        dropped = answer.droppedCount;
        const packets = newest.map(({atUs, direction, data}): PacketLine => {
          const text = describePacket(Buffer.from(data, 'base64'));
          return {atMs: atUs / 1000, isReceived: direction === 'received', text};
        });
        if (packets.length === 0 && missedCount === 0) continue;
        this.dispatch({type: 'packetsSeen', machineId, packets, missedCount});
        await delay(LOOK_MS, undefined, {signal});
      }
    } catch (error) {
      if (!signal.aborted) this.fail(machineId, error);
    }
  }

  private fail(machineId: string, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    this.dispatch({type: 'networkFailed', machineId, problem});
  }
}
