/** Takes files out of .deb packages through `dpkg-deb`, which comes with apt. */
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {ManagerError} from '../protocol/errors.js';
import {aptFailure} from './apt-failure.js';
import {type HostProcessOptions, runHostProcess} from './host-process.js';
import {readTar, type TarEntry, TarError} from './tar.js';

/** What running dpkg-deb needs. */
export type PackageTools = Pick<HostProcessOptions, 'environment' | 'signal'>;

/**
 * Hands each entry of a package to `visit`, which may read its body.
 * Errors: package-broken, apt-missing, cancelled, and what `visit` throws
 */
export async function visitPackage(
  path: string,
  tools: PackageTools,
  visit: (entry: TarEntry) => Promise<void>,
): Promise<void> {
  try {
    const result = await runHostProcess('dpkg-deb', ['--fsys-tarfile', path], {
      ...tools,
      onOutput: async (stream) => {
        for await (const entry of readTar(stream)) await visit(entry);
        // Behind the end mark only padding follows; read it so that dpkg-deb ends by itself and its status counts.
        for await (const _ of stream);
      },
    });
    if (result.status !== 0) throw packageBroken(path, result.stderr.trim());
  } catch (error) {
    if (error instanceof TarError) throw packageBroken(path, error.message, error);
    throw error;
  }
}

/**
 * Unpacks the content of an .xz file. Node has no xz and the program `xz` need not be there, but dpkg-deb has it built in: wrapped as
 * the data member of a package, the file comes out unpacked.
 * Errors: package-broken, apt-missing, cancelled
 */
export async function unpackXz(packed: Uint8Array, scratchFolder: string, tools: PackageTools): Promise<Uint8Array> {
  const folder = await mkdtemp(join(scratchFolder, 'xz-'));
  try {
    const wrapped = join(folder, 'wrapped.deb');
    const members = [
      ['debian-binary', Buffer.from('2.0\n')],
      ['control.tar', Buffer.alloc(1024)],
      ['data.tar.xz', packed],
    ] as const;
    await writeFile(wrapped, archiveOf(members));
    const result = await runHostProcess('dpkg-deb', ['--fsys-tarfile', wrapped], tools);
    if (result.status !== 0)
      throw /No space left/.test(result.stderr)
        ? aptFailure(result.stderr)
        : packageBroken(wrapped, result.stderr.trim());
    return result.stdout;
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/**
 * A package again with its two parts not compressed: a guest's processor has better things to do.
 * Errors: package-broken, apt-missing, cancelled
 */
export async function unpackedPackage(path: string, tools: PackageTools): Promise<Uint8Array> {
  const part = async (option: string) => {
    const result = await runHostProcess('dpkg-deb', [option, path], tools);
    if (result.status !== 0) throw packageBroken(path, result.stderr.trim());
    return result.stdout;
  };
  const [control, data] = await Promise.all([part('--ctrl-tarfile'), part('--fsys-tarfile')]);
  return archiveOf([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar', control],
    ['data.tar', data],
  ]);
}

function packageBroken(path: string, reason: string, cause?: unknown): ManagerError {
  return new ManagerError(
    'package-broken',
    `The package file ${path} cannot be unpacked: ${reason.replace(/[^\x20-\x7e]/g, '?').slice(0, 300)}.`,
    'Delete it and build the image again.',
    {cause},
  );
}

/**
 * Shape:  ar archive = "!<arch>\n", then members of a 60-byte header and data padded to an even length
 * Source: deb(5)
 */
function archiveOf(members: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const parts = members.flatMap(([name, body]) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(body.length).padEnd(10)}\`\n`;
    return [Buffer.from(header), body, Buffer.alloc(body.length & 1, '\n')];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}
