import {describe, expect, test} from 'vitest';
import {bootStageOf} from '../../../src/tui/state/boot-stage.js';

describe('the stage of a boot', () => {
  test.each([
    ['', undefined],
    ['U-Boot 2025.01 (Jan 01 2025)', 'boot loader'],
    ['[    0.000000] Linux version 6.12.38+deb13-riscv64', 'kernel'],
    ['[    1.203344] Freeing unused kernel image (initmem) memory: 2192K', 'kernel'],
    ['[    1.303344] Run /init as init process', 'initramfs'],
    ['[    3.103344] EXT4-fs (vda): mounted filesystem', 'file systems'],
    ['[    5.000123] systemd[1]: Reached target local-fs.target', 'services'],
    ['[  OK  ] Started ssh.service - OpenBSD Secure Shell server.', 'services'],
    ['Debian GNU/Linux 13 web-1 hvc0\n\nweb-1 login: ', undefined],
    ['~ # ', undefined],
    ['[    9.0] x\nroot@web-1:~# ', undefined],
    ['what a program prints', undefined],
  ])('of %j is %s', (text, stage) => expect(bootStageOf(text.split('\n'))).toBe(stage));

  test('is that of the newest line that tells', () => {
    expect(bootStageOf(['[    1.3] x', '[  OK  ] Reached target x.', '', 'some other line', ''])).toBe('services');
  });
});
