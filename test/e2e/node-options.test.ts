/**
 * A Node.js that lacks what the emulator likes to use, or was started with other V8 options: guests compute the same in
 * every tier, and `viv doctor` says what is missing.
 */
import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {randomProgram} from '../engine/oracle/generator.js';
import {instructionCases} from '../engine/softfloat/cases.js';
import {cornerRows, floatRows, randomInteger} from '../engine/softfloat/operands.js';
import {passesOf, referenceProgram} from '../engine/softfloat/reference.js';
import {SeededRandom} from '../support/seeded-random.js';

const LIMIT_MS = 300_000;
const ROWS = 60;
const INEXACT = 1;
const viv = join(dirname(fileURLToPath(import.meta.url)), '../../bin/viv');

const tiers = [
  ['--tier', 'interpreter'],
  ['--tier', 'regions', '--hot-threshold', '2'],
  ['--tier', 'auto', '--hot-threshold', '3'],
];

interface Finished {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs `viv` under a Node.js started with options. */
function run(
  options: readonly string[],
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const env = {...process.env, VIVARIUM_HOME: folder, VIVARIUM_RUNTIME: join(folder, 'run'), ...environment};
  const child = spawn(process.execPath, [...options, viv, ...args], {env, stdio: ['ignore', 'pipe', 'pipe']});
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({status, output, errors}));
  });
}

/** What a guest program leaves behind. */
async function signatureOf(options: readonly string[], program: string, tier: readonly string[]): Promise<string> {
  const path = join(folder, 'signature');
  const finished = await run(options, ['run', '--firmware', program, '--signature', path, ...tier]);
  expect(finished).toEqual({status: 0, output: '', errors: ''});
  const signature = readFileSync(path, 'latin1');
  rmSync(path);
  return signature;
}

let folder: string;
let programs: readonly {readonly name: string; readonly path: string; readonly expected: string}[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'viv-options-'));
  const random = new SeededRandom(1995);
  const floats = referenceProgram(
    passesOf(instructionCases),
    {
      f32: [...cornerRows('f32').slice(0, ROWS), ...floatRows('f32', ROWS, random)],
      f64: [...cornerRows('f64').slice(0, ROWS), ...floatRows('f64', ROWS, random)],
      integer: Array.from({length: ROWS}, () => [randomInteger(random)]),
    },
    INEXACT,
  );
  const mixed = randomProgram(11, {blocks: 10, units: 20, turns: 60, rounds: 20}).program;
  programs = await Promise.all(
    Object.entries({floats, mixed}).map(async ([name, {bare}]) => {
      const path = join(folder, `${name}.elf`);
      writeFileSync(path, bare);
      return {name, path, expected: ''};
    }),
  );
  const expected: string[] = [];
  for (const {path} of programs) expected.push(await signatureOf([], path, ['--tier', 'interpreter']));
  programs = programs.map((program, i) => ({...program, expected: expected[i]!}));
}, LIMIT_MS);
afterAll(() => rmSync(folder, {recursive: true, force: true}));

/** `--no-enable-sse4-1` takes all SIMD from x86-64; elsewhere V8 does not know it and neither does the doctor. */
const onX64 = it.skipIf(process.arch !== 'x64');

const fusionLine = (why: string) =>
  `warn  Fused multiply-add: ${why}, so guests' fused multiply-adds are computed in software.`;
const compilerLine = (option: string, effect: string) =>
  `warn  Compiler: Node.js was started with ${option}: in \`viv run\` ${effect}.`;

describe('guests compute the same, and the doctor says what is different,', () => {
  const check = async (options: readonly string[], line: string, names = ['mixed']) => {
    const {output} = await run(options, ['doctor']);
    expect(output.split('\n').filter((text) => text.includes(line))).toHaveLength(1);
    for (const {path, expected} of programs.filter(({name}) => names.includes(name)))
      for (const tier of tiers)
        expect((await signatureOf(options, path, tier)) === expected, `${path} ${tier.join(' ')}`).toBe(true);
  };

  it('with no options', () => check([], 'ok    Compiler: Hot guest code is optimised as soon as it is hot.'), LIMIT_MS);

  onX64(
    'without relaxed SIMD',
    () => check(['--no-enable-sse4-1'], fusionLine('WebAssembly has no relaxed SIMD here'), ['floats', 'mixed']),
    LIMIT_MS,
  );
  onX64(
    'with relaxed SIMD that rounds twice',
    () => check(['--no-enable-fma3'], fusionLine('This host rounds twice'), ['floats', 'mixed']),
    LIMIT_MS,
  );

  it.each([
    ['--liftoff-only', 'hot guest code is compiled without optimisation'],
    ['--no-wasm-tier-up', 'the interpreter of guest code is never optimised'],
    ['--freeze-flags-after-init', 'hot guest code is optimised late'],
    ['--no-liftoff', 'machines start a second later'],
  ])('with %s', (option, effect) => check([option], compilerLine(option, effect)), LIMIT_MS);

  it(
    'with options that cannot be changed and leave no baseline code',
    () =>
      check(
        ['--freeze_flags_after_init', '--no-liftoff', '--no-wasm-lazy-compilation'],
        compilerLine('--freeze-flags-after-init', 'hot guest code is optimised late'),
      ),
    LIMIT_MS,
  );
});

describe('without WebAssembly', () => {
  it.each([
    ['on the command line', ['--jitless'], {}],
    ['in the environment', [], {NODE_OPTIONS: '--jitless'}],
  ])('given %s, a run is refused and the doctor fails in one line', async (_where, options, environment) => {
    const refused = await run(options, ['run', '--firmware', programs[0]!.path], environment);
    expect(refused).toEqual({
      status: 1,
      output: '',
      errors:
        'viv: This Node.js was started without WebAssembly (--jitless), and machines run on it.\n     Leave that option out, in NODE_OPTIONS too.\n',
    });
    const {status, output} = await run(options, ['doctor'], environment);
    expect(status).toBe(1);
    expect(output.match(/^FAIL .*$/gm)).toEqual([
      'FAIL  WebAssembly threads: This Node.js was started without WebAssembly (--jitless), and machines run on it.',
    ]);
  });
});
