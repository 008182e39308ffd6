/** What a form asks of the daemon, and the command line that asks the same: both from the form's values. */
import type {ParamsInput} from '../../manager/protocol/define.js';
import {
  defaultNetwork,
  type machineCreate,
  type machineEdit,
  type machineLabel,
  type Network,
  networkSchema,
  tierSchema,
} from '../../manager/protocol/machine.js';
import {type Draft, wordsOf} from './machine-fields.js';
import {parseForward} from './port-spec.js';
import {parseBytes} from './presenters/units.js';
import {parseShare} from './share-spec.js';

type CreateParams = ParamsInput<typeof machineCreate>;
type EditParams = Omit<ParamsInput<typeof machineEdit>, 'machine'>;
type LabelParams = Omit<ParamsInput<typeof machineLabel>, 'machine'>;

const SECTOR_BYTES = 512;
const wholeSectors = (text: string): number => Math.ceil((parseBytes(text) ?? 0) / SECTOR_BYTES) * SECTOR_BYTES;

/** The request of a wizard whose fields are right. What is left empty is left out. */
export function createRequest(draft: Draft): CreateParams {
  const {image, name, cpus, memory, rootSize, disk, share, group, tags} = draft;
  const diskBytes = rootSize === '' ? {} : {diskBytes: wholeSectors(rootSize)};
  const folder = share === '' ? undefined : parseShare(share);
  const network = networkOf(draft);
  const labels = {tags: [...new Set(wordsOf(tags))], ...(group === '' ? {} : {group})};
  return {
    boot: {kind: 'image', image, ...diskBytes},
    ...(name === '' ? {} : {name}),
    ...(memory === '' ? {} : {memoryBytes: parseBytes(memory)}),
    ...(cpus === '' ? {} : {hartCount: Number(cpus)}),
    disks: disk === '' ? [] : [{newSizeBytes: wholeSectors(disk)}],
    ...(network === undefined ? {} : {network}),
    shares: folder === undefined || typeof folder === 'string' ? [] : [folder],
    ...(group === '' && labels.tags.length === 0 ? {} : {labels}),
  };
}

/** `kind`, `egress` and `allowsHostLoopback` of a network's choice. */
function networkParts(choice: string): Pick<Network, 'kind' | 'egress' | 'allowsHostLoopback'> {
  const [kind, ...words] = choice.split(',');
  const egress = networkSchema.shape.egress.unwrap().options.find((one) => words.includes(one)) ?? 'allow';
  return {kind: kind === 'none' ? 'none' : 'user', egress, allowsHostLoopback: words.includes('host')};
}

function networkOf(draft: Draft): Network | undefined {
  const forwards = wordsOf(draft.forwards).flatMap((word) => parseForward(word) ?? []);
  if ((draft.network === 'user' || draft.network === '') && draft.switch === '' && forwards.length === 0)
    return undefined;
  const place = draft.switch === '' ? {} : {switch: {name: draft.switch}};
  return {...networkParts(draft.network), forwards, ...place};
}

/** The words of the `viv create` that makes the same request. Sizes are exact. */
export function createWords(params: CreateParams, isStarted: boolean): readonly string[] {
  const {boot, name, memoryBytes, hartCount, disks = [], network, shares = [], labels} = params;
  const words = ['viv', 'create'];
  if (boot.kind === 'image') words.push(boot.image);
  const add = (option: string, value: string | undefined) => {
    if (value !== undefined) words.push(option, value);
  };
  add('--name', name);
  add('--cpus', hartCount === undefined ? undefined : String(hartCount));
  add('--memory', memoryBytes === undefined ? undefined : exactSize(memoryBytes));
  if (boot.kind === 'image' && boot.diskBytes !== undefined) add('--root-size', exactSize(boot.diskBytes));
  for (const disk of disks) if ('newSizeBytes' in disk) add('--disk', exactSize(disk.newSizeBytes));
  if (network !== undefined) {
    const {forwards, ...rest} = networkSchema.parse(network);
    const isUsual = rest.kind === 'user' && rest.egress === 'allow' && !rest.allowsHostLoopback && !rest.switch;
    if (!isUsual) add('--network', networkWord(rest));
    for (const forward of forwards) add('--forward', forwardWord(forward));
  }
  for (const {path, tag, isReadOnly} of shares) add('--share', `${path}:${tag}${isReadOnly === false ? ',rw' : ''}`);
  add('--group', labels?.group);
  for (const tag of labels?.tags ?? []) add('--tag', tag);
  if (isStarted) words.push('--start');
  return words;
}

