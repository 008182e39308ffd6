import {ManagerError} from '../protocol/errors.js';

/** True when apt's messages (in English) say that the archive could not be reached. */
export function isNetworkFailure(stderr: string): boolean {
  return /Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Connection failed|Connection timed out|connection timed out|Network is unreachable|No route to host|Connection refused|Something wicked happened resolving/.test(
    stderr,
  );
}

/** Makes an error of what apt or dpkg printed. Codes: disk-full, network-unreachable, keyring-missing, package-broken, apt-failed */
export function aptFailure(stderr: string): ManagerError {
  const reason = firstComplaint(stderr);
  if (/No space left on device|enough free space|Disk quota exceeded/.test(stderr))
    return new ManagerError('disk-full', `The disk is full: ${reason}.`, 'Free about 400 MB and try again.');
  if (isNetworkFailure(stderr))
    return new ManagerError(
      'network-unreachable',
      `The Debian archive cannot be reached: ${reason}.`,
      'Check the network and the proxy, or set images.debianMirror to another mirror.',
    );
  if (/NO_PUBKEY|EXPKEYSIG|couldn't be verified|is not signed/.test(stderr))
    return new ManagerError(
      'keyring-missing',
      `The archive's signature cannot be verified: ${reason}.`,
      'Upgrade the package debian-archive-keyring, or correct images.debianMirror.',
    );
  if (/Hash Sum mismatch|unexpected size/.test(stderr))
    return new ManagerError(
      'package-broken',
      `The Debian archive sent something else than its lists tell: ${reason}.`,
      'Nothing of it was kept. Try again in a while; if it stays so, set images.debianMirror to another mirror.',
    );
  return new ManagerError(
    'apt-failed',
    `apt-get failed: ${reason}.`,
    'If images.debianMirror is set, check that it is a Debian archive with riscv64 packages.',
  );
}

/** The first `E:` or `Err:` text, else the last line: apt's warnings before it seldom say why. */
function firstComplaint(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const complaint =
    lines.find((line) => line.startsWith('E: ')) ?? lines.findLast((line) => line !== '') ?? 'no reason given';
  // What a mirror sends ends up here: no control characters on a person's terminal.
  return complaint
    .replace(/^E: /, '')
    .replace(/[^\x20-\x7e]/g, '?')
    .replace(/\.+$/, '')
    .slice(0, 300);
}
