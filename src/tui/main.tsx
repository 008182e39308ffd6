import {SPOKEN_OPTION} from './cli/spoken-option.js';

/** The program `viv`: a terminal and no arguments opens the UI; everything else is the command line. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const isUi = args.every((arg) => arg === SPOKEN_OPTION);
  if (isUi && process.stdin.isTTY && process.stdout.isTTY) {
    const [{connectDaemon}, run] = await Promise.all([import('./app/backend.js'), loadFrontEnd(args)]);
    return await run({
      input: process.stdin,
      output: process.stdout,
      env: process.env,
      connect: () => connectDaemon(),
    });
  }
  if (args[0] === '__complete') {
    const {completeNames} = await import('./cli/complete-names.js');
    for (const name of await completeNames(args[1])) process.stdout.write(`${name}\n`);
    return 0;
  }
  const {runCli} = await import('./cli/run-cli.js');
  return await runCli(args);
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
