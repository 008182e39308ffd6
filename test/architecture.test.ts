/** The structure of the project: which way imports point, how large files are, what registries hold. */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {dirname, join, normalize, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, it} from 'vitest';
import {ACTION_GROUPS} from '../src/tui/keys/action.js';
import {keyLabel} from '../src/tui/keys/keymap.js';
import {type Literal, literalsOf} from './support/literals.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const MAX_LINES = 600;
const MAX_TEST_LINES = 800;

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), {withFileTypes: true}).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

const sources = filesBelow('src');
const tests = filesBelow('test');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** Relative imports of a file, as paths of source files; dynamic ones too. */
function importsOf(file: string): string[] {
  const found = [...read(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, specifier]) => specifier!);
  return found.map((specifier) => {
    const path = normalize(join(dirname(file), specifier));
    const candidates = [path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx'), path];
    return candidates.find((candidate) => existsSync(join(root, candidate))) ?? path;
  });
}

const imports = new Map(sources.map((file) => [file, importsOf(file)]));
const layerOf = (file: string) => file.split('/')[1]!;
const edges = (of: (file: string) => boolean) =>
  sources.filter(of).flatMap((file) => imports.get(file)!.map((target) => ({file, target})));
const inside = (folder: string) => (file: string) => file.startsWith(`src/${folder}/`);

describe('the direction of imports', () => {
  it('keeps the engine free of the other layers', () => {
    expect(edges(inside('engine')).filter(({target}) => layerOf(target) !== 'engine')).toEqual([]);
  });

  it('lets paravirt see only the engine contract', () => {
    const foreign = edges(inside('paravirt')).filter(({target}) => layerOf(target) !== 'paravirt');
    expect(foreign.filter(({target}) => target !== 'src/engine/contract.ts')).toEqual([]);
  });

  it('lets the terminal UI see only the protocol and the client', () => {
    const foreign = edges(inside('tui')).filter(({target}) => layerOf(target) !== 'tui');
    const isAllowed = (target: string) =>
      target.startsWith('src/manager/protocol/') || target === 'src/manager/client.ts' || target.endsWith('.json');
    expect(foreign.filter(({target}) => !isAllowed(target))).toEqual([]);
  });

  it('keeps engine and paravirt out of the manager but for the builtin driver, benchmarks, volumes and images', () => {
    const offenders = edges(inside('manager')).filter(
      ({file, target}) =>
        ['engine', 'paravirt'].includes(layerOf(target)) &&
        !file.startsWith('src/manager/hypervisor/builtin/') &&
        !file.startsWith('src/manager/bench/') &&
        !/^src\/manager\/services\/(volume|image)/.test(file),
    );
    expect(offenders).toEqual([]);
  });

  it('keeps the manager out of the terminal UI', () => {
    expect(edges(inside('manager')).filter(({target}) => layerOf(target) === 'tui')).toEqual([]);
  });

  it('keeps devices apart from transports and concrete backends', () => {
    const offenders = edges(inside('paravirt/devices')).filter(({target}) =>
      /^src\/paravirt\/(transport\/|block\/formats\/|char\/backends\/)/.test(target),
    );
    expect(offenders).toEqual([]);
  });

  it('keeps instruction records apart from harts and code generation', () => {
    const offenders = edges(inside('engine/isa')).filter(({target}) => /^src\/engine\/(hart|codegen)\//.test(target));
    expect(offenders).toEqual([]);
  });

  it('keeps React out of the state of the terminal UI', () => {
    const users = sources.filter(inside('tui/state')).filter((file) => /from '(react|ink)'/.test(read(file)));
    expect(users).toEqual([]);
  });

  it('loads Ink only where the UI is rendered, since it looks at the environment then', () => {
    const seen = new Set<string>();
    const visit = (file: string) => {
      if (seen.has(file) || !imports.has(file)) return;
      seen.add(file);
      for (const target of valueImportsOf(file)) visit(target);
    };
    for (const entry of ['src/tui/main.tsx', 'src/tui/app/run-tui.ts', 'src/tui/app/run-spoken.ts']) visit(entry);
    const users = [...seen].filter((file) => /^import (?!type)[^;]*from 'ink'/m.test(read(file)));
    expect(users).toEqual([]);
  });

  it('lets screens show text only through components that escape it', () => {
    const users = sources
      .filter(inside('tui/screens'))
      .filter((file) => /import \{[^}]*\bText\b[^}]*\} from 'ink'/.test(read(file)));
    expect(users).toEqual([]);
  });

  it('has no cycles', () => {
    const done = new Set<string>();
    const open: string[] = [];
    const cycles: string[] = [];
    const visit = (file: string) => {
      if (done.has(file)) return;
      const at = open.indexOf(file);
      if (at >= 0) {
        cycles.push([...open.slice(at), file].join(' > '));
        return;
      }
      open.push(file);
      for (const target of valueImportsOf(file)) if (imports.has(target)) visit(target);
      open.pop();
      done.add(file);
    };
    for (const file of sources) visit(file);
    expect(cycles).toEqual([]);
  });
});

