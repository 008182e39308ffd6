import type {Machine} from '../../../manager/protocol/machine.js';
import type {MachineSample, MetricsCurves} from '../../../manager/protocol/metrics.js';
import {machineNames, machineNumbers} from '../../../manager/protocol/sample-numbers.js';
import {text} from '../../text/text.js';
import type {ThemeToken} from '../../theme.js';
import type {Span} from '../graphs.js';
import {type Scale, scaleBytes, scaleCount, scaleMemory} from './chart-scale.js';
import {hasSamples} from './machine.js';
import {momentsOfCurves, momentsOfSamples, spread} from './moments.js';
import {formatBytes, formatCount, formatMips, formatPercent} from './units.js';

/** A piece of a chart's heading, in the colour of its line. */
export interface Legend {
  readonly text: string;
  readonly token?: ThemeToken;
}

/** A chart as numbers and words. Lines are oldest first, NaN where nothing is known; values are in the unit of the title. */
export interface Chart {
  readonly id: 'cpu' | 'memory' | 'disk' | 'net' | 'interrupts' | 'mips';
  readonly title: string;
  readonly legend: readonly Legend[];
  readonly lines: readonly {readonly token: ThemeToken; readonly values: readonly number[]}[];
  readonly maxValue: number;
  readonly labels: readonly string[];
}

type Drawing = Omit<Chart, 'labels'>;

/** What charts are made from: curves over the span, and what a number is now. */
interface Source {
  curve(name: string, which?: 'mean' | 'most'): readonly number[];
  now(name: string): number | undefined;
  /** Steps are long enough to have a mean that hides peaks. */
  readonly isCoarse: boolean;
}

/** Colours of harts, over and over. */
const HART_TOKENS: readonly ThemeToken[] = ['chartSecond', 'chartMemory', 'chartThird', 'chartFourth'];
const LIVE_MS = 60_000;

/** The six charts of a machine over a span: by samples as they came, or by the curves of the daemon where it is longer. */
export function machineCharts(
  machine: Machine,
  samples: readonly MachineSample[],
  {spanMs, labels}: Span,
  curves: MetricsCurves | undefined,
  nowMs: number,
): readonly Chart[] {
  const harts = machine.config?.hartCount ?? 1;
  const names = machineNames(harts);
  const isCoarse = spanMs > LIVE_MS;
  const moments = isCoarse ? momentsOfCurves(curves) : momentsOfSamples(samples, harts);
  const last = samples.at(-1);
  const numbers = last && hasSamples(machine.state) ? machineNumbers(last) : [];
  // Of a machine that runs the newest sample is the right end; one that is off goes on to the left.
  const endMs = !isCoarse && last && numbers.length > 0 ? last.atMs : nowMs;
  const source: Source = {
    isCoarse,
    curve: (name, which = 'mean') => spread(moments, name, which, spanMs, endMs),
    now: (name) => {
      const value = numbers[names.indexOf(name)];
      return value === undefined || Number.isNaN(value) ? undefined : value;
    },
  };
  const drawings = [
    cpuChart(source, harts),
    memoryChart(source, machine.config?.memoryBytes ?? 0),
    diskChart(source),
    netChart(source),
    interruptsChart(source),
    mipsChart(source),
  ];
  return drawings.map((drawing) => ({...drawing, labels}));
}

function cpuChart(source: Source, harts: number): Drawing {
  const all = source.curve('cpu').map((percent) => percent / harts);
  const each = harts === 1 ? [] : Array.from({length: harts}, (_, hart) => hart);
  const tokenOf = (hart: number) => HART_TOKENS[hart % HART_TOKENS.length] ?? 'chartSecond';
  const peaks = source.isCoarse && harts === 1 ? [{token: 'faint' as const, values: source.curve('cpu', 'most')}] : [];
  const lines = each.map((hart) => ({token: tokenOf(hart), values: source.curve(`hart${hart}`)}));
  const cpu = source.now('cpu');
  const legend: Legend[] = [
    ...told(cpu === undefined ? undefined : cpu / harts, (value) => formatPercent(value), 'chartCpu'),
    ...each.flatMap((hart) =>
      told(source.now(`hart${hart}`), (value) => `${hart}:${formatPercent(value)}`, tokenOf(hart)),
    ),
    ...told(source.now('hostCpu'), (value) => text.graphs.legend.host(formatPercent(value))),
  ];
  // The sum lies on top.
  return {
    id: 'cpu',
    title: text.graphs.titles.cpu,
    legend,
    lines: [...peaks, ...lines, {token: 'chartCpu', values: all}],
    maxValue: 100,
  };
}

