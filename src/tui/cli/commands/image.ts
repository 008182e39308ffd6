import type {Command} from 'commander';
import {type Image, imageBuild, imageFrom, imageList, imageRemove} from '../../../manager/protocol/image.js';
import {formatBytes} from '../../state/presenters/units.js';
import type {CliContext} from '../cli-context.js';
import type {CliCommand, JsonOption} from '../command.js';
import {formatTable} from '../output.js';
import {followJob} from '../progress.js';
import {registerImport} from './image-import.js';

function sizeText({sizeBytes, downloadBytes}: Image): string {
  if (sizeBytes !== undefined) return formatBytes(sizeBytes);
  return downloadBytes === undefined ? '' : `${formatBytes(downloadBytes)} to fetch`;
}

/** `viv image`: the images machines boot from. */
export const image: CliCommand = {
  rank: 13,
  register(program: Command, cli: CliContext): void {
    const group = program.command('image').description('list, build and remove images, and make them from machines');
    group
      .command('ls')
      .description('list images and whether they are built')
      .option('--json', 'print them as JSON')
      .action(async (options: JsonOption) => {
        const client = await cli.connect();
        const {images} = await client.request(imageList, {});
        if (options.json) {
          cli.printJson(images);
          return;
        }
        const rows = images.map((one) => [one.name, one.state, sizeText(one), one.title]);
        cli.print(formatTable(['NAME', 'STATE', 'SIZE', 'WHAT IT IS'], rows));
      });
    group
      .command('build')
      .description('build an image (Ctrl-C cancels and leaves nothing half-made)')
      .argument('<image>', 'image')
      .option('--force', 'build it anew when it is ready')
      .option('--json', 'print the image as JSON')
      .action(async (name: string, options: JsonOption & {force?: boolean}) => {
        const client = await cli.connect();
        const {job} = await client.request(imageBuild, {image: name, isForced: options.force ?? false});
        await followJob(cli, client, job);
        const built = (await client.request(imageList, {})).images.find((one) => one.name === job.subject);
        if (options.json) cli.printJson(built);
        else cli.note(`${job.subject} is ready. Try it: ${exampleOf(job.subject, built?.needsDisk)}`);
      });
    group
      .command('from')
      .description('make an image from a machine, which goes on, or from a snapshot of it')
      .argument('<name>', 'machine')
      .argument('[image]', 'name of the image (default: that of the machine)')
      .option('--snapshot <snapshot>', 'from this snapshot instead of how it is now')
      .option('--json', 'print the image as JSON')
      .action(async (machine: string, name: string | undefined, options: JsonOption & {snapshot?: string}) => {
        const client = await cli.connect();
        const {snapshot} = options;
        const {job, image: made} = await client.request(imageFrom, {
          machine,
          ...(name === undefined ? {} : {image: name}),
          ...(snapshot === undefined ? {} : {snapshot}),
        });
        await followJob(cli, client, job);
        const image = (await client.request(imageList, {})).images.find((one) => one.name === made);
        if (options.json) cli.printJson(image);
        else cli.note(`${made} is ready (${formatBytes(image?.sizeBytes ?? 0)}). Try it: viv create ${made} --start`);
      });
    registerImport(group, cli);
    group
      .command('rm')
      .description('delete an image; the recipe of a built one stays')
      .argument('<image>', 'image')
      .option('--json', 'print how much was freed as JSON')
      .action(async (name: string, options: JsonOption) => {
        const client = await cli.connect();
        const freed = await client.request(imageRemove, {image: name});
        if (options.json) cli.printJson(freed);
        else cli.note(`${name} was deleted; ${formatBytes(freed.freedBytes)} are free again.`);
      });
  },
};

/** What shows what an image is for. */
function exampleOf(name: string, needsDisk: Image['needsDisk']): string {
  if (needsDisk === 'empty') return `viv create ${name} --disk 20G --start`;
  if (needsDisk === 'bootable') return 'viv create --disk FILE --start';
  return `viv run ${name} -- uname -a`;
}
