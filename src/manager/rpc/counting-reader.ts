/** Tells of every message that will take a place in the library's queue, which has no bound of its own. */
import type {Socket} from 'node:net';
import {type DataCallback, type Disposable, Message, SocketMessageReader} from 'vscode-jsonrpc/node';

/** The library's own notification for cancelling; it is acted on at arrival and mostly takes no place in the queue. */
const CANCEL_METHOD = '$/cancelRequest';

/** True for messages that are counted. */
export function takesQueuePlace(message: Message): boolean {
  return !(Message.isNotification(message) && message.method === CANCEL_METHOD);
}

/** Calls `onQueued` for each message before it is queued. */
export class CountingReader extends SocketMessageReader {
  readonly #onQueued: () => void;

  constructor(socket: Socket, onQueued: () => void) {
    super(socket);
    // Its only use is a progress report nobody asked for, and its timer would keep the process alive.
    this.partialMessageTimeout = 0;
    this.#onQueued = onQueued;
  }

  override listen(callback: DataCallback): Disposable {
    return super.listen((message) => {
      if (takesQueuePlace(message)) this.#onQueued();
      callback(message);
    });
  }
}
