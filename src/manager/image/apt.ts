/**
 * Debian packages through the host's own `apt-get`, as an ordinary user: apt gets a private state folder and a private
 * configuration, so nothing of the host's package database is read or written, and no other architecture is enabled.
 */
import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {access, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {ManagerError} from '../protocol/errors.js';
import {aptFailure, isNetworkFailure} from './apt-failure.js';
import {
  type ArchivePart,
  companionSuites,
  guestAptConfiguration,
  guestProxy,
  guestSources,
  type Suite,
} from './guest-apt.js';
import {type HostProcessOptions, type HostProcessResult, runHostProcess} from './host-process.js';
import type {InstallSource} from './preseed.js';

/** Where packages come from and where apt may keep its things. Paths are absolute. */
export interface AptOptions {
  readonly folder: string;
  readonly suite: string;
  readonly component: string;
  readonly architecture: string;
  /** Address of a Debian archive; without it the one that the host itself uses. */
  readonly mirror?: string | undefined;
  readonly keyring: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/** A package file that can be fetched. Units: sizeBytes of the .deb */
export interface AptPackage {
  readonly name: string;
  readonly version: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Part of a whole between 0 and 1, as apt reports it about twice a second. */
export type FractionListener = (fraction: number) => void;

/** One line of --print-uris: 'ADDRESS' FILE SIZE SHA256:HEX */
const URI_LINE = /^'[^']*' ([^\s/]+) ([0-9]+) SHA256:([0-9a-f]{64})$/gm;

/** How a set is installed, where nothing is. */
const INSTALL = ['--no-install-recommends', 'install'] as const;

/** A cache that nothing is ever put into. */
const EMPTY_CACHE = 'cache/none';

/** Where apt keeps files that have not arrived as a whole. */
const partialFolders = ['state/lists/partial', 'cache/archives/partial'] as const;

/** apt with private state. Make one for each build: it reads the host's settings once, in `open`. */
export class Apt {
  readonly #options: AptOptions;
  /** What of the host's apt holds here as well: how archives are reached, and which there are. */
  #acquire = '';
  #parts: readonly ArchivePart[] = [];
  #mirror = '';

  private constructor(options: AptOptions) {
    this.#options = options;
  }

  /**
   * Prepares the private folder.
   * Errors: apt-missing, keyring-missing, apt-failed (no mirror known), disk-full
   */
  static async open(options: AptOptions): Promise<Apt> {
    const {folder, keyring} = options;
    // Neither quotes nor line breaks can be written into apt's configuration.
    if (/["\n\\]/.test(folder)) throw aptFailure(`apt cannot work in a folder with quotes in its path: ${folder}`);
    const apt = new Apt(options);
    // Asked first, so that a host without apt hears about apt and not about a keyring it could not install anyway.
    const acquire = await apt.#hostAcquireSettings();
    if (options.mirror === undefined) apt.#parts = await apt.#hostParts();
    const mirror = options.mirror ?? findMirror(apt.#parts);
    apt.#acquire = acquire;
    apt.#mirror = mirror;
    try {
      await access(keyring);
    } catch (error) {
      throw new ManagerError(
        'keyring-missing',
        `Debian's archive keys are not on this host (${keyring}), so its packages cannot be verified.`,
        'Install the package debian-archive-keyring.',
        {cause: error},
      );
    }
    if (!/^(https?|file|copy|ftp):[^\s"[\]]+$/.test(mirror))
      throw new ManagerError(
        'bad-setting',
        `The Debian mirror ${JSON.stringify(mirror.slice(0, 200))} is not an address apt understands.`,
        'Set images.debianMirror to the address of a Debian archive, beginning with http:// or https://.',
      );
    for (const part of [...partialFolders, 'packages', `${EMPTY_CACHE}/partial`])
      await mkdir(join(folder, part), {recursive: true});
    await writeFile(join(folder, 'status'), ''); // no package is installed
    await writeFile(join(folder, 'apt.conf'), configuration(options, acquire));
    await writeFile(
      join(folder, 'sources.list'),
      `deb [signed-by=${keyring} arch=${options.architecture}] ${mirror} ${options.suite} ${options.component}\n`,
    );
    return apt;
  }

  /**
   * Fetches the package lists. Without a network, lists fetched earlier go on being used: resolves with false then.
   * Errors: network-unreachable, apt-failed, disk-full, cancelled
   */
  async update(onFraction: FractionListener): Promise<boolean> {
    const result = await this.#run('apt-get', ['-q', '--error-on=any', 'update'], onFraction);
    if (result.status === 0) return true;
    if (isNetworkFailure(result.stderr) && (await this.#hasLists())) return false;
    throw await this.#failure(result.stderr);
  }

  /**
   * The real package behind a metapackage: the one dependency whose name begins with `prefix`, or the package itself.
   * Errors: apt-failed when there is no such package
   */
  async resolveMetapackage(name: string, prefix: string): Promise<string> {
    const result = await this.#run('apt-cache', ['depends', '--important', name]);
    if (result.status !== 0) throw aptFailure(result.stderr);
    const dependencies = decode(result.stdout).matchAll(/^\s*\|?Depends: (\S+)$/gm);
    for (const [, dependency] of dependencies) if (dependency!.startsWith(prefix)) return dependency!;
    return name;
  }

  /** What the package's file is called, how large it is, and its checksum as the signed lists tell. Errors: apt-failed */
  async describe(name: string): Promise<AptPackage> {
    const result = await this.#run('apt-get', ['-qq', '--print-uris', 'download', name]);
    // One line: 'ADDRESS' FILE SIZE SHA256:HEX
    const line = /^'[^']*' ([^\s/]+) ([0-9]+) SHA256:([0-9a-f]{64})$/m.exec(decode(result.stdout));
    if (result.status !== 0 || line === null) throw aptFailure(result.stderr || `apt knows no package ${name}`);
    const fileName = line[1]!;
    const version = decodeURIComponent(fileName.split('_')[1] ?? '');
    return {name, version, fileName, sizeBytes: Number(line[2]), sha256: line[3]!};
  }

  /**
   * The packages that a set needs, with all that those need; names may be patterns of apt's.
   * Errors: apt-failed when one is not there
   */
  async resolve(names: readonly string[]): Promise<AptPackage[]> {
    // What lies in the cache would not be listed.
    const empty = `Dir::Cache::archives=${join(this.#options.folder, EMPTY_CACHE)}`;
    const result = await this.#run('apt-get', ['-qq', '--print-uris', '-o', empty, ...INSTALL, ...names]);
    if (result.status !== 0) throw aptFailure(result.stderr);
    return [...decode(result.stdout).matchAll(URI_LINE)].map(([, fileName, size, sha256]) => ({
      ...{fileName: fileName!, sizeBytes: Number(size), sha256: sha256!},
      name: fileName!.split('_')[0]!,
      version: decodeURIComponent(fileName!.split('_')[1] ?? ''),
    }));
  }

  /**
   * Puts the packages of a resolved set into the cache and returns the path of each. Those that are there are not fetched
   * again, an interrupted one goes on where it was.
   * Errors: network-unreachable, package-broken, apt-failed, disk-full, cancelled
   */
  async downloadSet(
    names: readonly string[],
    items: readonly AptPackage[],
    onFraction: FractionListener,
  ): Promise<Map<AptPackage, string>> {
    const paths = new Map(items.map((item) => [item, join(this.#options.folder, 'cache/archives', item.fileName)]));
    // apt looks at the sizes of those only.
    for (const [{sizeBytes, sha256}, path] of paths)
      if ((await fileDigest(path, sizeBytes)) !== sha256) await rm(path, {force: true});
    const result = await this.#run('apt-get', ['-q', '-y', '--download-only', ...INSTALL, ...names], onFraction);
    if (result.status !== 0) throw await this.#failure(result.stderr);
    for (const [{name, sizeBytes, sha256}, path] of paths)
      if ((await fileDigest(path, sizeBytes)) !== sha256) throw arrivedBroken(name);
    return paths;
  }

  /** Removes packages of sets from the cache, but for these. */
  async forgetOthers(items: readonly AptPackage[]): Promise<void> {
    const kept = new Set(items.map(({fileName}) => fileName));
    const folder = join(this.#options.folder, 'cache/archives');
    for (const name of await readdir(folder))
      if (name.endsWith('.deb') && !kept.has(name)) await rm(join(folder, name), {force: true});
  }

  /**
   * What a guest of the suite is to have in /etc/apt: as `guest-apt.ts` says. A companion suite that an archive does not have,
   * or not whole, would make every update of the guest fail: it is left out. Errors: cancelled
   */
  async guestSettings(): Promise<{readonly sources: string; readonly configuration: string}> {
    const {suite, component} = this.#options;
    const suites: Suite[] = [{address: this.#mirror, name: suite}, ...(await this.#companions())];
    return {sources: guestSources(component, suites), configuration: guestAptConfiguration(this.#acquire)};
  }

  /** The same for an installer. Errors: cancelled */
  async installSource(): Promise<InstallSource> {
    return {mirror: this.#mirror, companions: await this.#companions(), proxy: guestProxy(this.#acquire)};
  }

  async #companions(): Promise<Suite[]> {
    const {suite, component} = this.#options;
    const companions: Suite[] = [];
    for (const companion of companionSuites(suite, component, this.#parts))
      if (await this.#isUsable(companion)) companions.push(companion);
    return companions;
  }

  /** True as well when nobody can tell now. */
  async #isUsable({address, name}: Suite): Promise<boolean> {
    const {folder, keyring, architecture, component} = this.#options;
    const trial = await mkdtemp(join(folder, 'trial-'));
    try {
      await mkdir(join(trial, 'lists/partial'), {recursive: true});
      const list = join(trial, 'sources.list');
      await writeFile(list, `deb [signed-by=${keyring} arch=${architecture}] ${address} ${name} ${component}\n`);
      const places = ['-o', `Dir::Etc::sourcelist=${list}`, '-o', `Dir::State::lists=${join(trial, 'lists')}`];
      const result = await this.#run('apt-get', ['-q', '--error-on=any', ...places, 'update']);
      return result.status === 0 || isNetworkFailure(result.stderr);
    } finally {
      await rm(trial, {recursive: true, force: true});
    }
  }

  /** True when the package's file lies in the cache, whole. */
  async isCached(item: AptPackage): Promise<boolean> {
    return (await fileDigest(this.#cachePath(item), item.sizeBytes)) === item.sha256;
  }

  /**
   * Puts the package's file into the cache, unless it is there, and returns its path.
   * Errors: network-unreachable, package-broken, apt-failed, disk-full, cancelled
   */
  async download(item: AptPackage, onFraction: FractionListener): Promise<string> {
    const path = this.#cachePath(item);
    if (await this.isCached(item)) return path;
    const partial = await mkdtemp(join(this.#options.folder, 'packages', 'partial-'));
    try {
      const result = await this.#run(
        'apt-get',
        ['-q', 'download', `${item.name}=${item.version}`],
        onFraction,
        partial,
      );
      if (result.status !== 0) throw await this.#failure(result.stderr);
      const fetched = join(partial, item.fileName);
      if ((await fileDigest(fetched, item.sizeBytes)) !== item.sha256) throw arrivedBroken(item.name);
      await rename(fetched, path);
    } finally {
      await rm(partial, {recursive: true, force: true});
    }
    return path;
  }

  /** apt keeps what it got of a file to go on from there; on a full disk that would keep the disk full. */
  async #failure(stderr: string): Promise<ManagerError> {
    const failure = aptFailure(stderr);
    if (failure.code !== 'disk-full') return failure;
    for (const part of partialFolders) {
      const folder = join(this.#options.folder, part);
      for (const name of await readdir(folder)) await rm(join(folder, name), {recursive: true, force: true});
    }
    return failure;
  }

  #cachePath(item: AptPackage): string {
    return join(this.#options.folder, 'packages', item.fileName);
  }

  /** Proxies and the like, which the host has for good reason; everything else of its configuration stays out. */
  async #hostAcquireSettings(): Promise<string> {
    const result = await this.#runOnHost('apt-config', ['dump', '--no-empty', '--format', '%F "%v";%n', 'Acquire']);
    if (result.status !== 0) throw aptFailure(result.stderr);
    return decode(result.stdout)
      .split('\n')
      .filter((line) => /^Acquire::(?!IndexTargets|Languages|cdrom)[A-Za-z0-9:._/-]+ "[^"]*";$/.test(line))
      .join('\n');
  }

  async #hostParts(): Promise<ArchivePart[]> {
    const result = await this.#runOnHost('apt-get', [
      'indextargets',
      '--no-release-info',
      '--format',
      '$(REPO_URI) $(RELEASE) $(COMPONENT)',
      'Created-By: Packages',
    ]);
    if (result.status !== 0) throw aptFailure(result.stderr);
    return decode(result.stdout)
      .split('\n')
      .map((line) => {
        const [address = '', release = '', component = ''] = line.split(' ');
        return {address, release, component};
      });
  }

  async #hasLists(): Promise<boolean> {
    return (await readdir(join(this.#options.folder, 'state/lists'))).some((name) => name.includes('_Packages'));
  }

  #runOnHost(program: string, parameters: readonly string[]): Promise<HostProcessResult> {
    return this.#spawn(program, parameters, {...this.#options.environment, APT_CONFIG: undefined}, {});
  }

  #run(
    program: string,
    parameters: readonly string[],
    onFraction?: FractionListener,
    cwd?: string,
  ): Promise<HostProcessResult> {
    const environment = {...this.#options.environment, APT_CONFIG: join(this.#options.folder, 'apt.conf')};
    return this.#spawn(program, [...parameters, '-o', 'APT::Status-Fd=3'], environment, {
      ...(cwd === undefined ? {} : {cwd}),
      onStatusLine: (line) => {
        // dlstatus:FILE:PERCENT:TEXT
        const percent = /^dlstatus:[0-9]+:([0-9.]+):/.exec(line)?.[1];
        if (percent !== undefined) onFraction?.(Math.min(Number(percent) / 100, 1));
      },
    });
  }

  #spawn(
    program: string,
    parameters: readonly string[],
    environment: HostProcessOptions['environment'],
    more: Partial<HostProcessOptions>,
  ): Promise<HostProcessResult> {
    // Messages are classified by their text, so they must be English.
    const english = {...environment, LC_ALL: 'C', LANGUAGE: undefined};
    return runHostProcess(program, parameters, {...more, environment: english, signal: this.#options.signal});
  }
}

/** Errors: apt-failed */
function findMirror(parts: readonly ArchivePart[]): string {
  for (const {address, release, component} of parts) {
    // The main archive: security and updates do not hold whole releases, other vendors not these packages.
    const isPart = /security|updates|backports|proposed/.test(`${address} ${release}`);
    if (/\/debian\/?$/.test(address) && component === 'main' && !isPart) return address;
  }
  throw new ManagerError(
    'apt-failed',
    "This host's apt has no Debian archive to fetch packages from.",
    'Set images.debianMirror to the address of a Debian archive.',
  );
}

function configuration(options: AptOptions, acquire: string): string {
  const {folder, architecture} = options;
  return `${acquire}
Acquire::Retries "1";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::Languages "none";
Acquire::ForceHash "SHA256";
Dir::State "${folder}/state";
Dir::State::lists "${folder}/state/lists";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}/cache";
Dir::Cache::archives "${folder}/cache/archives";
Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "-";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "-";
APT::Architecture "${architecture}";
APT::Architectures {"${architecture}";};
APT::Sandbox::User "";
`;
}

function arrivedBroken(name: string): ManagerError {
  return new ManagerError(
    'package-broken',
    `The package ${name} arrived damaged: its checksum differs from Debian's.`,
    'Try again; if it stays so, set images.debianMirror to another mirror.',
  );
}

/** SHA-256 of a file in hex, or `undefined` when there is none of this size. */
async function fileDigest(path: string, sizeBytes: number): Promise<string | undefined> {
  try {
    if ((await stat(path)).size !== sizeBytes) return undefined;
  } catch {
    return undefined; // not there: the caller fetches it
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
