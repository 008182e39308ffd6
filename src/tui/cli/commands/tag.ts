import type {Command} from 'commander';
import {MAX_TAGS} from '../../../manager/protocol/labels.js';
import {machineLabel, machineShow} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {collect} from '../parse-values.js';

interface TagOptions extends JsonOption {
  readonly remove?: readonly string[];
  /** `false` for --no-group. */
  readonly group?: string | false;
}

/** `viv tag`: sorts machines by tags and groups. */
export const tag: CliCommand = {
  rank: 7,
  register(program: Command, cli: CliContext): void {
    program
      .command('tag')
      .description('tag a machine, or put it into a group; without changes: show them')
      .argument('<name>', 'machine')
      .argument('[tags...]', `tags to add, ${MAX_TAGS} at most in all`)
      .option('--remove <tag>', 'take a tag away; repeatable', collect)
      .option('--group <name>', 'list it in this group')
      .option('--no-group', 'list it in no group')
      .option('--json', 'print the machine as JSON')
      .action(async (ref: string, addTags: readonly string[], options: TagOptions) => {
        const client = await cli.connect();
        const {remove: removeTags = [], group} = options;
        const hasChange = addTags.length > 0 || removeTags.length > 0 || group !== undefined;
        const change = {addTags: [...addTags], removeTags: [...removeTags]};
        const {machine} = hasChange
          ? await client.request(machineLabel, {
              machine: ref,
              ...change,
              ...(group === undefined ? {} : {group: group === false ? null : group}),
            })
          : await client.request(machineShow, {machine: ref});
        if (options.json) cli.printJson(machine);
        else {
          const {labels} = machine;
          const words = [...(labels?.group === undefined ? [] : [`group:${labels.group}`]), ...(labels?.tags ?? [])];
          cli.print(words.length === 0 ? `${machine.name} has no tags.` : words.join(' '));
        }
      });
  },
};
