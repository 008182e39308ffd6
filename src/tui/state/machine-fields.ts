/**
 * What can be said of a machine in a form: one list of fields for the wizard and for the edit form. A field's value is text as
 * a person writes it; `check` says what is wrong with it while it is typed.
 */
import type {Image} from '../../manager/protocol/image.js';
import {LABEL_NAME, MAX_TAGS} from '../../manager/protocol/labels.js';
import {
  MAX_FORWARDS,
  MAX_HARTS,
  MAX_NEW_DISK_BYTES,
  type Machine,
  MIN_MEMORY_BYTES,
  networkSchema,
  SWITCH_NAME,
  tierSchema,
} from '../../manager/protocol/machine.js';
import {findNameProblem} from '../../manager/protocol/machine-name.js';
import {text} from '../text/text.js';
import {parseForward} from './port-spec.js';
import {formatBytes, parseBytes} from './presenters/units.js';
import {parseShare} from './share-spec.js';

/** Fields in the order in which forms have them. */
export const FIELD_IDS = [
  'image',
  'name',
  'cpus',
  'memory',
  'rootSize',
  'disk',
  'network',
  'switch',
  'forwards',
  'share',
  'commandLine',
  'tier',
  'group',
  'tags',
  'start',
] as const;
/** One of {@link FIELD_IDS}. */
export type FieldId = (typeof FIELD_IDS)[number];

/** The values of a form's fields. */
export type Draft = Readonly<Record<FieldId, string>>;

/** What values are weighed against: the image that is chosen, the machine that is changed, the names of all others. */
export interface FieldFacts {
  readonly image: Image | undefined;
  readonly machine: Machine | undefined;
  readonly takenNames: readonly string[];
}

/** A field. It belongs to the make when it can change only while the machine is off. */
export interface MachineField {
  readonly id: FieldId;
  readonly label: string;
  /** What it takes, in one sentence. */
  readonly help: string;
  readonly isMake: boolean;
  /** What holds when it is left empty. */
  placeholder(facts: FieldFacts): string;
  /** Values that can be chosen; a text field has none. */
  choices?(facts: FieldFacts): readonly string[];
  /** What is wrong, in one sentence. */
  check(value: string, draft: Draft, facts: FieldFacts): string | undefined;
  /** A choice as it is shown, where that is not the value itself. */
  show?(value: string): string;
}

/** A choice of a field as it is shown. */
export function shownChoice(field: MachineField, value: string): string {
  return field.show?.(value) ?? value;
}

/** Networks that can be chosen, as `--network` takes them. */
export const NETWORK_CHOICES: readonly string[] = [
  'user',
  ...networkSchema.shape.egress
    .unwrap()
    .options.filter((egress) => egress !== 'allow')
    .map((egress) => `user,${egress}`),
  'user,host',
  'none',
];

/** The choice that leaves the tier to the daemon's settings. */
export const TIER_OF_SETTINGS = 'settings';

const PAGE_BYTES = 4096;

/** The words of a field that takes several. */
export function wordsOf(written: string): readonly string[] {
  return written.split(/[\s,]+/).filter((word) => word !== '');
}

function sizeProblem(written: string): string | undefined {
  const bytes = parseBytes(written);
  if (written === '' || (bytes !== undefined && bytes > 0 && bytes <= MAX_NEW_DISK_BYTES)) return undefined;
  return bytes !== undefined && bytes > MAX_NEW_DISK_BYTES
    ? text.machineFields.disk.tooLarge(formatBytes(MAX_NEW_DISK_BYTES))
    : text.machineFields.disk.wrong;
}

function memoryProblem(written: string): string | undefined {
  const {wrong, tooSmall, uneven} = text.machineFields.memory;
  const bytes = parseBytes(written);
  if (written === '') return undefined;
  if (bytes === undefined) return wrong;
  if (bytes < MIN_MEMORY_BYTES) return tooSmall(formatBytes(MIN_MEMORY_BYTES));
  return bytes % PAGE_BYTES === 0 ? undefined : uneven;
}

function forwardsProblem(written: string, {network}: Draft): string | undefined {
  const {wrong, noCard, tooMany, twice} = text.machineFields.forwards;
  const words = wordsOf(written);
  if (words.length > 0 && network === 'none') return noCard;
  if (words.length > MAX_FORWARDS) return tooMany(MAX_FORWARDS);
  const ends = new Set<string>();
  for (const word of words) {
    const forward = parseForward(word);
    if (forward === undefined) return wrong(word);
    const end = `${forward.address} ${forward.hostPort}${forward.protocol ?? ''}`;
    if (ends.has(end)) return twice(forward.hostPort);
    ends.add(end);
  }
  return undefined;
}

function switchProblem(written: string, {network}: Draft, {image}: FieldFacts): string | undefined {
  const {wrong, noCard, ofMachine} = text.machineFields.switch;
  if (written === '') return undefined;
  if (network === 'none') return noCard;
  if (image?.machine) return ofMachine;
  return SWITCH_NAME.test(written) ? undefined : wrong;
}

function rootSizeProblem(written: string, {image}: FieldFacts): string | undefined {
  const {noDisk, noDiskOfImage, tooSmall} = text.machineFields.rootSize;
  if (written === '') return undefined;
  if (image === undefined) return noDiskOfImage;
  const least = image.defaults?.diskBytes;
  if (least === undefined) return noDisk(image.name);
  const problem = sizeProblem(written);
  if (problem !== undefined) return problem;
  return (parseBytes(written) ?? 0) < least ? tooSmall(image.name, formatBytes(least)) : undefined;
}

