import {pipeline} from 'node:stream/promises';
import type {Command} from 'commander';
import {openVsockStream, VSOCK_PORT_MAX} from '../../../manager/client.js';
import {machineShow} from '../../../manager/protocol/machine.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand} from '../command.js';
import {integerOption} from '../parse-values.js';

/** `viv vsock`: standard input and output, joined to a socket of a guest. */
export const vsock: CliCommand = {
  rank: 12,
  register(program: Command, cli: CliContext): void {
    program
      .command('vsock')
      .description('join standard input and output to a port where a guest listens, without its network')
      .argument('<name>', 'machine')
      .argument('<port>', 'vsock port of the guest', integerOption(1, VSOCK_PORT_MAX))
      .addHelpText(
        'after',
        `
The other way, a program of the guest that connects to port N of context 2 reaches the unix socket vsock/N.sock in the
machine's folder (viv show NAME), where something of yours listens there.

Example:
  viv vsock web 5000 <request >answer     # socat VSOCK-LISTEN:5000 … in the guest
`,
      )
      .action(async (ref: string, port: number) => {
        const client = await cli.connect();
        const {machine} = await client.request(machineShow, {machine: ref});
        const stream = await openVsockStream(machine, port, cli.interrupted);
        const {stdin, stdout} = cli.streams;
        stdin.pipe(stream);
        try {
          await pipeline(stream, stdout, {end: false, signal: cli.interrupted});
        } finally {
          stream.destroy();
          // Or the process would wait for the end of what nobody reads.
          stdin.destroy();
        }
      });
  },
};
