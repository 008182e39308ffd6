/**
 * The network of a machine as lines of a pane: its card, port forwards, connections, and the newest packets. What does not
 * fit is counted; packets have at least half of the height when there are many of all.
 */
import type {Machine, PortForward} from '../../../manager/protocol/machine.js';
import type {MachineSample} from '../../../manager/protocol/metrics.js';
import type {NetworkFlow, NetworkStatus} from '../../../manager/protocol/network.js';
import {formatEnd} from '../../packets/packet-reader.js';
import {fitCells, textWidth, truncate, wrapText} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {ThemeToken} from '../../theme.js';
import type {AppState, NetworkView, PacketLine} from '../model.js';
import {chosenForward, hasNetwork, selectedNetwork, shownForwards} from '../network.js';
import {selectedMachine} from '../selectors.js';
import {netRates} from './machine.js';
import {keepEnd, questionText} from './question.js';
import {formatBytes, formatRate} from './units.js';

/** A piece of a line in one style. */
interface Piece {
  readonly text: string;
  readonly token?: ThemeToken;
  readonly isBold?: boolean;
  readonly isInverse?: boolean;
}
type PieceLine = readonly Piece[];

/** Rows that forwards may take, and that connections may, in a pane that is small. */
const FEW_ROWS = 3;
/** Without its letters a colour would be all that tells the direction. */
const ARROW = {received: '<', sent: '>'} as const;

/** At most `height` lines of `width` cells. */
export function networkLines(state: AppState, width: number, height: number): readonly PieceLine[] {
  const above = linesAbovePackets(state, width, height);
  const network = followedNetwork(state);
  const rest = height - above.length - 1;
  const packets = network === undefined || rest < 1 ? [] : packetLines(network, width, rest);
  return [...above, ...packets].slice(0, height);
}

/** The same without packets, in the room that they leave in a pane of that height. */
export function linesAbovePackets(state: AppState, width: number, height: number): readonly PieceLine[] {
  const machine = selectedMachine(state);
  if (machine === undefined) return [];
  if (hasNoCard(machine)) return [[{text: ` ${text.network.noCard}`, token: 'faint'}]];
  const network = followedNetwork(state);
  const samples = state.samples.get(machine.id) ?? [];
  const why = hasNetwork(machine.state) ? (network?.problem ?? '…') : text.network.notRunning(machine.name);
  const head = network?.status ? cardLines(network.status, samples, width) : aboutLines(why, width);
  const most = Math.max(FEW_ROWS, Math.floor(height / 5));
  const forwards = forwardLines(state, width, most);
  const flows = network?.status ? flowLines(network.status, width, most) : [];
  return [...head, ...waitingLines(machine, width, most), ...ruleLines(machine, width), ...forwards, ...flows];
}

function hasNoCard({config}: Machine): boolean {
  return config?.network?.kind === 'none';
}

/** What is known of the network of the highlighted machine, while it has one. */
function followedNetwork(state: AppState): NetworkView | undefined {
  const machine = selectedMachine(state);
  const isThere = machine !== undefined && hasNetwork(machine.state) && !hasNoCard(machine);
  return isThere ? selectedNetwork(state) : undefined;
}

/** `8080 → 80`, with the host's address where it is not 127.0.0.1. */
export function forwardText({address, hostPort, guestPort, protocol}: PortForward): string {
  const host = address === '127.0.0.1' ? '' : `${address.includes(':') ? `[${address}]` : address}:`;
  return `${host}${hostPort} → ${guestPort}${protocol === undefined ? '' : `/${protocol}`}`;
}

function aboutLines(why: string, width: number): PieceLine[] {
  return wrapText(visibleText(why), width - 2).map((line) => [{text: ` ${line}`, token: 'faint'}]);
}

function cardLines(status: NetworkStatus, samples: readonly MachineSample[], width: number): PieceLine[] {
  const {mac, isUp, addresses, receivedBytes, receivedFrames, sentBytes, sentFrames, droppedFrames} = status;
  const {received, sent} = netRates(samples);
  const told = addresses.length === 0 ? text.network.noAddress : addresses.join(' ');
  const dropped =
    droppedFrames === 0 ? [] : [{text: `  ${text.network.dropped(droppedFrames)}`, token: 'failed'} as const];
  const counters = text.network.counters(
    {rate: formatRate(received), size: formatBytes(receivedBytes), frames: receivedFrames},
    {rate: formatRate(sent), size: formatBytes(sentBytes), frames: sentFrames},
  );
  return [
    [
      {text: ` ${text.network.card} `, token: 'faint'},
      {text: visibleText(mac), isBold: true},
      {text: `  ${isUp ? text.network.up : text.network.down}  `, token: isUp ? 'running' : 'off'},
      {text: truncate(visibleText(told), Math.max(0, width - 32))},
    ],
    [{text: ` ${counters}`}, ...dropped],
  ];
}

