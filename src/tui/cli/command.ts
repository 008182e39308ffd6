import type {Command} from 'commander';
import type {CliContext} from './cli-context.js';

/** One command of the command line; `register` adds it to the program. */
export interface CliCommand {
  /** Place in the help text. */
  readonly rank: number;
  register(program: Command, cli: CliContext): void;
}

/** Options that every command with a result has. */
export interface JsonOption {
  readonly json?: boolean;
}
