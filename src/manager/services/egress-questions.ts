/** Tells the fleet what guests wait for an answer about, and writes each question down once. */
import {type EgressQuestion, formatEgressTarget, targetOf} from '../protocol/egress.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';

/** Questions of a machine that become events in a minute, whatever its process says; a network asks fewer. */
const EVENTS_A_MINUTE = 32;

/** See the module. */
export class EgressQuestions {
  readonly #fleet: Fleet;
  readonly #log: EventLog;
  readonly #minutes = new WeakMap<FleetMachine, {readonly endMs: number; count: number}>();

  constructor(fleet: Fleet, log: EventLog) {
    this.#fleet = fleet;
    this.#log = log;
  }

  /** These wait now. */
  note(machine: FleetMachine, questions: readonly EgressQuestion[]): void {
    const known = new Set(machine.questions.map(({id}) => id));
    this.#fleet.update(machine, {questions});
    for (const question of questions)
      if (!known.has(question.id) && this.#mayTell(machine))
        this.#log.record('egress-asked', describeQuestion(machine.name, question), machine);
  }

  #mayTell(machine: FleetMachine): boolean {
    const now = performance.now();
    const before = this.#minutes.get(machine);
    const minute = before !== undefined && before.endMs > now ? before : {endMs: now + 60_000, count: 0};
    this.#minutes.set(machine, minute);
    return ++minute.count <= EVENTS_A_MINUTE;
  }
}

function describeQuestion(name: string, question: EgressQuestion): string {
  const target = formatEgressTarget(targetOf(question));
  const address = question.name === undefined ? '' : ` (${question.address})`;
  return `${name} wants to reach ${target}${address} by ${question.protocol.toUpperCase()}: viv net allow ${name} ${target}`;
}
