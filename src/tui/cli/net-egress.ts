/** `viv net allow|deny|forget|policy|rules|waiting`: where guests may go, and what they wait for. */
import {Argument, type Command, InvalidArgumentError} from 'commander';
import {
  type Egress,
  type EgressQuestion,
  type EgressTarget,
  egressSchema,
  formatEgressTarget,
  targetOf,
} from '../../manager/protocol/egress.js';
import {defaultNetwork, machineList, machineShow} from '../../manager/protocol/machine.js';
import {networkPolicy, networkRule, networkUnrule} from '../../manager/protocol/network.js';
import {parseEgressTarget} from '../state/egress-spec.js';
import {formatDuration} from '../state/presenters/units.js';
import type {CliContext} from './cli-context.js';
import type {JsonOption} from './command.js';
import {formatTable} from './output.js';

const TARGET = 'an address, a network like 10.0.0.0/8, a host name, or *; :PORT may follow, as in [2001:db8::1]:443';
const RULES_ABOUT = `
The first rule that covers a destination counts; a new one stands before all others. A name stands for the addresses that the
guest found by it in the last hour. What no rule covers the policy decides: allow, deny, or ask. Then it waits, 30 s at most,
until somebody says, here or in the UI. No rule leads to the host's own loopback or links.`;

/** Adds the commands to `viv net`. */
export function registerEgress(group: Command, cli: CliContext): void {
  for (const verdict of ['allow', 'deny'] as const)
    group
      .command(verdict)
      .description(
        verdict === 'allow'
          ? 'let the guest reach a destination, at once and from then on; what waits for it goes on'
          : 'refuse a destination to the guest, at once and from then on; connections to it end',
      )
      .argument('<name>', 'machine')
      .argument('<destination>', TARGET, targetArgument)
      .addHelpText('after', RULES_ABOUT)
      .action(async (machine: string, target: EgressTarget) => {
        const client = await cli.connect();
        await client.request(networkRule, {machine, rule: {...target, verdict}});
      });
  group
    .command('forget')
    .description('take a rule back')
    .argument('<name>', 'machine')
    .argument('<destination>', 'as it was given', targetArgument)
    .action(async (machine: string, target: EgressTarget) => {
      const client = await cli.connect();
      await client.request(networkUnrule, {machine, target});
    });
  group
    .command('policy')
    .description('say what holds where no rule does')
    .argument('<name>', 'machine')
    .addArgument(new Argument('<policy>', 'what becomes of the rest').choices(egressSchema.options))
    .action(async (machine: string, egress: Egress) => {
      const client = await cli.connect();
      await client.request(networkPolicy, {machine, egress});
    });
  group
    .command('rules')
    .description('list where a guest may go, in the order that counts')
    .argument('<name>', 'machine')
    .option('--json', 'print them as JSON')
    .addHelpText('after', RULES_ABOUT)
    .action((name: string, options: JsonOption) => listRules(cli, name, options));
  group
    .command('waiting')
    .description('list what guests wait for an answer about')
    .argument('[name]', 'machine; all when left out')
    .option('--json', 'print it as JSON')
    .action((name: string | undefined, options: JsonOption) => listWaiting(cli, name, options));
}

async function listRules(cli: CliContext, name: string, {json}: JsonOption): Promise<void> {
  const client = await cli.connect();
  const {machine} = await client.request(machineShow, {machine: name});
  const {egress, rules = []} = machine.config?.network ?? defaultNetwork;
  if (json) {
    cli.printJson({egress, rules});
    return;
  }
  const rows = rules.map((rule) => [rule.verdict, formatEgressTarget(rule)]);
  cli.print(formatTable(['VERDICT', 'DESTINATION'], [...rows, [egress, 'everything else']]));
}

async function listWaiting(cli: CliContext, name: string | undefined, {json}: JsonOption): Promise<void> {
  const client = await cli.connect();
  const machines =
    name === undefined
      ? (await client.request(machineList, {})).machines
      : [(await client.request(machineShow, {machine: name})).machine];
  const waiting = machines.flatMap((machine) =>
    (machine.questions ?? []).map((question) => ({machine: machine.name, ...question})),
  );
  if (json) cli.printJson(waiting);
  else if (waiting.length === 0) cli.note('Nothing waits.');
  else {
    const rows = waiting.map((question) => [question.machine, ...questionCells(question)]);
    cli.print(formatTable(['NAME', 'DESTINATION', 'ADDRESS', 'KIND', 'SINCE'], rows));
  }
}

function questionCells(question: EgressQuestion): string[] {
  const since = formatDuration(Math.max(0, Date.now() - question.askedAtMs));
  return [formatEgressTarget(targetOf(question)), question.address, question.protocol, since];
}

function targetArgument(text: string): EgressTarget {
  const target = parseEgressTarget(text);
  if (target !== undefined) return target;
  throw new InvalidArgumentError('Give an address, a network, a host name or *, like example.org:443 or 10.0.0.0/8.');
}
