import type {Command} from 'commander';
import packageJson from '../../../../package.json' with {type: 'json'};
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {commandTree} from '../command-tree.js';

/** `viv man`: the manual page. */
export const man: CliCommand = {
  rank: 22,
  register(program: Command, cli: CliContext): void {
    program
      .command('man')
      .description('print the manual page: viv man | man -l -')
      .action(async () => {
        const [{manPage}, actions] = await Promise.all([import('../man-page.js'), import('../../actions/registry.js')]);
        cli.streams.stdout.write(manPage(commandTree(program), Object.values(actions), packageJson.version));
      });
  },
};
