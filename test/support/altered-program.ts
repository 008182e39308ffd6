/**
 * The built program with code of a test's run first in one of its threads: real processes in which something breaks.
 * Lies in a folder of its own, beside links to what the program looks for.
 */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** See the module. Disposing it removes the folder. */
export class AlteredProgram implements Disposable {
  /** Start file of machine processes. */
  readonly machine: string;
  /** Start file of the command line. */
  readonly viv: string;
  readonly #folder: string;

  /** `code` is JavaScript that runs before the entry does. */
  constructor(entry: 'hart' | 'compiler', code: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'viv-altered-'));
    const dist = join(this.#folder, 'dist');
    mkdirSync(dist);
    for (const name of readdirSync(join(root, 'dist')))
      if (name.endsWith('.js')) copyFileSync(join(root, 'dist', name), join(dist, name));
    for (const name of ['package.json', 'configs', 'node_modules'])
      symlinkSync(join(root, name), join(this.#folder, name));
    renameSync(join(dist, `${entry}.js`), join(dist, `${entry}-real.js`));
    writeFileSync(join(dist, 'altered.js'), code);
    writeFileSync(join(dist, `${entry}.js`), `import './altered.js';\nimport './${entry}-real.js';\n`);
    this.machine = join(dist, 'machine.js');
    this.viv = join(dist, 'viv.js');
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, {recursive: true, force: true});
  }
}
