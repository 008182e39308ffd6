import type {FrameOffload, NetBackend, NetLink} from '../../src/paravirt/net/contract.js';

/** What stands behind a network card, for tests: keeps what it gets, and can be full. */
export class FakeNetwork implements NetBackend {
  readonly frames: {readonly bytes: Uint8Array; readonly offload: FrameOffload}[] = [];
  readonly log: string[] = [];
  link: NetLink | undefined;
  /** It is full after that many frames. */
  capacity = Number.POSITIVE_INFINITY;
  restored: string | undefined;

  get isFull(): boolean {
    return this.frames.length >= this.capacity;
  }

  connect(link: NetLink): void {
    this.link = link;
  }

  linkChanged(isUp: boolean): void {
    this.log.push(isUp ? 'up' : 'down');
  }

  receive(frame: Uint8Array, _isOwned: boolean, offload: Readonly<FrameOffload>): void {
    this.frames.push({bytes: frame.slice(), offload: {...offload}});
  }

  turnEnded(): void {
    this.log.push('turn ended');
  }

  roomMade(): void {
    this.log.push('room');
  }

  save(): string {
    return '"kept"';
  }

  restore(saved: string): void {
    this.restored = saved;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.log.push('closed');
  }
}
