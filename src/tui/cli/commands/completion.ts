import {Argument, type Command} from 'commander';
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {commandTree} from '../command-tree.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

const ABOUT = `
Once:    source <(viv completion bash)        viv completion fish | source
Always:  viv completion bash >~/.local/share/bash-completion/completions/viv
         viv completion zsh >"\${fpath[1]}/_viv"
         viv completion fish >~/.config/fish/completions/viv.fish`;

/** `viv completion`: the script with which a shell completes commands, options and names. */
export const completion: CliCommand = {
  rank: 22,
  register(program: Command, cli: CliContext): void {
    program
      .command('completion')
      .description('print a script with which your shell completes viv, names of machines included')
      .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
      .addHelpText('after', ABOUT)
      .action(async (shell: (typeof SHELLS)[number]) => {
        const tree = commandTree(program);
        cli.streams.stdout.write(await scriptFor(shell, tree));
      });
  },
};

async function scriptFor(shell: (typeof SHELLS)[number], tree: ReturnType<typeof commandTree>): Promise<string> {
  if (shell === 'fish') return (await import('../completion/fish.js')).fishCompletion(tree);
  const {BASH_REGISTRATION, bashCompletion, zshCompletion} = await import('../completion/bash.js');
  return shell === 'bash' ? bashCompletion(tree) + BASH_REGISTRATION : zshCompletion(tree);
}
