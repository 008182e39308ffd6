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
  check(text: string, draft: Draft, facts: FieldFacts): string | undefined;
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
export const TIER_OF_SETTINGS = 'as the settings say';

const PAGE_BYTES = 4096;

/** The words of a field that takes several. */
export function wordsOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

function sizeProblem(text: string): string | undefined {
  const bytes = parseBytes(text);
  if (text === '' || (bytes !== undefined && bytes > 0 && bytes <= MAX_NEW_DISK_BYTES)) return undefined;
  return bytes !== undefined && bytes > MAX_NEW_DISK_BYTES
    ? `A disk is ${formatBytes(MAX_NEW_DISK_BYTES)} at most.`
    : 'A size is a number with a unit, like 512M or 10G.';
}

function memoryProblem(text: string): string | undefined {
  const bytes = parseBytes(text);
  if (text === '') return undefined;
  if (bytes === undefined) return 'Memory is a number with a unit, like 256M or 1G.';
  if (bytes < MIN_MEMORY_BYTES) return `A machine has ${formatBytes(MIN_MEMORY_BYTES)} of memory at least.`;
  return bytes % PAGE_BYTES === 0 ? undefined : 'Memory comes in pieces of 4K.';
}

function forwardsProblem(text: string, {network}: Draft): string | undefined {
  const words = wordsOf(text);
  if (words.length > 0 && network === 'none') return 'Without a network card no port leads into the machine.';
  if (words.length > MAX_FORWARDS) return `A machine has at most ${MAX_FORWARDS} port forwards.`;
  const ends = new Set<string>();
  for (const word of words) {
    const forward = parseForward(word);
    if (forward === undefined) return `${word} is no forward: write HOSTPORT:GUESTPORT, like 8080:80 or 5353:53/udp.`;
    const end = `${forward.address} ${forward.hostPort}${forward.protocol ?? ''}`;
    if (ends.has(end)) return `Port ${forward.hostPort} of the host leads to one port only.`;
    ends.add(end);
  }
  return undefined;
}

function switchProblem(text: string, {network}: Draft, {image}: FieldFacts): string | undefined {
  if (text === '') return undefined;
  if (network === 'none') return 'Without a network card the machine is on no switch.';
  if (image?.machine) return 'Machines of an image that was made from a machine cannot be on a switch.';
  return SWITCH_NAME.test(text) ? undefined : 'A switch is named by small letters, digits and dashes, like lab.';
}

function rootSizeProblem(text: string, {image}: FieldFacts): string | undefined {
  if (text === '') return undefined;
  const least = image?.defaults?.diskBytes;
  if (least === undefined)
    return `${image?.name ?? 'The image'} brings no disk whose size can be chosen; add one below.`;
  const problem = sizeProblem(text);
  if (problem !== undefined) return problem;
  return (parseBytes(text) ?? 0) < least ? `The disk of ${image?.name} is ${formatBytes(least)} at least.` : undefined;
}

function nameProblem(text: string, {machine, takenNames}: FieldFacts): string | undefined {
  if (text === '') return machine === undefined ? undefined : 'A machine needs a name.';
  const problem = findNameProblem(text);
  if (problem !== undefined) return `That cannot be a machine's name: ${problem}.`;
  return takenNames.includes(text) ? `There is already a machine called ${text}.` : undefined;
}

function labelProblem(text: string): string | undefined {
  return text === '' || LABEL_NAME.test(text)
    ? undefined
    : 'Groups and tags have up to 31 letters, digits, dots, dashes and underscores.';
}

