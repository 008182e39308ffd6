/** What of a machine can be edited, as JSON for a person's editor. */
import * as z from 'zod';
import {labelsSchema, MAX_TAGS} from '../../manager/protocol/labels.js';
import {
  defaultNetwork,
  MAX_HARTS,
  type Machine,
  MIN_MEMORY_BYTES,
  networkSchema,
  tierSchema,
} from '../../manager/protocol/machine.js';
import {findNameProblem} from '../../manager/protocol/machine-name.js';
import {makeLock} from '../state/machine-form.js';
import {exactSize, type MachineChanges} from '../state/machine-words.js';
import {parseBytes} from '../state/presenters/units.js';
import {text} from '../text/text.js';

const labels = {
  name: z.string().superRefine((name, context) => {
    const problem = findNameProblem(name);
    if (problem !== undefined) context.addIssue({code: 'custom', message: text.editor.problems.notName(problem)});
  }),
  group: labelsSchema.shape.group.unwrap().nullable(),
  tags: labelsSchema.shape.tags.unwrap().max(MAX_TAGS),
};

const memorySize = z.string().refine((size) => {
  const bytes = parseBytes(size);
  return bytes !== undefined && bytes >= MIN_MEMORY_BYTES && bytes % 4096 === 0;
}, text.editor.problems.notSize);

const make = {
  memory: memorySize,
  cpus: z.number().int().min(1).max(MAX_HARTS),
  commandLine: z.string().max(2047).nullable(),
  tier: tierSchema.nullable(),
  network: z.strictObject({
    kind: networkSchema.shape.kind.unwrap(),
    egress: networkSchema.shape.egress.unwrap(),
    allowsHostLoopback: networkSchema.shape.allowsHostLoopback.unwrap(),
    bytesPerSecond: networkSchema.shape.bytesPerSecond,
  }),
};

const documentSchema = z.strictObject({...labels, ...make});
const labelsDocumentSchema = z.strictObject(labels);

/**
 * What can be edited now: without the make where that cannot change.
 * Units: `memory` is a size as people write it; `commandLine: null` leaves it to what is booted, `tier: null` to the settings
 */
export type MachineDocument = z.output<typeof labelsDocumentSchema> & Partial<z.output<typeof documentSchema>>;

/** The document of a machine. */
export function documentOf(machine: Machine): MachineDocument {
  const {name, config} = machine;
  const sorted = {name, group: machine.labels?.group ?? null, tags: machine.labels?.tags ?? []};
  if (config === undefined || makeLock(machine) !== undefined) return sorted;
  const {kind, egress, allowsHostLoopback, bytesPerSecond} = config.network ?? defaultNetwork;
  const rate = bytesPerSecond === undefined ? {} : {bytesPerSecond};
  const {boot} = config;
  const commandLine = 'commandLine' in boot ? (boot.commandLine ?? null) : null;
  return {
    name,
    memory: exactSize(config.memoryBytes),
    cpus: config.hartCount,
    commandLine,
    tier: config.tier ?? null,
    network: {kind, egress, allowsHostLoopback, ...rate},
    group: sorted.group,
    tags: sorted.tags,
  };
}

/** Reads a document back; a string is what is wrong with it, in one sentence with the place. */
export function readDocument(written: string, machine: Machine): MachineDocument | string {
  let json: unknown;
  try {
    json = JSON.parse(written);
  } catch (thrown) {
    const detail = thrown instanceof Error ? thrown.message.replace(/\.$/, '') : String(thrown);
    return text.editor.problems.notJson(detail);
  }
  const before = documentOf(machine);
  const parsed = (before.memory === undefined ? labelsDocumentSchema : documentSchema).safeParse(json);
  if (!parsed.success) return issueText(parsed.error.issues[0], machine);
  const document: MachineDocument = parsed.data;
  const taken = [
    ['tier', before.tier !== null && document.tier === null],
    ['network.bytesPerSecond', before.network?.bytesPerSecond !== undefined && !document.network?.bytesPerSecond],
  ] as const;
  const fixed = taken.find(([, isTaken]) => isTaken);
  return fixed ? text.editor.problems.notTakenAway(fixed[0]) : document;
}

function issueText(issue: z.core.$ZodIssue | undefined, machine: Machine): string {
  const {wrong, wrongAt, wrongAtBeginning, locked, unknown} = text.editor.problems;
  if (issue === undefined) return wrong;
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const lock = issue.path.length === 0 && key in make ? makeLock(machine) : undefined;
    const place = [...issue.path, key].join('.');
    return lock === undefined ? unknown(place) : locked(place, lock);
  }
  const what = issue.message.replace(/\.$/, '');
  return issue.path.length === 0 ? wrongAtBeginning(what) : wrongAt(issue.path.join('.'), what);
}

/** What is to be asked of the daemon for one to become the other. */
export function documentChanges(before: MachineDocument, after: MachineDocument): MachineChanges {
  const isChanged = (key: keyof MachineDocument) => JSON.stringify(before[key]) !== JSON.stringify(after[key]);
  const {memory, cpus, commandLine, tier, network} = after;
  const edit = {
    ...(memory !== undefined && isChanged('memory') ? {memoryBytes: parseBytes(memory)} : {}),
    ...(cpus !== undefined && isChanged('cpus') ? {hartCount: cpus} : {}),
    ...(commandLine !== undefined && isChanged('commandLine') ? {commandLine} : {}),
    ...(tier && isChanged('tier') ? {tier} : {}),
    ...(network !== undefined && isChanged('network') ? {network} : {}),
  };
  const addTags = after.tags.filter((tag) => !before.tags.includes(tag));
  const removeTags = before.tags.filter((tag) => !after.tags.includes(tag));
  const group = isChanged('group') ? {group: after.group} : {};
  const hasLabels = addTags.length + removeTags.length > 0 || isChanged('group');
  return {
    ...(Object.keys(edit).length > 0 ? {edit} : {}),
    ...(hasLabels ? {label: {addTags, removeTags, ...group}} : {}),
    ...(isChanged('name') ? {name: after.name} : {}),
  };
}
