import {type Command, InvalidArgumentError} from 'commander';
import {defaultNetwork, type Machine, machineList, machineShow} from '../../../manager/protocol/machine.js';
import {networkForward, networkUnforward} from '../../../manager/protocol/network.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {formatTable} from '../output.js';
import {type ForwardSpec, parseForward, parseHostEnd} from '../port-spec.js';

const ABOUT = `
Each machine has a network of its own: 10.0.2.0/24 with the gateway 10.0.2.2, the name server 10.0.2.3, and the guest at
10.0.2.15 by DHCP. A guest reaches what the host's user does, but not the host's own loopback (viv create --network
user,host lets it, by the gateway's address); nobody reaches the guest but through port forwards.`;

/** `viv net`: networks of machines, and ports of the host that lead into them. */
export const net: CliCommand = {
  rank: 8,
  register(program: Command, cli: CliContext): void {
    const group = program.command('net').description('networks of machines, and port forwards into them');
    group.addHelpText('after', ABOUT);
    group
      .command('ls')
      .description('list networks and port forwards')
      .argument('[name]', 'machine; all when left out')
      .option('--json', 'print them as JSON')
      .action((name: string | undefined, options: JsonOption) => list(cli, name, options));
    group
      .command('forward')
      .description('forward a TCP port of the host to the guest; also while it runs')
      .argument('<name>', 'machine')
      .argument(
        '<ports>',
        'HOSTPORT:GUESTPORT, or ADDRESS:HOSTPORT:GUESTPORT (127.0.0.1 when left out)',
        forwardArgument,
      )
      .action(async (machine: string, forward: ForwardSpec) => {
        const client = await cli.connect();
        await client.request(networkForward, {machine, forward});
      });
    group
      .command('unforward')
      .description('take a port forward back; connections that are there stay')
      .argument('<name>', 'machine')
      .argument('<port>', 'HOSTPORT, or ADDRESS:HOSTPORT', hostEndArgument)
      .action(async (machine: string, end: {hostPort: number; address?: string}) => {
        const client = await cli.connect();
        await client.request(networkUnforward, {machine, ...end});
      });
  },
};

async function list(cli: CliContext, name: string | undefined, {json}: JsonOption): Promise<void> {
  const client = await cli.connect();
  const machines =
    name === undefined
      ? (await client.request(machineList, {})).machines
      : [(await client.request(machineShow, {machine: name})).machine];
  const networks = machines.map((machine) => ({name: machine.name, ...(machine.config?.network ?? defaultNetwork)}));
  if (json) cli.printJson(networks);
  else cli.print(formatTable(['NAME', 'NETWORK', 'FORWARDS'], machines.map(row)));
}

function row({name, config}: Machine): string[] {
  const {kind, egress, allowsHostLoopback, forwards} = config?.network ?? defaultNetwork;
  const limits = [egress === 'deny' ? 'deny' : '', allowsHostLoopback ? 'host' : ''].filter((word) => word !== '');
  const shown = forwards.map(({address, hostPort, guestPort}) => {
    const host = address === '127.0.0.1' ? '' : address.includes(':') ? `[${address}]:` : `${address}:`;
    return `${host}${hostPort}:${guestPort}`;
  });
  return [name, [kind, ...limits].join(','), shown.join(' ')];
}

function forwardArgument(text: string): ForwardSpec {
  const forward = parseForward(text);
  if (forward !== undefined) return forward;
  throw new InvalidArgumentError('Give ports from 1 to 65535 like 8080:80, or 0.0.0.0:8080:80.');
}

function hostEndArgument(text: string): {hostPort: number; address?: string} {
  const end = parseHostEnd(text);
  if (end !== undefined) return end;
  throw new InvalidArgumentError('Give the port of the host, like 8080, or 0.0.0.0:8080.');
}
