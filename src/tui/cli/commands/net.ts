import {type Command, InvalidArgumentError} from 'commander';
import {defaultNetwork, type Machine, machineList, machineShow} from '../../../manager/protocol/machine.js';
import {MAX_SNAP_BYTES, networkForward, networkStatus, networkUnforward} from '../../../manager/protocol/network.js';
import {formatEnd} from '../../packets/packet-reader.js';
import {type ForwardSpec, parseForwardEnd} from '../../state/port-spec.js';
import {formatBytes} from '../../state/presenters/units.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {type CaptureOptions, captureToFile} from '../net-capture.js';
import {registerEgress} from '../net-egress.js';
import {formatFields, formatTable} from '../output.js';
import {forwardOption, integerOption, sizeOption} from '../parse-values.js';

const ABOUT = `
Each machine has a network of its own: 10.0.2.0/24 with the gateway 10.0.2.2, the name server 10.0.2.3, and the guest at
10.0.2.15 by DHCP. A guest reaches what the host's user does, but not the host's own loopback (viv create --network
user,host lets it, by the gateway's address); nobody reaches the guest but through port forwards.`;

/** A day. */
const MAX_SECONDS = 86_400;
const CAPTURE_EXAMPLES = `
  viv net capture web-1 -o web-1.pcapng --seconds 60
  viv net capture web-1 -o - | tshark -r -
A slow file or reader loses packets, never the guest: how many is in the file's interface statistics.`;

/** `viv net`: networks of machines, ports of the host that lead into them, and what passes there. */
export const net: CliCommand = {
  rank: 8,
  register(program: Command, cli: CliContext): void {
    const group = program
      .command('net')
      .description('networks of machines, port forwards into them, where guests may go, and captures');
    group.addHelpText('after', ABOUT);
    group
      .command('ls')
      .description('list networks and port forwards')
      .argument('[name]', 'machine; all when left out')
      .option('--json', 'print them as JSON')
      .action((name: string | undefined, options: JsonOption) => list(cli, name, options));
    group
      .command('show')
      .description('show the network of a running machine: its card, addresses and connections')
      .argument('<name>', 'machine')
      .option('--json', 'print it as JSON')
      .action((name: string, options: JsonOption) => show(cli, name, options));
    group
      .command('forward')
      .description('forward a port of the host to the guest, of TCP or UDP; also while it runs')
      .argument('<name>', 'machine')
      .argument(
        '<ports>',
        'HOSTPORT:GUESTPORT, or ADDRESS:HOSTPORT:GUESTPORT (127.0.0.1 when left out); /udp may follow',
        forwardOption,
      )
      .action(async (machine: string, forward: ForwardSpec) => {
        const client = await cli.connect();
        await client.request(networkForward, {machine, forward});
      });
    group
      .command('unforward')
      .description('take a port forward back; connections that are there stay')
      .argument('<name>', 'machine')
      .argument('<port>', 'HOSTPORT, or ADDRESS:HOSTPORT; /udp for one of UDP', hostEndArgument)
      .action(async (machine: string, end: ReturnType<typeof hostEndArgument>) => {
        const client = await cli.connect();
        await client.request(networkUnforward, {machine, ...end});
      });
    registerEgress(group, cli);
    group
      .command('capture')
      .description('write what the network card of a running machine receives and sends into a file; Ctrl-C ends it')
      .argument('<name>', 'machine')
      .requiredOption('-o, --output <file>', 'a pcapng file, as Wireshark reads it; - for standard output')
      .option('--seconds <count>', 'end after that time', integerOption(1, MAX_SECONDS))
      .option('--packets <count>', 'end after so many', integerOption(1, 2 ** 31))
      .option('--max-bytes <size>', 'end before the file is larger, like 100M', sizeOption)
      .option('--snap <bytes>', 'keep the beginning of each packet only', integerOption(1, MAX_SNAP_BYTES))
      .addHelpText('after', CAPTURE_EXAMPLES)
      .action((machine: string, options: CaptureOptions) => captureToFile(cli, machine, options));
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

async function show(cli: CliContext, machine: string, {json}: JsonOption): Promise<void> {
  const client = await cli.connect();
  const {status} = await client.request(networkStatus, {machine});
  if (json) {
    cli.printJson(status);
    return;
  }
  const {mac, isUp, addresses, receivedBytes, receivedFrames, sentBytes, sentFrames, droppedFrames, flows} = status;
  const fields = [
    ['Card', `${mac}, ${isUp ? 'up' : 'down'}`],
    ['Addresses', addresses.join(' ')],
    ['Received', `${formatBytes(receivedBytes)} in ${receivedFrames} frames`],
    ['Sent', `${formatBytes(sentBytes)} in ${sentFrames} frames`],
    ['Dropped', `${droppedFrames} frames`],
    ['Connections', String(status.flowCount)],
  ] as const;
  cli.print(formatFields(fields));
  if (flows.length === 0) return;
  const rows = flows.map((flow) => [
    flow.protocol,
    formatEnd(flow.guestAddress, flow.guestPort),
    formatEnd(flow.peerAddress, flow.peerPort),
    flow.state,
    formatBytes(flow.receivedBytes),
    formatBytes(flow.sentBytes),
  ]);
  cli.print(`\n${formatTable(['KIND', 'GUEST', 'PEER', 'STATE', 'RECEIVED', 'SENT'], rows)}`);
}

function row({name, config}: Machine): string[] {
  const {kind, egress, allowsHostLoopback, forwards, switch: place, bytesPerSecond} = config?.network ?? defaultNetwork;
  const words = [
    egress === 'allow' ? '' : egress,
    allowsHostLoopback ? 'host' : '',
    place ? `switch=${place.name}` : '',
    bytesPerSecond ? `rate=${formatBytes(bytesPerSecond)}` : '',
  ];
  const limits = words.filter((word) => word !== '');
  const shown = forwards.map(({address, hostPort, guestPort, protocol}) => {
    const host = address === '127.0.0.1' ? '' : address.includes(':') ? `[${address}]:` : `${address}:`;
    return `${host}${hostPort}:${guestPort}${protocol === undefined ? '' : `/${protocol}`}`;
  });
  return [name, [kind, ...limits].join(','), shown.join(' ')];
}

function hostEndArgument(text: string): NonNullable<ReturnType<typeof parseForwardEnd>> {
  const end = parseForwardEnd(text);
  if (end !== undefined) return end;
  throw new InvalidArgumentError('Give the port of the host, like 8080, or 0.0.0.0:8080.');
}
