/** What a machine tells its guest at its first boot, in an archive behind the initramfs of its image. */
import {writeCpio} from './cpio.js';

/** Who may log in as root; lines as in authorized_keys. */
export interface Seed {
  readonly authorizedKeys: readonly string[];
}

/**
 * An initramfs with a seed behind it: Linux unpacks one archive over the other. What is in `seed/credentials` becomes
 * credentials of systemd (see `configs/images/debian/initrd/init`), which writes root's keys where there are none.
 * Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst; systemd.system-credentials(7)
 */
export function withSeed(initrd: Uint8Array, {authorizedKeys}: Seed): Uint8Array {
  if (authorizedKeys.length === 0) return initrd;
  const keys = Buffer.from(authorizedKeys.map((line) => `${line}\n`).join(''));
  const archive = writeCpio([
    {kind: 'directory', path: 'seed', mode: 0o700},
    {kind: 'directory', path: 'seed/credentials', mode: 0o700},
    {kind: 'file', path: 'seed/credentials/ssh.authorized_keys.root', mode: 0o600, data: keys},
  ]);
  // Archives begin at multiples of four.
  return Buffer.concat([initrd, Buffer.alloc(-initrd.length & 3), archive]);
}
