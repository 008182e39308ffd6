/**
 * Decides where a guest may go, and has what no rule covers wait while somebody is asked.
 *
 *   decide ─▶ allow, deny
 *          └▶ ask ─▶ hold ─▶ a question ─┬─ answer, or a new rule ─▶ settle(allowed or not)
 *                                        └─ nobody answers in 30 s ─▶ settle(not allowed), asked again by the next attempt
 *
 * Flows to one name (or address, where no name is known), port and protocol are one question. An answer holds for what waits
 * and for a minute, so that a program that tries again is not a question again; a rule holds until it is taken back.
 *
 * A guest can make as many attempts as it likes, so everything it can make somebody look at is bounded here: questions at a
 * time, and new ones a minute; what is beyond is refused without a question. Names that are no plain host names are not told.
 */
import {randomUUID} from 'node:crypto';
import {formatAddress} from './address.js';
import type {DnsQuestion} from './dns-message.js';
import {type Egress, type EgressRule, EgressRules, type Verdict} from './egress-rules.js';
import {KnownNames} from './known-names.js';
import {TokenBucket} from './token-bucket.js';

/** Questions of a machine that wait at a time. */
export const QUESTIONS_MAX = 8;
/** New questions of a machine: so many at once, and then so many a minute. */
export const NEW_QUESTIONS = {burst: 16, perMinute: 6} as const;
/** Connections and datagrams that wait, for all questions of a machine together, and bytes of the datagrams. */
export const WAITING_MAX = 128;
export const WAITING_BYTES_MAX = 65_536;
/** How long a question waits. Units: milliseconds */
export const QUESTION_MS = 30_000;
/** How long an answer that is no rule holds, and for how many destinations; the oldest go. Units: milliseconds */
export const ANSWER_MS = 60_000;
export const ANSWERS_MAX = 64;

/** Where a guest wants to go. */
export interface Destination {
  readonly protocol: 'tcp' | 'udp';
  readonly address: Uint8Array;
  readonly port: number;
}

/** What waits for an answer. `name`: by which the guest found the address, if it is known. Units: milliseconds since 1970 */
export interface EgressQuestion {
  readonly id: string;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly name?: string | undefined;
  readonly askedAtMs: number;
}

interface Held {
  readonly destination: Destination;
  /** Tells whose it is, where one that is repeated is not another one. */
  readonly key: string | undefined;
  readonly bytes: number;
  readonly settle: (isAllowed: boolean) => void;
}

interface Pending {
  readonly question: EgressQuestion;
  readonly timer: NodeJS.Timeout;
  held: readonly Held[];
}

/** See the module. */
export class EgressGate implements Disposable {
  /** Called when other questions wait than before. */
  onQuestions: (questions: readonly EgressQuestion[]) => void = () => undefined;
  readonly #names: KnownNames;
  readonly #now: () => number;
  readonly #pending = new Map<string, Pending>();
  readonly #newQuestions: TokenBucket;
  #egress: Egress;
  #given: readonly EgressRule[];
  #answers: readonly {readonly rule: EgressRule; readonly untilMs: number}[] = [];
  #rules: EgressRules;

  constructor(egress: Egress, rules: readonly EgressRule[], now: () => number = () => performance.now()) {
    this.#now = now;
    this.#names = new KnownNames(now);
    this.#newQuestions = new TokenBucket(NEW_QUESTIONS.perMinute / 60, NEW_QUESTIONS.burst, now);
    this.#egress = egress;
    this.#given = rules;
    this.#rules = new EgressRules(rules);
  }

