/** Requests about consoles. */
import {MAX_INPUT_BYTES} from '../../protocol/console.js';
import {ManagerError} from '../../protocol/errors.js';
import type {ConsoleHub} from '../../services/console-hub.js';
import type {Fleet} from '../../services/fleet.js';
import type {Connection} from '../connection.js';
import type {Handlers} from '../router.js';

/** See the module. */
export function consoleHandlers(fleet: Fleet, consoles: ConsoleHub) {
  return {
    consoleAttach: async (params, connection) => {
      const machine = fleet.findFor('console', params.machine);
      const {wantsKeyboard, size, sinceOffset, maxReplayBytes, maxBytesPerSecond} = params;
      const options = {wantsKeyboard, size, sinceOffset, maxReplayBytes, maxBytesPerSecond};
      const attached = await consoles.attach(machine.id, options, (viewerId) => connection.addViewer(viewerId));
      // The client may have gone while the log was read.
      if (connection.channel.isClosed) consoles.detach(attached.viewerId);
      return {...attached, machineId: machine.id, replay: Buffer.from(attached.replay).toString('base64')};
    },
    consoleDetach: async ({viewerId}, connection) => {
      if (connection.viewers.has(viewerId)) consoles.detach(viewerId);
      connection.removeViewer(viewerId);
      return {};
    },
    consoleKeyboard: async ({viewerId, isWanted}, connection) => {
      checkOwn(viewerId, connection);
      consoles.viewed(viewerId).setKeyboard(viewerId, isWanted);
      return {};
    },
    consoleInput: async ({viewerId, data}, connection) => {
      checkOwn(viewerId, connection);
      const bytes = Buffer.from(data, 'base64');
      if (bytes.length > MAX_INPUT_BYTES)
        throw new ManagerError('bad-request', `One input holds at most ${MAX_INPUT_BYTES} bytes.`, 'Send it in parts.');
      await consoles.viewed(viewerId).type(viewerId, bytes);
      return {};
    },
    consoleResize: async ({viewerId, size}, connection) => {
      checkOwn(viewerId, connection);
      consoles.viewed(viewerId).resize(viewerId, size);
      return {};
    },
    consoleLog: async (params) => {
      const machine = fleet.find(params.machine);
      return {data: Buffer.from(await consoles.readLog(machine.id, params.maxBytes)).toString('base64')};
    },
  } satisfies Handlers<
    'consoleAttach' | 'consoleDetach' | 'consoleKeyboard' | 'consoleInput' | 'consoleResize' | 'consoleLog'
  >;
}

/** A viewer belongs to the connection that attached it. */
function checkOwn(viewerId: string, connection: Connection): void {
  if (connection.viewers.has(viewerId)) return;
  throw new ManagerError('viewer-not-found', 'This console is not attached (any more).', 'Attach again.');
}
