import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {guestProxy} from '../../../src/manager/image/guest-apt.js';
import {machineAnswers, mirrorAnswers, withPreseed} from '../../../src/manager/image/preseed.js';
import {preseedSchema} from '../../../src/manager/protocol/machine.js';
import {describeWith} from '../../support/tools.js';

describe('what an installer is told of its host', () => {
  it('is the mirror in parts, with the port, the proxy, and the suites that there are', () => {
    const companions = [
      {address: 'http://mirror.test:3142/debian', name: 'trixie-updates'},
      {address: 'http://security.test/debian-security/', name: 'trixie-security'},
    ];
    const text = mirrorAnswers({
      mirror: 'http://mirror.test:3142/debian/',
      companions,
      proxy: 'http://proxy.test:3128',
    });
    expect(text.split('\n')).toEqual([
      'd-i mirror/country string manual',
      'd-i mirror/protocol select http',
      'd-i mirror/http/hostname string mirror.test:3142',
      'd-i mirror/http/directory string /debian',
      'd-i mirror/http/proxy string http://proxy.test:3128',
      'd-i apt-setup/services-select multiselect security, updates',
      'd-i apt-setup/security_host string security.test',
      '',
    ]);
  });

  it('is left to the installer where the host has its own in a folder', () => {
    const text = mirrorAnswers({mirror: 'file:/srv/debian', companions: [], proxy: ''});
    expect(text).not.toContain('mirror/');
  });

  it('has questions of https for a mirror of https', () => {
    const text = mirrorAnswers({mirror: 'https://mirror.test/debian', companions: [], proxy: ''});
    expect(text).toContain('d-i mirror/protocol select https\nd-i mirror/https/hostname string mirror.test\n');
  });

  it("is a proxy only where the host's apt has one for everything", () => {
    expect(guestProxy('Acquire::http::Proxy "http://proxy.test:3128/";')).toBe('http://proxy.test:3128/');
    expect(guestProxy('Acquire::http::Proxy::inside.test "http://proxy.test";\nAcquire::http::Proxy "DIRECT";')).toBe(
      '',
    );
  });

  it.each([
    ['web_1.test', 'web-1-test'],
    ['Db', 'db'],
    ['--', 'debian'],
  ])('calls the machine %s by a name that a host can have', (name, host) => {
    expect(machineAnswers(name)).toContain(`d-i netcfg/get_hostname string ${host}\n`);
  });
});

describe('answers of the user', () => {
  it.each<[string, string, boolean]>([
    ['lines of text', 'd-i a/b string ü\r\n\td-i c/d boolean true\n', true],
    ['nothing', '', true],
    ['zero bytes', 'd-i a\0', false],
    ['escape sequences', '\x1b[31m', false],
    ['too much', 'x'.repeat(262_145), false],
  ])('may be %s or not', (_, text, isTaken) => {
    expect(preseedSchema.safeParse(text).success).toBe(isTaken);
  });

  it('come with the program as an example that is taken', () => {
    const example = readFileSync(join(import.meta.dirname, '../../../docs/preseed.cfg'), 'utf8');
    expect(preseedSchema.safeParse(example).success).toBe(true);
  });
});

describeWith(['cpio'], 'an initramfs with answers', () => {
  it('has them in the file that the installer reads, behind what it had', () => {
    const folder = mkdtempSync(join(tmpdir(), 'viv-preseed-'));
    try {
      const initrd = Buffer.from('gzip of the installer');
      const made = withPreseed(initrd, {preseed: 'd-i a/b string c\n', authorizedKeys: ['ssh-ed25519 AAAA me']});
      expect(Buffer.from(made.subarray(0, initrd.length))).toEqual(initrd);
      execFileSync('cpio', ['-i', '--quiet', '-d'], {cwd: folder, input: made.subarray((initrd.length + 3) & ~3)});
      expect(readFileSync(join(folder, 'preseed.cfg'), 'utf8')).toBe('d-i a/b string c\n');
      expect(readFileSync(join(folder, 'vivarium/authorized_keys'), 'utf8')).toBe('ssh-ed25519 AAAA me\n');
    } finally {
      rmSync(folder, {recursive: true});
    }
  });
});
