import {resolve} from 'node:path';
import type {Command} from 'commander';
import {type ImportRecipe, isAddress, readImportRecipe} from '../../../manager/client.js';
import {imageImport, imageList} from '../../../manager/protocol/image.js';
import type {ImageImport} from '../../../manager/protocol/image-import.js';
import {formatBytes} from '../../state/presenters/units.js';
import type {CliContext} from '../cli-context.js';
import type {JsonOption} from '../command.js';
import {parseDiskOption} from '../disk-option.js';
import {collect, cpusOption, sizeOption} from '../parse-values.js';
import {followJob} from '../progress.js';
import {UsageError} from '../report-error.js';

interface ImportOptions extends JsonOption {
  readonly kernel?: string;
  readonly initrd?: string;
  readonly firmware?: string;
  readonly disk?: readonly string[];
  readonly cmdline?: string;
  readonly title?: string;
  readonly memory?: number;
  readonly cpus?: number;
}

/** `viv image import`. */
export function registerImport(group: Command, cli: CliContext): void {
  group
    .command('import')
    .description('make an image of files that are there already, or of what a recipe names (Ctrl-C cancels)')
    .argument('<image>', 'name of the image; or a recipe: a .json file, or an address of one')
    .option('--kernel <file>', 'Linux kernel to boot')
    .option('--initrd <file>', 'initramfs that goes with it')
    .option('--cmdline <text>', 'kernel command line')
    .option('--firmware <file>', 'ELF file to boot instead of a kernel')
    .option('--disk <file>', 'disk, as for `viv create`; may be given more than once', collect)
    .option('-m, --memory <size>', 'memory of machines made of it, as 512M', sizeOption)
    .option('--cpus <count>', 'number of CPUs of machines made of it', cpusOption)
    .option('--title <text>', 'what it is, for `viv image ls`')
    .option('--json', 'print the image as JSON')
    .addHelpText(
      'after',
      `
Examples:
  viv image import mine --kernel vmlinux --initrd initrd --cmdline 'console=hvc0' --disk root.qcow2
  viv image import recipe.json
`,
    )
    .action(async (what: string, options: ImportOptions) => {
      const {name, image: from} = await readImport(what, options);
      const client = await cli.connect();
      const {job, image: made} = await client.request(imageImport, {image: name, from});
      await followJob(cli, client, job);
      const image = (await client.request(imageList, {})).images.find((one) => one.name === made);
      if (options.json) cli.printJson(image);
      else cli.note(`${made} is ready (${formatBytes(image?.sizeBytes ?? 0)}). Try it: viv create ${made} --start`);
    });
}

/** Errors: wrong usage, recipe-broken, file-not-found, download-failed */
async function readImport(
  what: string,
  {kernel, initrd, firmware, disk = [], cmdline, title, memory, cpus}: ImportOptions,
): Promise<ImportRecipe> {
  const options = {
    ...(kernel === undefined ? {} : {kernel: {path: resolve(kernel)}}),
    ...(initrd === undefined ? {} : {initrd: {path: resolve(initrd)}}),
    ...(firmware === undefined ? {} : {firmware: {path: resolve(firmware)}}),
    ...(cmdline === undefined ? {} : {commandLine: cmdline}),
    ...(title === undefined ? {} : {title}),
    ...(memory === undefined ? {} : {memoryBytes: memory}),
  };
  const disks = disk.map(parseImportDisk);
  if (!isAddress(what) && !what.endsWith('.json'))
    return {name: what, image: {...options, disks, hartCount: cpus ?? 1}};
  if (Object.keys(options).length + disks.length > 0 || cpus !== undefined)
    throw new UsageError('A recipe says everything itself.', 'Leave the options out, or give the image a name.');
  return readImportRecipe(what);
}

function parseImportDisk(text: string): ImageImport['disks'][number] {
  const disk = parseDiskOption(text);
  if ('path' in disk) return disk;
  throw new UsageError(`${text} is a size, and an image is made of disks that are there.`, 'Name the file of a disk.');
}
