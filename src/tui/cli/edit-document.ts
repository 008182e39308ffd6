/** `viv edit NAME` without options: the machine as JSON in an editor, again until it is right or given up. */
import {createInterface} from 'node:readline/promises';
import {PrivateFile} from '../../manager/client.js';
import {ManagerError} from '../../manager/protocol/errors.js';
import {type Machine, machineEdit, machineLabel, machineRename, machineShow} from '../../manager/protocol/machine.js';
import type {FleetClient} from '../app/backend.js';
import type {MachineChanges} from '../state/machine-words.js';
import {visibleText} from '../terminal/visible-text.js';
import {text} from '../text/text.js';
import type {CliContext} from './cli-context.js';
import {findEditor, runEditor} from './external-editor.js';
import {documentChanges, documentOf, readDocument} from './machine-document.js';

/** Answers with the machine as it is afterwards, and what was changed. Errors: those of the requests, bad-request, cancelled */
export async function editDocument(
  cli: CliContext,
  client: FleetClient,
  reference: string,
): Promise<{readonly machine: Machine; readonly changes: MachineChanges}> {
  const editor = findEditor(process.env);
  const {machine} = await client.request(machineShow, {machine: reference});
  if (!machine.verbs.rename.isAllowed)
    throw new ManagerError('wrong-state', machine.verbs.rename.reason, text.editor.lockedHint(machine.name));
  const document = `${JSON.stringify(documentOf(machine), undefined, 2)}\n`;
  await using file = await PrivateFile.create(`${machine.name}.json`, document);
  // Ctrl-C is meant for the editor, which may do something else with it: asking for it makes this program go on.
  const {interrupted} = cli;
  let before = documentOf(machine);
  const all: MachineChanges[] = [];
  for (;;) {
    await runEditor(editor, file.path);
    const after = readDocument(await file.read(), machine);
    const problem = typeof after === 'string' ? new ManagerError('bad-request', after, '') : await tryAll(after);
    if (problem === undefined) break;
    if (cli.streams.stdin.isTTY !== true) throw problem;
    cli.note(`viv: ${visibleText([problem.message, problem.hint].join(' ').trim())}`);
    if (!(await wantsMore(cli, interrupted))) throw new ManagerError('cancelled', text.editor.givenUp, '');
  }
  const {machine: after} = await client.request(machineShow, {machine: machine.id});
  return {machine: after, changes: Object.assign({}, ...all) as MachineChanges};

  // What was done before something failed holds, and is not asked for again.
  async function tryAll(after: ReturnType<typeof documentOf>): Promise<ManagerError | undefined> {
    const {edit, label, name} = documentChanges(before, after);
    try {
      if (edit) {
        await client.request(machineEdit, {machine: machine.id, ...edit});
        all.push({edit});
        before = {...after, name: before.name, group: before.group, tags: before.tags};
      }
      if (label) {
        await client.request(machineLabel, {machine: machine.id, ...label});
        all.push({label});
        before = {...before, group: after.group, tags: after.tags};
      }
      if (name !== undefined) {
        await client.request(machineRename, {machine: machine.id, name});
        all.push({name});
      }
      return undefined;
    } catch (thrown) {
      if (thrown instanceof ManagerError) return thrown;
      throw thrown;
    }
  }
}

/** Asks whether to go on: Enter does, `q` and the end of the input give up. */
async function wantsMore(cli: CliContext, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({input: cli.streams.stdin, output: cli.streams.stderr});
  try {
    const closed = new Promise<string>((resolve) => {
      lines.once('close', () => resolve('q'));
      lines.once('SIGINT', () => resolve('q'));
      signal.addEventListener('abort', () => resolve('q'), {once: true});
    });
    const answer = await Promise.race([lines.question(`     ${text.editor.goOn} `), closed]);
    return !/^\s*[qn]/i.test(answer);
  } finally {
    lines.close();
  }
}
