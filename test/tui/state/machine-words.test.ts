import {PassThrough} from 'node:stream';
import * as fc from 'fast-check';
import {afterEach, beforeEach, expect, test} from 'vitest';
import type {RequestType} from '../../../src/manager/protocol/define.js';
import {machineCreate} from '../../../src/manager/protocol/machine.js';
import type {CliManager} from '../../../src/tui/cli/cli-context.js';
import {runCli} from '../../../src/tui/cli/run-cli.js';
import {type Draft, FIELD_IDS, MACHINE_FIELDS, NETWORK_CHOICES} from '../../../src/tui/state/machine-fields.js';
import {
  changesBetween,
  changeWords,
  createRequest,
  createWords,
  exactSize,
  shellLine,
} from '../../../src/tui/state/machine-words.js';
import {parseBytes} from '../../../src/tui/state/presenters/units.js';
import {FakeFleet, fakeMachine} from '../../support/fake-fleet.js';
import {runShell} from '../../support/host-shell.js';

let fleet: FakeFleet;
let manager: CliManager;
beforeEach(() => {
  fleet = new FakeFleet([fakeMachine('web-1', 'defined', {labels: {tags: ['old'], group: 'g'}})]);
  manager = {
    connect: async () => fleet.backend(),
    openEmbedded: async () => {
      throw new Error('no command of these runs in this process');
    },
  };
});
afterEach(() => fleet.backend().client[Symbol.asyncDispose]());

const EMPTY = Object.fromEntries(FIELD_IDS.map((id) => [id, ''])) as Record<(typeof FIELD_IDS)[number], string>;
const wizardDraft = (values: Partial<Draft>): Draft => ({...EMPTY, image: 'debian-mini', network: 'user', ...values});

/** Runs a command line through the real parser; answers with what it said to errors. */
async function run(words: readonly string[]): Promise<string> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdout.resume();
  const notes: Buffer[] = [];
  stderr.on('data', (chunk: Buffer) => notes.push(chunk));
  const status = await runCli(words.slice(1), {stdin, stdout, stderr}, manager);
  return status === 0 ? '' : Buffer.concat(notes).toString();
}

const askedOf = (type: RequestType) =>
  fleet.requests.filter(({method}) => method === type.method).map(({params}) => params);

/** What the parser makes of the words for a draft is what the wizard asks itself. */
async function expectSameRequest(draft: Draft): Promise<void> {
  fleet.requests.length = 0;
  fleet.machines = [];
  const request = createRequest(draft);
  const isStarted = draft.start === 'yes';
  expect(await run(createWords(request, isStarted))).toBe('');
  expect(askedOf(machineCreate)).toEqual([machineCreate.params.parse(request)]);
  expect(fleet.requests.some(({method}) => method === 'machine/start')).toBe(isStarted);
}

const size = fc
  .tuple(fc.integer({min: 1, max: 999}), fc.constantFrom('M', 'G', 'MiB', ' g'))
  .map(([count, unit]) => `${count}${unit}`);
const port = fc.integer({min: 1, max: 65535});
const forward = fc
  .tuple(fc.constantFrom('', '0.0.0.0:', '[::1]:', '127.0.0.1:'), port, port, fc.constantFrom('', '/udp', '/tcp'))
  .map(([address, host, guest, protocol]) => `${address}${host}:${guest}${protocol}`);
const word = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,12}$/);
const orEmpty = (values: fc.Arbitrary<string>) => fc.oneof(fc.constant(''), values);
const folder = fc
  .tuple(
    fc.stringMatching(/^\/[ -~é]{1,20}$/),
    orEmpty(word.map((tag) => `:${tag}`)),
    fc.constantFrom('', ',rw', ',ro'),
  )
  .map((parts) => parts.join(''));

