/** Where guests may go: rules in the definitions of machines, changed in those that run, and answers to what they ask. */
import {isSameTarget, putRule} from '../machine/egress-rules.js';
import {
  type Egress,
  type EgressRule,
  type EgressTarget,
  type EgressVerdict,
  formatEgressTarget,
  MAX_EGRESS_RULES,
  targetOf,
} from '../protocol/egress.js';
import {ManagerError} from '../protocol/errors.js';
import {defaultNetwork, type Network} from '../protocol/machine.js';
import type {MachineStore} from '../store/machine-store.js';
import type {EventLog} from './event-log.js';
import type {Fleet, FleetMachine} from './fleet.js';
import type {Turns} from './turns.js';

/** What it works with. */
export interface EgressParts {
  readonly fleet: Fleet;
  readonly store: MachineStore;
  readonly log: EventLog;
  /** Of everything that changes definitions in place, by machine. */
  readonly definitionTurns: Turns;
}

/** See the module. */
export class MachineEgress {
  readonly #parts: EgressParts;

  constructor(parts: EgressParts) {
    this.#parts = parts;
  }

  /** Errors: machine-not-found, machine-broken, bad-request, not-supported, machine-failed, storage-failed */
  add(reference: string, rule: EgressRule): Promise<FleetMachine> {
    const told = rule.verdict === 'allow' ? 'may reach' : 'may not reach';
    return this.#change(reference, `${told} ${formatEgressTarget(rule)}`, ({name}, {rules = []}) => {
      const changed = putRule(rules, rule);
      if (changed.length > MAX_EGRESS_RULES)
        throw new ManagerError(
          'bad-request',
          `${name} has ${MAX_EGRESS_RULES} rules.`,
          `Take one back first: viv net rules ${name} lists them.`,
        );
      return {rules: changed};
    });
  }

  /** Errors: machine-not-found, machine-broken, bad-request, not-supported, machine-failed, storage-failed */
  remove(reference: string, target: EgressTarget): Promise<FleetMachine> {
    const text = formatEgressTarget(target);
    return this.#change(reference, `has no rule for ${text} any more`, ({name}, {rules = []}) => {
      const left = rules.filter((rule) => !isSameTarget(rule, target));
      if (left.length < rules.length) return {rules: left};
      throw new ManagerError('bad-request', `${name} has no rule for ${text}.`, `See viv net rules ${name}.`);
    });
  }

  /** Errors: machine-not-found, machine-broken, not-supported, machine-failed, storage-failed */
  setPolicy(reference: string, egress: Egress): Promise<FleetMachine> {
    const told = {allow: 'may reach', deny: 'may not reach', ask: 'asks before it reaches'}[egress];
    return this.#change(reference, `${told} what no rule covers`, () => ({egress}));
  }

  /** Errors: machine-not-found, wrong-state, bad-request, not-supported, machine-failed, storage-failed */
  async answer(
    reference: string,
    questionId: string,
    {verdict, isAlways}: {readonly verdict: EgressVerdict; readonly isAlways: boolean},
  ): Promise<FleetMachine> {
    const {fleet, log} = this.#parts;
    const machine = fleet.find(reference);
    const {run, name} = machine;
    const question = machine.questions.find(({id}) => id === questionId);
    if (run === undefined || question === undefined) throw isGone(name);
    if (isAlways) await this.add(machine.id, {...targetOf(question), verdict});
    // A rule for a name may not cover what waits: its address may have got other names since.
    const isAnswered = await run.answerQuestion(questionId, verdict);
    if (!isAnswered && !isAlways) throw isGone(name);
    if (!isAlways) {
      const told = verdict === 'allow' ? 'may reach' : 'may not reach';
      log.record('egress-answered', `${name} ${told} ${formatEgressTarget(targetOf(question))} for now.`, machine);
    }
    return machine;
  }

  /** `choose` says what becomes of the network, or why it cannot. */
  #change(
    reference: string,
    what: string,
    choose: (machine: FleetMachine, network: Network) => Partial<Network>,
  ): Promise<FleetMachine> {
    const {fleet, store, log, definitionTurns} = this.#parts;
    // What cannot be renamed cannot be read either, and says why.
    const machine = fleet.findFor('rename', reference);
    return definitionTurns.take(machine.id, async () => {
      const {definition: before, name} = machine;
      if (before === undefined) throw new Error(`machine ${machine.id} has no definition in state ${machine.state}`);
      const old = before.config.network ?? defaultNetwork;
      if (old.kind === 'none')
        throw new ManagerError('not-supported', `${name} has no network.`, 'Create a machine with --network user.');
      const network = {...old, ...choose(machine, old)};
      await machine.run?.changeEgress(network.egress, network.rules ?? []);
      const latest = machine.definition ?? before;
      const definition = {...latest, config: {...latest.config, network}};
      await store.saveDefinition(definition);
      fleet.update(machine, {definition});
      log.record('machine-changed', `${name} ${what}.`, machine);
      return machine;
    });
  }
}

function isGone(name: string): ManagerError {
  return new ManagerError(
    'bad-request',
    `${name} does not wait for that any more.`,
    `It asks again when its guest tries again; viv net waiting ${name} lists what waits.`,
  );
}
