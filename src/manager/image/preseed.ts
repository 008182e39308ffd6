/** What Debian's installer is told, in an archive behind its initramfs: answers to its questions, and who may log in. */
import {writeCpio} from './cpio.js';
import type {Suite} from './guest-apt.js';

/** Appended to the installer's kernel command line: it asks nothing that has an answer, or could have. */
export const UNATTENDED = 'auto=true priority=critical';

/** Where the guest's packages are to come from, as the host has it. */
export interface InstallSource {
  readonly mirror: string;
  /** Updates and security that there are. */
  readonly companions: readonly Suite[];
  /** Of the host's apt; empty for none. */
  readonly proxy: string;
}

/** The installer knows no other place for it than this one of some host. */
const SECURITY_ADDRESS = /^http:\/\/[^/]+\/debian-security\/?$/;

/**
 * Answers about the archive. A network address is cut up as the installer wants it; an archive that the host reaches as files
 * is none for a guest, and the installer asks for one unless the user's answers have it.
 * Source: Debian installation guide, appendix B.4; debian-installer's choose-mirror and apt-setup
 */
export function mirrorAnswers({mirror, companions, proxy}: InstallSource): string {
  const security = companions.find(({name, address}) => name.endsWith('-security') && SECURITY_ADDRESS.test(address));
  // One that cannot be reached would be asked about, whatever the priority.
  const services = [
    ...(security === undefined ? [] : ['security']),
    ...(companions.some(({name}) => name.endsWith('-updates')) ? ['updates'] : []),
  ];
  return answers([
    ...(/^https?:/.test(mirror) ? addressAnswers(new URL(mirror), proxy) : []),
    `apt-setup/services-select multiselect ${services.join(', ')}`,
    ...(security === undefined ? [] : [`apt-setup/security_host string ${new URL(security.address).host}`]),
  ]);
}

function addressAnswers({protocol, host, pathname}: URL, proxy: string): readonly string[] {
  const scheme = protocol.slice(0, -1);
  return [
    'mirror/country string manual',
    `mirror/protocol select ${scheme}`,
    `mirror/${scheme}/hostname string ${host}`,
    `mirror/${scheme}/directory string ${pathname.replace(/\/+$/, '') || '/'}`,
    `mirror/${scheme}/proxy string ${proxy}`,
  ];
}

/** Answers about the machine. */
export function machineAnswers(hostName: string): string {
  const name = hostName
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .replace(/^-+|-+$/g, '');
  return answers([`netcfg/get_hostname string ${name || 'debian'}`, 'netcfg/get_domain string']);
}

function answers(lines: readonly string[]): string {
  return lines.map((line) => `d-i ${line}\n`).join('');
}

/**
 * An initramfs with answers behind it: Linux unpacks one archive over the other, and the installer reads `/preseed.cfg` before it
 * asks anything. Of two answers to a question the later one counts. Keys are left in `/vivarium/authorized_keys`.
 */
export function withPreseed(
  initrd: Uint8Array,
  {preseed, authorizedKeys}: {readonly preseed: string; readonly authorizedKeys: readonly string[]},
): Uint8Array {
  const keys = authorizedKeys.map((line) => `${line}\n`).join('');
  const archive = writeCpio([
    {kind: 'file', path: 'preseed.cfg', mode: 0o600, data: Buffer.from(preseed)},
    {kind: 'directory', path: 'vivarium', mode: 0o700},
    {kind: 'file', path: 'vivarium/authorized_keys', mode: 0o600, data: Buffer.from(keys)},
  ]);
  return Buffer.concat([initrd, Buffer.alloc(-initrd.length & 3), archive]);
}
