import {describe, expect, test} from 'vitest';
import {BOOT_TOLD_MS, bootStageOf, hasArrived, toldStage} from '../../../src/tui/state/boot-stage.js';

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

describe('a guest has arrived', () => {
  test.each([
    ['web-1 login: ', true],
    ['~ # ', true],
    ['root@web-1:~# \n\n', true],
    ['web-1:~# make\ncc -o main main.c', true],
    ['[    1.203344] web-1: 5% done', false],
    ['', false],
    ['[    1.203344] clk: 100%', false],
    ['[  OK  ] Started load at 33%', false],
    ['what a program prints', false],
  ])('with %j: %s', (text, isArrived) => expect(hasArrived(text.split('\n'))).toBe(isArrived));
});

describe('a stage is told', () => {
  const machine = {id: 'a', state: 'running', startedAtMs: 1000} as const;
  const boot = {machineId: 'a', startedAtMs: 1000, stage: 'kernel'} as const;

  test('of the machine and the start that it was seen of, for five minutes', () => {
    expect(toldStage(boot, machine, 2000)).toBe('kernel');
    expect(toldStage(boot, machine, 1000 + BOOT_TOLD_MS)).toBeUndefined();
    expect(toldStage(boot, {...machine, id: 'b'}, 2000)).toBeUndefined();
    expect(toldStage(boot, {...machine, startedAtMs: 1500}, 2000)).toBeUndefined();
    expect(toldStage(boot, {...machine, state: 'paused'}, 2000)).toBeUndefined();
    expect(toldStage(undefined, machine, 2000)).toBeUndefined();
  });
});
