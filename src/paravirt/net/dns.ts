/**
 * Forwards DNS questions to the host's name servers, as they are: whatever can be asked there can be asked here. Each
 * question has a socket of its own that is connected to one server, so that nobody else can answer it.
 *
 *   query ─▶ first server ── answer ─▶ reply
 *               │ 2 s, or refused
 *               └─▶ next server … ─▶ the last one ─▶ "server failure"
 *
 * Source: RFC 1035 §4.1
 */
import {createSocket, type Socket} from 'node:dgram';
import {isIPv6} from 'node:net';

/** Questions on their way at a time; further ones are answered with a failure. */
export const QUERIES_MAX = 256;
/** Bytes of a question. Longer ones come over TCP. */
export const QUERY_BYTES_MAX = 4096;
const HEADER_BYTES = 12;
const SERVER_TIMEOUT_MS = 2000;
const RCODE = {SERVER_FAILURE: 2, REFUSED: 5} as const;

/** A name server. */
export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/** `1.2.3.4`, `1.2.3.4:5353`, `fd00::1`, `[fd00::1]:5353`, as Node writes the host's servers. */
export function parseNameServer(text: string): NameServer {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = /^([^:]+):(\d+)$/.exec(text);
  const found = bracketed ?? plain;
  return {address: found?.[1] ?? text, port: Number(found?.[2] ?? 53)};
}

interface Query {
  readonly message: Uint8Array;
  readonly reply: (answer: Uint8Array) => void;
  server: number;
  socket: Socket | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** See the module. */
export class DnsForwarder implements Disposable {
  readonly #servers: () => readonly NameServer[];
  readonly #queries = new Set<Query>();

  /** `servers` is asked for each question: the host may have moved to another network. */
  constructor(servers: () => readonly NameServer[]) {
    this.#servers = servers;
  }

  /** Questions on their way. */
  get size(): number {
    return this.#queries.size;
  }

  /** Asks; `reply` is called once, or never for what is no question. The message may be changed afterwards. */
  ask(message: Uint8Array, reply: (answer: Uint8Array) => void): void {
    if (message.length < HEADER_BYTES || message.length > QUERY_BYTES_MAX || (message[2]! & 0x80) !== 0) return;
    const query: Query = {message: message.slice(), reply, server: 0, socket: undefined, timer: undefined};
    if (this.#queries.size >= QUERIES_MAX) {
      reply(failure(query.message, RCODE.SERVER_FAILURE));
      return;
    }
    this.#queries.add(query);
    this.#send(query);
  }

  [Symbol.dispose](): void {
    for (const query of this.#queries) this.#close(query);
    this.#queries.clear();
  }

  #send(query: Query): void {
    const server = this.#servers()[query.server];
    if (server === undefined) {
      this.#finish(query, failure(query.message, RCODE.SERVER_FAILURE));
      return;
    }
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    query.socket = socket;
    query.timer = setTimeout(() => this.#next(query), SERVER_TIMEOUT_MS);
    socket.on('error', () => this.#next(query));
    socket.on('message', (answer) => {
      const isAnswer = answer.length >= HEADER_BYTES && (answer[2]! & 0x80) !== 0;
      if (isAnswer && answer[0] === query.message[0] && answer[1] === query.message[1]) this.#finish(query, answer);
    });
    socket.on('connect', () => socket.send(query.message));
    socket.connect(server.port, server.address);
  }

  #next(query: Query): void {
    this.#close(query);
    query.server++;
    this.#send(query);
  }

  #finish(query: Query, answer: Uint8Array): void {
    this.#close(query);
    this.#queries.delete(query);
    query.reply(answer);
  }

  #close(query: Query): void {
    clearTimeout(query.timer);
    const {socket} = query;
    query.socket = undefined;
    socket?.removeAllListeners();
    // A datagram on its way may still fail; nobody waits for it any more.
    socket?.on('error', () => undefined);
    socket?.close();
  }
}

/** The answer of a guest that may not ask. Undefined for what is no question. */
export function refuseQuery(message: Uint8Array): Uint8Array | undefined {
  return message.length < HEADER_BYTES || (message[2]! & 0x80) !== 0 ? undefined : failure(message, RCODE.REFUSED);
}

/** The question with a failure for an answer; further records (EDNS) are left off. */
function failure(message: Uint8Array, rcode: number): Uint8Array {
  const answer = message.slice(0, questionEnd(message));
  answer[2] = (answer[2]! | 0x80) & ~0x02;
  answer[3] = 0x80 | rcode;
  const questions = answer.length > HEADER_BYTES ? 1 : 0;
  answer.set([0, questions, 0, 0, 0, 0, 0, 0], 4);
  return answer;
}

/** Where the first question ends: a name of labels, type and class; the header's end if it makes no sense. */
function questionEnd(message: Uint8Array): number {
  let at = HEADER_BYTES;
  while (at < message.length && message[at] !== 0) at += 1 + message[at]!;
  const end = at + 5;
  return end <= message.length && end <= HEADER_BYTES + 260 ? end : HEADER_BYTES;
}