const drafts = fc.record({
  name: orEmpty(word),
  cpus: orEmpty(fc.integer({min: 1, max: 8}).map(String)),
  memory: orEmpty(size),
  rootSize: orEmpty(size),
  disk: orEmpty(size),
  network: fc.constantFrom(...NETWORK_CHOICES),
  switch: orEmpty(word),
  forwards: fc.array(forward, {maxLength: 3}).map((all) => all.join(', ')),
  share: orEmpty(folder),
  group: orEmpty(word),
  tags: fc.array(word, {maxLength: 4}).map((all) => all.join(' ')),
  start: fc.constantFrom('yes', 'no'),
});

test('the command line of a wizard is read back into the request that the wizard makes', async () => {
  const facts = {
    image: {
      ...{name: 'debian-mini', title: '', description: '', state: 'ready' as const},
      defaults: {memoryBytes: 2 ** 28, hartCount: 1, diskBytes: 512},
    },
    machine: undefined,
    takenNames: [],
  };
  let checked = 0;
  await fc.assert(
    fc.asyncProperty(drafts, async (values) => {
      const draft = wizardDraft(values);
      fc.pre(FIELD_IDS.every((id) => MACHINE_FIELDS[id].check(draft[id], draft, facts) === undefined));
      checked++;
      await expectSameRequest(draft);
    }),
    {numRuns: 60, maxSkipsPerRun: 300},
  );
  expect(checked).toBeGreaterThanOrEqual(60);
});

test('what a wizard leaves at its defaults is left out of the command line', () => {
  expect(createWords(createRequest(wizardDraft({})), true)).toEqual(['viv', 'create', 'debian-mini', '--start']);
});

test('a forward alone keeps the usual network', async () => {
  const draft = wizardDraft({forwards: '8080:80 0.0.0.0:53:53/udp'});
  expect(createWords(createRequest(draft), false).slice(3)).toEqual([
    ...['--forward', '8080:80', '--forward', '0.0.0.0:53:53/udp'],
  ]);
  await expectSameRequest(draft);
});

test('create refuses port forwards of a machine without a network card', async () => {
  expect(await run(['viv', 'create', 'x', '--network', 'none', '--forward', '8080:80'])).toContain(
    'Without a network card no port leads into the machine.',
  );
  expect(await run(['viv', 'create', 'x', '--forward', '80'])).toContain('like 8080:80');
});

test('sizes are written so that they read back exactly', () => {
  fc.assert(fc.property(fc.integer({min: 1, max: 2 ** 45}), (bytes) => parseBytes(exactSize(bytes)) === bytes));
});

test('the commands of an edit do what the form asks for, and nothing else', async () => {
  const before = {...EMPTY, name: 'web-1', cpus: '1', memory: '256M', network: 'user', group: 'g', tags: 'old'};
  const after = {
    ...before,
    name: 'web-2',
    cpus: '2',
    commandLine: "a 'b' $c",
    network: 'user,deny',
    group: '',
    tags: 'new',
  };
  const changes = changesBetween(before, after);
  expect(changesBetween(before, before)).toEqual({});
  for (const words of changeWords('web-1', changes)) expect(await run(words)).toBe('');
  expect(fleet.requests.filter(({method}) => method.startsWith('machine/')).map(({params}) => params)).toEqual([
    {machine: 'web-1', hartCount: 2, commandLine: "a 'b' $c", network: expect.objectContaining({egress: 'deny'})},
    {machine: 'web-1', group: null, addTags: ['new'], removeTags: ['old']},
    {machine: 'web-1', name: 'web-2'},
  ]);
  expect(fleet.machines[0]).toMatchObject({name: 'web-2', labels: {tags: ['new']}});
});

test('a command line means the same to a shell', async () => {
  const words = ["it's", 'a b', '', '$HOME', '`id`', '"', '\\', 'é', 'a;b', '*', '~', '--x=y', '[::1]:1:2'];
  expect(await runShell(`printf '%s\\n' ${shellLine(words)}`)).toBe(`${words.join('\n')}\n`);
});