/** Imports that exist at run time; types may refer to each other. */
function valueImportsOf(file: string): string[] {
  const text = read(file)
    .replace(/import type [^;]+;/g, '')
    .replace(/export type \{[^;]+;/g, '');
  const found = [...text.matchAll(/(?:^|\n)(?:import|export) ([^;]*?) from '(\.[^']+)'/g)];
  return found
    .filter(([, names]) => !isTypesOnly(names!))
    .map(([, , specifier]) => {
      const path = normalize(join(dirname(file), specifier!));
      return imports.has(path.replace(/\.js$/, '.ts')) ? path.replace(/\.js$/, '.ts') : path.replace(/\.js$/, '.tsx');
    });
}

function isTypesOnly(names: string): boolean {
  const list = /^\{([\s\S]*)\}$/.exec(names.trim())?.[1];
  return list?.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type ')) ?? false;
}

describe('what the terminal UI says', () => {
  const FOLDERS = ['actions', 'app', 'casts', 'components', 'graphs', 'keys', 'screens', 'state'];
  // Words of the program, which are the same in every language: ids, names of keys, commands.
  const KEYS = ['home', 'end', 'enter', 'esc', 'tab', 'space'].map(keyLabel);
  const ALIKE: readonly string[] = [...ACTION_GROUPS, ...KEYS, ' vivarium'];
  const COMMAND = /^(viv|ssh) /;
  const isWorded = ({text, isBetweenTags}: Literal) => {
    if (ALIKE.includes(text) || COMMAND.test(text)) return false;
    if (isBetweenTags) return /\p{L}/u.test(text);
    const isSentence = /\p{L}[,.:;!?…)]* +\(?\p{L}/u.test(text);
    // A word beside a value, or at an end that waits for one.
    const isAboutValue = /\p{Ll}{2,}[,.:;!?…)]* +(\(?\{\}|$)|(^|\{\}[,.:;!?…)]*) +\(?\p{Ll}{2,}/u.test(text);
    const isTitle = /^\s*\p{Lu}\p{Ll}+[.:!?…]*\s*$/u.test(text);
    return isSentence || isAboutValue || isTitle;
  };

  it('stands in the catalogue and not where it is shown', () => {
    const files = sources.filter((file) => FOLDERS.some((folder) => inside(`tui/${folder}`)(file)));
    const worded = literalsOf(root, files).filter(isWorded);
    expect(worded.map(({file, text}) => `${file}: ${JSON.stringify(text)}`)).toEqual([]);
  });

  it('is made of plain values, by a catalogue that imports nothing else', () => {
    expect(edges(inside('tui/text')).filter(({target}) => !target.startsWith('src/tui/text/'))).toEqual([]);
  });
});

describe('files', () => {
  it.each([
    ['src', sources, MAX_LINES],
    ['test', tests, MAX_TEST_LINES],
  ] as const)('in %s stay readable in length', (_, files, limit) => {
    expect(files.filter((file) => read(file).split('\n').length > limit + 1)).toEqual([]);
  });

  it('take zod without its languages, which every process would load', () => {
    expect(sources.filter((file) => /import \{[^}]*\bz\b[^}]*\} from 'zod'/.test(read(file)))).toEqual([]);
  });

  it('have no default exports, no index and no utils', () => {
    expect(sources.filter((file) => /^export default/m.test(read(file)))).toEqual([]);
    expect(sources.filter((file) => /(^|\/)(index\.tsx?|utils?)(\/|$)/.test(relative('src', file)))).toEqual([]);
  });
});

describe('a registry', () => {
  const registries = sources.filter((file) => file.endsWith('/registry.ts'));

  it.each(registries)('%s holds only export lines', (file) => {
    const lines = read(file)
      .split('\n')
      .filter((line) => line.trim() !== '');
    expect(lines.filter((line) => !/^export \{[\w, ]+\} from '\.\/[\w/.-]+';$/.test(line))).toEqual([]);
  });

  it.each(registries)('%s lists every sibling that is not a part of a listed one', (file) => {
    const folder = dirname(file);
    const listed = new Set(imports.get(file));
    // What listed siblings import from this folder is a part of them, not an entry of its own.
    const parts = new Set([...listed].flatMap((entry) => imports.get(entry) ?? []));
    const siblings = sources.filter((other) => dirname(other) === folder && other !== file);
    const isShared = (other: string) => siblings.some((sibling) => imports.get(sibling)!.includes(other));
    const usesRegistry = (other: string) => imports.get(other)!.includes(file);
    expect(
      siblings.filter((other) => !listed.has(other) && !parts.has(other) && !isShared(other) && !usesRegistry(other)),
    ).toEqual([]);
  });
});
