/** The program `viv`: a terminal and no arguments opens the TUI; everything else is the command line. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.length === 0 && process.stdin.isTTY && process.stdout.isTTY) {
    const [{runTui}, {connectDaemon}] = await Promise.all([import('./app/run-tui.js'), import('./app/backend.js')]);
    return await runTui({
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
