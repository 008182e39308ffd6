import type {Command} from 'commander';
import type {Check} from '../../../manager/protocol/daemon.js';
import {visibleText} from '../../terminal/visible-text.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';

const GLYPHS: Readonly<Record<Check['status'], string>> = {ok: 'ok  ', warning: 'warn', failed: 'FAIL'};

/** `viv doctor`: looks at the host and says what is missing. */
export const doctor: CliCommand = {
  rank: 15,
  register(program: Command, cli: CliContext): void {
    program
      .command('doctor')
      .description('check what this host can do; exit status 1 when something failed')
      .option('--json', 'print the checks as JSON')
      .action(async (options: JsonOption) => {
        const embedded = await cli.openEmbedded();
        const checks = await embedded.doctor();
        cli.status = checks.some((check) => check.status === 'failed') ? 1 : 0;
        if (options.json) {
          cli.printJson(checks);
          return;
        }
        for (const check of checks) {
          cli.print(`${GLYPHS[check.status]}  ${visibleText(check.title)}: ${visibleText(check.message)}`);
          if (check.hint !== undefined && check.status !== 'ok') cli.print(`      ${visibleText(check.hint)}`);
        }
      });
  },
};