  /** What waits, the oldest first. */
  get questions(): readonly EgressQuestion[] {
    return [...this.#pending.values()].map(({question}) => question);
  }

  /** Other rules from now on; what waits is looked at again, and answers that were none are forgotten. */
  change(egress: Egress, rules: readonly EgressRule[]): void {
    this.#egress = egress;
    this.#given = rules;
    this.#answers = [];
    this.#rules = new EgressRules(rules);
    this.#review();
  }

  /** Where no rule says anything, `otherwise` does. */
  decide({address, port}: Destination, otherwise: Egress = this.#egress): Egress {
    this.#forgetOld();
    return this.#rules.verdictOf(address, port, this.#names.of(address)) ?? otherwise;
  }

  /** What holds where no rule says anything. */
  get egress(): Egress {
    return this.#egress;
  }

  /** Whether a name may be looked up. */
  allowsLookup(question: DnsQuestion | undefined): boolean {
    const verdict = question?.isPlain ? this.#rules.lookupOf(question.name) : undefined;
    return (verdict ?? this.#egress) !== 'deny';
  }

  /** A lookup was answered with these addresses. */
  learn(question: DnsQuestion, addresses: readonly Uint8Array[]): void {
    if (question.isPlain) this.#names.learn(question.name, addresses);
  }

  /**
   * Keeps a connection or a datagram until somebody answers, and has them asked; `settle` is called once, later. With the
   * `key` of one that waits it changes nothing. False when there are too many, or too many questions.
   */
  hold(
    destination: Destination,
    {key, bytes}: {readonly key?: string; readonly bytes: number},
    settle: (isAllowed: boolean) => void,
  ): boolean {
    const {protocol, port} = destination;
    const [name] = this.#names.of(destination.address);
    const address = formatAddress(destination.address);
    const subject = `${protocol} ${name ?? address} ${port}`;
    const known = this.#pending.get(subject);
    if (key !== undefined && known?.held.some((other) => other.key === key)) return true;
    const all = [...this.#pending.values()].flatMap(({held}) => held);
    const waitingBytes = all.reduce((sum, held) => sum + held.bytes, bytes);
    if (all.length >= WAITING_MAX || waitingBytes > WAITING_BYTES_MAX) return false;
    const held = {destination, key, bytes, settle};
    if (known !== undefined) {
      known.held = [...known.held, held];
      return true;
    }
    if (this.#pending.size >= QUESTIONS_MAX || !this.#newQuestions.take(1)) return false;
    const named = name === undefined ? {} : {name};
    const question = {id: randomUUID(), protocol, address, port, ...named, askedAtMs: Date.now()};
    const timer = setTimeout(() => this.#end(subject, false), QUESTION_MS).unref();
    this.#pending.set(subject, {question, timer, held: [held]});
    this.onQuestions(this.questions);
    return true;
  }

  /** Answers a question, for what waits and for a minute. False when it does not wait (any more). */
  answer(id: string, verdict: Verdict): boolean {
    const [subject, found] = [...this.#pending].find(([, {question}]) => question.id === id) ?? [];
    if (subject === undefined || found === undefined) return false;
    const {name, port} = found.question;
    // The addresses as well: they may have got other names since.
    const addresses = found.held.map(({destination}) => formatAddress(destination.address));
    const told = new Set([...(name === undefined ? [] : [name]), ...addresses]);
    const untilMs = this.#now() + ANSWER_MS;
    const answers = [...told].map((destination) => ({rule: {verdict, destination, port}, untilMs}));
    this.#answers = [...answers, ...this.#answers].slice(0, ANSWERS_MAX);
    this.#compile();
    this.#end(subject, verdict === 'allow');
    this.#review();
    return true;
  }

  /** The guest is gone, and what waits with it. */
  clear(): void {
    const hadSome = this.#pending.size > 0;
    for (const {timer} of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
    if (hadSome) this.onQuestions([]);
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #compile(): void {
    this.#rules = new EgressRules([...this.#answers.map(({rule}) => rule), ...this.#given]);
  }

  #forgetOld(): void {
    const now = this.#now();
    // The oldest is the last.
    if ((this.#answers.at(-1)?.untilMs ?? Number.POSITIVE_INFINITY) > now) return;
    this.#answers = this.#answers.filter(({untilMs}) => untilMs > now);
    this.#compile();
  }

  /** Settles what the rules of now say something about. */
  #review(): void {
    const count = this.#pending.size;
    for (const [subject, pending] of [...this.#pending]) {
      const decided = pending.held.map((held) => [held, this.decide(held.destination)] as const);
      pending.held = decided.flatMap(([held, verdict]) => (verdict === 'ask' ? [held] : []));
      if (pending.held.length === 0) {
        clearTimeout(pending.timer);
        this.#pending.delete(subject);
      }
      for (const [held, verdict] of decided) if (verdict !== 'ask') held.settle(verdict === 'allow');
    }
    if (this.#pending.size !== count) this.onQuestions(this.questions);
  }

  #end(subject: string, isAllowed: boolean): void {
    const pending = this.#pending.get(subject);
    clearTimeout(pending?.timer);
    this.#pending.delete(subject);
    for (const held of pending?.held ?? []) held.settle(isAllowed);
    this.onQuestions(this.questions);
  }
}
