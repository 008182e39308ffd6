import {machineDisks} from '../../manager/protocol/disks.js';
import type {Machine} from '../../manager/protocol/machine.js';
import type {DisksNews} from '../state/disks.js';
import type {FleetClient} from './backend.js';

/** How often disks that are looked at are asked for again. Units: milliseconds of the samples' time */
const AGAIN_MS = 5000;

/** Asks for the disks of the machine that is looked at: at once, when its definition changes, and from time to time. */
export class DiskWatch {
  private readonly client: FleetClient;
  private readonly dispatch: (news: DisksNews) => void;
  private readonly failed: (error: unknown) => void;
  private asked: {readonly machine: Machine; readonly atMs: number} | undefined;

  constructor(client: FleetClient, dispatch: (news: DisksNews) => void, failed: (error: unknown) => void) {
    this.client = client;
    this.dispatch = dispatch;
    this.failed = failed;
  }

  /** Says which machine is looked at, and the time of the newest sample. */
  follow(machine: Machine | undefined, atMs = 0): void {
    if (machine === undefined || this.client.state !== 'connected') {
      this.asked = undefined;
      return;
    }
    const isKnown = this.asked?.machine.id === machine.id && this.asked.machine.config === machine.config;
    if (isKnown && atMs - (this.asked?.atMs ?? 0) < AGAIN_MS) return;
    this.asked = {machine, atMs};
    this.client.request(machineDisks, {machine: machine.id}).then(
      ({disks}) => this.dispatch({type: 'disksLoaded', machineId: machine.id, disks}),
      (error: unknown) => this.failed(error),
    );
  }
}
