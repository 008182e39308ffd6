/** The program `viv`: a terminal and no arguments opens the TUI; everything else is the command line. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.length === 0 && process.stdin.isTTY && process.stdout.isTTY) {
    const [{runTui}, {connectDaemon}] = await Promise.all([import('./app/run-tui.js'), import('./app/backend.js')]);
    return await runTui({input: process.stdin, output: process.stdout, env: process.env, connect: connectDaemon});
  }
  const {runCli} = await import('./cli/run-cli.js');
  return await runCli(args);
}

process.exitCode = await main();