function networkWord({kind, egress, allowsHostLoopback, switch: place}: Omit<Network, 'forwards'>): string {
  if (kind === 'none') return kind;
  const words = [egress === 'allow' ? '' : egress, allowsHostLoopback ? 'host' : '', place && `switch=${place.name}`];
  return [kind, ...words.filter((word) => word !== '' && word !== undefined)].join(',');
}

function forwardWord({address, hostPort, guestPort, protocol}: Network['forwards'][number]): string {
  const host = address === defaultAddress ? '' : address.includes(':') ? `[${address}]:` : `${address}:`;
  return `${host}${hostPort}:${guestPort}${protocol === undefined ? '' : `/${protocol}`}`;
}

const defaultAddress = '127.0.0.1';

/** A size that reads back as exactly the same. */
export function exactSize(bytes: number): string {
  const units = ['T', 'G', 'M', 'K'] as const;
  const index = units.findIndex((_, at) => bytes > 0 && bytes % 1024 ** (units.length - at) === 0);
  return index < 0 ? String(bytes) : `${bytes / 1024 ** (units.length - index)}${units[index]}`;
}

/** What an edit form changes: of the make, of the labels, of the name. What is as before is left out. */
export interface MachineChanges {
  readonly edit?: EditParams;
  readonly label?: LabelParams;
  readonly name?: string;
}

/** The changes between two sets of values, which are right. */
export function changesBetween(before: Draft, after: Draft): MachineChanges {
  const isChanged = (id: keyof Draft) => before[id] !== after[id];
  const tier = tierSchema.safeParse(after.tier);
  const edit: EditParams = {
    ...(isChanged('memory') && after.memory !== '' ? {memoryBytes: parseBytes(after.memory)} : {}),
    ...(isChanged('cpus') && after.cpus !== '' ? {hartCount: Number(after.cpus)} : {}),
    ...(isChanged('commandLine') ? {commandLine: after.commandLine === '' ? null : after.commandLine} : {}),
    ...(isChanged('tier') && tier.success ? {tier: tier.data} : {}),
    ...(isChanged('network') ? {network: networkParts(after.network)} : {}),
  };
  const [old, now] = [wordsOf(before.tags), wordsOf(after.tags)];
  const addTags = [...new Set(now)].filter((tag) => !old.includes(tag));
  const removeTags = old.filter((tag) => !now.includes(tag));
  const group = isChanged('group') ? {group: after.group === '' ? null : after.group} : {};
  const hasLabels = addTags.length + removeTags.length > 0 || isChanged('group');
  return {
    ...(Object.keys(edit).length > 0 ? {edit} : {}),
    ...(hasLabels ? {label: {addTags, removeTags, ...group}} : {}),
    ...(isChanged('name') ? {name: after.name} : {}),
  };
}

/** The words of the commands that make the same changes, one after the other. */
export function changeWords(machine: string, {edit, label, name}: MachineChanges): readonly (readonly string[])[] {
  const commands: string[][] = [];
  if (edit) {
    const words = ['viv', 'edit', machine];
    if (edit.memoryBytes !== undefined) words.push('--memory', exactSize(edit.memoryBytes));
    if (edit.hartCount !== undefined) words.push('--cpus', String(edit.hartCount));
    if (edit.commandLine === null) words.push('--no-append');
    else if (edit.commandLine !== undefined) words.push('--append', edit.commandLine);
    if (edit.tier !== undefined) words.push('--tier', edit.tier);
    if (edit.network !== undefined)
      words.push('--network', networkWord({...defaultNetwork, ...edit.network} as Network));
    commands.push(words);
  }
  if (label) {
    const {addTags = [], removeTags = [], group} = label;
    const words = ['viv', 'tag', machine, ...addTags];
    for (const tag of removeTags) words.push('--remove', tag);
    if (group === null) words.push('--no-group');
    else if (group !== undefined) words.push('--group', group);
    commands.push(words);
  }
  if (name !== undefined) commands.push(['viv', 'rename', machine, name]);
  return commands;
}

/** A command line for a POSIX shell. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

function shellWord(word: string): string {
  return /^[A-Za-z0-9_.,:=/@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