function memoryChart(source: Source, memoryBytes: number): Drawing {
  const scale = scaleMemory(memoryBytes);
  const {held, cache, used} = text.graphs.legend;
  const parts = [
    {name: 'memoryTouched', say: held, token: 'chartFourth'},
    {name: 'guestCache', say: cache, token: 'chartSecond'},
    {name: 'guestUsed', say: used, token: 'chartMemory'},
  ] as const;
  const legend = parts.flatMap(({name, say, token}) =>
    told(source.now(name), (value) => say(formatBytes(value)), token),
  );
  return {
    id: 'memory',
    title: text.graphs.titles.memory(scale.unit),
    legend: [...legend].reverse(),
    lines: parts.map(({name, token}) => ({token, values: scaled(source.curve(name), scale)})),
    maxValue: scale.maxValue,
  };
}

function diskChart(source: Source): Drawing {
  const {read, written, operations} = text.graphs.legend;
  return rateChart(source, 'disk', operations, [
    {name: 'diskRead', count: 'diskReads', say: read},
    {name: 'diskWritten', count: 'diskWrites', say: written},
  ]);
}

function netChart(source: Source): Drawing {
  const {received, sent, packets} = text.graphs.legend;
  return rateChart(source, 'net', packets, [
    {name: 'netReceived', count: 'packetsReceived', say: received},
    {name: 'netSent', count: 'packetsSent', say: sent},
  ]);
}

const RATE_TOKENS: readonly ThemeToken[] = ['chartCpu', 'chartSecond'];

/** Two directions in bytes a second, with how many requests or packets that is. */
function rateChart(
  source: Source,
  id: 'disk' | 'net',
  sayCounts: (counts: string) => string,
  ways: readonly {readonly name: string; readonly count: string; readonly say: (size: string) => string}[],
): Drawing {
  const curves = ways.map(({name}) => source.curve(name));
  const counts = ways.flatMap(({count}) => source.now(count) ?? []);
  const scale = scaleBytes(mostOf(curves));
  return {
    id,
    title: text.graphs.titles[id](scale.unit),
    legend: [
      ...ways.flatMap(({name, say}, way) =>
        told(source.now(name), (value) => say(formatBytes(value)), RATE_TOKENS[way]),
      ),
      ...(counts.length === 0 ? [] : [{text: sayCounts(counts.map(formatCount).join('+'))}]),
    ],
    lines: curves.map((values, way) => ({token: RATE_TOKENS[way] ?? 'chartCpu', values: scaled(values, scale)})),
    maxValue: scale.maxValue,
  };
}

function interruptsChart(source: Source): Drawing {
  const scale = scaleCount(mostOf(peaksAnd(source, 'interrupts')));
  return {
    id: 'interrupts',
    title: text.graphs.titles.interrupts(scale.unit),
    legend: told(source.now('interrupts'), (value) => `${formatCount(value)}/s`, 'chartThird'),
    lines: oneLine(source, 'interrupts', 'chartThird', scale),
    maxValue: scale.maxValue,
  };
}

function mipsChart(source: Source): Drawing {
  const most = mostOf(peaksAnd(source, 'instructions')) / 1e6;
  const scale = {...scaleCount(Math.min(999, most)), factor: 1e6};
  const maxValue = most > 999 ? scaleCount(most).maxValue * 1000 : scale.maxValue;
  return {
    id: 'mips',
    title: text.graphs.titles.mips,
    legend: told(source.now('instructions'), formatMips, 'chartFourth'),
    lines: oneLine(source, 'instructions', 'chartFourth', scale),
    maxValue,
  };
}

/** The line of a number; where steps are long also their peaks, so that none is averaged away. */
function oneLine(source: Source, name: string, token: ThemeToken, scale: Scale): Chart['lines'] {
  const mean = {token, values: scaled(source.curve(name), scale)};
  return source.isCoarse ? [{token: 'faint', values: scaled(source.curve(name, 'most'), scale)}, mean] : [mean];
}

function peaksAnd(source: Source, name: string): (readonly number[])[] {
  return [source.curve(name, source.isCoarse ? 'most' : 'mean')];
}

function told(value: number | undefined, format: (value: number) => string, token?: ThemeToken): Legend[] {
  return value === undefined ? [] : [{text: format(value), ...(token === undefined ? {} : {token})}];
}

function scaled(values: readonly number[], {factor}: Scale): readonly number[] {
  return factor === 1 ? values : values.map((value) => value / factor);
}

function mostOf(curves: readonly (readonly number[])[]): number {
  let most = 0;
  for (const curve of curves) for (const value of curve) if (value > most) most = value;
  return most;
}
