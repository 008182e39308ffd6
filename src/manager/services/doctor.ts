/** Looks at the host for what machines and images need, and says what to do about what is missing. */
import {spawnSync} from 'node:child_process';
import {access, constants, mkdir, statfs} from 'node:fs/promises';
import {freemem, totalmem} from 'node:os';
import {checkWebAssembly, compilerHindrance, usedFusion} from '../hypervisor/builtin/host-abilities.js';
import {findPaths, type Paths, secureRuntimeFolder} from '../paths.js';
import type {Check} from '../protocol/daemon.js';
import {ManagerError, toManagerError} from '../protocol/errors.js';

const MEBIBYTE = 1_048_576;
/** Room for one build: package lists, the kernel package and its unpacked copy. */
const WANTED_DISK_BYTES = 1024 * MEBIBYTE;
const WANTED_MEMORY_BYTES = 512 * MEBIBYTE;
const OLDEST_NODE_MAJOR = 24;
const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A module with one shared memory and one atomic wait: what harts sleep with. Source: WebAssembly threads proposal */
const THREADS_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1, 10, 15, 1, 13, 0, 65, 0, 65, 0, 66, 0,
  254, 1, 2, 0, 26, 11,
]);

interface Verdict {
  readonly status: Check['status'];
  readonly message: string;
  readonly hint?: string;
}

type Examination = readonly [id: string, title: string, check: (paths: Paths) => Promise<Verdict> | Verdict];

/** What can only be tried where there is WebAssembly. */
const wasmChecks: readonly Examination[] = [
  ['fusion', 'Fused multiply-add', checkFusion],
  ['compiler', 'Compiler', checkCompiler],
];

/** Runs all checks. Never fails: what goes wrong is a failed check. */
export async function examineHost(environment: NodeJS.ProcessEnv = process.env): Promise<Check[]> {
  const checks: readonly Examination[] = [
    ['node', 'Node.js', checkNode],
    ['wasm', 'WebAssembly threads', checkThreads],
    ...(typeof WebAssembly === 'object' ? wasmChecks : []),
    ['runtime', 'Runtime folder', (paths) => checkRuntime(paths)],
    ['home', 'Home folder', (paths) => checkHome(paths)],
    ['memory', 'Free memory', checkMemory],
    ['apt', 'apt-get', () => checkApt(environment)],
    ['keyring', 'Debian keyring', checkKeyring],
    ['pty', 'Pseudo-terminals', checkTerminals],
  ];
  let paths: Paths;
  try {
    paths = findPaths(environment);
  } catch (thrown) {
    const {message, hint} = toManagerError(thrown);
    return [{id: 'paths', title: 'Folders', status: 'failed', message, hint}];
  }
  return Promise.all(
    checks.map(async ([id, title, check]) => {
      try {
        return {id, title, ...(await check(paths))};
      } catch (thrown) {
        const message = thrown instanceof Error ? thrown.message : String(thrown);
        const hint = thrown instanceof ManagerError ? {hint: thrown.hint} : {};
        return {id, title, status: 'failed' as const, message, ...hint};
      }
    }),
  );
}

function checkNode(): Verdict {
  const major = Number(process.versions.node.split('.')[0]);
  const message = `Node.js ${process.versions.node} runs Vivarium.`;
  if (major >= OLDEST_NODE_MAJOR) return {status: 'ok', message};
  return {status: 'failed', message, hint: `Install Node.js ${OLDEST_NODE_MAJOR} or newer.`};
}

function checkThreads(): Verdict {
  checkWebAssembly();
  if (WebAssembly.validate(THREADS_MODULE)) return {status: 'ok', message: 'Shared memory and atomics are there.'};
  return {status: 'failed', message: 'WebAssembly has no threads here.', hint: 'Use an unmodified Node.js build.'};
}

function checkFusion(): Verdict {
  const fusion = usedFusion();
  if (fusion === 'one-rounding')
    return {status: 'ok', message: "Guests' fused multiply-adds run on this processor's own."};
  const why = fusion === 'missing' ? 'WebAssembly has no relaxed SIMD here' : 'This host rounds twice';
  return {
    status: 'warning',
    message: `${why}, so guests' fused multiply-adds are computed in software.`,
    hint: 'Results are the same; only programs full of them are slower.',
  };
}

/** Machines of the daemon have processes with options of their own. */
function checkCompiler(): Verdict {
  const hindrance = compilerHindrance();
  if (hindrance === undefined) return {status: 'ok', message: 'Hot guest code is optimised as soon as it is hot.'};
  return {
    status: 'warning',
    message: `Node.js was started with ${hindrance.option}: in \`viv run\` ${hindrance.effect}.`,
    hint: 'Results are the same, only later; leave the option out.',
  };
}

function checkRuntime({runtime}: Paths): Verdict {
  secureRuntimeFolder(runtime);
  return {status: 'ok', message: `${runtime} belongs to you alone.`};
}

async function checkHome({home}: Paths): Promise<Verdict> {
  await mkdir(home, {recursive: true, mode: 0o700});
  await access(home, constants.W_OK);
  const {bavail, bsize} = await statfs(home);
  const free = bavail * bsize;
  const message = `${home} has ${Math.floor(free / MEBIBYTE)} MiB free.`;
  if (free >= WANTED_DISK_BYTES) return {status: 'ok', message};
  return {status: 'warning', message, hint: 'Building an image wants 1 GiB; set VIVARIUM_HOME to a larger disk.'};
}

function checkMemory(): Verdict {
  const free = freemem();
  const message = `${Math.floor(free / MEBIBYTE)} MiB of ${Math.floor(totalmem() / MEBIBYTE)} MiB are free.`;
  if (free >= WANTED_MEMORY_BYTES) return {status: 'ok', message};
  return {status: 'warning', message, hint: 'A machine of debian-mini wants 256 MiB and its process some 100 more.'};
}

function checkApt(environment: NodeJS.ProcessEnv): Verdict {
  const result = spawnSync('apt-get', ['--version'], {encoding: 'utf8', env: environment, timeout: 10_000});
  const version = /^apt (\S+)/.exec(result.stdout ?? '')?.[1];
  if (version !== undefined) return {status: 'ok', message: `apt ${version} can fetch images.`};
  return {
    status: 'warning',
    message: 'There is no apt-get, so Debian images cannot be built here.',
    hint: 'Run machines with `--kernel` and `--initrd`, or install apt.',
  };
}

async function checkKeyring(): Promise<Verdict> {
  try {
    await access(DEBIAN_KEYRING, constants.R_OK);
    return {status: 'ok', message: `${DEBIAN_KEYRING} is there.`};
  } catch {
    return {
      status: 'warning',
      message: 'The keys that sign Debian packages are not installed.',
      hint: 'Install the package debian-archive-keyring.',
    };
  }
}

async function checkTerminals(): Promise<Verdict> {
  try {
    await import('node-pty');
    return {status: 'ok', message: 'Consoles are also reachable as /dev/pts/N.'};
  } catch {
    return {
      status: 'warning',
      message: 'node-pty could not be loaded: consoles have no /dev/pts/N.',
      hint: 'Run `npm rebuild node-pty`.',
    };
  }
}
