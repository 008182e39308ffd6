import {spawn} from 'node:child_process';
import {chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';

const launcher = join(dirname(fileURLToPath(import.meta.url)), '../../bin/viv');
let root: string;

// What stands for the bundle: it tells what it was given.
const BUNDLE = `
const [what, ...rest] = process.argv.slice(2);
if (what === 'argv') console.log(JSON.stringify(rest));
else if (what === 'exit') process.exit(Number(rest[0]));
else if (what === 'stdin') process.stdin.pipe(process.stdout);
else if (what === 'node') console.log(process.execPath);
else if (what === 'wait') {
  process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(5); });
  setInterval(() => {}, 1000);
  console.log('ready');
} else if (what === 'die') process.kill(process.pid, 'SIGKILL');
`;

beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'viv-launcher-')), 'vivarium');
  await mkdir(root);
  for (const folder of ['bin', 'dist', 'scripts', 'configs']) await mkdir(join(root, folder));
  await writeFile(join(root, 'package.json'), '{"type": "module"}');
  await copyFile(launcher, join(root, 'bin/viv'));
  await chmod(join(root, 'bin/viv'), 0o755);
  await writeFile(join(root, 'dist/viv.js'), BUNDLE);
  // Makes the running Node.js look like an old one.
  await writeFile(
    join(root, 'old.cjs'),
    "Object.defineProperty(process, 'versions', {value: {...process.versions, node: '20.20.2'}});",
  );
});
afterEach(() => rm(dirname(root), {recursive: true, force: true}));

// Beside the package, as npm puts it, or inside of it.
async function installNode(modules: string): Promise<string> {
  const path = join(modules, 'node/bin');
  await mkdir(path, {recursive: true});
  await symlink(process.execPath, join(path, 'node'));
  return join(path, 'node');
}

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[], {isOld = false, input = '', program = join(root, 'bin/viv')} = {}) {
  const flags = isOld ? ['--require', join(root, 'old.cjs')] : [];
  const child = spawn(process.execPath, [...flags, program, ...args]);
  let out = '';
  let err = '';
  const ready = Promise.withResolvers<void>();
  child.stdout.on('data', (chunk) => {
    out += chunk;
    if (out.includes('ready')) ready.resolve();
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  child.stdin.end(input);
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (status, signal) => resolve({status, signal, out, err})),
  );
  return {child, ended, ready: ready.promise};
}

describe.each([false, true])('with a Node.js that is too old: %s', (isOld) => {
  beforeEach(async () => {
    await installNode(join(root, 'node_modules'));
  });

  test('arguments, input and exit status pass through', async () => {
    const given = ['argv', '', 'a b', '--x', '$HOME', '--', '*'];
    expect(JSON.parse((await start(given, {isOld}).ended).out)).toEqual(given.slice(1));
    expect((await start(['stdin'], {isOld, input: 'hello'}).ended).out).toBe('hello');
    expect((await start(['exit', '7'], {isOld}).ended).status).toBe(7);
  });

  test('a signal reaches the program, and its death is seen as it was', async () => {
    const waiting = start(['wait'], {isOld});
    await waiting.ready;
    waiting.child.kill('SIGTERM');
    expect(await waiting.ended).toMatchObject({status: 5, out: expect.stringContaining('got SIGTERM')});
    expect((await start(['die'], {isOld}).ended).signal).toBe('SIGKILL');
  });
});

test('an old Node.js is replaced by the npm package, also beside an installed one and through a link', async () => {
  const inside = await installNode(join(root, 'node_modules'));
  const link = join(root, 'link-to-viv');
  await symlink(join(root, 'bin/viv'), link);
  const {out, err} = await start(['node'], {isOld: true, program: link}).ended;
  // The binary tells its real path.
  expect([out.trim(), err]).toEqual([process.execPath, '']);
  expect(inside).not.toBe(process.execPath);
});