function nameProblem(written: string, {machine, takenNames}: FieldFacts): string | undefined {
  const {missing, wrong, taken} = text.machineFields.name;
  if (written === '') return machine === undefined ? undefined : missing;
  const problem = findNameProblem(written);
  if (problem !== undefined) return wrong(problem);
  return takenNames.includes(written) ? taken(written) : undefined;
}

function labelProblem(written: string): string | undefined {
  return written === '' || LABEL_NAME.test(written) ? undefined : text.machineFields.group.wrong;
}

function tagsProblem(written: string): string | undefined {
  const words = wordsOf(written);
  if (words.length > MAX_TAGS) return text.machineFields.tags.tooMany(MAX_TAGS);
  return words.map(labelProblem).find((problem) => problem !== undefined);
}

/** A network as its choice says it, without its rate and switch. */
export function networkChoice(machine: Machine | undefined): string {
  const network = machine?.config?.network;
  if (network === undefined) return 'user';
  const {kind, egress, allowsHostLoopback} = network;
  if (kind === 'none') return 'none';
  return [kind, ...(egress === 'allow' ? [] : [egress]), ...(allowsHostLoopback ? ['host'] : [])].join(',');
}

const NO_PROBLEM = (): undefined => undefined;
const NONE = (): string => text.words.none;
const {machineFields: fields, words} = text;
const make = {isMake: true} as const;
const label = {isMake: false} as const;

/** All fields, by id. */
export const MACHINE_FIELDS: Readonly<Record<FieldId, MachineField>> = {
  image: {
    ...{id: 'image', label: fields.image.label, help: fields.image.help, ...make},
    placeholder: () => '',
    check: (value) => (value === '' ? fields.image.none : undefined),
  },
  name: {
    ...{id: 'name', label: fields.name.label, help: fields.name.help, ...label},
    placeholder: () => fields.name.empty,
    check: (value, _, facts) => nameProblem(value, facts),
  },
  cpus: {
    ...{id: 'cpus', label: fields.cpus.label, help: fields.cpus.help(MAX_HARTS), ...make},
    placeholder: ({image, machine}) => String(machine?.config?.hartCount ?? image?.defaults?.hartCount ?? 1),
    check: (value) =>
      value === '' || (/^\d$/.test(value) && Number(value) >= 1 && Number(value) <= MAX_HARTS)
        ? undefined
        : fields.cpus.wrong(MAX_HARTS),
  },
  memory: {
    ...{id: 'memory', label: fields.memory.label, help: fields.memory.help, ...make},
    placeholder: ({image, machine}) => {
      const bytes = machine?.config?.memoryBytes ?? image?.defaults?.memoryBytes;
      return bytes === undefined ? words.settings : formatBytes(bytes);
    },
    check: memoryProblem,
  },
  rootSize: {
    ...{id: 'rootSize', label: fields.rootSize.label, help: fields.rootSize.help, ...make},
    placeholder: ({image}) =>
      image?.defaults?.diskBytes === undefined
        ? fields.rootSize.none
        : fields.rootSize.empty(formatBytes(image.defaults.diskBytes)),
    check: (value, _, facts) => rootSizeProblem(value, facts),
  },
  disk: {
    ...{id: 'disk', label: fields.disk.label, help: fields.disk.help, ...make},
    placeholder: NONE,
    check: sizeProblem,
  },
  network: {
    ...{id: 'network', label: fields.network.label, help: fields.network.help, ...make},
    placeholder: () => 'user',
    choices: ({machine}) => [...new Set([networkChoice(machine), ...NETWORK_CHOICES])],
    check: NO_PROBLEM,
  },
  switch: {
    ...{id: 'switch', label: fields.switch.label, help: fields.switch.help, ...make},
    placeholder: NONE,
    check: switchProblem,
  },
  forwards: {
    ...{id: 'forwards', label: fields.forwards.label, help: fields.forwards.help, ...make},
    placeholder: NONE,
    check: forwardsProblem,
  },
  share: {
    ...{id: 'share', label: fields.share.label, help: fields.share.help, ...make},
    placeholder: NONE,
    check: (value) => {
      const share = value === '' ? undefined : parseShare(value);
      return typeof share === 'string' ? share : undefined;
    },
  },
  commandLine: {
    ...{id: 'commandLine', label: fields.commandLine.label, help: fields.commandLine.help, ...make},
    placeholder: () => fields.commandLine.empty,
    check: (value, _, {machine}) =>
      value !== '' && machine?.config?.boot.kind === 'firmware' ? fields.commandLine.firmware : undefined,
  },
  tier: {
    ...{id: 'tier', label: fields.tier.label, help: fields.tier.help, ...make},
    placeholder: () => words.settings,
    choices: ({machine}) => [...(machine?.config?.tier === undefined ? [TIER_OF_SETTINGS] : []), ...tierSchema.options],
    check: NO_PROBLEM,
    show: (value) => (value === TIER_OF_SETTINGS ? words.settings : value),
  },
  group: {
    ...{id: 'group', label: fields.group.label, help: fields.group.help, ...label},
    placeholder: NONE,
    check: labelProblem,
  },
  tags: {
    ...{id: 'tags', label: fields.tags.label, help: fields.tags.help(MAX_TAGS), ...label},
    placeholder: NONE,
    check: tagsProblem,
  },
  start: {
    ...{id: 'start', label: fields.start.label, help: fields.start.help, ...label},
    placeholder: () => words.yes,
    choices: () => ['yes', 'no'],
    check: NO_PROBLEM,
    show: (value) => (value === 'yes' ? words.yes : words.no),
  },
};
