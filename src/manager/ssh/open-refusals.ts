/**
 * Refusals of channels with a sentence for the client. The library's own says nothing but a number, and what it builds the
 * message from is not part of its interface: where that has changed, the client gets the bare refusal.
 */
import type {Connection, RejectConnection} from 'ssh2';

/** Why a channel is not opened. Source: RFC 4254 §5.1 */
const REASONS = {forbidden: 1, failed: 2, resource: 4} as const;

/** Refuses a channel by the function that the library gave for it. */
export type Refuse = (reject: RejectConnection, reason: keyof typeof REASONS, sentence: string) => void;

type SendFailure = (channel: number, reason: number, description: string) => void;

/** Prepares a connection. */
export function explainRefusals(connection: Connection): Refuse {
  let next: {readonly reason: number; readonly sentence: string} | undefined;
  const protocol: unknown = '_protocol' in connection ? connection._protocol : undefined;
  if (hasSendFailure(protocol)) {
    const send = protocol.channelOpenFail.bind(protocol);
    protocol.channelOpenFail = (channel, reason, description) =>
      next === undefined ? send(channel, reason, description) : send(channel, next.reason, next.sentence);
  }
  return (reject, reason, sentence) => {
    next = {reason: REASONS[reason], sentence};
    reject();
    next = undefined;
  };
}

function hasSendFailure(protocol: unknown): protocol is {channelOpenFail: SendFailure} {
  return (
    typeof protocol === 'object' &&
    protocol !== null &&
    'channelOpenFail' in protocol &&
    typeof protocol.channelOpenFail === 'function'
  );
}
