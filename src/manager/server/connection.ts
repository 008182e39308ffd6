/** One client: its channel, what it subscribed to, and the consoles it looks at. */
import type {ViewerTarget} from '../console/machine-console.js';
import {consoleClosed, consoleKeyboardMoved, consoleOutput, consoleResized} from '../protocol/console.js';
import type {Topic} from '../protocol/events.js';
import type {Channel} from '../rpc/channel.js';

/** See the module. */
export class Connection {
  readonly channel: Channel;
  isGreeted = false;
  readonly #viewers = new Set<string>();
  #topics: ReadonlySet<Topic> = new Set();

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** Consoles this client looks at. */
  get viewers(): ReadonlySet<string> {
    return this.#viewers;
  }

  subscribe(topics: readonly Topic[]): void {
    this.#topics = new Set(topics);
  }

  wants(topic: Topic): boolean {
    return this.isGreeted && this.#topics.has(topic);
  }

  /** Makes this client a viewer. */
  addViewer(viewerId: string): ViewerTarget {
    const {channel} = this;
    this.#viewers.add(viewerId);
    return {
      get bufferedBytes() {
        return channel.bufferedBytes;
      },
      send: (offset, bytes) =>
        channel.notify(consoleOutput, {viewerId, offset, data: Buffer.from(bytes).toString('base64')}),
      keyboardMoved: (hasKeyboard) => channel.notify(consoleKeyboardMoved, {viewerId, hasKeyboard}),
      resized: (size) => channel.notify(consoleResized, {viewerId, size}),
      closed: () => {
        this.#viewers.delete(viewerId);
        channel.notify(consoleClosed, {viewerId});
      },
    };
  }

  removeViewer(viewerId: string): void {
    this.#viewers.delete(viewerId);
  }
}