describe('started by a shell', () => {
  const run = (program: string, {node = false} = {}) => {
    const path = join(root, 'path');
    return new Promise<Ended>((resolve, reject) => {
      const child = spawn(program, ['node'], {env: {PATH: node ? `${path}:/usr/bin:/bin` : path}});
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk) => {
        out += chunk;
      });
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      child.on('error', reject);
      child.on('close', (status, signal) => resolve({status, signal, out, err}));
    });
  };

  beforeEach(() => mkdir(join(root, 'path')));

  test('it takes the npm package first, also beside an installed one and through a link', async () => {
    await symlink('/nowhere', join(root, 'path/node'));
    const link = join(root, 'link-to-viv');
    await symlink(join(root, 'bin/viv'), link);
    await installNode(join(root, 'node_modules'));
    expect(await run(link, {node: true})).toMatchObject({out: `${process.execPath}\n`, err: ''});
    await rm(join(root, 'node_modules'), {recursive: true});
    const beside = join(dirname(root), 'node');
    await installNode(dirname(root));
    try {
      expect(await run(link, {node: true})).toMatchObject({out: `${process.execPath}\n`, err: ''});
    } finally {
      await rm(beside, {recursive: true});
    }
  });

  test('it takes the one of the search path where there is no other, and says so where there is none', async () => {
    expect(await run(join(root, 'bin/viv'))).toMatchObject({status: 1, err: expect.stringContaining('no node in the')});
    await symlink(process.execPath, join(root, 'path/node'));
    expect((await run(join(root, 'bin/viv'))).out).toBe(`${process.execPath}\n`);
  });
});

test('without a Node.js that is new enough it says what to do', async () => {
  const {status, err} = await start(['node'], {isOld: true}).ended;
  expect(status).toBe(1);
  expect(err).toMatch(/Node\.js 24 or newer is needed, and this is 20\.20\.2\.\n +Run npm ci/);
});

describe('the bundle', () => {
  beforeEach(async () => {
    await mkdir(join(root, 'src'));
    await mkdir(join(root, 'node_modules/esbuild'), {recursive: true});
    await writeFile(join(root, 'src/a.ts'), '');
    await writeFile(
      join(root, 'scripts/build.js'),
      `import {appendFileSync, writeFileSync} from 'node:fs';
       appendFileSync(${JSON.stringify(join(root, 'built'))}, 'x');
       writeFileSync(${JSON.stringify(join(root, 'dist/viv.js'))}, "console.log('new bundle')");`,
    );
    const old = new Date(Date.now() - 60_000);
    for (const file of ['src/a.ts', 'scripts/build.js']) await utimes(join(root, file), old, old);
  });

  const builds = () => readFile(join(root, 'built'), 'utf8').catch(() => '');

  test('is used as it is while no source is newer', async () => {
    expect((await start(['argv', 'x']).ended).out).toBe('["x"]\n');
    expect(await builds()).toBe('');
  });

  test('is built when it is missing, once', async () => {
    await rm(join(root, 'dist/viv.js'));
    expect((await start([]).ended).out).toBe('new bundle\n');
    expect((await start([]).ended).out).toBe('new bundle\n');
    expect(await builds()).toBe('x');
  });

  test('is built when a source is newer', async () => {
    const later = new Date(Date.now() + 5000);
    await utimes(join(root, 'src/a.ts'), later, later);
    expect((await start([]).ended).out).toBe('new bundle\n');
  });

  test('is used stale where there is no bundler, and its absence is explained', async () => {
    await rm(join(root, 'node_modules'), {recursive: true});
    const later = new Date(Date.now() + 5000);
    await utimes(join(root, 'src/a.ts'), later, later);
    expect((await start(['argv']).ended).out).toBe('[]\n');
    await rm(join(root, 'dist/viv.js'));
    const {status, err} = await start([]).ended;
    expect(status).toBe(1);
    expect(err).toContain('not built');
  });

  test('that cannot be built ends the program', async () => {
    await writeFile(join(root, 'scripts/build.js'), 'process.exit(1)');
    await rm(join(root, 'dist/viv.js'));
    const {status, err} = await start([]).ended;
    expect(status).toBe(1);
    expect(err).toContain('could not be built');
  });
});
