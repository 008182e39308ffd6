/** Binds every request of the protocol to its handler. A request without one does not compile. */
import type {z} from 'zod';
import type {ParamsOutput, RequestType} from '../protocol/define.js';
import {ManagerError} from '../protocol/errors.js';
import {type RequestName, type Requests, requestList} from '../protocol/requests.js';
import type {Channel} from '../rpc/channel.js';
import type {Connection} from './connection.js';

/** Answers a request for one connection. */
export type RequestHandler<Type extends RequestType> = (
  params: ParamsOutput<Type>,
  connection: Connection,
  signal: AbortSignal,
) => Promise<z.input<Type['result']>>;

/** One handler for each request there is. */
export type HandlerTable = {readonly [Name in RequestName]: RequestHandler<Requests[Name]>};

/** A part of the table, for a file that holds the handlers of one noun. */
export type Handlers<Names extends RequestName> = Pick<HandlerTable, Names>;

/** The table entry as it is called: the params were validated against this very request. */
type ErasedHandler = (params: unknown, connection: Connection, signal: AbortSignal) => Promise<unknown>;

/** Registers all handlers on a connection's channel; before the greeting only the greeting is answered. */
export function route(channel: Channel, connection: Connection, handlers: HandlerTable): void {
  for (const [name, type] of requestList) {
    const handler = handlers[name] as ErasedHandler;
    channel.handle(type, (params, signal) => {
      if (!connection.isGreeted && name !== 'daemonHello')
        throw new ManagerError('not-greeted', `${type.method} came before the greeting.`, 'Send daemon/hello first.');
      return handler(params, connection, signal);
    });
  }
  channel.handleUnknown();
}
