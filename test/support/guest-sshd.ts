/** An SSH server for guests that have only busybox: Debian's dropbear, with the libraries it needs and an sftp-server. */
import {execFile} from 'node:child_process';
import {copyFile, mkdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {Apt} from '../../src/manager/image/apt.js';
import {testImageCache} from './debian-mini.js';

/** Packages, and what is taken of each: from where, to where in the guest. */
const LIBRARIES = 'lib/riscv64-linux-gnu';
const PARTS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'dropbear-bin': [['usr/sbin/dropbear', 'bin/dropbear']],
  'openssh-sftp-server': [['usr/lib/openssh/sftp-server', 'usr/lib/sftp-server']],
  libc6: [
    [`usr/${LIBRARIES}/libc.so.6`, `${LIBRARIES}/libc.so.6`],
    [`usr/${LIBRARIES}/ld-linux-riscv64-lp64d.so.1`, 'lib/ld-linux-riscv64-lp64d.so.1'],
  ],
  ...Object.fromEntries(
    Object.entries({
      libcrypt1: 'libcrypt.so.1',
      libgmp10: 'libgmp.so.10',
      libtomcrypt1: 'libtomcrypt.so.1',
      libtommath1: 'libtommath.so.1',
      zlib1g: 'libz.so.1',
    }).map(([name, file]) => [name, [[`usr/${LIBRARIES}/${file}`, `${LIBRARIES}/${file}`]]]),
  ),
};

/** Fills `folder`, which is made, with what `cp -a` puts into the root of a guest. */
export async function fetchGuestSshd(folder: string): Promise<void> {
  await mkdir(folder, {recursive: true});
  const apt = await Apt.open({
    folder: join(testImageCache, 'apt-sshd'),
    suite: 'trixie',
    component: 'main',
    architecture: 'riscv64',
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
    environment: process.env,
  });
  await apt.update(() => undefined);
  for (const [name, files] of Object.entries(PARTS)) {
    const path = await apt.download(await apt.describe(name), () => undefined);
    const unpacked = join(folder, `.${name}`);
    await promisify(execFile)('dpkg-deb', ['-x', path, unpacked]);
    for (const [from, to] of files) {
      await mkdir(join(folder, to, '..'), {recursive: true});
      await copyFile(join(unpacked, from), join(folder, to));
    }
    await rm(unpacked, {recursive: true});
  }
}

/** What a guest runs to be reachable by a key, once `/mnt/sshd` is such a folder and its standard input the public key. */
export const START_GUEST_SSHD = `cp -a /mnt/sshd/* / && mkdir -p /root/.ssh /etc/dropbear && cat >>/root/.ssh/authorized_keys &&
chmod -R go-rwx /root/.ssh && setsid dropbear -R -s >/dev/null 2>&1 </dev/null`;