function heading(words: string, width: number): PieceLine {
  const title = truncate(`── ${words} `, width);
  return [{text: title + '─'.repeat(width - textWidth(title)), token: 'border'}];
}

function waitingLines({questions = []}: Machine, width: number, most: number): PieceLine[] {
  if (questions.length === 0) return [];
  const shown = questions.slice(0, most);
  const more = questions.length - shown.length;
  return [
    heading(text.network.waiting(questions.length), width),
    ...shown.map(
      (question): PieceLine => [
        {text: ' ? ', token: 'paused', isBold: true},
        {text: keepEnd(questionText(question), Math.max(0, width - 4))},
      ],
    ),
    ...(more === 0 ? [] : [[{text: `   ${text.words.andMore(more)}`, token: 'faint'} as const]]),
  ];
}

/** Only where not everything is allowed. */
function ruleLines({config}: Machine, width: number): PieceLine[] {
  const {egress = 'allow', rules = []} = config?.network ?? {};
  if (egress === 'allow' && rules.length === 0) return [];
  return [heading(text.network.rules(rules.length, egress), width)];
}

function forwardLines(state: AppState, width: number, most: number): PieceLine[] {
  const forwards = shownForwards(state);
  const chosen = chosenForward(state);
  if (forwards.length === 0) return [heading(text.network.forwards(0), width)];
  const at = chosen === undefined ? 0 : forwards.indexOf(chosen);
  const first = Math.max(0, Math.min(at - Math.floor(most / 2), forwards.length - most));
  const lines = forwards.slice(first, first + most).map((forward): PieceLine => {
    const isChosen = forward === chosen;
    return [{text: ` ${isChosen ? '▸' : ' '} ${forwardText(forward)} `, isBold: isChosen, isInverse: isChosen}];
  });
  return [heading(text.network.forwards(forwards.length), width), ...lines];
}

function flowLines({flows, flowCount}: NetworkStatus, width: number, most: number): PieceLine[] {
  if (flowCount === 0) return [heading(text.network.connections(0), width)];
  const isCut = flowCount > most;
  const shown = flows.slice(0, isCut ? most - 1 : most).map((flow): PieceLine => [{text: flowText(flow, width)}]);
  const more = isCut ? [[{text: `   ${text.words.andMore(flowCount - shown.length)}`, token: 'faint'} as const]] : [];
  return [heading(text.network.connections(flowCount), width), ...shown, ...more];
}

/** Who stands first, then what passed; the state last, which matters least while all is well. */
function flowText(flow: NetworkFlow, width: number): string {
  const ends = visibleText(
    `${formatEnd(flow.guestAddress, flow.guestPort)} ↔ ${formatEnd(flow.peerAddress, flow.peerPort)}`,
  );
  const passed = `${text.machine.traffic(formatBytes(flow.receivedBytes), formatBytes(flow.sentBytes))} ${flow.state}`;
  return ` ${flow.protocol} ${fitCells(ends, Math.max(20, width - 34))} ${passed}`;
}

function packetLines({packets, missedCount}: NetworkView, width: number, rows: number): PieceLine[] {
  const title = heading(text.network.packets(packets.length, missedCount), width);
  return [title, ...packets.slice(-rows).map((packet) => packetLine(packet, width))];
}

function packetLine({atMs, isReceived, text: told}: PacketLine, width: number): PieceLine {
  const direction = isReceived ? 'received' : 'sent';
  return [
    {text: ` ${formatMoment(atMs)} `, token: 'faint'},
    {text: `${ARROW[direction]} `, token: isReceived ? 'chartMemory' : 'chartCpu'},
    {text: truncate(told, Math.max(0, width - 13))},
  ];
}

/** `03:59.123`: minutes are enough for what was just seen. */
function formatMoment(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
