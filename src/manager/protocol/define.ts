/**
 * How a request and a notification are written down. Both ends import the same constant, so method name, parameter
 * shape and result shape cannot drift apart; both ends validate what arrives.
 */
import type {z} from 'zod';

/** A request: the client sends `params`, the daemon answers with `result` or an error of `errors.ts`. */
export interface RequestType<Params extends z.ZodType = z.ZodType, Result extends z.ZodType = z.ZodType> {
  readonly kind: 'request';
  readonly method: string;
  readonly params: Params;
  readonly result: Result;
}

/** A notification: sent by the daemon to the clients that subscribed to its topic, never answered. */
export interface NotificationType<Params extends z.ZodType = z.ZodType> {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: Params;
}

/** What a caller passes: fields with a default may be left out. */
export type ParamsInput<Type extends RequestType> = z.input<Type['params']>;

/** What a handler receives: validated, defaults filled in. */
export type ParamsOutput<Type extends RequestType> = z.output<Type['params']>;

/** What a request resolves to. */
export type ResultOf<Type extends RequestType> = z.output<Type['result']>;

/** What a notification carries. */
export type PayloadOf<Type extends NotificationType> = z.output<Type['params']>;

/** Declares a request. */
export function defineRequest<Params extends z.ZodType, Result extends z.ZodType>(
  method: string,
  params: Params,
  result: Result,
): RequestType<Params, Result> {
  return {kind: 'request', method, params, result};
}

/** Declares a notification. */
export function defineNotification<Params extends z.ZodType>(method: string, params: Params): NotificationType<Params> {
  return {kind: 'notification', method, params};
}
