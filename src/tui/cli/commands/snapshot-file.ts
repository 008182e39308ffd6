import {resolve} from 'node:path';
import type {Command} from 'commander';
import {machineShow} from '../../../manager/protocol/machine.js';
import {snapshotExport, snapshotImport} from '../../../manager/protocol/snapshot-file.js';
import type {CliContext} from '../cli-context.js';
import type {JsonOption} from '../command.js';
import {followJob} from '../progress.js';

/** `viv snapshot export` and `import`: snapshots as files. */
export function registerSnapshotFiles(group: Command, cli: CliContext): void {
  group
    .command('export')
    .description('write a snapshot into a file that restores on any host (Ctrl-C cancels and leaves nothing)')
    .argument('<name>', 'machine')
    .argument('<snapshot>', 'snapshot')
    .option('-o, --output <file>', 'file to make (default: NAME-SNAPSHOT.tar)')
    .option('--json', 'print the file and the job as JSON')
    .action(async (machine: string, snapshot: string, options: JsonOption & {output?: string}) => {
      const client = await cli.connect();
      const path = resolve(options.output ?? `${machine}-${snapshot}.tar`);
      const {job} = await client.request(snapshotExport, {machine, snapshot, path});
      await followJob(cli, client, job);
      if (options.json) cli.printJson({path, machine, snapshot});
      else cli.note(`${snapshot} is in ${path}. Anywhere: viv snapshot import ${options.output ?? path}`);
    });
  group
    .command('import')
    .description('make a machine of an exported snapshot; viv start goes on from there')
    .argument('<file>', 'exported snapshot')
    .option('-n, --name <name>', 'its name; the one it had, or one is chosen when left out')
    .option('--json', 'print the machine as JSON')
    .action(async (file: string, options: JsonOption & {name?: string}) => {
      const client = await cli.connect();
      const {name} = options;
      const {job, machineId} = await client.request(snapshotImport, {
        path: resolve(file),
        ...(name === undefined ? {} : {name}),
      });
      await followJob(cli, client, job);
      const {machine} = await client.request(machineShow, {machine: machineId});
      if (options.json) cli.printJson(machine);
      else cli.print(machine.name);
    });
}