function tagsProblem(text: string): string | undefined {
  const words = wordsOf(text);
  if (words.length > MAX_TAGS) return `A machine has at most ${MAX_TAGS} tags.`;
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
const make = {isMake: true} as const;
const label = {isMake: false} as const;

/** All fields, by id. */
export const MACHINE_FIELDS: Readonly<Record<FieldId, MachineField>> = {
  image: {
    ...{id: 'image', label: 'Image', help: 'What the machine boots; ↑ and ↓ go through the catalog.', ...make},
    placeholder: () => '',
    check: (text) => (text === '' ? 'There is no image to boot.' : undefined),
  },
  name: {
    ...{id: 'name', label: 'Name', help: 'Letters, digits, dots, dashes and underscores, like web-1.', ...label},
    placeholder: () => 'chosen for you, like brave-otter',
    check: (text, _, facts) => nameProblem(text, facts),
  },
  cpus: {
    ...{id: 'cpus', label: 'CPUs', help: `How many processors the guest has, 1 to ${MAX_HARTS}.`, ...make},
    placeholder: ({image, machine}) => String(machine?.config?.hartCount ?? image?.defaults?.hartCount ?? 1),
    check: (text) =>
      text === '' || (/^\d$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_HARTS)
        ? undefined
        : `CPUs is a whole number from 1 to ${MAX_HARTS}.`,
  },
  memory: {
    ...{id: 'memory', label: 'Memory', help: 'How much memory the guest has, like 512M or 2G.', ...make},
    placeholder: ({image, machine}) => {
      const bytes = machine?.config?.memoryBytes ?? image?.defaults?.memoryBytes;
      return bytes === undefined ? 'as the settings say' : formatBytes(bytes);
    },
    check: memoryProblem,
  },
  rootSize: {
    ...{id: 'rootSize', label: 'Root disk', help: 'How large the disk is that the image brings, like 40G.', ...make},
    placeholder: ({image}) =>
      image?.defaults?.diskBytes === undefined
        ? 'none: the image brings no disk of that kind'
        : `${formatBytes(image.defaults.diskBytes)}, taken as it is written`,
    check: (text, _, facts) => rootSizeProblem(text, facts),
  },
  disk: {
    ...{
      id: 'disk',
      label: 'Extra disk',
      help: 'An empty disk besides, like 10G; it takes room as it is written.',
      ...make,
    },
    placeholder: () => 'none',
    check: sizeProblem,
  },
  network: {
    ...{id: 'network', label: 'Network', ...make},
    help: 'user: what the host reaches; deny: nothing outside; ask: what you allow; host: its 127.0.0.1 as well; none: no card.',
    placeholder: () => 'user',
    choices: ({machine}) => [...new Set([networkChoice(machine), ...NETWORK_CHOICES])],
    check: NO_PROBLEM,
  },
  switch: {
    ...{id: 'switch', label: 'Switch', help: 'Machines on the switch of the same name are neighbours.', ...make},
    placeholder: () => 'none',
    check: switchProblem,
  },
  forwards: {
    ...{
      id: 'forwards',
      label: 'Ports',
      help: 'Ports of the host that lead into the guest, like 8080:80 5353:53/udp.',
      ...make,
    },
    placeholder: () => 'none',
    check: forwardsProblem,
  },
  share: {
    ...{
      id: 'share',
      label: 'Folder',
      help: 'A folder the guest sees, FOLDER[:TAG][,rw], like ~/work:work,rw.',
      ...make,
    },
    placeholder: () => 'none',
    check: (text) => {
      const share = text === '' ? undefined : parseShare(text);
      return typeof share === 'string' ? share : undefined;
    },
  },
  commandLine: {
    ...{
      id: 'commandLine',
      label: 'Kernel',
      help: 'The kernel command line; empty leaves it to what is booted.',
      ...make,
    },
    placeholder: () => 'the command line that comes with what it boots',
    check: (text, _, {machine}) =>
      text !== '' && machine?.config?.boot.kind === 'firmware' ? 'Firmware takes no command line.' : undefined,
  },
  tier: {
    ...{id: 'tier', label: 'Code', ...make},
    help: 'How guest code runs: compiled where it is hot (auto), all of it (regions), or not at all (interpreter).',
    placeholder: () => TIER_OF_SETTINGS,
    choices: ({machine}) => [...(machine?.config?.tier === undefined ? [TIER_OF_SETTINGS] : []), ...tierSchema.options],
    check: NO_PROBLEM,
  },
  group: {
    ...{id: 'group', label: 'Group', help: 'The group to list it in.', ...label},
    placeholder: () => 'none',
    check: labelProblem,
  },
  tags: {
    ...{id: 'tags', label: 'Tags', help: `Words to find it by, with blanks between, ${MAX_TAGS} at most.`, ...label},
    placeholder: () => 'none',
    check: tagsProblem,
  },
  start: {
    ...{id: 'start', label: 'Start', help: 'Whether it is started at once.', ...label},
    placeholder: () => 'yes',
    choices: () => ['yes', 'no'],
    check: NO_PROBLEM,
  },
};
