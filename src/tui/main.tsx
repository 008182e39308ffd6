import type {Backend} from './app/backend.js';
import {SPOKEN_OPTION} from './cli/spoken-option.js';

/** The program `viv`: a terminal and no arguments opens the UI; everything else is the command line. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const isUi = args.every((arg) => arg === SPOKEN_OPTION);
  if (isUi && process.stdin.isTTY && process.stdout.isTTY) {
    // The daemon answers, or starts, while the UI is still being loaded. Whoever waits for it hears of a failure.
    const connecting = connect();
    connecting.catch(() => undefined);
    const run = await loadFrontEnd(args);
    return await run({input: process.stdin, output: process.stdout, env: process.env, connect: () => connecting});
  }
  if (args[0] === '__complete') {
    const {completeNames} = await import('./cli/complete-names.js');
    for (const name of await completeNames(args[1])) process.stdout.write(`${name}\n`);
    return 0;
  }
  const {runCli} = await import('./cli/run-cli.js');
  return await runCli(args);
}

async function connect(): Promise<Backend> {
  // As it is now: loading the UI changes variables for a moment, and a daemon that is started must not have them.
  const environment = {...process.env};
  const {connectDaemon} = await import('./app/backend.js');
  return await connectDaemon({environment});
}

async function loadFrontEnd(args: readonly string[]) {
  const {wantsSpoken} = await import('./app/front-end.js');
  if (wantsSpoken(args, process.env)) return (await import('./app/run-spoken.js')).runSpoken;
  return (await import('./app/run-tui.js')).runTui;
}

/** Waits until what was written has left this process: `process.exit` drops what a pipe has not taken yet. */
async function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return;
  await new Promise<void>((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}

const status = await main();
await Promise.all([drained(process.stdout), drained(process.stderr)]);
// Standard input may still be open for reading; nothing is left to wait for.
process.exit(status);
