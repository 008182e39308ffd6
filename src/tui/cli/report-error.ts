import {ManagerError, toManagerError} from '../../manager/protocol/errors.js';
import {imageList} from '../../manager/protocol/image.js';
import {machineList} from '../../manager/protocol/machine.js';
import type {FleetClient} from '../app/backend.js';
import {visibleText} from '../terminal/visible-text.js';
import type {CliContext} from './cli-context.js';
import {nearNames} from './near-names.js';

/** Exit status after an error that is not one of usage. */
export const STATUS_FAILED = 1;
/** Exit status after wrong usage. */
export const STATUS_USAGE = 2;
/** Exit status after Ctrl-C, as shells have it. */
export const STATUS_INTERRUPTED = 130;

/** Wrong usage found after parsing: shown as an error, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Prints an error as one sentence and the next step, and returns the exit status. `args` are the command's words. */
export async function reportError(cli: CliContext, thrown: unknown, args: readonly string[]): Promise<number> {
  if (thrown instanceof UsageError) {
    cli.note(`viv: ${visibleText(thrown.message)}\n     ${visibleText(thrown.hint)}`);
    return STATUS_USAGE;
  }
  const error = toManagerError(thrown);
  cli.note(`viv: ${visibleText(error.message)}`);
  const near = await suggest(cli, error, args);
  if (near !== '') cli.note(`     ${near}`);
  if (error.hint !== '') cli.note(`     ${visibleText(error.hint)}`);
  if (error.code === 'internal' && error.cause instanceof Error && error.cause.stack) cli.note(error.cause.stack);
  if (error.code === 'cancelled') return STATUS_INTERRUPTED;
  return error.code === 'bad-request' ? STATUS_USAGE : STATUS_FAILED;
}

// "Did you mean": the daemon knows the names. Anything that goes wrong here must not hide the first error.
async function suggest(cli: CliContext, error: ManagerError, args: readonly string[]): Promise<string> {
  if (error.code !== 'machine-not-found' && error.code !== 'image-not-found') return '';
  try {
    const client = await cli.connect({startsDaemon: false});
    const names = await knownNames(client, error.code);
    const near = [...new Set(args.flatMap((word) => nearNames(word, names)))].filter(
      (name) => !args.includes(name) && !error.hint.includes(name),
    );
    return near.length === 0 ? '' : `Did you mean ${near.join(' or ')}?`;
  } catch (second) {
    if (second instanceof ManagerError) return '';
    throw second;
  }
}

async function knownNames(client: FleetClient, code: 'machine-not-found' | 'image-not-found'): Promise<string[]> {
  if (code === 'machine-not-found') return (await client.request(machineList, {})).machines.map(({name}) => name);
  return (await client.request(imageList, {})).images.map(({name}) => name);
}
