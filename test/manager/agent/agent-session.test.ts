import {describe, expect, it} from 'vitest';
import {AgentLines, ANSWER_BYTES_MAX} from '../../../src/manager/agent/agent-lines.js';
import {
  type AgentPort,
  AgentSession,
  REQUEST_BYTES_MAX,
  WAITING_MAX,
} from '../../../src/manager/agent/agent-session.js';

const DELIMITER = '\xff';

/** A guest's end of the port: hands every line it is sent to `answer`, and sends back what that returns. */
class ScriptedGuest implements AgentPort {
  isGuestOpen = true;
  /** Bytes taken at a time. */
  room = Number.POSITIVE_INFINITY;
  readonly heard: string[] = [];
  readonly #answer: (command: string, line: string) => string | undefined;
  #listener: Parameters<AgentPort['listen']>[0] | undefined;
  #text = '';

  constructor(answer: (command: string, line: string) => string | undefined) {
    this.#answer = answer;
  }

  listen(listener: Parameters<AgentPort['listen']>[0]): void {
    this.#listener = listener;
  }

  write(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, this.room);
    this.#text += Buffer.from(taken).toString('latin1');
    if (taken.length < bytes.length) setImmediate(() => this.#listener?.drained());
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      this.heard.push(line);
      const {execute, arguments: params} = JSON.parse(line.replace(DELIMITER, ''));
      const sync = `${DELIMITER}{"return":${params?.id}}\n`;
      const answer = execute === 'guest-sync-delimited' ? sync : this.#answer(execute, line);
      if (answer !== undefined) setImmediate(() => this.say(answer));
    }
    return taken.length;
  }

  say(text: string): void {
    this.#listener?.output(Buffer.from(text, 'latin1'));
  }

  leave(): void {
    this.isGuestOpen = false;
    this.#listener?.guestOpenChanged(false);
  }
}

const ping = {command: 'guest-ping', timeoutMs: 5000};
const request = (answer: string | undefined, timeoutMs = 5000) =>
  new AgentSession(new ScriptedGuest(() => answer)).request({...ping, timeoutMs});

describe('a session with a guest agent', () => {
  it('falls into step before the first request, and not again', async () => {
    const guest = new ScriptedGuest(() => '{"return":{}}\n');
    const session = new AgentSession(guest);
    await session.request(ping);
    await session.request(ping);
    expect(guest.heard.map((line) => /"execute":"([^"]*)"/.exec(line)?.[1])).toEqual([
      'guest-sync-delimited',
      'guest-ping',
      'guest-ping',
    ]);
    expect(guest.heard[0]?.startsWith(DELIMITER)).toBe(true);
  });

  it('sends a long request in the pieces that the port takes', async () => {
    const guest = new ScriptedGuest((_command, line) => `{"return":${line.length}}\n`);
    guest.room = 1000;
    const sent = {...ping, arguments: {text: 'x'.repeat(10_000)}};
    expect(await new AgentSession(guest).request(sent)).toBe(
      JSON.stringify({execute: 'guest-ping', arguments: sent.arguments}).length,
    );
  });

  it('forgets what was left of an earlier request', async () => {
    let rounds = 0;
    const guest = new ScriptedGuest(() => (rounds++ === 0 ? undefined : '{"return":"new"}\n'));
    const session = new AgentSession(guest);
    await expect(session.request({...ping, timeoutMs: 5})).rejects.toMatchObject({code: 'no-agent'});
    guest.say('{"return":"late"}\n');
    const next = session.request(ping);
    guest.say('{"return":"later"}\n{"return":"half');
    expect(await next).toBe('new');
  });

  it('says which command the agent does not know', async () => {
    const answer = '{"error":{"class":"CommandNotFound","desc":"no"}}\n';
    await expect(request(answer)).rejects.toMatchObject({
      code: 'agent-too-old',
      message: expect.stringContaining('guest-ping'),
    });
  });

  it("shows an agent's words without control characters and of bounded length", async () => {
    const answer = `${JSON.stringify({error: {class: 'GenericError', desc: `\x1b]0;x\x07${'y'.repeat(1000)}`}})}\n`;
    const error: unknown = await request(answer).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'agent-failed',
      message: expect.stringMatching(/^The guest agent says: \]0;x y+\.$/),
    });
    expect((error as Error).message.length).toBeLessThan(250);
  });

  it.each([
    ['an answer that is too long', `{"return":"${'x'.repeat(ANSWER_BYTES_MAX)}"}\n`],
    ['an answer that is nested too deep', `{"return":${'['.repeat(17)}${']'.repeat(17)}}\n`],
    ['no JSON', 'hello\n'],
    ['a list', '[1]\n'],
    ['neither result nor error', '{"retrun":1}\n'],
  ])('takes %s for no answer', async (_, answer) => {
    await expect(request(answer)).rejects.toMatchObject({code: 'no-agent'});
  });

  it('refuses a request that is too long', async () => {
    const session = new AgentSession(new ScriptedGuest(() => '{"return":{}}\n'));
    const sent = session.request({...ping, arguments: {text: 'x'.repeat(REQUEST_BYTES_MAX)}});
    await expect(sent).rejects.toMatchObject({code: 'bad-request'});
  });

  it('is refused while no program of the guest has the port open', async () => {
    const guest = new ScriptedGuest(() => '{"return":{}}\n');
    guest.isGuestOpen = false;
    await expect(new AgentSession(guest).request(ping)).rejects.toMatchObject({code: 'no-agent'});
  });

  it('ends a request when the agent leaves', async () => {
    const guest: ScriptedGuest = new ScriptedGuest(() => {
      setImmediate(() => guest.leave());
      return undefined;
    });
    await expect(new AgentSession(guest).request(ping)).rejects.toThrow('has just ended');
  });

  it('lets a bounded number of requests wait', async () => {
    const guest = new ScriptedGuest(() => undefined);
    const session = new AgentSession(guest);
    const waiting = Array.from({length: WAITING_MAX}, () => session.request(ping));
    await expect(session.request(ping)).rejects.toMatchObject({code: 'agent-failed'});
    guest.leave();
    for (const one of waiting) await expect(one).rejects.toMatchObject({code: 'no-agent'});
  });
});

describe("an agent's lines", () => {
  it('are found in pieces of any size', () => {
    const lines = new AgentLines();
    const found = [...Buffer.from('{"a":1}\r\n\n{"b":"ü"}\n')].flatMap((byte) => lines.push(Uint8Array.of(byte)));
    expect(found).toEqual(['{"a":1}', '{"b":"ü"}']);
  });

  it('hold as much as is allowed and no more', () => {
    const lines = new AgentLines();
    const longest = Buffer.alloc(ANSWER_BYTES_MAX, 'x');
    expect(lines.push(Buffer.concat([longest, Buffer.from('\n')]))).toEqual([longest.toString()]);
    expect(lines.push(Buffer.concat([longest, Buffer.from('x\nnext\n')]))).toEqual(['too-long', 'next']);
  });

  it('begin anew after the delimiter', () => {
    expect(new AgentLines().push(Buffer.from('half\xff{"c":1}\n', 'latin1'))).toEqual(['{"c":1}']);
  });
});
