/** The manager in the calling process: throwaway machines for `viv run`, tests and CI. Leaves nothing behind. */
import {writeFile} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import type {Embedded, ExecutionOptions, RunFirmwareOptions, RunImageOptions} from './client/embedded.js';
import type {AssemblyPlan} from './hypervisor/builtin/assembly.js';
import {CodeFolder} from './hypervisor/builtin/code-folder.js';
import {runCommand} from './hypervisor/builtin/command-run.js';
import {runConsole} from './hypervisor/builtin/console-run.js';
import {layGroundwork, openGroundwork, shapeOf} from './hypervisor/builtin/groundwork.js';
import {formatSignature} from './hypervisor/builtin/signature.js';
import {readSymbolFile} from './hypervisor/builtin/symbol-file.js';
import {type BuiltImage, imageCommandLine} from './image/image-record.js';
import {checkMemorySize} from './machine/memory-size.js';
import {checkHartCount, checkHotThreshold, checkTier} from './machine/processors.js';
import {findPaths, secureRuntimeFolder} from './paths.js';
import {ManagerError} from './protocol/errors.js';
import type {Job} from './protocol/job.js';
import {defaultNetwork} from './protocol/machine.js';
import {checkMemoryFree, checkReadable, imageFiles} from './services/boot-files.js';
import {examineHost} from './services/doctor.js';
import {openImageStore} from './services/image-service.js';
import {JobService} from './services/job-service.js';
import {checkShares} from './services/shares.js';
import {ThrowawayDisk} from './services/throwaway-disk.js';
import {VolumeTools} from './services/volume-tools.js';
import {Volumes} from './services/volumes.js';
import {loadSettings, type Settings} from './settings/settings.js';
import {ImageLocks} from './store/image-locks.js';
import {TemplateStore} from './store/template-store.js';

