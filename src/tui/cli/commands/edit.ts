import type {Command} from 'commander';
import {MAX_HARTS, type Machine, machineEdit, type Network, type Tier} from '../../../manager/protocol/machine.js';
import type {MachineChanges} from '../../state/machine-words.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {editDocument} from '../edit-document.js';
import {namedEditor} from '../external-editor.js';
import {networkOption, networkOptionHelp} from '../network-option.js';
import {cpusOption, sizeOption, tierOption} from '../parse-values.js';
import {UsageError} from '../report-error.js';

interface EditOptions extends JsonOption {
  readonly memory?: number;
  readonly cpus?: number;
  readonly tier?: Tier;
  /** `false` for --no-append. */
  readonly append?: string | false;
  readonly network?: Network;
}

/** `viv edit`: changes what a machine that is off is made of. */
export const edit: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    program
      .command('edit')
      .description(
        'change what a machine is made of, by options or without any as JSON in $EDITOR; viv undo takes it back',
      )
      .argument('<name>', 'machine')
      .option('-m, --memory <size>', 'guest memory, as 256M', sizeOption)
      .option('--cpus <count>', `number of CPUs, 1 to ${MAX_HARTS}`, cpusOption)
      .option('--append <line>', 'kernel command line')
      .option('--no-append', 'the kernel command line that comes with what it boots')
      .option('--tier <name>', 'how guest code runs: interpreter, regions (all compiled) or auto', tierOption)
      .option('--network <kind>', networkOptionHelp, networkOption)
      .option('--json', 'print the machine as JSON')
      .action(async (ref: string, options: EditOptions) => {
        const {memory, cpus, tier, append, network} = options;
        const isBare = [memory, cpus, tier, append, network].every((value) => value === undefined);
        if (isBare && (cli.streams.stdin.isTTY === true || namedEditor(process.env) !== undefined)) {
          const {machine, changes} = await editDocument(cli, await cli.connect(), ref);
          if (options.json) cli.printJson(machine);
          else cli.note(changedText(machine, changes));
          return;
        }
        if (isBare)
          throw new UsageError(
            'Say what to change.',
            'For example: viv edit web-1 --memory 512M, or set EDITOR. See viv edit --help.',
          );
        if (network?.switch !== undefined)
          throw new UsageError('A machine is put on a switch when it is made.', 'See viv create --help.');
        const client = await cli.connect();
        const {forwards: _forwards, switch: _switch, ...wanted} = network ?? {forwards: [], switch: undefined};
        const {machine} = await client.request(machineEdit, {
          machine: ref,
          ...(memory === undefined ? {} : {memoryBytes: memory}),
          ...(cpus === undefined ? {} : {hartCount: cpus}),
          ...(tier === undefined ? {} : {tier}),
          ...(append === undefined ? {} : {commandLine: append === false ? null : append}),
          ...(network === undefined ? {} : {network: wanted}),
        });
        if (options.json) cli.printJson(machine);
        else cli.note(`${machine.name} is changed; viv undo takes it back.`);
      });
  },
};

function changedText({name}: Machine, changes: MachineChanges): string {
  if (Object.keys(changes).length === 0) return `${name} is as it was.`;
  return `${name} is changed${changes.edit ? '; viv undo takes back what it is made of' : ''}.`;
}
