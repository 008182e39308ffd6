import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, beforeAll} from 'vitest';
import {bundleOptions} from '../../scripts/build.js';
import {bundleOfRun} from './run-bundle.js';
import {type TerminalOptions, TerminalSession} from './terminal.js';

/** The bundled program that runs the real TUI over a scripted fleet. */
export interface TuiProgram {
  /** Opens it at a terminal, with preferences of its own. `fleet` is a list like `web-1:running,db:defined`. */
  open(
    fleet: string,
    window?: Pick<TerminalOptions, 'columns' | 'rows' | 'hasWideEmoji'>,
    env?: Readonly<Record<string, string>>,
  ): TerminalSession;
  /** Opens it as a script does: a shell without job control, which says `over` once the program has ended. */
  openInShell(fleet: string): TerminalSession;
}

/** The program for the tests of one file, run in a home that is gone after them: what it shows is no matter of the checkout. */
export function tuiOfFile(): TuiProgram {
  let program: string;
  let home: string;
  let opened = 0;
  beforeAll(async () => {
    program = await bundleOfRun('tui-program.ts', {...bundleOptions, sourcemap: false});
    home = await mkdtemp(join(tmpdir(), 'viv-tui-'));
  });
  afterAll(() => rm(home, {recursive: true, force: true}));
  const environment = (fleet: string) => ({
    ...{FLEET: fleet, HOME: home, XDG_CONFIG_HOME: join(home, `config-${++opened}`)},
    // Compiled once for the run as well.
    NODE_COMPILE_CACHE: join(dirname(program), 'cache'),
  });
  return {
    open: (fleet, window = {columns: 120, rows: 35}, env = {}) =>
      new TerminalSession({
        command: process.execPath,
        args: [program],
        cwd: home,
        env: {...environment(fleet), ...env},
        ...window,
      }),
    openInShell: (fleet) =>
      new TerminalSession({
        command: '/bin/sh',
        args: ['-c', 'echo before; "$0" "$1"; echo "over: $(stty -a)"; read line', process.execPath, program],
        cwd: home,
        env: environment(fleet),
      }),
  };
}