/** Opens it on the folders that the environment names; images are shared with the daemon. */
export async function createEmbedded(environment: NodeJS.ProcessEnv = process.env): Promise<Embedded> {
  const paths = findPaths(environment);
  const settings = await loadSettings(paths.settings);
  const store = openImageStore(paths, settings, async () => {
    const {openBuiltinDriver} = await import('./hypervisor/builtin/open-driver.js');
    return openBuiltinDriver(environment, paths, settings, 0);
  });
  const templates = new TemplateStore(paths.templates);
  const locks = new ImageLocks(paths.imageLocks);
  const codeFolder = join(paths.cache, 'code');
  const volumes = new Volumes(settings.disks, locks);

  async function provideImage({image, signal, onProgress}: RunImageOptions): Promise<BuiltImage> {
    if ((await templates.find(image)) !== undefined)
      throw new ManagerError(
        'not-supported',
        `The image ${image} was made from a machine; throwaway machines are made of recipes.`,
        `Make a machine of it: viv create ${image} --start`,
      );
    const ready = await store.findImage(image);
    if (ready !== undefined) return ready;
    secureRuntimeFolder(paths.runtime);
    const jobs = new JobService(1);
    if (onProgress !== undefined) jobs.events.on('progressed', onProgress);
    let built: BuiltImage | undefined;
    let failure: unknown;
    const job: Job = jobs.start('image-build', image, async (cancel, report) => {
      const either = signal === undefined ? cancel : AbortSignal.any([cancel, signal]);
      built = await store.buildImage(image, {signal: either, onProgress: report}).catch((thrown: unknown) => {
        failure = thrown;
        throw thrown;
      });
    });
    await jobs.wait(job.id);
    if (built === undefined) throw failure;
    return built;
  }

  return {
    async runImage(options) {
      const hartCount = checkHartCount(options.hartCount ?? settings.machines.defaultHartCount);
      // The harts' threads load their program while the rest is found out.
      await using groundwork = openGroundwork(new CodeFolder(codeFolder));
      groundwork.startThreads(hartCount);
      const image = await provideImage(options);
      const memoryBytes = checkMemorySize(options.memoryBytes ?? image.memoryBytes);
      checkMemoryFree(memoryBytes, settings.machines.hostMemoryReserveBytes);
      const isCommand = options.command.length > 0;
      if (isCommand && (image.isInstaller || image.kernelBytes === undefined))
        throw new ManagerError(
          'not-supported',
          `Guests of the image ${image.name} take no commands from their host.`,
          `Make a machine of it, with a disk: viv create ${image.name} --disk 20G --start`,
        );
      const wanted = (options.disks ?? []).map((disk) => ({...disk, format: disk.format ?? ('raw' as const)}));
      for (const [index, disk] of wanted.entries())
        await volumes.check(disk, options.disks?.[index]?.format !== undefined);
      const shares = await checkShares(options.shares ?? [], wanted.length, [paths.home, paths.runtime]);
      await using scratch = await ThrowawayDisk.over(image, volumes, join(paths.cache, 'runs'));
      const disks = await volumes.plan('/', [...scratch.disks, ...wanted]);
      using _held = volumes.acquire(disks, `viv run ${image.name}`);
      const plan = {
        memoryBytes,
        hartCount,
        ...execution(options, settings),
        boot: imageFiles(
          image,
          imageCommandLine(image, {mode: isCommand ? 'exec' : 'shell', hostname: image.name}),
          image.name,
        ),
        disks,
        network: {...defaultNetwork, ...options.network, id: 'run'},
        shares,
        size: terminalSize(options, settings),
        codeFolder,
      };
      layGroundwork(shapeOf(plan), groundwork);
      const {command, stdin, stdout, stderr, signal, terminal} = options;
      // A guest that has booted knows what was on its disks, and in its shared folders.
      const warm =
        disks.length + shares.length === 0 ? {folder: join(paths.cache, 'warm'), imageDigest: image.digest} : undefined;
      if (isCommand) return await runCommand({plan, groundwork, warm, command, stdin, stdout, stderr, signal});
      return await runConsole({
        plan,
        groundwork,
        warm,
        stdin,
        stdout,
        signal,
        onHost: (host) => terminal?.onResize((columns, rows) => host.resize({columns, rows})),
      });
    },

    async runFirmware(options) {
      const elfPath = resolve(options.elfPath);
      await checkReadable(elfPath, 'firmware');
      const memoryBytes = checkMemorySize(options.memoryBytes);
      checkMemoryFree(memoryBytes, settings.machines.hostMemoryReserveBytes);
      const {defaultColumns: columns, defaultRows: rows} = settings.console;
      const boot = {kind: 'firmware' as const, elfPath};
      return runConsole({
        plan: {
          ...{memoryBytes, hartCount: 1, boot, disks: [], size: {columns, rows}, codeFolder},
          ...execution(options, settings),
        },
        stdin: options.stdin,
        stdout: options.stdout,
        signal: options.signal,
        onEnded: async ({assembled}) =>
          writeSignature(options, (granularity) => formatSignature(assembled.machine, granularity)),
      });
    },

    disks: new VolumeTools(settings.disks, locks),

    doctor: () => examineHost(environment),

    readSymbols: readSymbolFile,

    async bench(options) {
      const {runBench} = await import('./bench/run-bench.js');
      return runBench({...options, environment}, execution({}, settings));
    },
  };
}

/** The part of a plan that says how guest code runs. Errors: bad-request */
function execution(
  {tier, hotThreshold}: ExecutionOptions,
  {machines, regions}: Settings,
): Pick<AssemblyPlan, 'tier' | 'regions'> {
  return {
    tier: checkTier(tier ?? machines.defaultTier),
    regions: {...regions, hotThreshold: checkHotThreshold(hotThreshold ?? regions.hotThreshold)},
  };
}

function terminalSize({terminal}: RunImageOptions, {console}: Settings) {
  return {columns: terminal?.columns ?? console.defaultColumns, rows: terminal?.rows ?? console.defaultRows};
}

async function writeSignature(
  {signaturePath, signatureGranularity = 16}: RunFirmwareOptions,
  format: (granularity: 4 | 8 | 16) => string,
): Promise<void> {
  if (signaturePath !== undefined) await writeFile(signaturePath, format(signatureGranularity));
}
