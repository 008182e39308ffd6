import {execFileSync} from 'node:child_process';

/** A device tree as dtc, an independent reader, sees it: path → property → value as dtc prints it. */
export type DecodedTree = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Decodes a blob. Throws with dtc's complaints when it is not a well-formed device tree. */
export function decodeFdt(blob: Uint8Array): {readonly nodes: DecodedTree; readonly source: string} {
  const source = execFileSync('dtc', ['-q', '-I', 'dtb', '-O', 'dts'], {input: blob, encoding: 'utf8'});
  const nodes = new Map<string, Map<string, string>>();
  const path: string[] = [];
  for (const line of source.split('\n').map((each) => each.trim())) {
    const opened = /^(\S+) \{$/.exec(line);
    const property = /^([^\s=;]+)(?: = (.*))?;$/.exec(line);
    if (opened) {
      path.push(opened[1]!);
      nodes.set(pathOf(path), new Map());
    } else if (line === '};') {
      path.pop();
    } else if (property && path.length > 0) {
      nodes.get(pathOf(path))!.set(property[1]!, property[2] ?? '');
    }
  }
  return {nodes, source};
}

/** Complaints of dtc's checks (phandles, interrupts, unit addresses …), one a line; empty when it has none. */
export function checkFdt(blob: Uint8Array): string {
  return execFileSync('sh', ['-c', 'dtc -I dtb -O dtb -o /dev/null 2>&1'], {input: blob, encoding: 'utf8'});
}

/** A cell list as numbers. */
export function cellsIn(value: string | undefined): number[] {
  return [...(value ?? '').matchAll(/0x[0-9a-f]+/g)].map((match) => Number(match[0]));
}

function pathOf(path: readonly string[]): string {
  return path.length === 1
    ? '/'
    : path
        .slice(1)
        .map((name) => `/${name}`)
        .join('');
}
